"""Volatility of the mid, sampled on a clock."""

from __future__ import annotations

import math


class EwVolatility:
    """Exponentially weighted volatility of mid changes over a fixed sampling interval.

    The mid is sampled each `interval_s` (the value that stood at that moment), not at each tick: tick-level
    variance is biased by the bounce of the book. ``variance <- decay * variance + (1 - decay) * change^2 /
    interval`` with ``decay = exp(-interval / tau)``; RiskMetrics' recursion with ``decay = lambda``.

    Parameters
    ----------
    tau_s : float
        Time constant, seconds.
    interval_s : float
        Sampling interval, seconds.
    warm_samples : int
        Changes to see before `value` is given; NaN until then.

    References
    ----------
    J. P. Morgan/Reuters, *RiskMetrics Technical Document*, 4th ed., 1996, section 5.2.
    """

    __slots__ = (
        "_decay",
        "_interval_ns",
        "_last_mid",
        "_next_ns",
        "_standing",
        "_warm",
        "samples",
        "variance",
    )

    def __init__(self, tau_s: float = 30.0, interval_s: float = 1.0, warm_samples: int = 10) -> None:
        self._decay = math.exp(-interval_s / tau_s)
        self._interval_ns = round(interval_s * 1e9)
        self._warm = warm_samples
        self._next_ns = 0
        self._last_mid = math.nan
        self._standing = math.nan
        self.samples = 0
        self.variance = math.nan

    def update(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`; NaN (a one-sided book) is ignored."""
        if math.isnan(mid):
            return
        if math.isnan(self._standing):
            self._standing = self._last_mid = mid
            self._next_ns = ts_ns + self._interval_ns
            return
        if ts_ns > self._next_ns:
            self._sample(ts_ns)
        self._standing = mid

    def _sample(self, ts_ns: int) -> None:
        """Take every sample that fell due; all but the first of a silence saw no change."""
        due = (ts_ns - self._next_ns - 1) // self._interval_ns + 1
        self._next_ns += due * self._interval_ns
        change = self._standing - self._last_mid
        self._last_mid = self._standing
        squared = change * change / (self._interval_ns * 1e-9)
        if self.samples == 0:
            self.variance = squared
        else:
            self.variance = self._decay * self.variance + (1.0 - self._decay) * squared
        if due > 1:
            self.variance *= self._decay ** (due - 1)
        self.samples += due

    @property
    def value(self) -> float:
        """Volatility, price / sqrt(second); NaN until warm."""
        return math.sqrt(self.variance) if self.samples >= self._warm else math.nan
