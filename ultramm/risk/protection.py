"""All that watches one maker's market and fills for its protection, behind one door."""

from __future__ import annotations

import math
from typing import Protocol

import msgspec

from ultramm.features.vpin import Vpin
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.risk.abnormal import AbnormalMarket, MarketLimits
from ultramm.risk.burst import BurstLimits, FillBursts
from ultramm.risk.caution import Caution
from ultramm.risk.position_stop import PositionStop, PositionStopLimits
from ultramm.risk.session import SessionEdges, SessionGuard
from ultramm.risk.surveillance.patterns import Patterns
from ultramm.risk.toxicity import FillToxicity, ToxicityLimits
from ultramm.risk.value_at_risk import VarLimit, VarSizing

_VPIN_BUCKET_S = 5.0
_VPIN_WARM_S = 60.0


class Protections(msgspec.Struct, frozen=True, kw_only=True):
    """What to watch for; by default nothing.

    Parameters
    ----------
    bursts : BurstLimits, optional
        Fills of one side that come together.
    toxicity : ToxicityLimits, optional
        Fills that lose.
    market : MarketLimits, optional
        Abnormal markets.
    manipulation : bool
        Patterns that mislead a maker.
    edges : SessionEdges, optional
        Openings and closes.
    position : PositionStopLimits, optional
        Moves against a position, or for it, at which it is closed.
    var : VarLimit, optional
        What a position may lose in an unusual move.
    """

    bursts: BurstLimits | None = None
    toxicity: ToxicityLimits | None = None
    market: MarketLimits | None = None
    manipulation: bool = False
    edges: SessionEdges | None = None
    position: PositionStopLimits | None = None
    var: VarLimit | None = None


class GuardChange(msgspec.Struct, frozen=True, kw_only=True):
    """A guard began to hold a side back, or let it go.

    Parameters
    ----------
    guard : str
        Which.
    side : Side
    active : bool
    reason : str
        In words, with the figures; empty when it lets go.
    """

    guard: str
    side: Side
    active: bool
    reason: str = ""


class Guard(Protocol):
    """Something that watches, and at each decision says which sides to hold back."""

    @property
    def name(self) -> str: ...

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]: ...

    def interrupted(self) -> None: ...


class Protection:
    """Feeds every guard that is set, and gathers what they say.

    Parameters
    ----------
    protections : Protections
        Which there are.
    instrument : Instrument
        Whose market it is.

    Attributes
    ----------
    position_stop : PositionStop or None
        Whoever makes decisions lets it look.
    foregone : float
        What fills would have captured of the spread that guards held back, settlement currency: what protection costs
        where nothing was wrong.
    """

    def __init__(self, protections: Protections, instrument: Instrument) -> None:
        self._instrument = instrument
        bursts, toxicity, market = protections.bursts, protections.toxicity, protections.market
        edges = protections.edges
        self._bursts = None if bursts is None else FillBursts(bursts)
        self._toxicity = None if toxicity is None else FillToxicity(toxicity, instrument)
        self._vpin = None if toxicity is None else _RollingVpin()
        self._abnormal = None if market is None else AbnormalMarket(market, instrument.tick_size)
        session = None if edges is None else SessionGuard(edges, instrument)
        self._var = None if protections.var is None else VarSizing(protections.var, instrument)
        self._patterns = Patterns(instrument) if protections.manipulation else None
        patterns = () if self._patterns is None else self._patterns.guards
        guards: tuple[Guard | None, ...] = (self._bursts, self._toxicity, session, self._abnormal, *patterns)
        self._guards = [guard for guard in guards if guard is not None]
        position = protections.position
        self.position_stop = None if position is None else PositionStop(position, instrument)
        self._held: dict[tuple[str, Side], str] = {}
        self._changes: list[GuardChange] = []
        # By side that is held back: the quote that was wanted.
        self._wanted: dict[Side, Quote] = {}
        self._mid = self._spread = math.nan
        self.foregone = 0.0

    @property
    def watches(self) -> bool:
        """Whether there is anything to feed."""
        return bool(self._guards) or self._var is not None

    @property
    def largest_position(self) -> float:
        """Size, long or short, that loses no more than it may; infinite without a limit, 0 while nothing is known."""
        return math.inf if self._var is None else self._var.largest(self._mid)

    # -- what they see ---------------------------------------------------------------------------------------

    def on_message(self, now_ns: int, venue_ns: int = 0) -> None:
        """The venue sent something, whatever it was; `venue_ns` is its own time of it, 0 where unknown."""
        if self._patterns is not None:
            self._patterns.on_message(now_ns)
        if self._abnormal is not None:
            self._abnormal.on_clock(now_ns, venue_ns)

    def on_touch(self, book: Book) -> None:
        """The touch of the market changed."""
        mid, spread = book.mid, book.spread
        if mid == self._mid and spread == self._spread:
            return  # most changes are of a size, and no guard looks at that
        self._mid, self._spread = mid, spread
        if self._var is not None:
            self._var.on_mid(book.ts_ns, mid)
        if self._toxicity is not None:
            self._toxicity.on_mid(book.ts_ns, mid)
        if self._abnormal is not None:
            self._abnormal.on_touch(book)
        if self._patterns is not None:
            self._patterns.on_touch(book)

    def on_depth(self, book: Book) -> None:
        """The book as deep as a decision reads it."""
        if self._patterns is not None:
            self._patterns.on_depth(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        if self._wanted:
            self._miss(trade)
        if self._vpin is not None:
            self._vpin.on_trade(trade)
        if self._abnormal is not None:
            self._abnormal.on_trade(trade)
        if self._patterns is not None:
            self._patterns.on_trade(trade)

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded."""
        if self._bursts is not None:
            self._bursts.on_fill(fill.ts_ns, fill.side, fill.order_id)
        if self._toxicity is not None:
            self._toxicity.on_fill(fill, self._mid)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        for guard in self._guards:
            guard.interrupted()
        for watcher in (self._var, self.position_stop):
            if watcher is not None:
                watcher.interrupted()

    # -- what they say ---------------------------------------------------------------------------------------

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        """What each side is to heed now."""
        if not self._guards:
            return []
        found: list[tuple[Side, Caution]] = []
        held: dict[tuple[str, Side], str] = {}
        for guard in self._guards:
            for side, caution in guard.cautions(now_ns):
                found.append((side, caution))
                held[guard.name, side] = caution.reason
        if held or self._held:
            self._note(held)
        return found

    def _note(self, held: dict[tuple[str, Side], str]) -> None:
        before, self._held = self._held, held
        for guard, side in held.keys() - before.keys():
            self._changes.append(GuardChange(guard=guard, side=side, active=True, reason=held[guard, side]))
        for guard, side in before.keys() - held.keys():
            self._changes.append(GuardChange(guard=guard, side=side, active=False))

    def take_changes(self) -> list[GuardChange]:
        """What has changed since this was asked last."""
        if not self._changes:
            return []
        changes, self._changes = self._changes, []
        return sorted(changes, key=lambda change: (change.guard, change.side, change.active))

    @property
    def doubts_volume(self) -> bool:
        """Whether volume is no measure of anything now."""
        return self._patterns is not None and self._patterns.doubts_volume

    def effects(self, now_ns: int) -> dict[str, float]:
        """What is measured of toxicity, for display: names end in their unit."""
        if self._toxicity is None or self._vpin is None:
            return {}
        bps = 1e4 / self._mid
        return {
            "bid_fill_loss_bps": self._toxicity.loss(Side.BUY, now_ns) * bps,
            "ask_fill_loss_bps": self._toxicity.loss(Side.SELL, now_ns) * bps,
            "vpin_z": self._vpin.z,
        }

    # -- what they cost --------------------------------------------------------------------------------------

    def held_back(self, wanted: tuple[Quote, ...], kept: tuple[Quote, ...]) -> None:
        """Of the quotes that were wanted, guards let only these through; each side best first."""
        if kept is wanted:
            self._wanted.clear()
            return
        first = {quote.side: quote for quote in reversed(kept)}
        self._wanted = {
            quote.side: quote
            for quote in reversed(wanted)
            if quote.side not in first or first[quote.side].ticks != quote.ticks
        }

    def _miss(self, trade: Trade) -> None:
        """A trade that reached a quote which was not there."""
        instrument, side = self._instrument, trade.side.opposite
        quote = self._wanted.get(side)
        if quote is None or not self._mid > 0.0 or side * (instrument.price(quote.ticks) - trade.price) < 0.0:
            return
        size = min(trade.size, instrument.size(quote.lots))
        worth = instrument.value
        self.foregone += side * (worth(self._mid) - worth(instrument.price(quote.ticks))) * size


class _RollingVpin:
    """`Vpin` with buckets of five seconds' volume, as it was in the first minute.

    Attributes
    ----------
    z : float
        As of the last full bucket.
    """

    def __init__(self) -> None:
        self.z = math.nan
        self._vpin: Vpin | None = None
        self._first_ns = 0
        self._volume = 0.0

    def on_trade(self, trade: Trade) -> None:
        vpin = self._vpin
        if vpin is not None:
            if vpin.update(trade) and vpin.full:
                self.z = vpin.z
            return
        self._first_ns = self._first_ns or trade.ts_ns
        self._volume += trade.size
        seen_s = (trade.ts_ns - self._first_ns) * 1e-9
        if seen_s >= _VPIN_WARM_S:
            self._vpin = Vpin(self._volume / seen_s * _VPIN_BUCKET_S)
