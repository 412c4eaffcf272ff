"""One strategy on one instrument: everything that is measured while it trades."""

from __future__ import annotations

import math

import msgspec

from ultramm.analytics.attribution import Attribution, PnL
from ultramm.analytics.markout import Markout, Markouts
from ultramm.analytics.quoting import QuotingStatistics, Uptime
from ultramm.features.average import TimeAverage
from ultramm.market import Fill, Instrument, known

_EQUITY_INTERVAL_NS = 1_000_000_000


class InventoryStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Signed inventory in size units; `mean_abs` is averaged over time."""

    last: float
    largest: float
    smallest: float
    mean_abs: float | None


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """Largest fall of the P&L from its peak, sampled each second and at each fill, in settlement currency."""

    largest: float
    current: float


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """The measurements at one moment; of a finished run, its result."""

    strategy: str
    instrument: str
    fills: int
    maker_fills: int
    volume: float
    pnl: PnL
    markouts: tuple[Markout, ...]
    inventory: InventoryStatistics
    quoting: QuotingStatistics
    drawdown: Drawdown
    last_mid: float | None

    def markout_bps(self, horizon_s: float) -> float | None:
        """Mean markout at one of the horizons; None without fills that have one."""
        return next((markout.mean_bps for markout in self.markouts if markout.horizon_s == horizon_s), None)


class Scorecard:
    """Keeps score, O(1) an event.

    Parameters
    ----------
    strategy : str
        Name of the strategy in the configuration.
    instrument : Instrument
        What it trades.
    """

    def __init__(self, strategy: str, instrument: Instrument) -> None:
        self.strategy = strategy
        self.instrument = instrument
        self.attribution = Attribution(instrument)
        self.uptime = Uptime()
        self.submitted = self.accepted = self.rejected = self.cancelled = self.filled = 0
        self._markouts = Markouts()
        self._mid = math.nan
        self.fills = self._maker_fills = 0
        self._abs_inventory = TimeAverage()
        self._largest = self._smallest = 0.0
        self._peak = self._drawdown = 0.0
        self._next_equity_ns = 0

    @property
    def mid(self) -> float:
        """The last two-sided mid, price; NaN before."""
        return self._mid

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`; NaN (a one-sided book) leaves the last one standing."""
        self._markouts.on_mid(ts_ns, mid)
        if ts_ns > self._next_equity_ns:
            # By the mid that stood when the second was full; seconds without a change of it had the same.
            self._next_equity_ns = ts_ns - ts_ns % -_EQUITY_INTERVAL_NS
            self._sample_equity()
        if not math.isnan(mid):
            self._mid = mid

    def on_fill(self, fill: Fill) -> float | None:
        """Count one; gives what it brought if it made the position smaller, see `Attribution.on_fill`."""
        mid = fill.price if math.isnan(self._mid) else self._mid
        self._abs_inventory.update(fill.ts_ns, abs(self.attribution.position))
        gain = self.attribution.on_fill(fill, mid)
        position = self.attribution.position
        self._abs_inventory.update(fill.ts_ns, abs(position))
        self._largest, self._smallest = max(self._largest, position), min(self._smallest, position)
        self._markouts.on_fill(fill)
        self.fills += 1
        self._maker_fills += fill.maker
        self._sample_equity()
        return gain

    def restore(self, fill: Fill, mid: float) -> None:
        """Count a fill of an earlier run, at whose time the mid was `mid`."""
        self.attribution.on_fill(fill, mid)
        self.fills += 1
        self._maker_fills += fill.maker
        self._mid = mid

    def started(self, ts_ns: int) -> None:
        """Averages over time begin here."""
        self._abs_inventory.update(ts_ns, abs(self.attribution.position))
        self.uptime.update(ts_ns, bid=False, ask=False)

    def score(self, now_ns: int) -> Score:
        """The measurements up to `now_ns`."""
        self._abs_inventory.update(now_ns, abs(self.attribution.position))
        self.uptime.until(now_ns)
        pnl = self.attribution.pnl(self._mid)
        peak = max(self._peak, pnl.total)
        mean_abs = self._abs_inventory.value
        return Score(
            strategy=self.strategy,
            instrument=self.instrument.id,
            fills=self.fills,
            maker_fills=self._maker_fills,
            volume=self.attribution.volume,
            pnl=pnl,
            markouts=self._markouts.results(),
            inventory=InventoryStatistics(
                last=self.attribution.position,
                largest=self._largest,
                smallest=self._smallest,
                mean_abs=known(mean_abs),
            ),
            quoting=self._quoting(),
            drawdown=Drawdown(largest=max(self._drawdown, peak - pnl.total), current=peak - pnl.total),
            last_mid=known(self._mid),
        )

    def _sample_equity(self) -> None:
        pnl = self.attribution.pnl(self._mid).total
        self._peak = max(self._peak, pnl)
        self._drawdown = max(self._drawdown, self._peak - pnl)

    def _quoting(self) -> QuotingStatistics:
        return QuotingStatistics(
            orders_submitted=self.submitted,
            orders_accepted=self.accepted,
            orders_rejected=self.rejected,
            orders_cancelled=self.cancelled,
            orders_filled=self.filled,
            fill_ratio=self.filled / self.accepted if self.accepted else None,
            uptime=self.uptime.both,
            bid_uptime=self.uptime.bid,
            ask_uptime=self.uptime.ask,
        )
