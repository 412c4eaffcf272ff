"""Makers that belong together, as what one holds is offset by another: by leg, by currency, by round trip."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np

from ultramm.analytics.attribution import PnL
from ultramm.analytics.report.trace import Trace
from ultramm.analytics.scorecard import Score
from ultramm.market import known

# Effects of a pair that are forecasts of its round trips.
_CYCLE, _COST, _HALF_LIFE, _ENTRY, _DEVIATION = (
    "expected_cycle_s",
    "cost_bps",
    "half_life_s",
    "entry_sigma",
    "deviation_bps",
)
_SEEN_HALF_LIFE = "seen_half_life_s"
_EVER_NS = 2**62


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of a mean round trip: what the strategy foretold at entries, what came of them.

    Parameters
    ----------
    foretold, seen : float, optional
        None where there is none.
    error : float, optional
        Standard error of `seen`.
    """

    name: str
    unit: str
    foretold: float | None
    seen: float | None
    error: float | None = None


class RoundTrip(msgspec.Struct, frozen=True, kw_only=True):
    """A position of the first leg from its first fill until it is closed or turned, with what the others did for it.

    Parameters
    ----------
    opened_ns, closed_ns : int
    side : int
        1 long, -1 short.
    worth : float
        Most that the first leg was worth at its entries, settlement currency.
    net : float
        What it brought after all costs, settlement currency.
    cost : float
        Fees of all legs, and what the others paid against the mid.
    """

    opened_ns: int
    closed_ns: int
    side: int
    worth: float
    net: float
    cost: float

    @property
    def seconds(self) -> float:
        return (self.closed_ns - self.opened_ns) * 1e-9


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """Makers of which some offset what others hold.

    Parameters
    ----------
    name : str
        Of those that are covered.
    legs : tuple of Score
        Those that are covered first.
    totals : dict of str to PnL
        By settlement currency.
    trips : tuple of RoundTrip
        Ended ones; none where several are covered or currencies differ.
    estimates : tuple of Estimate
        Means over them, beside what was foretold; none without a trip.
    """

    name: str
    legs: tuple[Score, ...]
    totals: dict[str, PnL]
    trips: tuple[RoundTrip, ...]
    estimates: tuple[Estimate, ...]


def together(makers: Sequence[tuple[Score, Trace]]) -> list[Together]:
    """All groups of makers in which one covers another."""
    found = []
    for names in _groups(makers):
        members = [each for each in makers if each[0].strategy in names]
        members.sort(key=lambda each: bool(each[1].covers))
        first = [each for each in members if not each[1].covers]
        single = len(first) == 1 and len({score.pnl.currency for score, _ in members}) == 1
        trips = tuple(_round_trips([trace for _, trace in members])) if single else ()
        found.append(
            Together(
                name=", ".join(score.strategy for score, _ in first),
                legs=tuple(score for score, _ in members),
                totals=_totals(score.pnl for score, _ in members),
                trips=trips,
                estimates=tuple(_estimates(first[0][1], trips)) if trips else (),
            )
        )
    return found


def _groups(makers: Iterable[tuple[Score, Trace]]) -> list[set[str]]:
    """Names of strategies, each with all that cover it or that it covers."""
    groups: list[set[str]] = []
    for score, trace in makers:
        if trace.covers:
            names = {score.strategy, *trace.covers}
            names = names.union(*(group for group in groups if group & names))
            groups = [group for group in groups if not group & names] + [names]
    return groups


def _totals(parts: Iterable[PnL]) -> dict[str, PnL]:
    totals: dict[str, PnL] = {}
    for pnl in parts:
        before = totals.get(pnl.currency)
        totals[pnl.currency] = pnl if before is None else _sum(before, pnl)
    return totals


def _sum(one: PnL, other: PnL) -> PnL:
    realised = None if one.realised is None or other.realised is None else one.realised + other.realised
    return PnL(
        total=one.total + other.total,
        spread_capture=one.spread_capture + other.spread_capture,
        inventory=one.inventory + other.inventory,
        fees=one.fees + other.fees,
        identity_residual=max(one.identity_residual, other.identity_residual),
        currency=one.currency,
        realised=realised,
    )


# -- round trips -----------------------------------------------------------------------------------------------


class _Part(msgspec.Struct, frozen=True):
    """What of a fill opens, or closes, a position.

    Parameters
    ----------
    side : int
        Of that position.
    worth : float
        Settlement currency.
    gain : float
        Against the average entry; 0 of what opens.
    fees, paid : float
        `paid` is against the mid; negative where that was captured.
    ends : bool
        Whether nothing is left of the position.
    """

    ts_ns: int
    side: int
    worth: float
    gain: float
    fees: float
    paid: float
    opens: bool
    ends: bool


class _Trip(msgspec.Struct):
    opened_ns: int
    side: int
    closed_ns: int = 0
    worth: float = 0.0
    net: float = 0.0
    cost: float = 0.0


def _round_trips(traces: Sequence[Trace]) -> list[RoundTrip]:
    """Those of the first trace's positions that have ended; parts of the others go to the last that they offset."""
    parts = [(part, leg) for leg, trace in enumerate(traces) for part in _parts(trace)]
    sides = [1, *(_side(traces[0], trace) for trace in traces[1:])]
    parts.sort(key=lambda each: (each[0].ts_ns, each[1]))
    trips: list[_Trip] = []
    for part, leg in parts:
        own = leg == 0
        if own and part.opens and (not trips or trips[-1].closed_ns or trips[-1].side != part.side):
            trips.append(_Trip(part.ts_ns, part.side))
        wanted = part.side * sides[leg]
        trip = next((each for each in reversed(trips[-2:]) if each.side == wanted), None)
        if trip is None:
            continue  # of a position from before
        trip.net += part.gain - part.fees
        trip.cost += part.fees if own else part.fees + part.paid
        if own:
            trip.worth += part.worth if part.opens else 0.0
            trip.closed_ns = part.ts_ns if part.ends else trip.closed_ns
    return [
        RoundTrip(
            opened_ns=trip.opened_ns,
            closed_ns=trip.closed_ns,
            side=trip.side,
            worth=trip.worth,
            net=trip.net,
            cost=trip.cost,
        )
        for trip in trips
        if trip.closed_ns
    ]


def _side(first: Trace, other: Trace) -> int:
    """-1 of a leg that is short while the first is long, as most are; 1 of one whose ratio is negative."""
    times_ns = [each.fill.ts_ns for each in first.fills]
    held = [0.0, *(each.position for each in first.fills)]
    together = math.fsum(
        [each.position * held[bisect.bisect_right(times_ns, each.fill.ts_ns)] for each in other.fills],
    )
    return 1 if together > 0.0 else -1


def _parts(trace: Trace) -> Iterator[_Part]:
    """Of all fills, in order."""
    instrument = trace.score.instrument
    entry = math.nan
    for traced in trace.fills:
        fill, after, value = traced.fill, traced.position, instrument.value(traced.fill.price)
        before = after - fill.side * fill.size + fill.base_fee
        entry = value if math.isnan(entry) else entry
        mid_value = instrument.value(traced.mid) if math.isfinite(traced.mid) else value
        fees, paid = (fill.fee + fill.base_fee * mid_value) / fill.size, fill.side * (value - mid_value)
        closed = min(abs(before), fill.size) if before * fill.side < 0.0 else 0.0
        opened = fill.size - closed
        # Lots that are left of a difference of floats are none.
        closed, opened = (size if size > 1e-9 * fill.size else 0.0 for size in (closed, opened))
        if closed:
            gain = -fill.side * closed * (value - entry)
            ends = abs(after) < 1e-9 * fill.size or bool(opened)
            side, worth = -int(fill.side), abs(value) * closed
            yield _Part(fill.ts_ns, side, worth, gain, fees * closed, paid * closed, opens=False, ends=ends)
        if opened:
            held = 0.0 if closed else abs(before)
            entry = (entry * held + value * opened) / (held + opened)
            side, worth = int(fill.side), abs(value) * opened
            yield _Part(fill.ts_ns, side, worth, 0.0, fees * opened, paid * opened, opens=True, ends=False)


# -- means over them -------------------------------------------------------------------------------------------


def _estimates(trace: Trace, trips: Sequence[RoundTrip]) -> Iterator[Estimate]:
    def foretold(name: str) -> float:
        told = np.array([trace.effects.before(trip.opened_ns, name) for trip in trips])
        told = told[np.isfinite(told)]
        return float(told.mean()) if len(told) else math.nan

    cost = foretold(_COST)
    yield _mean("time", "s", foretold(_CYCLE) / 2.0, [trip.seconds for trip in trips])
    yield _mean("costs", "bps", cost, [1e4 * trip.cost / trip.worth for trip in trips])
    after_costs = 2.0 * foretold(_ENTRY) * foretold(_DEVIATION) - cost
    yield _mean("gain after costs", "bps", after_costs, [1e4 * trip.net / trip.worth for trip in trips])
    half_life, seen = foretold(_HALF_LIFE), trace.effects.before(_EVER_NS, _SEEN_HALF_LIFE)
    if math.isfinite(half_life):
        yield Estimate(name="half-life", unit="s", foretold=half_life, seen=known(seen))


def _mean(name: str, unit: str, foretold: float, seen: list[float]) -> Estimate:
    values = np.array(seen)
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else None
    return Estimate(name=name, unit=unit, foretold=known(foretold), seen=float(values.mean()), error=error)
