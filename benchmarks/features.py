"""What every feature of `ultramm.features` costs together, on the events of a synthetic market."""

from __future__ import annotations

import gc
import math
import time

import numpy as np
import numpy.typing as npt

from quoting import INSTRUMENT, tape
from ultramm.features.bars import Bars, BarVolatility
from ultramm.features.depth import DepthImbalance, DepthStatistics, SpreadStatistics
from ultramm.features.flow import OrderFlowImbalance, TradeFlowImbalance
from ultramm.features.lead_lag import OnlineLeadLag
from ultramm.features.liquidity import KyleLambda, Resilience, SpreadDecomposition
from ultramm.features.micro_price import MicroPrice
from ultramm.features.price import queue_imbalance, weighted_mid
from ultramm.features.seasonality import SeasonalProfile
from ultramm.features.touch_volume import TouchVolume
from ultramm.features.trend import EmaSlope, Variogram
from ultramm.features.volatility import JumpVariation, QuotingVolatility, TwoScaleVariation
from ultramm.market import Book, Trade

_TICK = INSTRUMENT.tick_size


class AllFeatures:
    """Each of them once, with its usual parameters; the market leads itself by a tenth of a second."""

    def __init__(self) -> None:
        self.volatility = QuotingVolatility()
        self.jumps, self.noise, self.hurst = JumpVariation(300), TwoScaleVariation(300), Variogram(300)
        self.season, self.bars, self.ranges = SeasonalProfile(), Bars(60.0), BarVolatility(20)
        self.slope, self.spread = EmaSlope(), SpreadStatistics()
        self.orders, self.trades = OrderFlowImbalance([0.1, 0.5, 2.0]), TradeFlowImbalance(1.0)
        self.micro, self.touch = MicroPrice(_TICK), TouchVolume()
        self.depth, self.imbalance = DepthStatistics(), DepthImbalance(5 * _TICK)
        self.costs, self.impact, self.resilience = SpreadDecomposition(), KyleLambda(), Resilience()
        self.lead = OnlineLeadLag([0.1])
        self._mid = math.nan

    def on_touch(self, book: Book) -> list[float]:
        """The touch changed: update, and read what a decision would."""
        ts_ns, mid = book.ts_ns, book.mid
        due = self.volatility.update(ts_ns, mid)
        if due:
            self._on_clock(ts_ns, mid)
        self.spread.update(book)
        self.orders.update(book)
        self.micro.update(book)
        self.touch.on_book(book)
        self.costs.on_mid(ts_ns, mid)
        self.impact.on_mid(ts_ns, mid)
        if mid != self._mid:
            self._mid = mid
            self.slope.update(ts_ns, mid)
            self.lead.on_first(ts_ns, mid)
            self.lead.on_second(ts_ns, mid)
            bar = self.bars.update(ts_ns, mid)
            if bar is not None:
                self.ranges.update(bar)
        return [queue_imbalance(book), weighted_mid(book), self.micro.value(book), *self.orders.values(ts_ns)]

    def _on_clock(self, ts_ns: int, mid: float) -> None:
        change = self.volatility.fast.change
        self.jumps.update(change)
        self.noise.update(mid)
        self.hurst.update(mid)
        self.season.update(ts_ns, change * change)

    def on_depth(self, book: Book) -> None:
        """Ten levels a side."""
        self.depth.update(book)
        self.imbalance.update(book)
        self.resilience.on_depth(book.ts_ns, book.bids[0].size + book.asks[0].size if book.two_sided else math.nan)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self.trades.update(trade)
        self.touch.on_trade(trade)
        self.costs.on_trade(trade.ts_ns, trade.side, trade.price)
        self.impact.on_trade(trade.ts_ns, trade.side, trade.size)
        self.resilience.on_trade(trade.ts_ns)


def measure(events: int, repeats: int) -> npt.NDArray[np.int64]:
    """Nanoseconds of each event, the shortest of several passes: what disturbs a measurement only adds to it."""
    passes: npt.NDArray[np.int64] = np.array([_pass(events) for _ in range(repeats)])
    return passes.min(axis=0)


def _pass(events: int) -> list[int]:
    features, clock = AllFeatures(), time.perf_counter_ns
    times = []
    gc.collect()
    for _, touch, deep, trades in tape(events):
        start = clock()
        for trade in trades:
            features.on_trade(trade)
        features.on_touch(touch)
        features.on_depth(deep)
        times.append(clock() - start)
    return times
