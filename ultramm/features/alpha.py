"""What may tell where the mid goes in the next second: one definition, for research and for trading."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ultramm.features.average import EwAverage, TimeAverage
from ultramm.features.depth import DepthImbalance
from ultramm.features.flow import DecayingSum, OrderFlowImbalance, TradeFlowImbalance
from ultramm.features.price import queue_imbalance, weighted_mid
from ultramm.features.volatility import EwVolatility
from ultramm.market import Book, Side, Trade

VERSION = 1
OWN = (
    "queue_imbalance",
    "depth_imbalance_5_ticks",
    "depth_imbalance_2_bps",
    "weighted_mid_bps",
    "order_flow_100_ms",
    "order_flow_500_ms",
    "order_flow_2_s",
    "trade_flow_100_ms",
    "trade_flow_500_ms",
    "trade_flow_2_s",
    "return_100_ms_bps",
    "return_500_ms_bps",
    "return_2_s_bps",
    "return_10_s_bps",
    "spread_ratio",
    "volatility_ratio",
    "trade_rate_ratio",
    "silence_log_s",
)
LEADER = (
    "leader_return_100_ms_bps",
    "leader_return_500_ms_bps",
    "leader_queue_imbalance",
    "leader_order_flow_500_ms",
    "basis_60_s_bps",
)
# What says as much of a market that falls as of one that rises; the others turn with it.
EVEN = ("spread_ratio", "volatility_ratio", "trade_rate_ratio", "silence_log_s")
_FLOWS_S, _RETURNS_S, _LEADER_RETURNS_S = (0.1, 0.5, 2.0), (0.1, 0.5, 2.0, 10.0), (0.1, 0.5)
_SLOW_S, _FAST_S = 3_600.0, 30.0
_MOST_SIGMAS = 5.0


class AlphaFeatures:
    """Follows a market, and the one that leads it, and gives a row of features whenever asked.

    All are known at their moment, and cost O(1) an event. Each is less its mean and over its deviation (an hour,
    exponentially weighted, of what was before it), cut at five; what is not known is nothing.

    Parameters
    ----------
    tick_size : float
        Of the market.
    leads : bool
        Whether another market is followed as well.

    Attributes
    ----------
    names : tuple of str
        One for each number of a row.
    clipped : float
        Share of the last row's features that were cut.
    """

    def __init__(self, tick_size: float, *, leads: bool = False) -> None:
        self.names = OWN + LEADER if leads else OWN
        self.clipped = 0.0
        self._leads, self._tick_size = leads, tick_size
        self._book: Book | None = None
        self._ticks_depth = DepthImbalance(5.0 * tick_size, 0.0)
        self._bps_depth: DepthImbalance | None = None
        self._orders = OrderFlowImbalance(_FLOWS_S)
        self._trades = [TradeFlowImbalance(tau_s) for tau_s in _FLOWS_S]
        self._means = [EwAverage(tau_s) for tau_s in _RETURNS_S]
        self._spread = TimeAverage(60.0)
        self._fast, self._slow = EwVolatility(_FAST_S), EwVolatility(_SLOW_S)
        self._rate_fast, self._rate_slow = DecayingSum(5.0), DecayingSum(300.0)
        self._traded_ns = 0
        self._leader: Book | None = None
        self._leader_orders = OrderFlowImbalance((0.5,))
        self._leader_means = [EwAverage(tau_s) for tau_s in _LEADER_RETURNS_S]
        self._basis = EwAverage(60.0)
        self._scales = [_Scale() for _ in self.names]

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        if not book.two_sided:
            return
        self._book = book
        ts_ns, mid = book.ts_ns, book.mid
        self._orders.update(book)
        self._spread.update(ts_ns, book.spread)
        self._fast.update(ts_ns, mid)
        self._slow.update(ts_ns, mid)
        for mean in self._means:
            mean.update(ts_ns, mid)

    def on_depth(self, book: Book) -> None:
        """The book some levels deep."""
        if not book.two_sided:
            return
        if self._bps_depth is None:
            self._bps_depth = DepthImbalance(2e-4 * book.mid, 0.0)
        self._ticks_depth.update(book)
        self._bps_depth.update(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        for flow in self._trades:
            flow.update(trade)
        self._rate_fast.add(trade.ts_ns, 1.0)
        self._rate_slow.add(trade.ts_ns, 1.0)
        self._traded_ns = trade.ts_ns

    def on_leader(self, book: Book) -> None:
        """The touch of the leading market changed."""
        if not book.two_sided:
            return
        self._leader = book
        self._leader_orders.update(book)
        for mean in self._leader_means:
            mean.update(book.ts_ns, book.mid)
        if self._book is not None:
            self._basis.update(book.ts_ns, math.log(book.mid / self._book.mid))

    def interrupted(self) -> None:
        """The market was not seen for a time: what the next book differs by is no flow, and no move."""
        self._orders.interrupted()
        self._leader_orders.interrupted()
        self._spread.interrupted()
        self._fast.interrupted()
        self._slow.interrupted()

    @property
    def known(self) -> bool:
        """Whether all books have been seen."""
        return self._book is not None and (self._leader is not None or not self._leads)

    def row(self, ts_ns: int) -> list[float]:
        """The features at a moment, as they are used; then each counts for how the next are scaled.

        Raises
        ------
        ValueError
            Not all books have been seen.
        """
        raw, row, cut = self.raw(ts_ns), [], 0
        for value, scale in zip(raw, self._scales, strict=True):
            used, clipped = scale.use(ts_ns, value)
            row.append(used)
            cut += clipped
        self.clipped = cut / len(row)
        return row

    def raw(self, ts_ns: int) -> list[float]:
        """The same as they are measured; NaN where one is not known."""
        book = self._book
        if book is None or not self.known:
            raise ValueError("not all books have been seen")
        mid = book.mid
        found = [
            queue_imbalance(book),
            self._ticks_depth.value,
            math.nan if self._bps_depth is None else self._bps_depth.value,
            1e4 * (weighted_mid(book) / mid - 1.0),
            *[_signed_root(flow) for flow in self._orders.values(ts_ns)],
            *[flow.pressure(ts_ns) for flow in self._trades],
            *[1e4 * (mid / mean.value - 1.0) for mean in self._means],
            _ratio(book.spread, self._spread.value),
            _ratio(self._fast.value, self._slow.value),
            _ratio(self._rate_fast.at(ts_ns) / 5.0, self._rate_slow.at(ts_ns) / 300.0),
            math.log1p(max(0, ts_ns - self._traded_ns) * 1e-9) if self._traded_ns else math.nan,
        ]
        return found + self._of_leader(ts_ns, mid) if self._leads else found

    def _of_leader(self, ts_ns: int, mid: float) -> list[float]:
        leader = self._leader
        assert leader is not None
        return [
            *[1e4 * (leader.mid / mean.value - 1.0) for mean in self._leader_means],
            queue_imbalance(leader),
            _signed_root(self._leader_orders.values(ts_ns)[0]),
            1e4 * (math.log(leader.mid / mid) - self._basis.value),
        ]


def turns(names: tuple[str, ...]) -> list[float]:
    """What each feature of a bid is multiplied by to be that of an ask: -1 for what turns with the market, else 1."""
    return [1.0 if name in EVEN else -1.0 for name in names]


def of_side(side: Side, row: Sequence[float], turns: Sequence[float]) -> list[float]:
    """A row as a model of both sides sees it: turned, where it is of an ask."""
    return list(row) if side is Side.BUY else [each * turn for each, turn in zip(row, turns, strict=True)]


class _Scale:
    """Mean and deviation of one feature, an hour back."""

    __slots__ = ("_last_ns", "_mean", "_square", "_weight")

    def __init__(self) -> None:
        self._last_ns = 0
        self._mean = self._square = self._weight = 0.0

    def use(self, ts_ns: int, value: float) -> tuple[float, bool]:
        """The value as it is used, and whether it was cut."""
        if not math.isfinite(value):
            return 0.0, False
        deviation = math.sqrt(self._square) if self._square > 0.0 else 0.0
        scaled = (value - self._mean) / deviation if deviation > 0.0 else 0.0
        used = max(-_MOST_SIGMAS, min(_MOST_SIGMAS, scaled))
        self._take(ts_ns, value)
        return used, used != scaled

    def _take(self, ts_ns: int, value: float) -> None:
        """Equal weights at first, then those of an hour's memory."""
        elapsed_s = (ts_ns - self._last_ns) * 1e-9 if self._last_ns else 0.0
        self._last_ns = ts_ns
        self._weight = math.exp(-max(0.0, elapsed_s) / _SLOW_S) * self._weight + 1.0
        share = 1.0 / self._weight
        moved = value - self._mean
        self._mean += share * moved
        self._square += share * (moved * (value - self._mean) - self._square)


def _signed_root(value: float) -> float:
    return math.copysign(math.sqrt(abs(value)), value)


def _ratio(value: float, whole: float) -> float:
    return value / whole if whole > 0.0 else math.nan
