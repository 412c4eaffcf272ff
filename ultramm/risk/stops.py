"""Losses and faults that make a maker careful, then small, then stop: for good, until somebody arms it again.

The ladder: `Level.WIDEN` quotes further away, `Level.REDUCE` only what makes the position smaller, `Level.STOP`
nothing; the position is then closed in slices. What adds up to a level is counted from the last arming.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable

import msgspec

from ultramm.features.average import SampleAverage
from ultramm.risk.caution import Caution

_STEP_NS = 60_000_000_000
# By whom a maker is halted that has stopped.
SOURCE = "stops"
DAY_NS = 86_400_000_000_000
_WARM_STEPS = 30
_MEMORY_STEPS = 1440.0  # a day
# What a single step may add to its own measure, in standard deviations: a crash must not raise the bar it is held to.
_CLIP = 4.0
# Where a limit without a soft one makes careful and small, as shares of it.
_WIDEN_AT, _REDUCE_AT = 0.6, 0.8
# From here on, as a share of a limit, what is left of the position is not closed bit by bit any more.
_HURRY_AT = 1.1


class Level(enum.IntEnum):
    """How far it has come."""

    NONE = 0
    WIDEN = 1
    REDUCE = 2
    STOP = 3


class Allowed(msgspec.Struct, frozen=True):
    """A depth: settlement currency, or standard deviations of a day's P&L."""

    value: float
    in_sigmas: bool = False


class StopLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What stops one strategy on one instrument.

    Parameters
    ----------
    daily_loss : float
        Since midnight UTC, settlement currency. Careful from 60 %, only smaller from 80 % of it.
    soft, hard : Allowed, optional
        Drawdown from the highest P&L: careful from `soft`, only smaller from half-way to `hard`, where it stops.
        Without a `soft` as for `daily_loss`. In standard deviations it holds once half an hour of P&L was seen.
    losses_in_row : int
        Closing trades that each lost; 0 for any number.
    rejects_in_row : int
        Orders refused with none accepted between; 0 for any number.
    widen : float
        How many times further from fair value quotes are when careful.
    """

    daily_loss: float = math.inf
    soft: Allowed | None = None
    hard: Allowed | None = None
    losses_in_row: int = 0
    rejects_in_row: int = 0
    widen: float = 2.0


class PnlVolatility:
    """Standard deviation of a day's P&L, from its moves of a minute each; exponentially weighted over a day.

    A move counts for no more than four of what was known before, so that a crash does not raise the bar that it is
    held to. NaN before thirty minutes.
    """

    __slots__ = ("_last", "_next_ns", "_variance")

    def __init__(self) -> None:
        self._variance = SampleAverage(_MEMORY_STEPS)
        self._last = math.nan
        self._next_ns = 0

    def update(self, now_ns: int, pnl: float) -> None:
        """The P&L is so much at that time."""
        if math.isnan(self._last):
            self._last, self._next_ns = pnl, now_ns + _STEP_NS
            return
        if now_ns < self._next_ns:
            return
        steps = 1 + (now_ns - self._next_ns) // _STEP_NS
        square = (pnl - self._last) ** 2 / steps
        if self._variance.count >= _WARM_STEPS and self._variance.value > 0.0:
            square = min(square, _CLIP**2 * self._variance.value)
        self._variance.update(square)
        self._last = pnl
        self._next_ns += steps * _STEP_NS

    @property
    def day(self) -> float:
        """Of a day, settlement currency."""
        known = self._variance.count >= _WARM_STEPS
        return math.sqrt(self._variance.value * DAY_NS / _STEP_NS) if known else math.nan


class Stops:
    """Watches one maker's P&L and what its venue says, O(1) at each look.

    Parameters
    ----------
    limits : StopLimits
        What it may come to.

    Attributes
    ----------
    level : Level
        The ladder's rung; `Level.STOP` stays until `arm`.
    reason : str
        In words why, empty for `Level.NONE`.
    """

    def __init__(self, limits: StopLimits) -> None:
        self.limits = limits
        self.level = Level.NONE
        self.reason = ""
        self.volatility = PnlVolatility()
        self._pnl = 0.0
        self._peak = -math.inf
        self._day = -1
        self._day_began = 0.0
        self._losses = self._rejects = 0
        self._checks = self._set()

    @property
    def careful(self) -> bool:
        """Whether quotes are to be changed."""
        return self.level is not Level.NONE

    @property
    def caution(self) -> Caution | None:
        """What its rung leaves of either side's quotes; None if all of them."""
        if self.level is Level.NONE:
            return None
        if self.level is Level.STOP:
            return Caution(self.reason, pulled=True)
        if self.level is Level.WIDEN:
            return Caution(self.reason, times=self.limits.widen)
        # Not further away: what makes the position smaller is wanted.
        return Caution(f"{self.reason}: only what makes the position smaller", reducing=True)

    def seen(self, now_ns: int, pnl: float) -> None:
        """The P&L was so much: what it may have cost is counted, and nothing is said yet."""
        self._pnl = pnl
        day = now_ns // DAY_NS
        if day != self._day:
            self._day, self._day_began = day, pnl
        self._peak = max(self._peak, pnl)
        self.volatility.update(now_ns, pnl)

    def look(self, now_ns: int, pnl: float) -> Level:
        """The P&L is so much; gives the rung that it has come to."""
        self.seen(now_ns, pnl)
        if self.level is Level.STOP:
            return self.level
        level, words = Level.NONE, _nothing
        for find, say in self._checks:
            found = find()
            if found > level:
                level, words = found, say
        # In words only where there is something to say: this runs at every decision.
        self.level, self.reason = level, words()
        return level

    def on_closed(self, gain: float) -> None:
        """A trade made the position smaller and brought so much, settlement currency."""
        self._losses = self._losses + 1 if gain < 0.0 else 0

    def on_accepted(self) -> None:
        """The venue took an order."""
        self._rejects = 0

    def on_rejected(self) -> None:
        """The venue refused one."""
        self._rejects += 1

    def trip(self, reason: str) -> None:
        """Stop, whatever it has come to: an earlier run had."""
        self.level, self.reason = Level.STOP, reason

    def arm(self) -> None:
        """Count anew from here: somebody has looked at it."""
        self.level, self.reason = Level.NONE, ""
        self._peak = self._day_began = self._pnl
        self._losses = self._rejects = 0

    @property
    def runs_on(self) -> bool:
        """Whether a loss has gone beyond what is allowed by a tenth."""
        limits = self.limits
        hard = math.nan if limits.hard is None else self._depth(limits.hard)
        return self._lost >= _HURRY_AT * limits.daily_loss or self._fallen >= _HURRY_AT * hard

    def status(self) -> dict[str, str]:
        """Each limit that is set, how far it has come, and what it allows."""
        limits, found = self.limits, {}
        if math.isfinite(limits.daily_loss):
            found["daily loss"] = f"{max(0.0, self._lost):.6g} of {limits.daily_loss:.6g}"
        if limits.hard is not None:
            hard = self._depth(limits.hard)
            allowed = f"{hard:.6g}" if math.isfinite(hard) else f"{limits.hard.value:g} daily sigmas, not known yet"
            found["drawdown"] = f"{self._fallen:.6g} of {allowed}"
        if limits.losses_in_row:
            found["losses in a row"] = f"{self._losses} of {limits.losses_in_row}"
        if limits.rejects_in_row:
            found["refused in a row"] = f"{self._rejects} of {limits.rejects_in_row}"
        return found

    # -- each limit ------------------------------------------------------------------------------------------

    @property
    def _lost(self) -> float:
        return self._day_began - self._pnl

    @property
    def _fallen(self) -> float:
        return max(0.0, self._peak - self._pnl)

    def _set(self) -> list[tuple[Callable[[], Level], Callable[[], str]]]:
        """For each limit that is set, what finds the rung it has come to, and what says why."""
        limits, found = self.limits, []
        if math.isfinite(limits.daily_loss):
            found.append((self._of_daily_loss, self._say_daily_loss))
        if limits.hard is not None:
            found.append((self._of_drawdown, self._say_drawdown))
        if limits.losses_in_row:
            found.append((self._of_losses, self._say_losses))
        if limits.rejects_in_row:
            found.append((self._of_rejects, self._say_rejects))
        return found

    def _of_daily_loss(self) -> Level:
        allowed = self.limits.daily_loss
        return _rung(self._lost, _WIDEN_AT * allowed, _REDUCE_AT * allowed, allowed)

    def _say_daily_loss(self) -> str:
        return f"lost {self._lost:.6g} today, {self.limits.daily_loss:.6g} is allowed"

    def _of_drawdown(self) -> Level:
        limits = self.limits
        hard = math.nan if limits.hard is None else self._depth(limits.hard)
        if math.isnan(hard):
            return Level.NONE
        soft = _WIDEN_AT * hard if limits.soft is None else self._depth(limits.soft)
        small = _REDUCE_AT * hard if limits.soft is None else 0.5 * (soft + hard)
        return _rung(self._fallen, soft, small, hard)

    def _say_drawdown(self) -> str:
        hard = math.nan if self.limits.hard is None else self._depth(self.limits.hard)
        return f"{self._fallen:.6g} below the highest P&L, {hard:.6g} is allowed"

    def _of_losses(self) -> Level:
        return Level.STOP if self._losses >= self.limits.losses_in_row else Level.NONE

    def _say_losses(self) -> str:
        return f"{self._losses} losses in a row, {self.limits.losses_in_row} are allowed"

    def _of_rejects(self) -> Level:
        return Level.STOP if self._rejects >= self.limits.rejects_in_row else Level.NONE

    def _say_rejects(self) -> str:
        return f"{self._rejects} orders refused in a row, {self.limits.rejects_in_row} are allowed"

    def _depth(self, allowed: Allowed) -> float:
        """Settlement currency; NaN while that is not known."""
        if not allowed.in_sigmas:
            return allowed.value
        sigma = self.volatility.day
        return allowed.value * sigma if sigma > 0.0 else math.nan


def _rung(value: float, widen: float, reduce: float, stop: float) -> Level:
    if value >= stop:
        return Level.STOP
    if value >= reduce:
        return Level.REDUCE
    return Level.WIDEN if value >= widen else Level.NONE


def _nothing() -> str:
    return ""
