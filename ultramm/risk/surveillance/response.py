"""A graded answer that does not flicker."""

from __future__ import annotations

import enum

from ultramm.market import Side
from ultramm.risk.caution import Caution

_WIDER = 2.0
_HALF = 0.5


class Rung(enum.IntEnum):
    """How much of a side is held back; `PULL_ALL` holds back the other as well."""

    NONE = 0
    WIDEN = 1
    HALVE = 2
    REDUCE = 3
    PULL_SIDE = 4
    PULL_ALL = 5


class Response:
    """Holds each side on the highest rung that it was raised to, until nothing has raised it there for a while.

    Parameters
    ----------
    hold_s : float
        Seconds.

    Attributes
    ----------
    alarms : int
        How often a side was raised that was held on none.
    """

    def __init__(self, hold_s: float) -> None:
        self._hold_ns = round(hold_s * 1e9)
        # By side: the rung, until when it holds, and why.
        self._held: dict[Side, tuple[Rung, int, str]] = {}
        self.alarms = 0

    def raise_to(self, rung: Rung, side: Side, now_ns: int, reason: str) -> None:
        """Hold `side` on at least this rung from now."""
        held, until_ns, _ = self._held.get(side, (Rung.NONE, 0, ""))
        if now_ns >= until_ns:
            held = Rung.NONE
        if held is Rung.NONE:
            self.alarms += 1
        if rung >= held:
            self._held[side] = rung, now_ns + self._hold_ns, reason

    def rung(self, side: Side, now_ns: int) -> Rung:
        """Where a side is held by what was said of it."""
        held, until_ns, _ = self._held.get(side, (Rung.NONE, 0, ""))
        return held if now_ns < until_ns else Rung.NONE

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        """What is left of each side."""
        if not self._held:
            return []
        found: list[tuple[Side, Caution]] = []
        for side, (rung, until_ns, reason) in list(self._held.items()):
            if now_ns >= until_ns:
                del self._held[side]
                continue
            found.append((side, _caution(rung, reason)))
            if rung is Rung.PULL_ALL:
                found.append((side.opposite, Caution(reason, pulled=True)))
        return found


def _caution(rung: Rung, reason: str) -> Caution:
    if rung >= Rung.PULL_SIDE:
        return Caution(reason, pulled=True)
    return Caution(reason, times=_WIDER, share=_HALF if rung >= Rung.HALVE else 1.0, reducing=rung is Rung.REDUCE)
