"""Features of the next second: by hand, in time, and never of what comes later."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.alpha import LEADER, OWN, AlphaFeatures
from ultramm.market import Book, Level, Side, Trade

MS, S = 1_000_000, 1_000_000_000


def book(at_ms: int, bid: float, ask: float, bid_size: float = 1.0, ask_size: float = 1.0) -> Book:
    return Book(at_ms * MS, (Level(bid, bid_size),), (Level(ask, ask_size),))


def trade(at_ms: int, side: Side, price: float = 100.0, size: float = 1.0) -> Trade:
    return Trade(at_ms * MS, price, size, side)


def raw(features: AlphaFeatures, at_ms: int) -> dict[str, float]:
    return dict(zip(features.names, features.raw(at_ms * MS), strict=True))


def test_of_a_quiet_book() -> None:
    features = AlphaFeatures(0.1)
    features.on_book(book(0, 99.9, 100.1, 3.0, 1.0))
    found = raw(features, 1_000)
    assert found["queue_imbalance"] == 0.5
    assert found["weighted_mid_bps"] == pytest.approx(1e4 * 0.5 * 0.1 / 100.0)
    assert found["return_500_ms_bps"] == 0.0
    assert found["order_flow_500_ms"] == found["trade_flow_2_s"] == 0.0
    for unknown in ("depth_imbalance_2_bps", "spread_ratio", "volatility_ratio", "silence_log_s"):
        assert math.isnan(found[unknown])


def test_buyers_that_press_are_seen_in_flow_return_and_depth() -> None:
    features = AlphaFeatures(0.1)
    features.on_book(book(0, 99.9, 100.1))
    features.on_book(book(100, 100.0, 100.2, 4.0))
    features.on_trade(trade(100, Side.BUY))
    features.on_depth(Book(100 * MS, (Level(100.0, 4.0), Level(99.99, 4.0)), (Level(100.2, 1.0), Level(100.21, 1.0))))
    found = raw(features, 100)
    for name in (
        "order_flow_100_ms",
        "trade_flow_500_ms",
        "return_2_s_bps",
        "depth_imbalance_2_bps",
        "queue_imbalance",
    ):
        assert found[name] > 0.0
    assert found["silence_log_s"] == 0.0
    # The same pressure, an age later, is next to nothing; the slow ones still know.
    later = raw(features, 1_100)
    assert later["order_flow_100_ms"] < 0.02 * found["order_flow_100_ms"] + 0.02
    assert later["order_flow_2_s"] > 0.5 * found["order_flow_2_s"]
    assert later["silence_log_s"] == pytest.approx(math.log(2.0))


def test_a_leader_that_has_moved_is_seen_in_its_return_and_in_the_basis() -> None:
    features = AlphaFeatures(0.1, leads=True)
    assert features.names == OWN + LEADER
    features.on_book(book(0, 99.9, 100.1))
    assert not features.known
    features.on_leader(book(0, 199.9, 200.1))
    assert features.known
    features.on_leader(book(1_000, 200.9, 201.1))
    found = raw(features, 1_000)
    assert found["leader_return_500_ms_bps"] > 0.0
    # The usual distance, 69 %, is no feature: what it has moved by is, less what a second of a minute has learnt.
    moved = 1e4 * math.log(201.0 / 200.0)
    assert found["basis_60_s_bps"] == pytest.approx(moved * math.exp(-1 / 60))


def test_before_all_books_were_seen_there_is_no_row() -> None:
    with pytest.raises(ValueError, match="not all books"):
        AlphaFeatures(0.1).row(0)


def test_a_row_is_in_deviations_of_before_and_is_cut() -> None:
    features, chance = AlphaFeatures(0.1), random.Random(1)
    rows = []
    for step in range(2_000):
        imbalance = chance.uniform(0.5, 2.0)
        features.on_book(book(100 * step, 99.9, 100.1, imbalance, 1.0))
        rows.append(features.row(100 * step * MS)[0])
    mean = sum(rows[100:]) / 1_900
    deviation = math.sqrt(sum((each - mean) ** 2 for each in rows[100:]) / 1_900)
    assert (mean, deviation) == (pytest.approx(0.0, abs=0.1), pytest.approx(1.0, abs=0.1))
    features.on_book(book(200_000, 99.9, 100.1, 1e9, 1e-9))
    before = features.row(200_000 * MS)
    assert before[0] <= 5.0
    assert features.clipped > 0.0
    assert all(math.isfinite(each) and abs(each) <= 5.0 for row in (before,) for each in row)


def test_what_is_not_known_is_nothing() -> None:
    features = AlphaFeatures(0.1)
    features.on_book(book(0, 99.9, 100.1))
    assert features.row(0) == [0.0] * len(OWN)


def test_after_an_interruption_what_differs_is_no_flow() -> None:
    features = AlphaFeatures(0.1)
    features.on_book(book(0, 99.9, 100.1, 1.0, 1.0))
    features.interrupted()
    features.on_book(book(60_000, 109.9, 110.1, 50.0, 1.0))
    assert raw(features, 60_000)["order_flow_2_s"] == 0.0


Event = tuple[int, Callable[[AlphaFeatures], None]]


def tape(seed: int, count: int = 300) -> list[Event]:
    """What happens, in order of time."""
    chance, events, now = random.Random(seed), [], 0
    mid, lead = 100.0, 200.0
    for _ in range(count):
        now += chance.randrange(1, 80)
        mid += 0.1 * chance.randrange(-1, 2)
        lead += 0.1 * chance.randrange(-1, 2)
        sizes = chance.uniform(0.1, 5.0), chance.uniform(0.1, 5.0)
        touch, leading = book(now, mid - 0.1, mid + 0.1, *sizes), book(now, lead - 0.1, lead + 0.1, *sizes)
        traded = trade(now, chance.choice(list(Side)), mid, sizes[0])
        event: Any = chance.choice(
            [
                lambda f, b=touch: f.on_book(b),
                lambda f, b=touch: f.on_depth(b),
                lambda f, b=leading: f.on_leader(b),
                lambda f, t=traded: f.on_trade(t),
            ]
        )
        events.append((now, event))
    return events


def rows_of(events: Iterable[Event], until_ms: int, features: AlphaFeatures) -> list[list[float]]:
    """A row each 100 ms, as far as `until_ms`."""
    found, due = [], 100
    for now, event in events:
        while due <= min(now, until_ms):
            if features.known:
                found.append(features.row(due * MS))
            due += 100
        event(features)
    return found


class Peeking(AlphaFeatures):
    """One that is told where the mid goes: what must be found out."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(0.1, leads=True)
        self._later = AlphaFeatures(0.1)
        for _, event in events:
            event(self._later)

    def raw(self, ts_ns: int) -> list[float]:
        later = self._later._book
        first, *others = super().raw(ts_ns)
        return [first if later is None or self._book is None else later.mid - self._book.mid, *others]


@given(seed=st.integers(0, 200), cut=st.integers(20, 280))
def test_what_comes_later_changes_no_row(seed, cut) -> None:
    """The rows of a market that is cut off are those of the whole one, as far as it goes."""
    whole = tape(seed)
    until = whole[cut][0]
    short = rows_of([*whole[: cut + 1], (until, lambda _: None)], until, AlphaFeatures(0.1, leads=True))
    assert rows_of(whole, until, AlphaFeatures(0.1, leads=True)) == short


def test_and_that_would_find_one_that_looks_ahead() -> None:
    whole = tape(3)
    until = whole[150][0]
    short = rows_of(whole[:151], until, Peeking(whole[:151]))
    assert rows_of(whole, until, Peeking(whole)) != short
