"""All that watches one maker's market and fills for its protection, behind one door."""

from __future__ import annotations

from typing import Protocol

import msgspec

from ultramm.market import Fill, Instrument, Side
from ultramm.risk.burst import BurstLimits, FillBursts
from ultramm.risk.caution import Caution


class Protections(msgspec.Struct, frozen=True, kw_only=True):
    """What to watch for; what is left out is not watched.

    Parameters
    ----------
    bursts : BurstLimits
        Fills of one side that come together.
    """

    bursts: BurstLimits = BurstLimits()


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

    name: str

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]: ...


class Protection:
    """Feeds every guard that is set, and gathers what they say.

    Parameters
    ----------
    protections : Protections
        Which there are.
    instrument : Instrument
        Whose market it is.
    """

    def __init__(self, protections: Protections, instrument: Instrument) -> None:
        self._bursts = FillBursts(protections.bursts) if protections.bursts.orders else None
        guards: tuple[Guard | None, ...] = (self._bursts,)
        self._guards = [guard for guard in guards if guard is not None]
        self._held: dict[tuple[str, Side], str] = {}
        self._changes: list[GuardChange] = []

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded."""
        if self._bursts is not None:
            self._bursts.on_fill(fill.ts_ns, fill.side, fill.order_id)

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

    @property
    def held(self) -> dict[tuple[str, Side], str]:
        """The guards that hold a side back, and why."""
        return self._held

    def take_changes(self) -> list[GuardChange]:
        """What has changed since this was asked last."""
        if not self._changes:
            return []
        changes, self._changes = self._changes, []
        return sorted(changes, key=lambda change: (change.guard, change.side, change.active))
