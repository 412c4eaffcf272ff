import math

import numpy as np
import pytest
import statsmodels.api as sm
from arch.data import crude
from arch.unitroot.cointegration import engle_granger as by_arch

from ultramm.selection.cointegration import engle_granger, johansen, unit_root
from ultramm.statarb.ornstein_uhlenbeck import fit


@pytest.fixture(scope="module")
def income():
    data = sm.datasets.macrodata.load_pandas().data
    return np.log(data.realcons.to_numpy()), np.log(data.realgdp.to_numpy())


def test_consumption_and_income(income) -> None:
    spent, earned = income
    found = engle_granger(spent, earned)
    assert found.statistic == pytest.approx(-3.5351137608, abs=1e-9)
    assert found.p == pytest.approx(0.0294070101, abs=1e-9)
    assert (found.beta, found.alpha) == pytest.approx((1.07475796, -1.07570797), abs=1e-8)
    assert engle_granger(earned, spent).statistic == pytest.approx(-3.5617079961, abs=1e-9)


def test_the_same_as_a_basket(income) -> None:
    found = johansen(np.column_stack(income))
    assert found.trace.tolist() == pytest.approx([12.88345121, 3.11455206], abs=1e-7)
    assert found.trace_95.tolist() == pytest.approx([15.4943, 3.8415], abs=1e-4)
    assert found.max_eigenvalue[0] == pytest.approx(9.76889915, abs=1e-7)
    assert found.eigenvalues.tolist() == pytest.approx([0.04743934, 0.01537585], abs=1e-7)
    assert found.vectors[0].tolist() == pytest.approx([1.0, -1.08286449], abs=1e-7)
    assert found.rank == 0


def test_two_kinds_of_oil_by_arch() -> None:
    """Monthly, May 1987 to January 2020; its vector has the other side's sign."""
    oil = np.log(crude.load())
    ours, theirs = engle_granger(oil["WTI"].to_numpy(), oil["Brent"].to_numpy()), by_arch(oil["WTI"], oil["Brent"])
    assert ours.statistic == pytest.approx(-5.539573345786, abs=1e-9)
    assert ours.statistic == pytest.approx(theirs.stat, abs=1e-9)
    assert (ours.beta, ours.alpha) == pytest.approx((0.907178511, 0.348850483), abs=1e-8)
    assert [1.0, -ours.beta, -ours.alpha] == pytest.approx(theirs.cointegrating_vector.tolist(), abs=1e-8)
    basket = johansen(oil[["WTI", "Brent"]].to_numpy())
    assert basket.trace.tolist() == pytest.approx([32.24395429, 2.74853873], abs=1e-7)
    assert basket.vectors[0].tolist() == pytest.approx([1.0, -0.90354588], abs=1e-7)
    spread = fit((oil["WTI"] - oil["Brent"]).to_numpy(), 1.0)
    assert math.exp(-spread.speed) == pytest.approx(0.937437559, abs=1e-8)
    assert spread.half_life_s == pytest.approx(10.729, abs=1e-3)


def test_german_interest_and_inflation() -> None:
    """Luetkepohl (2005), sec. 7.4: a relation with R close to four times Dp."""
    data = sm.datasets.interest_inflation.load_pandas().data
    dp, r = data["Dp"].to_numpy(float), data["R"].to_numpy(float)
    assert johansen(np.column_stack([dp, r]), lags=3).trace.tolist() == pytest.approx(
        [17.17287503, 3.0323193], abs=1e-6
    )
    assert johansen(np.column_stack([dp, r]), lags=3).rank == 1
    assert engle_granger(r, dp).statistic == pytest.approx(-2.2472720032, abs=1e-8)


def test_the_rank_counts_what_binds_a_basket() -> None:
    rng = np.random.default_rng(4)
    walk, second = np.cumsum(rng.normal(size=(2, 1_500)), axis=1)
    noise = rng.normal(size=(3, 1_500))
    one_bond = np.column_stack([walk + second + noise[0], walk + noise[1], second])
    assert johansen(one_bond).rank == 1
    assert johansen(np.column_stack([walk + noise[0], walk + noise[1], walk + noise[2]])).rank == 2
    assert johansen(np.cumsum(rng.normal(size=(1_500, 3)), axis=0)).rank == 0


def test_the_nile_comes_back() -> None:
    volume = sm.datasets.nile.load_pandas().data["volume"].to_numpy(float)
    assert unit_root(volume)[0] == pytest.approx(-4.048705097, abs=1e-8)
