"""How far off a forecast may be, with a share of misses that is kept whatever the market does."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque


class AdaptiveConformal:
    """A bound on errors that is missed as often as asked, in the long run, without any assumption about them.

    Errors are divided by their own recent size; the bound is a quantile of the last of these scores, and which one
    moves with each miss: ``alpha <- alpha + step * (target - missed)``. Over T errors the share of misses is within
    `coverage_bound` of the target, always.

    Parameters
    ----------
    target : float
        Share of misses.
    step : float
        How fast the quantile follows.
    scores : int
        That are looked at.
    memory : float
        Errors over which their size is averaged, exponentially.

    References
    ----------
    I. Gibbs, E. Candès, "Adaptive conformal inference under distribution shift", NeurIPS 2021, eq. 2 and
    proposition 4.1.
    """

    def __init__(self, target: float = 0.1, step: float = 0.01, scores: int = 500, memory: float = 500.0) -> None:
        if not 0.0 < target < 1.0 or not step > 0.0:
            raise ValueError(f"a share of misses is between 0 and 1 and a step above 0, not {target}, {step}")
        self.target = target
        self.step = step
        self._alpha = target
        self._weight = 1.0 / memory
        self._size = math.nan
        self._last: deque[float] = deque(maxlen=scores)
        self._sorted: list[float] = []
        self.errors = self.misses = 0

    @property
    def bound(self) -> float:
        """Errors as large as this are no miss, in the unit of errors; infinite while too few were seen."""
        # An alpha at or below 0 wants all errors covered, one at or above 1 none: so the guarantee is kept.
        if self._alpha <= 0.0 or not self._sorted:
            return math.inf
        if self._alpha >= 1.0:
            return -math.inf
        rank = math.ceil((1.0 - self._alpha) * (len(self._sorted) + 1))
        return math.inf if rank > len(self._sorted) else self._sorted[rank - 1] * self._size

    def update(self, error: float) -> bool:
        """One forecast was so far off; gives whether that was a miss of the bound as it stood."""
        error = abs(error)
        missed = error > self.bound
        self.errors += 1
        self.misses += missed
        self._alpha += self.step * (self.target - missed)
        self._size = error if math.isnan(self._size) else self._size + self._weight * (error - self._size)
        self._keep(error / self._size if self._size > 0.0 else 0.0)
        return missed

    def _keep(self, score: float) -> None:
        if len(self._last) == self._last.maxlen:
            del self._sorted[bisect_left(self._sorted, self._last[0])]
        self._last.append(score)
        insort(self._sorted, score)


def coverage_bound(errors: int, target: float = 0.1, step: float = 0.01) -> float:
    """How far the share of misses of so many errors may be from the target.

    ``(max(target, 1 - target) + step) / (errors * step)``.

    Examples
    --------
    >>> round(coverage_bound(20_000), 5)
    0.00455
    """
    return (max(target, 1.0 - target) + step) / (errors * step)
