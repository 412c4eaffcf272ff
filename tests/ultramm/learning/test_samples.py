"""Rows and outcomes of each part: of what was seen, and of nothing that came later."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from ultramm.features.alpha import OWN
from ultramm.features.regime import Regimes
from ultramm.learning.dataset import About, Dataset
from ultramm.learning.samples import Sample, of_arrivals, of_fills, of_moves, of_volatility, second_moves

S = 1_000_000_000
NO_GAP = np.array([], dtype=np.int64)
ABOUT = About(instrument="X.SIM", leader=None, features=OWN, features_version=1, code="1", data={}, seed=3)
TIMES = ("row_ns", "touch_ns", "trade_ns")
REGIMES = Regimes(stay_calm=0.99, stay_restless=0.95, calm=0.8, restless=2.0)


def dataset(seed: int = 1, seconds: int = 900) -> Dataset:
    rng = np.random.default_rng(seed)
    row_ns = (np.arange(10 * seconds) + 10) * S // 10
    touch_ns = np.sort(rng.integers(S, seconds * S, 5 * seconds))
    trade_ns = np.sort(rng.integers(S, seconds * S, 2 * seconds))
    mids = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.5e-4, len(touch_ns))))
    sides = rng.choice([-1.0, 1.0], len(trade_ns))
    return Dataset(
        about=ABOUT,
        row_ns=row_ns,
        rows=rng.normal(size=(len(row_ns), len(OWN))),
        touch_ns=touch_ns,
        mids=mids,
        trade_ns=trade_ns,
        prices=np.full(len(trade_ns), 100.0),
        sides=sides,
        gap_ns=NO_GAP,
    )


def cut(of: Dataset, at_ns: int) -> Dataset:
    """Until then, and nothing of later."""
    rows, touches, trades = (each <= at_ns for each in (of.row_ns, of.touch_ns, of.trade_ns))
    return msgspec.structs.replace(
        of,
        row_ns=of.row_ns[rows],
        rows=of.rows[rows],
        touch_ns=of.touch_ns[touches],
        mids=of.mids[touches],
        trade_ns=of.trade_ns[trades],
        prices=of.prices[trades],
        sides=of.sides[trades],
        gap_ns=of.gap_ns[of.gap_ns <= at_ns],
    )


PARTS: dict[str, Callable[[Dataset], Sample]] = {
    "moves": lambda of: of_moves(of, 1.0, 0.05),
    "fills": lambda of: of_fills(of, 1.0, 0.05),
    "volatility": lambda of: of_volatility(of, REGIMES),
    "arrivals": of_arrivals,
}


@pytest.mark.parametrize("part", PARTS)
def test_what_comes_later_changes_nothing_that_was_known(part: str) -> None:
    whole, at_ns = dataset(), 600 * S
    early, late = PARTS[part](cut(whole, at_ns)), PARTS[part](whole)
    known = np.flatnonzero(np.isfinite(early.y) & (early.times_ns < at_ns - 65 * S))
    assert len(known) > 50
    np.testing.assert_array_equal(early.times_ns[known], late.times_ns[known])
    np.testing.assert_array_equal(early.rows[known], late.rows[known])
    np.testing.assert_array_equal(early.y[known], late.y[known])
    np.testing.assert_array_equal(early.weights[known], late.weights[known])


@pytest.mark.parametrize("part", PARTS)
def test_no_outcome_is_given_that_is_not_known_yet(part: str) -> None:
    made = PARTS[part](cut(dataset(), 600 * S))
    known = np.isfinite(made.y)
    assert made.times_ns[known].max() + round(1e9 * made.reach_s) <= 600 * S + S // 5
    assert made.rows.shape == (len(made.y), len(made.names))


@pytest.mark.parametrize("part", PARTS)
def test_what_is_waited_for_across_a_gap_is_not_known(part: str) -> None:
    """The market is not seen for a minute, and stands elsewhere then."""
    whole, at_ns, long_ns = dataset(seconds=1_200), 600 * S, 60 * S
    late = {name: getattr(whole, name) + np.where(getattr(whole, name) > at_ns, long_ns, 0) for name in TIMES}
    mids = np.where(whole.touch_ns > at_ns, 2.0 * whole.mids, whole.mids)
    gap = msgspec.structs.replace(whole, **late, mids=mids, gap_ns=np.array([at_ns + 10 * S]))
    made = PARTS[part](gap)
    over = (made.times_ns <= at_ns) & (made.times_ns + round(1e9 * made.reach_s) > at_ns + 10 * S)
    assert np.isnan(made.y[over]).all()
    assert np.nanmax(np.abs(made.y)) < 100.0  # a doubled price is no outcome of anything


def test_losses_of_fills_are_those_of_the_mids() -> None:
    whole = dataset()
    made = of_fills(whole, 1.0, 0.05)
    even = ("spread_ratio", "volatility_ratio", "trade_rate_ratio", "silence_log_s")
    places = np.searchsorted(whole.trade_ns, made.times_ns)
    for number in range(0, len(made.y), 97):
        trade_ns, side = whole.trade_ns[places[number]], -whole.sides[places[number]]
        row = np.searchsorted(whole.row_ns, trade_ns - 50_000_000, side="right") - 1
        before = whole.mid_at(whole.row_ns[row : row + 1])[0]
        after = whole.mid_at(np.array([trade_ns + S]))[0]
        assert made.y[number] == pytest.approx(-side * 1e4 * math.log(after / before))
        signs = np.array([1.0 if name in even else side for name in OWN])
        np.testing.assert_allclose(made.rows[number], signs * whole.rows[row])


def test_fills_of_ours_count_as_much_as_all_trades_but_no_more_than_ten_each() -> None:
    whole = dataset()
    trades = len(whole.trade_ns)
    times = np.linspace(100 * S, 800 * S, 400).astype(np.int64)
    for own_ns, weight in ((times, trades / 400), (times[::10], 10.0)):
        sides = np.resize([1, -1, -1], len(own_ns))
        made = of_fills(whole.with_own(own_ns.tolist(), sides.tolist(), {"journal": "a"}), 1.0, 0.05)
        ours = np.flatnonzero(made.weights != 1.0)
        np.testing.assert_allclose(made.weights[ours], weight)
        np.testing.assert_array_equal(made.times_ns[ours], own_ns)
        # Their outcome is that of a trade that would have filled the same side at the same moment.
        traded = msgspec.structs.replace(
            whole, trade_ns=own_ns, sides=-sides.astype(float), prices=np.ones(len(own_ns))
        )
        alone = of_fills(traded, 1.0, 0.05)
        np.testing.assert_array_equal(made.rows[ours], alone.rows)
        np.testing.assert_array_equal(made.y[ours], alone.y)
        rest = np.flatnonzero(made.weights == 1.0)
        np.testing.assert_array_equal(made.y[rest], of_fills(whole, 1.0, 0.05).y)


def test_fills_of_ours_from_when_the_market_was_not_seen_are_no_rows() -> None:
    whole = dataset()
    own = whole.with_own([whole.row_ns[0] - 1, 50 * S, whole.last_ns + 1], [1, -1, 1], {"journal": "a"})
    assert own.own_ns.tolist() == [50 * S]
    assert own.own_sides.tolist() == [-1.0]
    assert own.about.data == {**whole.about.data, "journal": "a"}


def test_arrivals_count_what_came() -> None:
    whole = dataset()
    made = of_arrivals(whole)
    both = np.flatnonzero(made.times_ns[1:] == made.times_ns[:-1])
    for number in [*both[::20], *(both[::20] + 1)]:
        at_ns = made.times_ns[number]
        side = 1.0 if number in both else -1.0  # of each moment the bid first
        came = np.sum((whole.trade_ns > at_ns) & (whole.trade_ns <= at_ns + 5 * S) & (whole.sides == -side))
        assert made.y[number] * made.weights[number] == pytest.approx(came, abs=1.01)
    assert made.y.mean() == pytest.approx(1.0, abs=0.1)


def test_seconds_moves_are_of_deviation_one() -> None:
    found = second_moves(dataset(seconds=3_000))
    assert len(found) == pytest.approx(3_000, abs=20)
    assert found[300:].std() == pytest.approx(1.0, abs=0.1)
