"""What all makers of a node hold together: limits on the whole, ways kept clear of our own orders, hedges.

The makers of a node share one thread, and each order is noted before it is sent: whoever looks here sees everything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

import msgspec

from ultramm.market import Instrument, Side
from ultramm.orders.live import LiveOrders
from ultramm.rates import rates_to
from ultramm.risk.caution import Caution
from ultramm.risk.stops import Level, StopLimits, Stops

_RATES_EVERY_NS = 1_000_000_000
# How long a side keeps clear of an order that is to trade at once.
_WAY_NS = 1_000_000_000


class TotalLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits on all makers of a node together, in `currency`.

    Parameters
    ----------
    gross : float
        Worth of all positions, long and short alike, were every order of the worse side of each maker filled.
    net : float
        The same of one base currency on all its instruments and venues, long less short.
    daily_loss : float
        Of all makers since midnight UTC; the ladder of `StopLimits.daily_loss`.
    widen : float
        As in `StopLimits`.
    """

    currency: str = ""
    gross: float = math.inf
    net: float = math.inf
    daily_loss: float = math.inf
    widen: float = 2.0


class Position(msgspec.Struct, frozen=True):
    """What a strategy holds of an instrument.

    Parameters
    ----------
    size : float
        Signed.
    mid : float
        The market's, price; NaN before it was seen.
    working : float
        Size of its orders, of both sides, that may still trade.
    ratio : float, optional
        Exposure to a hedge that offsets one of its own, where its strategy says so, NaN while that does not know; None
        where it leaves that to the hedge.
    """

    strategy: str
    instrument: Instrument
    size: float
    mid: float
    working: float = 0.0
    ratio: float | None = None


class Hedge(Protocol):
    """What is known of a strategy that offsets what others hold.

    Parameters
    ----------
    makers : tuple of str
        Names of the strategies that it covers.
    unhedged : str
        In words why it does not, empty while it does: those that it covers then quote nothing and close their
        positions, until it does again.
    """

    makers: tuple[str, ...]
    unhedged: str


class NoHedge(msgspec.Struct):
    """`Hedge` of a strategy that cannot say so itself: it failed, was stopped, or its market is gone."""

    makers: tuple[str, ...]
    unhedged: str


class Member(Protocol):
    """A maker, as the others see it."""

    name: str
    instrument: Instrument
    orders: LiveOrders

    @property
    def inventory_lots(self) -> int: ...

    def lots_towards(self, side: Side) -> int: ...

    @property
    def mid(self) -> float: ...

    @property
    def hedge(self) -> Hedge | None: ...

    def hedge_ratio(self, instrument: str) -> float | None: ...

    def room(self, side: Side) -> float: ...


class View:
    """`ultramm.risk.limits.Guarding` of one maker in one decision: meanwhile the others stand still."""

    __slots__ = ("_exposures", "_gross", "_lot", "_member", "_net", "_now_ns")

    def __init__(self, exposures: Exposures, member: Member, now_ns: int) -> None:
        self._exposures, self._member, self._now_ns = exposures, member, now_ns
        # Worth of a lot of its own, and what the others come to at worst: all, and by side those of its base currency.
        self._lot = math.nan
        self._gross = -1.0
        self._net: dict[Side, float] = {}

    def adding(self, side: Side, after_lots: int) -> str | None:
        exposures = self._exposures
        if not exposures.counts:
            return None
        if self._gross < 0.0 or math.isnan(self._gross):
            self._lot, self._gross, self._net = exposures.standing(self._member, self._now_ns)
        own = abs(after_lots) * self._lot
        return exposures.objection(self._member, self._gross + own, self._net[side] + side * after_lots * self._lot)

    def crossing(self, side: Side, ticks: int, *, taking: bool) -> str | None:
        if taking:
            return self._exposures.in_the_way(self._member, side, ticks, self._now_ns)
        return self._exposures.on_its_way(self._member, side, ticks)


class Exposures:
    """All makers of a node, and what holds for them together.

    Parameters
    ----------
    limits : TotalLimits
        Of the whole.
    rates : mapping of str to float
        Stated worth of other currencies in that of the limits; what is not stated comes from the makers' own markets.

    Attributes
    ----------
    stops : Stops
        The whole's.
    """

    def __init__(self, limits: TotalLimits | None = None, rates: Mapping[str, float] = MappingProxyType({})) -> None:
        self.limits = limits or TotalLimits()
        self.stops = Stops(StopLimits(daily_loss=self.limits.daily_loss, widen=self.limits.widen))
        self._stated = rates
        self._members: dict[int, tuple[Member, Callable[[], None]]] = {}
        self._of_instrument: dict[str, list[Member]] = {}
        self._pnls: dict[int, float] = {}
        self._rates: dict[str, float] = {}
        self._rates_ns = -_RATES_EVERY_NS
        # By the peg that does not hold: the currencies that it is of, and what is left of quotes in them.
        self._pegs: dict[str, tuple[frozenset[str], Caution]] = {}
        # Of an instrument's side: until when it keeps clear, and for whom.
        self._ways: dict[tuple[str, Side], tuple[int, str]] = {}
        self._counts = math.isfinite(self.limits.gross) or math.isfinite(self.limits.net)

    def join(self, member: Member, wake: Callable[[], None]) -> None:
        """One more maker; `wake` lets it decide anew at once."""
        if id(member) not in self._members:
            self._of_instrument.setdefault(member.instrument.id, []).append(member)
        self._members[id(member)] = member, wake

    def _others(self, member: Member) -> Iterator[Member]:
        return (other for other, _ in self._members.values() if other is not member)

    def _mates(self, member: Member) -> list[Member]:
        """Those that trade the same."""
        same = self._of_instrument.get(member.instrument.id, [])
        return [other for other in same if other is not member] if len(same) > 1 else []

    # -- limits on the whole ---------------------------------------------------------------------------------

    @property
    def counts(self) -> bool:
        """Whether there is a limit on what all hold."""
        return self._counts

    def standing(self, member: Member, now_ns: int) -> tuple[float, float, dict[Side, float]]:
        """Worth of a lot of a maker's, of all that the others hold at worst, and by side of that in its base currency.

        Prices are the mids of the makers' markets; NaN without one, or without a rate.
        """
        gross, net = 0.0, dict.fromkeys(Side, 0.0)
        base = _base(member.instrument)
        for other in self._others(member):
            # What a maker adds to one side at worst: what it may lose of the other is not counted on.
            reached = {side: side * other.lots_towards(side) + other.orders.lots(side) for side in Side}
            lot = self._worth_of_lot(other, now_ns) if any(reached.values()) else 0.0
            gross += max(map(abs, reached.values())) * lot
            if _base(other.instrument) == base:
                for side in Side:
                    net[side] += reached[side] * lot
        return self._worth_of_lot(member, now_ns), gross, net

    def objection(self, member: Member, gross: float, net: float) -> str | None:
        """In words why all may not come to so much, or one base currency on a side; currency of the limits."""
        limits = self.limits
        if not gross <= limits.gross:
            return self._too_much("all positions", gross, limits.gross)
        if not net <= limits.net:
            return self._too_much(f"the net of {_base(member.instrument)}", net, limits.net)
        return None

    def _too_much(self, what: str, value: float, limit: float) -> str:
        currency = self.limits.currency
        if math.isnan(value):
            return f"what {what} would be worth is not known: a mid, or a rate to {currency}, is missing"
        return f"{what} could reach {value:.10g} {currency}, the limit is {limit:g}"

    def _worth_of_lot(self, member: Member, now_ns: int) -> float:
        instrument = member.instrument
        if not member.mid > 0.0:
            return math.nan
        worth = instrument.exposure(member.mid, instrument.lot_size)
        return worth * self._rate(instrument.settlement_currency, now_ns)

    def _rate(self, currency: str, now_ns: int) -> float:
        if currency == self.limits.currency:
            return 1.0
        if now_ns - self._rates_ns >= _RATES_EVERY_NS:
            self._rates_ns = now_ns
            members = [member for member, _ in self._members.values()]
            pairs = [
                (each.instrument.base_currency, each.instrument.quote_currency, each.mid)
                for each in members
                if each.instrument.base_currency and each.mid > 0
            ]
            wanted = {each.instrument.settlement_currency for each in members}
            found = rates_to(self.limits.currency, wanted, self._stated, pairs)
            self._rates = {name: rate for name, rate in found.items() if rate is not None}
        return self._rates.get(currency, math.nan)

    # -- losses of the whole ---------------------------------------------------------------------------------

    def look(self, member: Member, now_ns: int, pnl: float) -> Level:
        """One maker's P&L is so much, settlement currency; gives the rung that the whole has come to."""
        if math.isinf(self.limits.daily_loss):
            return Level.NONE
        rate = self._rate(member.instrument.settlement_currency, now_ns)
        if not math.isnan(rate):
            self._pnls[id(member)] = pnl * rate
        return self.stops.look(now_ns, math.fsum(self._pnls.values()))

    # -- ways ------------------------------------------------------------------------------------------------

    def in_the_way(self, member: Member, side: Side, ticks: int, now_ns: int) -> str | None:
        """In words which order of ours one that trades at once would trade with; it is asked to go."""
        for other in self._mates(member):
            reached = [order.reach_ticks for order in other.orders if order.side is not side]
            if any(side * (ticks - there) >= 0 for there in reached):
                price = member.instrument.price(ticks)
                self._ways[member.instrument.id, side.opposite] = now_ns + _WAY_NS, member.name
                self._wake(other)
                return f"would trade at {price:.10g} with an order of {other.name}, which is asked to go"
        return None

    def on_its_way(self, member: Member, side: Side, ticks: int) -> str | None:
        """In words which order of ours that trades at once would trade with one that came to stand there."""
        for other in self._mates(member):
            if any(o.taking and o.side is not side and side * (ticks - o.ticks) >= 0 for o in other.orders):
                price = member.instrument.price(ticks)
                return f"at {price:.10g} it would be in the way of an order of {other.name} that trades at once"
        return None

    def cautions(self, member: Member, now_ns: int) -> tuple[tuple[Side, Caution], ...]:
        """What a maker must leave out for the others' sake, or for the whole's."""
        if not self._ways and not self._pegs and not self.stops.careful:
            return ()
        found: list[tuple[Side, Caution]] = []
        instrument = member.instrument
        own = {instrument.base_currency, instrument.quote_currency, instrument.settlement_currency}
        for currencies, broken in self._pegs.values():
            if own & currencies:
                found += [(side, broken) for side in Side]
        for side in Side:
            until_ns, name = self._ways.get((member.instrument.id, side), (0, ""))
            if now_ns < until_ns and name != member.name:
                found.append((side, Caution(f"makes way for an order of {name}", pulled=True)))
            caution = self.stops.caution
            if caution is not None:
                found.append((side, caution))
        return tuple(found)

    # -- pegs ------------------------------------------------------------------------------------------------

    def on_peg(self, market: str, currencies: frozenset[str], off_bps: float, within_bps: float) -> None:
        """A market that should stand at a fixed price is so far from it, basis points, signed.

        Off by more than it may be, makers in its currencies only make positions smaller; by twice that, they quote
        nothing. They are free once it is within half of it.
        """
        off = abs(off_bps)
        if off > within_bps:
            reason = f"{market} is {off_bps:+.0f} bps off its peg, {within_bps:g} are allowed"
            self._pegs[market] = currencies, Caution(reason, reducing=True, pulled=off > 2.0 * within_bps)
        elif off <= 0.5 * within_bps:
            self._pegs.pop(market, None)

    # -- hedges ----------------------------------------------------------------------------------------------

    def positions(self, member: Member) -> tuple[Position, ...]:
        """What the others hold."""
        return tuple([position_of(each, member.instrument.id) for each in self._others(member)])

    def filled(self, member: Member) -> None:
        """A maker traded: whoever hedges it decides anew at once."""
        for hedge in self._hedges_of(member):
            self._wake(hedge)

    def hedges(self, member: Member) -> bool:
        """Whether something offsets what a maker holds."""
        return any(True for _ in self._hedges_of(member))

    def hedge_room(self, member: Member, side: Side) -> float:
        """How much a maker may add to a side, size, so that its hedges can still take the other.

        Of hedges in another base currency, or at another ratio than one, as much as of exposures that are worth the
        same. Where ratios to several markets are stated, each of these must take its part. Nothing where a price is not
        known.
        """
        rooms: dict[str, float] = {}
        for hedge in self._hedges_of(member):
            market = "" if member.hedge_ratio(hedge.instrument.id) is None else hedge.instrument.id
            rooms[market] = rooms.get(market, 0.0) + self._room_of(hedge, member, side)
        room = min(rooms.values(), default=0.0)
        return room if room >= 0.0 else 0.0

    def _room_of(self, hedge: Member, member: Member, side: Side) -> float:
        stated = member.hedge_ratio(hedge.instrument.id)
        ratio = 1.0 if stated is None else stated
        unit, one = (each.instrument.notional(each.mid, 1.0) for each in (hedge, member))
        if not (unit > 0.0 and one > 0.0 and ratio != 0.0):
            return 0.0
        towards = side if ratio > 0.0 else side.opposite
        # What the maker holds already and the hedge does not yet comes out of it.
        held = one * member.instrument.size(member.inventory_lots) * ratio
        open_ = max(0.0, towards * (held + unit * hedge.instrument.size(hedge.inventory_lots)))
        return (unit * hedge.room(towards.opposite) - open_) / (one * abs(ratio))

    def _hedges_of(self, member: Member) -> Iterator[Member]:
        for other in self._others(member):
            if other.hedge is not None and member.name in other.hedge.makers:
                yield other

    def unhedged(self, member: Member) -> str:
        """In words why nothing offsets what a maker holds, if something should; else empty."""
        for other in self._hedges_of(member):
            if other.hedge is not None and other.hedge.unhedged:
                return f"{other.name} cannot hedge: {other.hedge.unhedged}"
        return ""

    def _wake(self, member: Member) -> None:
        self._members[id(member)][1]()


def _base(instrument: Instrument) -> str:
    return instrument.base_currency or instrument.id


def position_of(member: Member, hedge: str) -> Position:
    """What one maker holds, and what its ratio to a hedge on that instrument is."""
    instrument, orders = member.instrument, member.orders
    working = instrument.size(orders.lots(Side.BUY) + orders.lots(Side.SELL)) if len(orders) else 0.0
    size = instrument.size(member.inventory_lots)
    return Position(member.name, instrument, size, member.mid, working, member.hedge_ratio(hedge))
