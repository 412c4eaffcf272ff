"""Intervals that cover as often as they say, whatever the forecast and however the market changes."""

from __future__ import annotations

import math
from collections import deque

import numpy as np


class AdaptiveConformal:
    """Width around a forecast that missed outcomes widen and covered ones narrow.

    Parameters
    ----------
    miss : float
        Share of outcomes that may be outside.
    step : float
        How fast the level follows.
    memory : int
        Scores that the width is a quantile of.
    least : int
        Scores before there is a width.

    Notes
    -----
    I. Gibbs and E. Candes, "Adaptive conformal inference under distribution shift", *NeurIPS* 34 (2021): the level
    moves by ``step (miss - missed)``, and for any sequence the share of misses over T outcomes is within
    ``(max(miss, 1 - miss) + step) / (T step)`` of `miss` (prop. 4.1).
    """

    def __init__(self, miss: float = 0.1, step: float = 0.01, memory: int = 2_000, least: int = 100) -> None:
        self._target, self._step, self._least = miss, step, least
        self._scores: deque[float] = deque(maxlen=memory)
        self._level = miss
        self._sorted: list[float] = []
        self._stale = 0
        self.outcomes = self.misses = 0

    @property
    def width(self) -> float:
        """Half of the interval, in the unit of the scores; NaN before there are enough, infinite after many misses."""
        if len(self._scores) < self._least:
            return math.nan
        if self._level <= 0.0:
            return math.inf
        if self._level >= 1.0:
            return 0.0
        if self._stale >= max(1, len(self._scores) // 100) or not self._sorted:
            self._sorted, self._stale = sorted(self._scores), 0
        place = math.ceil((1.0 - self._level) * (len(self._sorted) + 1)) - 1
        return self._sorted[place] if place < len(self._sorted) else math.inf

    def update(self, score: float) -> None:
        """An outcome was so far from its forecast, in size."""
        width = self.width
        if not math.isnan(width):
            # An interval of nothing misses everything, also what is just where it was forecast.
            missed = self._level >= 1.0 or score > width
            self.outcomes += 1
            self.misses += missed
            self._level += self._step * (self._target - missed)
        self._scores.append(score)
        self._stale += 1


def coverage_bound(outcomes: int, miss: float = 0.1, step: float = 0.01) -> float:
    """Most that the share of misses can be from `miss` after so many outcomes.

    Examples
    --------
    >>> round(coverage_bound(20_000), 5)
    0.00455
    """
    return float((np.maximum(miss, 1.0 - miss) + step) / (outcomes * step))
