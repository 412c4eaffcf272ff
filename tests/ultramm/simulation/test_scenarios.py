"""What each scenario does to a market, and that it does nothing before its moment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice, pairwise, takewhile

import pytest

from ultramm.market import Side
from ultramm.simulation import PRESETS, SCENARIOS, MarketEvent, Staged, SyntheticMarket

AT_S, END_S = 20.0, 95.0
WIDE = PRESETS["wide"]
# Of what the markets did before there were scenarios: prices and sizes of 2,000 events, seed 7.
BEFORE = {
    "tight": "99dd38c6656ce8fa",
    "wide": "f61727b5ca5e4a22",
    "benign": "db1b4d2e398b8fc1",
    "wide2": "df544f5ef65f3711",
}
names = pytest.mark.parametrize("name", SCENARIOS)
seeds = pytest.mark.parametrize("seed", [3, 4, 5])


def staged(name: str, seed: int, preset: str = "wide") -> Staged:
    return Staged(PRESETS[preset], seed, SCENARIOS[name], AT_S)


def played(market: Staged | SyntheticMarket, until_s: float = END_S) -> Iterator[MarketEvent]:
    return takewhile(lambda event: event.time_s <= until_s, market.events())


def mids(name: str, seed: int) -> list[tuple[float, float]]:
    """Seconds since the moment, and mid."""
    market = staged(name, seed)
    return [(event.time_s - AT_S, market.market.mid_ticks) for event in played(market)]


def mid_at(found: list[tuple[float, float]], since_s: float) -> float:
    return [mid for at_s, mid in found if at_s <= since_s][-1]


@pytest.mark.parametrize("name", PRESETS)
def test_a_market_without_a_scenario_is_what_it_was_before_there_were_any(name: str) -> None:
    events = islice(SyntheticMarket(PRESETS[name], 7).events(), 2_000)
    told = [(int(each.side), each.ticks, each.lots) for event in events for each in (*event.trades, *event.changes)]
    assert hashlib.sha256(repr(told).encode()).hexdigest()[:16] == BEFORE[name]


@names
@seeds
def test_until_its_moment_the_events_are_those_of_the_market_without_it(name: str, seed: int) -> None:
    plain = list(played(SyntheticMarket(WIDE, seed), AT_S))
    assert len(plain) > 1_000
    assert list(played(staged(name, seed), AT_S)) == plain


@names
def test_from_its_moment_on_they_are_others(name: str) -> None:
    assert list(played(staged(name, 3))) != list(played(SyntheticMarket(WIDE, 3)))


@names
def test_same_seed_same_events(name: str) -> None:
    assert list(played(staged(name, 3))) == list(played(staged(name, 3)))


@names
@pytest.mark.parametrize("preset", PRESETS)
def test_what_is_shown_is_a_book_in_order_and_never_crossed(name: str, preset: str) -> None:
    market = staged(name, 3, preset)
    books: dict[Side, dict[int, int]] = {side: {} for side in Side}
    last_s = 0.0
    for event in played(market):
        assert event.time_s >= last_s
        last_s = event.time_s
        for change in event.changes:
            if change.lots:
                books[change.side][change.ticks] = change.lots
            else:
                del books[change.side][change.ticks]
        assert max(books[Side.BUY]) < min(books[Side.SELL])
        best = max(books[Side.BUY])
        assert (best, books[Side.BUY][best]) == market.market.best_bid
    assert last_s > END_S - 1.0


@seeds
def test_a_drop_takes_the_price_down_by_forty_sigmas_within_a_second_or_two_for_good(seed: int) -> None:
    found = mids("drop", seed)
    before = mid_at(found, 0.0)
    assert mid_at(found, 1.0) - before < -30 * WIDE.sigma_ticks
    # Its own moves are some, beside: about the square root of the time in calm seconds.
    assert mid_at(found, 5.0) - before == pytest.approx(-40 * WIDE.sigma_ticks, abs=12)
    assert mid_at(found, 60.0) - before < -10 * WIDE.sigma_ticks


@seeds
def test_a_flash_crash_falls_in_ten_seconds_and_is_back_after_a_minute(seed: int) -> None:
    found = mids("flash-crash", seed)
    without = [(e.time_s - AT_S, m) for e, m in _plain(seed)]
    before = mid_at(found, 0.0)
    assert mid_at(found, 10.0) - before < -70 * WIDE.sigma_ticks
    assert mid_at(found, 35.0) - before < -20 * WIDE.sigma_ticks
    # The same shocks moved both; what impact makes of other trades is the difference.
    assert mid_at(found, 65.0) - before == pytest.approx(mid_at(without, 65.0) - mid_at(without, 0.0), abs=15)


def _plain(seed: int) -> Iterator[tuple[MarketEvent, float]]:
    market = SyntheticMarket(WIDE, seed)
    for event in played(market):
        yield event, market.mid_ticks


@seeds
def test_a_feed_that_freezes_shows_nothing_for_thirty_seconds_and_then_where_the_market_is(seed: int) -> None:
    times = [event.time_s - AT_S for event in played(staged("feed-freeze", seed))]
    (gap,) = [(before, after) for before, after in pairwise(times) if after - before > 5.0]
    assert gap == pytest.approx((0.0, 30.0), abs=0.5)
    # It went on as it would have: nobody there heard of our not seeing it.
    plain = [event for event in played(SyntheticMarket(WIDE, seed)) if event.time_s - AT_S > gap[1]]
    shown = [event for event in played(staged("feed-freeze", seed)) if event.time_s - AT_S > gap[1]]
    assert shown == plain


@seeds
def test_a_sell_burst_is_fifty_orders_of_one_side_in_five_seconds(seed: int) -> None:
    of_scenario = [e for e in played(staged("sell-burst", seed)) if 0.0 <= e.time_s - AT_S <= 5.2]
    sells = [e for e in of_scenario if e.trades and e.trades[0].side is Side.SELL]
    assert len(sells) >= 50
    plain = [e for e in played(SyntheticMarket(WIDE, seed)) if 0.0 <= e.time_s - AT_S <= 5.2]
    assert len(sells) - sum(bool(e.trades) and e.trades[0].side is Side.SELL for e in plain) > 30
    found = mids("sell-burst", seed)
    assert mid_at(found, 5.5) < mid_at(found, 0.0)
