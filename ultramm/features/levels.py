"""Volatility over three spans, what a forecast of the next minute's goes by, and what came of it."""

from __future__ import annotations

import math

from ultramm.features.volatility import QuotingVolatility

LEVELS = ("volatility_30_s_log", "volatility_5_min_log", "volatility_1_h_log")
_SMALLEST = 0.1  # of an hour's volatility: what a still market is taken for


class VolatilityLevels:
    """Follows a mid, in basis points; O(1) an event.

    Attributes
    ----------
    change_bps : float
        Of the last sample, a second.
    scaled : float
        The same over an hour's volatility before it: what a filter of regimes takes; 0 while that is not known.

    References
    ----------
    F. Corsi, "A simple approximate long-memory model of realized volatility", *J. Financial Econometrics* 7 (2009),
    with exponential weights for means of days.
    """

    def __init__(self) -> None:
        self._volatility = QuotingVolatility()
        self._squares = 0.0
        self.samples = 0
        self.change_bps = self.scaled = 0.0

    def update(self, ts_ns: int, mid: float) -> int:
        """From `ts_ns` on the mid is `mid`. Gives how many seconds' samples fell due: the first was `change_bps`."""
        if math.isnan(mid):
            return 0
        before = self.usual
        due = self._volatility.update(ts_ns, 1e4 * math.log(mid))
        if due:
            self.change_bps = self._volatility.fast.change
            self.scaled = self.change_bps / before if before > 0.0 else 0.0
            self._squares += self.change_bps**2
            self.samples += due
        return due

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._volatility.interrupted()

    @property
    def known(self) -> bool:
        """Whether a minute was seen."""
        return math.isfinite(self._volatility.fast.value) and self.usual > 0.0

    def row(self) -> list[float]:
        """Logarithms of the three, basis points / sqrt(second)."""
        levels = self._volatility
        least = _SMALLEST * self.usual
        return [math.log(max(least, each.value)) for each in (levels.fast, levels.medium, levels.slow)]

    @property
    def usual(self) -> float:
        """An hour's, basis points / sqrt(second)."""
        return self._volatility.slow.value

    @property
    def quoted(self) -> float:
        """What is quoted by without a forecast, basis points / sqrt(second)."""
        return self._volatility.value()

    @property
    def mark(self) -> tuple[int, float]:
        """To be kept, and given to `since` later."""
        return self.samples, self._squares

    def since(self, mark: tuple[int, float]) -> float:
        """Logarithm of what volatility was from a mark on, basis points / sqrt(second); NaN where nothing was seen."""
        samples = self.samples - mark[0]
        if samples <= 0 or not self.usual > 0.0:
            return math.nan
        return math.log(max(_SMALLEST * self.usual, math.sqrt(max(0.0, self._squares - mark[1]) / samples)))
