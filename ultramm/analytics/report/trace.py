"""What is sampled of one maker while it runs, for its report."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from ultramm.analytics.attribution import PnL
from ultramm.analytics.markout import Markouts
from ultramm.analytics.report.effects import EffectSeries
from ultramm.analytics.report.lives import OrderLives
from ultramm.analytics.report.series import BoundedSeries, Floats
from ultramm.analytics.report.uncertainty import Mean, clustered_mean
from ultramm.analytics.scorecard import Scorecard
from ultramm.features.volatility import EwVolatility
from ultramm.market import Book, Fill, Side

CURVE_S = (0.1, 0.3, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
CLUSTER_S = 10.0
SECOND_NS = 1_000_000_000
# A power of two of it is a second, so that samples meet full seconds at every step.
_FIRST_STEP_NS = SECOND_NS // 8

Quotes = Callable[[], tuple[float, float]]
Effects = Callable[[int], Mapping[str, float | None]]


class TracedFill(msgspec.Struct, frozen=True, gc=False):
    """A fill with the mid at that moment and the inventory after it."""

    fill: Fill
    mid: float
    position: float


class Trace:
    """Samples one maker. Told of each event before it takes effect, it sees what has stood until then.

    Parameters
    ----------
    score : Scorecard
        Of the maker.
    quotes : callable
        Gives our best bid and ask at the venue now, price; NaN for a side without an order.
    max_position : float
        The maker's limit of inventory, size; infinite when there is none.
    rows : int
        Points of each series that are kept at least; twice as many at most.
    bucket_ns : int
        Step at which `buckets` keeps the P&L for comparisons, nanoseconds, a multiple of a second.
    bucket_rows : int
        Rows of `buckets` from which on that step doubles.
    effects : callable
        Gives what moves its quotes at a time.
    covers : tuple of str
        Names of the strategies whose positions it offsets.

    Attributes
    ----------
    series : BoundedSeries
        Everything that is drawn over time.
    buckets : BoundedSeries
        P&L and mid at the end of equal steps of time.
    fills : deque of TracedFill
        All of them, or the last `most_fills`; so also the markouts.
    lives : OrderLives
    effects : EffectSeries
        What moved its quotes.
    covers : tuple of str
        As given.
    """

    def __init__(
        self,
        score: Scorecard,
        quotes: Quotes,
        max_position: float = math.inf,
        *,
        rows: int = 2_000,
        bucket_ns: int = SECOND_NS,
        bucket_rows: int = 1_000,
        most_fills: int | None = None,
        effects: Effects = lambda _: {},
        covers: tuple[str, ...] = (),
    ) -> None:
        self.score = score
        self.covers = covers
        self.max_position = max_position
        self.series = BoundedSeries(
            {
                "mid": "last",
                "mid_low": "min",
                "mid_high": "max",
                "bid": "last",
                "ask": "last",
                "position": "last",
                "position_low": "min",
                "position_high": "max",
                "capture": "last",
                "inventory": "last",
                "fees": "last",
                "total": "last",
                "drawdown": "max",
                "sigma_bps": "last",
                "spread_bps_ns": "sum",
                "two_sided_ns": "sum",
            },
            _FIRST_STEP_NS,
            rows,
        )
        self.buckets = BoundedSeries({"pnl": "last", "mid": "last"}, bucket_ns, bucket_rows)
        self.fills: deque[TracedFill] = deque(maxlen=most_fills)
        self.lives = OrderLives()
        self.effects = EffectSeries(_FIRST_STEP_NS, rows)
        self._quotes, self._effects = quotes, effects
        self._markouts = Markouts(CURVE_S, self._observe)
        self._observed: dict[float, deque[tuple[int, int, float, float]]] = {
            horizon: deque(maxlen=most_fills) for horizon in CURVE_S
        }
        self._sigma = EwVolatility()
        self._since_ns = 0
        self._due_ns = 0
        self._mid = self._mid_low = self._mid_high = math.nan
        self._position_low = self._position_high = 0.0
        self._peak = self._drawdown = 0.0
        self._spread_bps_ns = self._two_sided_ns = 0.0

    # -- while it runs ---------------------------------------------------------------------------------------

    def until(self, ts_ns: int, book: Book | None) -> None:
        """`book` has stood until `ts_ns`, and so has everything of ours."""
        mid = self.score.mid
        if math.isnan(mid):
            self._since_ns = ts_ns
            return
        if mid != self._mid:
            self._mid = mid
            self._mid_low = min(mid, self._mid_low) if self._mid_low == self._mid_low else mid
            self._mid_high = max(mid, self._mid_high) if self._mid_high == self._mid_high else mid
            self._sigma.update(self._since_ns, mid)
            self._markouts.on_mid(self._since_ns, mid)
        if not self._due_ns:
            self._schedule(self._since_ns)
        if book is not None and book.two_sided:
            elapsed_ns = ts_ns - self._since_ns
            self._spread_bps_ns += elapsed_ns * 1e4 * book.spread / mid
            self._two_sided_ns += elapsed_ns
        if ts_ns >= self._due_ns:
            self._sample(self._due_ns)
            self._schedule(ts_ns)
        self._since_ns = ts_ns

    def on_fill(self, fill: Fill, mid: float, position: float) -> None:
        """One of our orders traded, and the score has counted it."""
        self.fills.append(TracedFill(fill, mid, position))
        self.lives.filled(fill.order_id, fill.ts_ns)
        self._markouts.on_fill(fill)
        self._position_low, self._position_high = min(self._position_low, position), max(self._position_high, position)
        self._mark()

    def on_order(self, ts_ns: int, order_id: str, event: str, side: Side | None, price: float) -> None:
        """Something happened to one of our limit orders, in the words of the journal."""
        if event == "sent" and side is not None:
            self.lives.sent(order_id, side, price, self.score.mid)
        elif event == "accepted":
            self.lives.accepted(order_id, ts_ns)
        elif event in {"cancelled", "expired", "rejected", "denied"}:
            self.lives.ended(order_id, ts_ns)

    def finish(self, ts_ns: int, book: Book | None) -> None:
        """The run ends at `ts_ns`."""
        self.until(ts_ns, book)
        if math.isfinite(self._mid):
            self._sample(ts_ns)

    def _schedule(self, ts_ns: int) -> None:
        step_ns = min(self.series.step_ns, SECOND_NS)
        self._due_ns = (ts_ns // step_ns + 1) * step_ns

    def _sample(self, ts_ns: int) -> None:
        self._sigma.update(ts_ns, self._mid)
        pnl = self._mark()
        bid, ask = self._quotes()
        position = self.score.attribution.position
        self.series.put(
            ts_ns,
            self._mid,
            self._mid_low,
            self._mid_high,
            bid,
            ask,
            position,
            min(self._position_low, position),
            max(self._position_high, position),
            pnl.spread_capture,
            pnl.inventory,
            0.0 - pnl.fees,
            pnl.total,
            self._drawdown,
            1e4 * self._sigma.value / self._mid,
            self._spread_bps_ns,
            self._two_sided_ns,
        )
        self.buckets.put(ts_ns, pnl.total, self._mid)
        self.effects.put(ts_ns, self._effects(ts_ns))
        self._mid_low = self._mid_high = self._mid
        self._position_low = self._position_high = position
        self._drawdown = self._peak - pnl.total
        self._spread_bps_ns = self._two_sided_ns = 0.0

    def _mark(self) -> PnL:
        pnl = self.score.attribution.pnl(self.score.mid)
        self._peak = max(self._peak, pnl.total)
        self._drawdown = max(self._drawdown, self._peak - pnl.total)
        return pnl

    def _observe(self, horizon_s: float, fill: Fill, markout_bps: float) -> None:
        self._observed[horizon_s].append((fill.ts_ns, int(fill.side), fill.size, markout_bps))

    # -- afterwards ------------------------------------------------------------------------------------------

    def spread_bps(self) -> Floats:
        """Time-weighted mean spread of each row of `series`, basis points; NaN where it was never two-sided."""
        weight = self.series.column("two_sided_ns")
        return np.divide(
            self.series.column("spread_bps_ns"), weight, out=np.full_like(weight, np.nan), where=weight > 0
        )

    def markout(self, horizon_s: float, side: Side | None = None) -> Mean | None:
        """Mean markout of fills, weighted by size, basis points; None without fills.

        The error lets fills within 10 s move together, or within the horizon where that is longer: they are marked
        against the same later mid.
        """
        rows = [row for row in self._observed[horizon_s] if side is None or row[1] == side]
        if not rows:
            return None
        times_ns = np.array([row[0] for row in rows])
        sizes, markouts = np.array([row[2] for row in rows]), np.array([row[3] for row in rows])
        return clustered_mean(markouts, sizes, times_ns // round(max(CLUSTER_S, horizon_s) * 1e9))

    def win_rate(self, horizon_s: float) -> float | None:
        """Share of fills that were in our favour after one of `CURVE_S`, by the mid; None without fills."""
        rows = self._observed[horizon_s]
        return sum(row[3] > 0 for row in rows) / len(rows) if rows else None

    def capture_bps(self) -> Mean | None:
        """Mean markout at the very moment of the fill: the distance from the mid that it earned, basis points."""
        if not self.fills:
            return None
        earned = np.array([1e4 * f.fill.side * (f.mid - f.fill.price) / f.fill.price for f in self.fills])
        sizes = np.array([f.fill.size for f in self.fills])
        times_ns = np.array([f.fill.ts_ns for f in self.fills])
        return clustered_mean(earned, sizes, times_ns // round(CLUSTER_S * 1e9))

    def bucket_pnl(self, first_ns: int, last_ns: int, step_ns: int) -> Floats:
        """P&L of each step of time that the span touches, settlement currency; they add up to the total."""
        ends = np.arange(first_ns // step_ns + 1, -(-last_ns // step_ns) + 1) * step_ns
        return np.diff(self.buckets.at(ends, "pnl", 0.0), prepend=0.0)
