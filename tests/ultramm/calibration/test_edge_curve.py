"""The edge curve against a count by hand, its errors against repetition, and its verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.calibration.edge_curve import EdgeCurve, EdgePoint, VirtualQuotes
from ultramm.market import Book, Level, Side, Trade

S = 1_000_000_000
MS = 1_000_000
DEPTHS = (0.5, 1.0, 2.0, 4.0)


def _path(seed: int, seconds: int, toxic: float) -> tuple[np.ndarray, list[Trade]]:
    """Mids each 10 ms, and a few trades a second whose side the mid then follows by `toxic`."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.02, seconds * 100)
    trades = []
    for at in np.sort(rng.choice(seconds * 100, 2 * seconds, replace=False)):
        side = Side.BUY if rng.random() < 0.5 else Side.SELL
        steps[at] += side * toxic
        trades.append((int(at), side, float(rng.exponential(1.0))))
    mids = 100 + np.cumsum(steps)
    return mids, [
        Trade(at * 10 * MS - MS, float(mids[at - 1]) + side * reach, 1.0, side) for at, side, reach in trades if at
    ]


def _book(ts_ns: int, mid: float, half_spread: float = 5.0) -> Book:
    return Book(ts_ns, (Level(mid - half_spread, 1.0),), (Level(mid + half_spread, 1.0),))


def _curve(mids: np.ndarray, trades: list[Trade], **parameters: float) -> EdgeCurve:
    curve = EdgeCurve(DEPTHS, **{"tau_s": 1e9, **parameters})
    quotes = VirtualQuotes([curve])
    left = list(reversed(trades))
    for index, mid in enumerate(mids.tolist()):
        ts_ns = index * 10 * MS
        while left and left[-1].ts_ns <= ts_ns:
            quotes.on_trade(left.pop())
        quotes.on_book(_book(ts_ns, mid), mid)
    return curve


def test_points_are_a_count_by_hand() -> None:
    mids, trades = _path(1, 300, toxic=0.3)
    curve = _curve(mids, trades)

    # Windows of 100 ms are ten steps; a trade 1 ms before a step sees the mid of the step before.
    fills: dict[Side, list[list[float]]] = {side: [[] for _ in DEPTHS] for side in Side}
    for start in range(0, len(mids) - 10, 10):
        inside = [t for t in trades if start * 10 * MS < t.ts_ns < (start + 10) * 10 * MS]
        for side in Side:
            reach = max((t.side * (t.price - mids[start]) for t in inside if t.side is side.opposite), default=-1.0)
            later = start + 500
            if later >= len(mids) - 1000:
                continue
            for depth, found in zip(DEPTHS, fills[side], strict=True):
                if reach > depth:
                    found.append(depth + side * (mids[later] - mids[start]))
    for side in Side:
        for point, expected in zip(curve.points(side), fills[side], strict=True):
            # The last block is not yet in the curve: a few fills.
            assert point.fills == pytest.approx(len(expected), abs=8)
            assert point.edge == pytest.approx(np.mean(expected), abs=0.08)


def test_errors_are_what_repetition_shows() -> None:
    found = [_curve(*_path(seed, 240, toxic=0.2)).points(Side.BUY) for seed in range(40)]

    for index in range(2):
        edges = [points[index].edge for points in found]
        errors = [points[index].error for points in found]
        assert np.mean(errors) == pytest.approx(np.std(edges), rel=0.35)


def test_a_toxic_market_pays_only_far_out() -> None:
    mids, trades = _path(5, 900, toxic=1.0)
    curve = _curve(mids, trades)
    points = curve.points(Side.SELL)

    assert points[0].edge < 0 < points[-1].edge
    assert [p.fill_rate for p in points] == sorted((p.fill_rate for p in points), reverse=True)
    least = curve.least_depth(Side.SELL, fee=0.0, z=1.645)
    assert least >= 2.0
    best = curve.best(Side.SELL, fee=0.0, z=1.645)
    assert best is not None
    assert best.depth >= least
    assert curve.best(Side.SELL, fee=10.0, z=1.645) is None
    assert curve.least_depth(Side.SELL, fee=10.0, z=1.645) == math.inf


def test_a_harmless_market_pays_everywhere() -> None:
    mids, trades = _path(6, 900, toxic=0.0)
    curve = _curve(mids, trades)

    assert curve.least_depth(Side.BUY, fee=0.0, z=1.645) == DEPTHS[0]
    best = curve.best(Side.BUY, fee=0.0, z=1.645)
    assert best is not None
    # lambda = e^-depth: the most is earned at a depth of one.
    assert best.depth == 1.0


def test_it_forgets() -> None:
    mids, trades = _path(7, 600, toxic=0.0)
    toxic_mids, toxic_trades = _path(8, 600, toxic=1.0)
    shifted = [Trade(t.ts_ns + 600 * S, t.price, t.size, t.side) for t in toxic_trades]
    curve = EdgeCurve(DEPTHS, tau_s=60.0)
    quotes = VirtualQuotes([curve])
    for sequence, its_trades, start_ns in ((mids, trades, 0), (toxic_mids, shifted, 600 * S)):
        left = list(reversed(its_trades))
        for index, mid in enumerate(sequence.tolist()):
            ts_ns = start_ns + index * 10 * MS
            while left and left[-1].ts_ns <= ts_ns:
                quotes.on_trade(left.pop())
            quotes.on_book(_book(ts_ns, mid), mid)

    assert curve.points(Side.BUY)[0].edge < -0.1


def test_a_silence_is_exposure_up_to_a_block() -> None:
    curve = EdgeCurve((1.0,), horizon_s=5.0, tau_s=1e9)
    quotes = VirtualQuotes([curve])
    for ts_s in (0, 1, 4000, 4001, 4010):
        quotes.on_book(_book(ts_s * S, 100.0), 100.0)
    quotes.on_trade(Trade(4010 * S + 1, 95.0, 1.0, Side.SELL))
    for ts_s in (4011, 4020, 4030):
        quotes.on_book(_book(ts_s * S, 100.0), 100.0)

    (point,) = curve.points(Side.BUY)
    assert point.fills == 1
    assert point.edge == pytest.approx(1.0)
    assert 1 / 40 < point.fill_rate < 1 / 10
    assert math.isnan(point.error)


def test_nothing_known_has_no_bound() -> None:
    curve = EdgeCurve(DEPTHS)
    quotes = VirtualQuotes([curve])
    assert all(math.isnan(point.edge) for point in curve.points(Side.BUY))
    assert EdgePoint(1.0, 0.0, math.nan, math.nan, 0.0).lower(1.0) == -math.inf
    quotes.on_trade(Trade(0, 99.0, 1.0, Side.SELL))
    quotes.on_book(Book(0, (), ()), math.nan)
    quotes.on_trade(Trade(S, 99.0, 1.0, Side.SELL))
    quotes.on_book(Book(20 * S, (), ()), math.nan)
    assert curve.points(Side.BUY)[0].fills == 0


def test_quotes_that_the_market_comes_through_are_filled_without_a_trade() -> None:
    """As on feeds that have quotes only."""
    curve = EdgeCurve((1.0, 3.0), horizon_s=5.0, tau_s=1e9)
    quotes = VirtualQuotes([curve])
    quotes.on_book(_book(0, 100.0), 100.0)
    quotes.on_book(_book(S // 100, 93.0), 93.0)  # the ask at 98 is through a bid at 99, and not through one at 97
    for ts_s in (1, 6, 12, 18):
        quotes.on_book(_book(ts_s * S, 93.0), 93.0)

    near, far = curve.points(Side.BUY)
    assert (near.fills, far.fills) == (pytest.approx(1), 0)
    assert near.edge == pytest.approx(1.0 - 7.0)


def test_nothing_is_filled_by_the_move_across_an_interruption() -> None:
    curve = EdgeCurve((1.0, 3.0), horizon_s=5.0, tau_s=1e9)
    quotes = VirtualQuotes([curve])
    quotes.on_book(_book(0, 100.0), 100.0)
    quotes.interrupted()
    quotes.on_trade(Trade(9 * S, 50.0, 1.0, Side.SELL))
    for ts_s in (10, 11, 16, 22, 28):
        quotes.on_book(_book(ts_s * S, 93.0), 93.0)
    assert [point.fills for point in curve.points(Side.BUY)] == [0, 0]
    # After it they stand again.
    quotes.on_trade(Trade(29 * S, 80.0, 1.0, Side.SELL))
    for ts_s in (30, 35, 41):
        quotes.on_book(_book(ts_s * S, 93.0), 93.0)
    assert [point.fills for point in curve.points(Side.BUY)] == [pytest.approx(1), pytest.approx(1)]


def test_the_edge_is_of_quotes_around_fair_value() -> None:
    curve = EdgeCurve((1.0,), horizon_s=5.0, tau_s=1e9)
    quotes = VirtualQuotes([curve])
    quotes.on_book(_book(0, 100.0), 101.5)  # a forecast of more than a rise that comes
    quotes.on_trade(Trade(S // 100, 100.2, 1.0, Side.SELL))
    for ts_s in (1, 6, 12, 18):
        quotes.on_book(_book(ts_s * S, 101.0), 101.0)

    (point,) = curve.points(Side.BUY)
    assert point.fills == pytest.approx(1)
    assert point.edge == pytest.approx(101.0 - 100.5)


def test_quotes_stand_on_the_grid_and_behind_the_market() -> None:
    """From 100.3 with ticks of one: a bid half a tick down stands at 99, and an ask behind a best bid of 103 at 104."""
    curve = EdgeCurve((0.5, 2.0), tau_s=1e9)
    quotes = VirtualQuotes([curve], tick_size=1.0)
    quotes.on_book(Book(0, (Level(103.0, 1.0),), (Level(105.0, 1.0),)), 100.3)

    bids, asks = quotes._placed.tolist()
    assert bids == pytest.approx([100.3 - 99.0, 100.3 - 98.0])
    assert asks == pytest.approx([104.0 - 100.3, 104.0 - 100.3])


def test_horizons_judge_the_same_fills() -> None:
    """A price that falls a second after the fill, and comes back later."""
    soon, later = EdgeCurve((1.0,), horizon_s=5.0, tau_s=1e9), EdgeCurve((1.0,), horizon_s=30.0, tau_s=1e9)
    quotes = VirtualQuotes([soon, later])
    quotes.on_book(_book(0, 100.0), 100.0)
    quotes.on_trade(Trade(S // 100, 98.0, 1.0, Side.SELL))
    for ts_s, mid in ((1, 97.0), (6, 97.0), (20, 100.0), (40, 100.0), (80, 100.0)):
        quotes.on_book(_book(ts_s * S, mid), mid)

    assert [curve.points(Side.BUY)[0].edge for curve in (soon, later)] == pytest.approx([1.0 - 3.0, 1.0])


def test_both_sides_together_do_not_see_a_drift() -> None:
    """The price rises by a unit a second: bids gain what asks lose."""
    curve = EdgeCurve((0.5,), horizon_s=5.0, tau_s=1e9)
    quotes = VirtualQuotes([curve])
    for step in range(4000):
        ts_ns, mid = step * 100 * MS, 100.0 + 0.1 * step
        quotes.on_book(_book(ts_ns, mid), mid)
        if step % 10 == 5:
            side = Side.BUY if step % 20 == 5 else Side.SELL
            quotes.on_trade(Trade(ts_ns + MS, mid + side * 1.0, 1.0, side))
    bid, ask, both = (curve.points(side)[0].edge for side in (Side.BUY, Side.SELL, None))
    assert bid == pytest.approx(5.5, abs=0.2)
    assert ask == pytest.approx(-4.5, abs=0.2)
    assert both == pytest.approx(0.5, abs=0.2)
    # Together they have paid; asks have failed too often for chance.
    assert curve.least_depth(Side.BUY, fee=0.0, z=1.645) == 0.5
    assert curve.least_depth(Side.SELL, fee=0.0, z=1.645) == math.inf
