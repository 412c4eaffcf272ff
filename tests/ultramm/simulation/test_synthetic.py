import os
import subprocess
import sys
from itertools import islice, pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.market import Side
from ultramm.simulation import PRESETS, MarketEvent, Preset, SyntheticMarket

TIGHT = PRESETS["tight"]
# One order at a time and hungry takers: sides empty all the time.
THIN = msgspec.structs.replace(TIGHT, lp_rate_per_s=1.0, cancel_rate_per_s=2.0, noise_rate_per_s=5.0)

seeds = st.integers(0, 2**32)
presets = st.sampled_from([*PRESETS.values(), THIN])
short = settings(max_examples=25, deadline=None)


def events(preset: Preset, seed: int, count: int) -> list[MarketEvent]:
    return list(islice(SyntheticMarket(preset, seed).events(), count))


class Replica:
    """A book that knows only what was emitted."""

    def __init__(self) -> None:
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}

    def side(self, side: Side) -> dict[int, int]:
        return self.bids if side is Side.BUY else self.asks

    def apply(self, event: MarketEvent) -> None:
        for change in event.changes:
            if change.lots:
                self.side(change.side)[change.ticks] = change.lots
            else:
                del self.side(change.side)[change.ticks]


@pytest.mark.parametrize("name", PRESETS)
def test_same_seed_same_events(name):
    assert events(PRESETS[name], 5, 3_000) == events(PRESETS[name], 5, 3_000)


def test_another_seed_gives_other_events():
    assert events(TIGHT, 5, 100) != events(TIGHT, 6, 100)


def test_same_events_in_another_process():
    code = (
        "from itertools import islice; from ultramm.simulation import *; "
        "print(list(islice(SyntheticMarket(PRESETS['tight'], 11).events(), 500)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "123", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert run.stdout.strip() == str(events(TIGHT, 11, 500))


@short
@given(presets, seeds)
def test_changes_rebuild_the_book_which_is_never_crossed_nor_one_sided(preset, seed):
    market = SyntheticMarket(preset, seed)
    replica = Replica()
    for event in islice(market.events(), 600):
        replica.apply(event)
        assert max(replica.bids) < min(replica.asks)
    assert (replica.bids, replica.asks) == market.snapshot()
    assert market.mid_ticks == 0.5 * (max(replica.bids) + min(replica.asks))
    assert market.best_bid == max(replica.bids.items())
    assert market.best_ask == min(replica.asks.items())


@short
@given(presets, seeds)
def test_the_book_event_may_be_replaced_by_a_snapshot(preset, seed):
    market = SyntheticMarket(preset, seed)
    replica = Replica()
    replica.bids, replica.asks = market.snapshot()
    stream = market.events()
    next(stream)
    for event in islice(stream, 300):
        replica.apply(event)
    assert (replica.bids, replica.asks) == market.snapshot()


@short
@given(presets, seeds)
def test_trades_take_the_best_lots_that_are_there(preset, seed):
    replica = Replica()
    for event in islice(SyntheticMarket(preset, seed).events(), 1_500):
        left = {Side.BUY: dict(replica.bids), Side.SELL: dict(replica.asks)}
        for trade in event.trades:
            book = left[trade.side.opposite]
            assert trade.ticks == (min(book) if trade.side is Side.BUY else max(book))
            assert 0 < trade.lots <= book[trade.ticks]
            book[trade.ticks] -= trade.lots
            if not book[trade.ticks]:
                del book[trade.ticks]
        changed = [(change.side, change.ticks) for change in event.changes]
        assert len(set(changed)) == len(changed)
        assert all((trade.side.opposite, trade.ticks) in changed for trade in event.trades)
        replica.apply(event)


@short
@given(presets, seeds)
def test_time_does_not_run_back_and_sizes_are_not_negative(preset, seed):
    stream = events(preset, seed, 1_000)
    assert stream[0].time_s >= 0.0
    assert all(before.time_s <= after.time_s for before, after in pairwise(stream))
    assert all(change.lots >= 0 for event in stream for change in event.changes)
    assert all(event.changes for event in stream)


def test_an_emptied_side_is_refilled_in_the_same_event():
    market = SyntheticMarket(THIN, 4)
    replica = Replica()
    refills = 0
    for event in islice(market.events(), 2_000):
        before = len(replica.bids), len(replica.asks)
        replica.apply(event)
        refills += len(event.changes) > 1 and 1 in before and min(len(replica.bids), len(replica.asks)) == 1
        assert replica.bids
        assert replica.asks
    assert refills > 20


def test_the_first_event_is_a_full_book():
    market = SyntheticMarket(TIGHT, 3)
    first = next(market.events())
    bids, asks = market.snapshot()
    assert not first.trades
    assert len(first.changes) == len(bids) + len(asks)
    assert min(len(bids), len(asks)) >= 4
    assert list(bids) == sorted(bids, reverse=True)
    assert list(asks) == sorted(asks)


def test_quotes_follow_the_latent_price():
    market = SyntheticMarket(TIGHT, 3)
    gaps = [abs(market.mid_ticks - market.fair_ticks) for _ in islice(market.events(), 20_000)]
    assert sum(gaps) / len(gaps) < 1.0


def test_noise_orders_come_at_the_same_times_with_the_same_signs_whatever_the_book():
    def noise(preset: Preset) -> list[tuple[float, Side]]:
        preset = msgspec.structs.replace(preset, informed_gain_per_s=0.0)
        stream = SyntheticMarket(preset, 9).events()
        found = ((event.time_s, event.trades[0].side) for event in stream if event.trades)
        return list(islice(found, 50))

    assert noise(PRESETS["tight"]) == noise(PRESETS["wide2"])


def test_informed_takers_buy_below_and_sell_above_the_latent_price():
    market = SyntheticMarket(TIGHT, 2)
    seen = market.informed_orders
    edges = []
    for event in islice(market.events(), 40_000):
        if market.informed_orders > seen and event.trades:
            edges.append(event.trades[0].side * (market.fair_ticks - event.trades[0].ticks))
        seen = market.informed_orders
    assert len(edges) > 20
    assert min(edges) > TIGHT.informed_fee_ticks
