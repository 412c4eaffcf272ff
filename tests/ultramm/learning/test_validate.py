"""What is found where something is to be found, and nothing where there is nothing."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ultramm.errors import DataError
from ultramm.features.alpha import OWN
from ultramm.inference.stored import MOVE
from ultramm.learning.dataset import About, Dataset, load_dataset
from ultramm.learning.samples import of_moves
from ultramm.learning.splits import Purging, combinatorial
from ultramm.learning.train import Plan, candidates, compare, fitted
from ultramm.learning.validate import Array, Interval, explained, gate, overfitting

S = 1_000_000_000
NO_GAP = np.array([], dtype=np.int64)
ABOUT = About(instrument="X.SIM", leader=None, features=OWN, features_version=1, code="1", data={"tape": "ab"}, seed=3)


def dataset(seed: int, count: int = 3_000, signal: float = 0.5) -> Dataset:
    """Rows each 0.1 s, of whose features the first tells of the next second's move; takers know it too."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, len(OWN)))
    times = (np.arange(count) + 10) * S // 10
    steps = rng.normal(0.0, 0.3e-4, count)
    # A tenth of what the first feature says of a second comes with each of its ten steps.
    for lag in range(1, 11):
        steps[lag:] += signal * 1e-5 * rows[:-lag, 0] / math.sqrt(10.0)
    mids = 100.0 * np.exp(np.cumsum(steps))
    sides = np.where(rng.random(count) < 0.5 + 0.2 * np.sign(rows[:, 0]), 1.0, -1.0)
    return Dataset(
        about=ABOUT,
        row_ns=times,
        rows=rows,
        touch_ns=times,
        mids=mids,
        trade_ns=times + S // 20,
        prices=mids * (1.0 + 1e-5 * sides),
        sides=sides,
        gap_ns=NO_GAP,
    )


def test_a_move_is_of_the_mids_that_stood() -> None:
    made = Dataset(
        about=ABOUT,
        row_ns=np.array([0, 1 * S, 2 * S, 3 * S]),
        rows=np.zeros((4, len(OWN))),
        touch_ns=np.array([1 * S, 2 * S, 4 * S]),
        mids=np.array([100.0, 101.0, 103.0]),
        trade_ns=np.array([], dtype=np.int64),
        prices=np.array([]),
        sides=np.array([]),
        gap_ns=NO_GAP,
    )
    # Before the first mid, and past the last that was seen, nothing is known.
    expected = [math.nan, 1e4 * math.log(1.01), 0.0, 1e4 * math.log(103 / 101)]
    np.testing.assert_allclose(made.moves(1.0), expected)
    np.testing.assert_allclose(made.moves(1.0, latency_s=1.0)[1:], [0.0, 1e4 * math.log(103 / 101), math.nan])
    assert np.isnan(made.moves(5.0)).all()


def share(of: Dataset, forecast: Array, horizon_s: float = 1.0) -> Interval:
    """Explained of moves, against nothing."""
    return explained(of_moves(of, horizon_s, 0.0), np.zeros(len(forecast)), forecast)


def test_what_is_there_to_find_is_found_and_no_more() -> None:
    made, plan = dataset(1), Plan(latency_s=0.0)
    found = {result.candidate: result for result, _ in compare(MOVE, of_moves(made, 1.0, 0.0), 1.0, False, plan, made)}
    ridge = found["ridge, own market"].explained
    y = made.moves(1.0)
    known = np.isfinite(y)
    possible = np.corrcoef(y[known], made.rows[known, 0])[0, 1] ** 2
    assert ridge.low > 0.0
    assert ridge.value == pytest.approx(possible, abs=0.05)
    assert found["queue imbalance"].explained.value == pytest.approx(possible, abs=0.05)
    gated = found["ridge, own market"].gate
    assert gated is not None
    assert gated.gain_bps.low > 0.0
    assert gated.gated_bps == pytest.approx(gated.base_bps + gated.gain_bps.value)


def test_of_shuffled_outcomes_nothing_is_found() -> None:
    made, plan = dataset(1, 2_000), Plan(latency_s=0.0, shuffled=True, seed=2)
    for result, _ in compare(MOVE, of_moves(made, 1.0, 0.0), 1.0, False, plan, made):
        assert result.explained.low <= 0.0
        assert result.explained.value < 0.01
        assert result.gate is None or result.gate.gain_bps.low < 0.0


def test_without_purging_outcomes_that_overlap_would_be_learnt() -> None:
    """A model that remembers: the row next to the test shares its outcome, unless it is kept from it."""
    count = 2_000
    made = dataset(5, count, signal=0.0)
    y, place = made.moves(5.0), np.arange(count)
    shares = {}
    for name, purging in (("none", Purging(horizon_ns=0)), ("whole", Purging(horizon_ns=5 * S, lookback_ns=10 * S))):
        found = np.full(count, np.nan)
        for split in combinatorial(made.row_ns, 40, 1, purging):
            rows = split.train[np.isfinite(y[split.train])]
            nearest = np.abs(place[rows][:, None] - split.test).argmin(axis=0)
            found[split.test] = y[rows][nearest]
        shares[name] = share(made, found, 5.0).value
    assert shares["none"] > shares["whole"] + 0.2


def test_a_forecast_that_is_worse_than_none_is_below_nothing() -> None:
    made = dataset(2)
    y = made.moves(1.0)
    assert share(made, -y).value == pytest.approx(-3.0)
    assert share(made, y).value == pytest.approx(1.0)
    assert share(made, np.zeros(len(y))).value == 0.0


def test_of_arrivals_deviance_is_explained() -> None:
    """What a Poisson's deviance is against a base: by hand, weights and counts of nothing included."""
    made = of_moves(dataset(1, 400), 1.0, 0.0)
    y = np.where(np.arange(400) % 3 == 0, 0.0, 2.0)
    sample = msgspec.structs.replace(made, y=y, weights=np.arange(400.0))
    base, forecast = np.full(400, y.mean()), np.where(y > 0.0, 1.9, 0.1)

    def deviance(of: Array) -> float:
        logs = np.where(y > 0.0, y * np.log(np.where(y > 0.0, y, 1.0) / of), 0.0)
        return float(np.sum(sample.weights * 2.0 * (logs - (y - of))))

    found = explained(sample, base, forecast, "arrivals")
    assert found.value == pytest.approx(1.0 - deviance(forecast) / deviance(base))
    assert explained(sample, base, base, "arrivals").value == 0.0


def test_of_volatility_qlike_is_explained_and_too_little_is_worse_than_too_much() -> None:
    """``ratio - log(ratio) - 1`` of variances: by hand, with the mean as the base."""
    made = of_moves(dataset(1, 400), 1.0, 0.0)
    y = np.log(np.where(np.arange(400) % 2, 3.0, 1.0))
    sample, base = msgspec.structs.replace(made, y=y), np.full(400, y.mean())
    forecast = np.log(np.where(np.arange(400) % 2, 2.0, 1.0))

    def qlike(of: Array) -> float:
        ratio = np.exp(y) ** 2 / np.exp(of) ** 2
        return float(np.sum(ratio - np.log(ratio) - 1.0))

    assert explained(sample, base, forecast, "qlike").value == pytest.approx(1.0 - qlike(forecast) / qlike(base))
    less, more = (explained(sample, base, y + each, "qlike").value for each in (-0.3, 0.3))
    assert less < more < explained(sample, base, y, "qlike").value == 1.0


def test_what_is_best_by_luck_alone_is_overfitted() -> None:
    made, rng = of_moves(dataset(2), 1.0, 0.0), np.random.default_rng(1)
    y = np.nan_to_num(made.y)
    lucky = [0.05 * y.std() * rng.normal(size=len(y)) for _ in range(10)]
    worse = [0.5 * y.std() * rng.normal(size=len(y)) for _ in range(4)]
    found, sure = overfitting(made, lucky), overfitting(made, [0.5 * y, 0.2 * y, *worse])
    assert found is not None
    assert found > 0.2
    assert sure == 0.0
    short = msgspec.structs.replace(made, times_ns=made.times_ns[:50], y=made.y[:50])
    assert overfitting(short, [np.zeros(50), np.ones(50)]) is None


def test_a_gate_knows_no_later_forecast_than_an_order_could() -> None:
    """What is only known at the trade itself is of no use before it."""
    made = dataset(6, 3_000)
    apart = slice(0, None, 50)
    made = msgspec.structs.replace(
        made, trade_ns=made.trade_ns[apart], prices=made.prices[apart], sides=made.sides[apart]
    )
    known = np.zeros(len(made.row_ns))
    places = np.searchsorted(made.row_ns, made.trade_ns, side="right") - 1
    known[places] = np.sign(made.mid_at(made.trade_ns + S) - made.prices)
    at_once = gate(made, known, 0.0)
    assert at_once is not None
    assert at_once.gain_bps.low > 0.1
    assert gate(made, known, 0.1) is None  # nothing is forecast then, and nothing kept


def test_without_trades_there_is_no_gate() -> None:
    made = dataset(1, 400)
    assert gate(made, np.full(400, np.nan), 0.0) is None


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="150 rows are too few: 200 at least"):
        list(compare(MOVE, of_moves(dataset(1, 150), 1.0, 0.05), 1.0, False, Plan()))


def test_a_training_repeats_to_the_digit() -> None:
    plan = Plan(seed=2)
    for candidate in candidates(MOVE, False, plan):
        sample = of_moves(dataset(4, 1_000), 1.0, plan.latency_s)
        one, other = (fitted(MOVE, sample, candidate, plan).exported() for _ in range(2))
        assert one == other


def test_old_rows_count_less() -> None:
    """By half every three days: of two that say the opposite, the later one is believed."""
    made = of_moves(dataset(4, 1_000), 1.0, 0.05)
    half = len(made.y) // 2
    late = made.times_ns + np.where(np.arange(len(made.y)) < half, 0, 30 * 86_400 * S)
    y = np.where(np.arange(len(made.y)) < half, -1.0, 1.0) * made.rows[:, 0]
    sample = msgspec.structs.replace(made, times_ns=late, y=y)
    line = fitted(MOVE, sample, candidates(MOVE, False, Plan())[0], Plan())
    assert line.predict(np.array([[1.0]]))[0] > 0.7


def test_a_dataset_is_the_same_after_it_was_kept(tmp_path: Path) -> None:
    made = dataset(1, 300).with_own([5 * S], [-1], {"journal": "a"})
    made.save(tmp_path / "a" / "set.npz")
    again = load_dataset(tmp_path / "a" / "set.npz")
    assert again.about == made.about
    for name in ("row_ns", "rows", "touch_ns", "mids", "trade_ns", "prices", "sides", "own_ns", "own_sides"):
        np.testing.assert_array_equal(getattr(again, name), getattr(made, name))


def test_what_is_no_dataset_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("x")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    np.savez(tmp_path / "pickled.npz", about=np.array([object()], dtype=object))
    for name in ("text", "other.npz", "pickled.npz"):
        with pytest.raises(DataError, match=f"{name}: is no dataset"):
            load_dataset(tmp_path / name)
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        load_dataset(tmp_path / "nowhere")
