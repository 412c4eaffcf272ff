"""A stop on one position, by how far the market moves against it, for it, or for how long it has been held.

On a price without a drift such a stop earns nothing on average: it cuts the tail, and pays for it in the middle.
"""

from __future__ import annotations

import math

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.features.volatility import EwVolatility
from ultramm.market import Instrument

SOURCE = "position stop"
"""By whom a maker is halted while its position is closed."""

_MEMORY_S = 600.0
_WARM_S = 60
_LEAST_TICKS = 3.0


class PositionStopLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a position is closed. One of them is enough.

    Parameters
    ----------
    sigmas : float, optional
        Fall of the mid, in the position's direction, from the best since it was opened: standard deviations of a move
        over `over_s`, by the volatility of the last ten minutes.
    take_profit_sigmas : float, optional
        Gain of the mid since the position was opened, in the same.
    over_s : float
        Seconds; about as long as a position is held.
    max_age_s : float, optional
        Time since it was opened, or was last on the other side, seconds.
    rest_s : float
        No quotes for so long once it is closed, seconds.
    """

    sigmas: Positive | None = 3.0
    take_profit_sigmas: Positive | None = None
    over_s: Positive = 60.0
    max_age_s: Positive | None = None
    rest_s: NonNegative = 60.0


class PositionStop:
    """Watches the position of one maker, O(1) at each look.

    Parameters
    ----------
    limits : PositionStopLimits
        What it may come to.
    instrument : Instrument
        A fall of less than three ticks is none.

    Attributes
    ----------
    reason : str
        In words why the position is to be closed; empty while it is not. It stays until `rested`.
    """

    def __init__(self, limits: PositionStopLimits, instrument: Instrument) -> None:
        self._limits = limits
        self._least = _LEAST_TICKS * instrument.tick_size
        self._volatility = EwVolatility(_MEMORY_S, 1.0, _WARM_S)
        self._sign = 0
        self._opened_ns = 0
        self._opened_at = self._best = math.nan
        self._flat_ns = -1
        self.reason = ""

    def look(self, now_ns: int, mid: float, lots: int) -> bool:
        """The market is at `mid` and the position so many lots, signed; gives whether it is to be closed."""
        if math.isnan(mid):
            return bool(self.reason)
        self._volatility.update(now_ns, mid)
        sign = (lots > 0) - (lots < 0)
        if sign != self._sign:
            self._sign, self._opened_ns, self._opened_at, self._best = sign, now_ns, mid, mid
        if self.reason:
            self._flat_ns = -1 if sign else now_ns if self._flat_ns < 0 else self._flat_ns
        elif sign:
            self._best = sign * max(sign * self._best, sign * mid)
            self.reason = self._judge(now_ns, sign, mid)
        return bool(self.reason)

    def _judge(self, now_ns: int, sign: int, mid: float) -> str:
        limits, held_s = self._limits, (now_ns - self._opened_ns) * 1e-9
        if limits.max_age_s is not None and held_s > limits.max_age_s:
            return f"the position is {held_s:.0f} s old, {limits.max_age_s:g} are allowed"
        move = self._volatility.value * math.sqrt(limits.over_s)
        if not move > 0.0:
            return ""
        fallen, gained = sign * (self._best - mid), sign * (mid - self._opened_at)
        if limits.sigmas is not None and fallen > max(self._least, limits.sigmas * move):
            return f"the mid is {fallen / move:.1f} sigma from the best of this position, {limits.sigmas:g} are allowed"
        wanted = limits.take_profit_sigmas
        if wanted is not None and gained > max(self._least, wanted * move):
            return f"the mid has gained {gained / move:.1f} sigma since this position was opened: it is taken"
        return ""

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._volatility.interrupted()

    def rested(self, now_ns: int) -> bool:
        """Whether the position has been closed for long enough; then it begins anew."""
        if not self.reason or self._flat_ns < 0 or now_ns - self._flat_ns < self._limits.rest_s * 1e9:
            return False
        self.reason, self._flat_ns, self._sign = "", -1, 0
        return True
