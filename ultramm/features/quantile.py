"""A quantile of a stream, without the stream."""

from __future__ import annotations

import math

_MARKERS = 5


class StreamQuantile:
    """Estimate of one quantile from five markers, O(1) in time and memory.

    Parameters
    ----------
    probability : float
        Which, in (0, 1).

    References
    ----------
    R. Jain, I. Chlamtac, "The P2 algorithm for dynamic calculation of quantiles and histograms without storing
    observations", Communications of the ACM 28 (1985), box 1.

    Examples
    --------
    >>> median = StreamQuantile(0.5)
    >>> for x in (0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.60, 10.28, 1.47, 0.40, 0.05,
    ...           11.39, 0.27, 0.42, 0.09, 11.37):
    ...     median.update(x)
    >>> round(median.value, 2)  # as in the paper's table
    4.44
    """

    __slots__ = ("_desired", "_heights", "_positions", "_steps", "count")

    def __init__(self, probability: float) -> None:
        if not 0.0 < probability < 1.0:
            raise ValueError(f"a probability is between 0 and 1, not {probability}")
        p = probability
        self._heights: list[float] = []
        self._positions = [0.0, 1.0, 2.0, 3.0, 4.0]
        self._desired = [0.0, 2.0 * p, 4.0 * p, 2.0 + 2.0 * p, 4.0]
        self._steps = (0.0, 0.5 * p, p, 0.5 * (1.0 + p), 1.0)
        self.count = 0

    def update(self, x: float) -> None:
        """Take one sample."""
        self.count += 1
        heights = self._heights
        if len(heights) < _MARKERS:
            heights.append(x)
            heights.sort()
            return
        positions, desired = self._positions, self._desired
        if x < heights[0]:
            heights[0], cell = x, 0
        elif x >= heights[4]:
            heights[4], cell = x, 3
        else:
            cell = 0
            while x >= heights[cell + 1]:
                cell += 1
        for i in range(cell + 1, _MARKERS):
            positions[i] += 1.0
        for i in range(1, _MARKERS):
            desired[i] += self._steps[i]
        for i in (1, 2, 3):
            self._move(i)

    def _move(self, i: int) -> None:
        """Bring a marker nearer to where it should be, by one place."""
        heights, positions = self._heights, self._positions
        off = self._desired[i] - positions[i]
        if not (
            (off >= 1.0 and positions[i + 1] - positions[i] > 1.0)
            or (off <= -1.0 and positions[i - 1] - positions[i] < -1.0)
        ):
            return
        step = 1 if off > 0 else -1
        height = self._parabolic(i, step)
        if not heights[i - 1] < height < heights[i + 1]:
            gap = positions[i + step] - positions[i]
            height = heights[i] + step * (heights[i + step] - heights[i]) / gap
        heights[i] = height
        positions[i] += step

    def _parabolic(self, i: int, step: int) -> float:
        q, n = self._heights, self._positions
        right = (n[i] - n[i - 1] + step) * (q[i + 1] - q[i]) / (n[i + 1] - n[i])
        left = (n[i + 1] - n[i] - step) * (q[i] - q[i - 1]) / (n[i] - n[i - 1])
        return q[i] + step / (n[i + 1] - n[i - 1]) * (right + left)

    @property
    def value(self) -> float:
        """The estimate, in the unit of `x`; NaN before five samples."""
        return self._heights[2] if len(self._heights) == _MARKERS else math.nan
