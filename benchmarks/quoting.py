"""What the engine's strategies cost, without any kernel: features of each event, a decision, and a new table."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.market import Book, Instrument, Level, Side, Trade
from ultramm.quoting.engine import QuotingModel, quotes_for
from ultramm.simulation.presets import WIDE
from ultramm.simulation.synthetic import SyntheticMarket
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams
from ultramm_strategies.adaptive_market_maker.strategy import AdaptiveMarketMaker
from ultramm_strategies.glft.params import GlftParams
from ultramm_strategies.glft.strategy import Glft

_DEPTH = 10
_PRICE_TICKS = 10_000
INSTRUMENT = Instrument(
    id="BTCUSDT.BENCH",
    tick_size=5.0,
    lot_size=0.01,
    price_precision=0,
    size_precision=2,
    quote_currency="USDT",
    settlement_currency="USDT",
)
_SIZES = {"order_size": 0.01, "max_position": 0.2}
_STRATEGIES: dict[str, tuple[Any, Any]] = {
    "glft": (Glft, msgspec.convert(_SIZES, GlftParams)),
    "adaptive-market-maker": (AdaptiveMarketMaker, msgspec.convert(_SIZES, AdaptiveParams)),
}


class Cost(msgspec.Struct, frozen=True):
    """Microseconds of one call."""

    mean: float
    median: float
    p99: float
    calls: int


def cost(nanoseconds: npt.NDArray[np.int64]) -> Cost:
    """Mean, median and tail of the calls after the first twentieth, which fill caches."""
    x = nanoseconds[len(nanoseconds) // 20 :] / 1e3
    return Cost(float(x.mean()), float(np.median(x)), float(np.percentile(x, 99)), len(x))


class StrategyCost(msgspec.Struct, frozen=True):
    """What one strategy's calls cost; `event` is a change of the touch with all features, and a decision after it."""

    event: Cost
    features: Cost
    decide: Cost
    refresh: Cost


def tape(events: int) -> Iterator[tuple[int, Book, Book, tuple[Trade, ...]]]:
    """Time, touch, ten levels a side and trades of the events of a synthetic market that change the touch or trade."""
    market = SyntheticMarket(WIDE, 1)
    before: tuple[Level, ...] = ()
    for event in islice(market.events(), events):
        ts_ns = round(event.time_s * 1e9)
        bids, asks = (
            tuple(
                Level(INSTRUMENT.price(_PRICE_TICKS + ticks), INSTRUMENT.size(lots))
                for ticks, lots in islice(side.items(), _DEPTH)
            )
            for side in market.snapshot()
        )
        trades = tuple(
            Trade(ts_ns, INSTRUMENT.price(_PRICE_TICKS + trade.ticks), INSTRUMENT.size(trade.lots), Side(trade.side))
            for trade in event.trades
        )
        touch = (*bids[:1], *asks[:1])
        if trades or touch != before:
            yield ts_ns, Book(ts_ns, bids[:1], asks[:1]), Book(ts_ns, bids, asks), trades
        before = touch


def measure(name: str, events: int, repeats: int) -> StrategyCost:
    """Of each call the shortest of several passes counts: what disturbs a measurement only adds to it."""
    passes = [_pass(name, events) for _ in range(repeats)]
    total, features, decide, refresh = (np.min(runs, axis=0) for runs in zip(*passes, strict=True))
    return StrategyCost(cost(total), cost(features), cost(decide), cost(refresh))


def _pass(name: str, events: int) -> tuple[list[int], ...]:
    """Feed a fresh strategy, let it decide after each event, and renew its table each second of the market."""
    made, params = _STRATEGIES[name]
    strategy = made(params, INSTRUMENT)
    clock = time.perf_counter_ns
    total: list[int] = []
    features: list[int] = []
    decide: list[int] = []
    refresh: list[int] = []
    due_ns = 0
    gc.collect()
    for ts_ns, touch, deep, trades in tape(events):
        start = clock()
        for trade in trades:
            strategy.on_trade(trade)
        strategy.on_book(touch)
        strategy.on_book(deep)
        seen = clock()
        strategy.decide(ts_ns, 0.0)
        decided = clock()
        total.append(decided - start)
        features.append(seen - start)
        decide.append(decided - seen)
        if ts_ns >= due_ns:
            due_ns = ts_ns + 1_000_000_000
            start = clock()
            strategy.recalibrate(ts_ns)
            refresh.append(clock() - start)
    return total, features, decide, refresh


def tables(calls: int) -> dict[int, Cost]:
    """Cost of solving alone, by the lots that the largest position has."""
    model = QuotingModel(sigma=5.0, bid_arrival_rate=1.0, ask_arrival_rate=1.2, kappa=0.2, gamma=0.0, lot=0.01)
    found = {}
    for lots in (10, 20, 100, 500):
        times = []
        for _ in range(calls):
            start = time.perf_counter_ns()
            quotes_for(model, lots * model.lot, 1.0)
            times.append(time.perf_counter_ns() - start)
        found[lots] = cost(np.array(times))
    return found
