"""Whether a relation still holds that was found in another window."""

from __future__ import annotations

import math
from collections.abc import Iterable

import msgspec

from ultramm.features.cusum import Cusum
from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck, RollingProcess
from ultramm.statarb.unit_root import unit_root_p


class BreakLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How far it may change.

    Parameters
    ----------
    unit_root_p : float
        Largest probability that what is left does not come back.
    ratio_drift : float
        Of the ratio from what it was, as a share.
    half_life_times : float
        The half-life against what it was.
    jump_z : float
        A single step of what is left, standard deviations of its steps.
    cusum : float
        Sum of steps to one side beyond half a standard deviation each.
    """

    unit_root_p: float = 0.2
    ratio_drift: float = 0.25
    half_life_times: float = 2.0
    jump_z: float = 10.0
    cusum: float = 12.0


class BreakWatch:
    """Holds each new residual against the process that was fitted before.

    Parameters
    ----------
    formed : OrnsteinUhlenbeck
        What it was.
    beta : float
        The ratio that it was.
    count : int
        Residuals that the tests look back on. Over thirty half-lives chance alone alarmed in 23 of 40 series of two
        hundred, over sixty in none.
    step_s : float
        Between two of them, seconds.
    limits : BreakLimits
        How far it may change.
    seen : iterable of float
        Residuals of before, which the tests look back on as well.

    Attributes
    ----------
    reason : str
        In words what broke, with the figure and its limit; empty while it holds.
    """

    def __init__(
        self,
        formed: OrnsteinUhlenbeck,
        beta: float,
        count: int,
        step_s: float,
        limits: BreakLimits | None = None,
        seen: Iterable[float] = (),
    ) -> None:
        self.limits = limits or BreakLimits()
        self.reason = ""
        self._formed, self._beta = formed, beta
        self._recent = RollingProcess(count, step_s)
        self._keep = math.exp(-formed.speed * step_s)
        self._step_deviation = formed.deviation * math.sqrt(1.0 - self._keep**2)
        self._up, self._down = (Cusum(0.5, self.limits.cusum) for _ in range(2))
        self._last = math.nan
        for self._last in seen:
            self._recent.update(self._last)

    def update(self, residual: float, beta: float) -> str:
        """Take the next residual, and the ratio of now; gives the reason."""
        self._recent.update(residual)
        surprise = self._surprise(residual)
        self._last = residual
        up, down = self._up.update(surprise), self._down.update(-surprise)
        self.reason = next(filter(None, (
            self._of_jump(surprise),
            f"steps to one side add up to {max(self._up.value, self._down.value):.1f} deviations, "
            f"{self.limits.cusum:g} are allowed" if up or down else "",
            self._of_ratio(beta),
            self._of_process(),
        )), "")  # fmt: skip
        return self.reason

    def _surprise(self, residual: float) -> float:
        """The step against what the process let expect, standard deviations."""
        if math.isnan(self._last):
            return 0.0
        expected = self._formed.mean + self._keep * (self._last - self._formed.mean)
        return (residual - expected) / self._step_deviation

    def _of_jump(self, surprise: float) -> str:
        limit = self.limits.jump_z
        return f"a step of {surprise:+.1f} deviations, {limit:g} are allowed" if abs(surprise) > limit else ""

    def _of_ratio(self, beta: float) -> str:
        drift = beta / self._beta - 1.0
        if abs(drift) <= self.limits.ratio_drift:
            return ""
        return f"the ratio went from {self._beta:.4g} to {beta:.4g}, {self.limits.ratio_drift:.0%} is allowed"

    def _of_process(self) -> str:
        if not self._recent.full:
            return ""
        p = unit_root_p(self._recent.unit_root_t)
        if math.isnan(p) or p > self.limits.unit_root_p:
            return f"it may not come back: p of a unit root is {p:.2f}, {self.limits.unit_root_p:g} is allowed"
        now = self._recent.value
        longest_s = self.limits.half_life_times * self._formed.half_life_s
        if now is None or now.half_life_s > longest_s:
            half_life_s = math.inf if now is None else now.half_life_s
            return f"its half-life is {half_life_s:.4g} s, {longest_s:.4g} is allowed"
        return ""
