"""The edges of a session: a market that has just opened has no price yet, and one that closes leaves positions."""

from __future__ import annotations

import msgspec

from ultramm.bounds import NonNegative
from ultramm.market import Instrument, Side
from ultramm.risk.caution import Caution
from ultramm.trading_hours import TradingHours


class SessionEdges(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times around the sessions of a market with trading hours, and before the expiry of one that has it.

    Parameters
    ----------
    after_open_s : float
        No quotes for so long after it has opened, seconds.
    before_close_s : float
        Only what makes the position smaller for so long before it closes, seconds.
    """

    after_open_s: NonNegative = 60.0
    before_close_s: NonNegative = 300.0


class SessionGuard:
    """Holds both sides back near an edge; a market without hours and without an expiry has none. O(1)."""

    name = "session"

    def __init__(self, edges: SessionEdges, instrument: Instrument) -> None:
        self._edges = edges
        self._hours = TradingHours(instrument.hours) if instrument.hours else None
        self._expiry_ns = instrument.expiry_ns

    def interrupted(self) -> None:
        """Hours are the exchange's."""

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        if self._hours is None and not self._expiry_ns:
            return []
        opened_ns, closes_ns = (0, 0) if self._hours is None else self._hours.session(now_ns)
        if self._expiry_ns:
            closes_ns = min(closes_ns or self._expiry_ns, self._expiry_ns)
        since_s, left_s = (now_ns - opened_ns) * 1e-9, (closes_ns - now_ns) * 1e-9
        if opened_ns and since_s < self._edges.after_open_s:
            caution = Caution(
                f"the market opened {since_s:.0f} s ago, quotes begin after {self._edges.after_open_s:g} s", pulled=True
            )
        elif closes_ns and left_s < self._edges.before_close_s:
            reason = f"the market closes in {left_s:.0f} s: only what makes the position smaller"
            caution = Caution(reason, reducing=True)
        else:
            return []
        return [(side, caution) for side in Side]
