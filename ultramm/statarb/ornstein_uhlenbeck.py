"""The process that comes back: fitted exactly, with what is not known of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.features.average import RollingSum

_TWO_SIDED_95 = 1.959963984540054
_LEAST_POINTS = 10


class OrnsteinUhlenbeck(msgspec.Struct, frozen=True):
    """``dX = speed (mean - X) dt + eta dW``, as it was estimated.

    Parameters
    ----------
    speed : float
        1/s; not positive where it does not come back.
    mean : float
        Of X.
    eta : float
        X / sqrt(s).
    speed_error : float
        Standard error, 1/s.
    span_s : float
        Seconds of observations that it was fitted on.
    """

    speed: float
    mean: float
    eta: float
    speed_error: float = math.nan
    span_s: float = math.nan

    @property
    def reverts(self) -> bool:
        return 0.0 < self.speed < math.inf

    @property
    def deviation(self) -> float:
        """Standard deviation of X in the long run; infinite where it does not come back."""
        return self.eta / math.sqrt(2.0 * self.speed) if self.reverts else math.inf

    @property
    def half_life_s(self) -> float:
        """Time in which half of a distance from the mean is gone on average, seconds."""
        return math.log(2.0) / self.speed if self.reverts else math.inf

    @property
    def half_life_interval_s(self) -> tuple[float, float]:
        """Where the half-life is in 95 of 100 cases, seconds; the end is infinite where it may never come back."""
        margin = _TWO_SIDED_95 * self.speed_error
        low, high = self.speed - margin, self.speed + margin
        return (math.log(2.0) / high if high > 0.0 else math.inf, math.log(2.0) / low if low > 0.0 else math.inf)

    def z_score(self, x: float) -> float:
        """How far from the mean, in standard deviations of the long run."""
        return (x - self.mean) / self.deviation


def fit(x: Sequence[float] | npt.NDArray[np.float64], step_s: float) -> OrnsteinUhlenbeck:
    """Exact maximum likelihood from equally spaced observations.

    Parameters
    ----------
    x : array of shape (n,)
        At least ten.
    step_s : float
        Between two of them, seconds.

    Raises
    ------
    ValueError
        There are too few, or they never move.

    Notes
    -----
    X after a step is ``a + b X`` and normal noise of variance v: ``speed = -ln b / step``, ``mean = a / (1 - b)``,
    ``eta^2 = 2 speed v / (1 - b^2)``. The speed is biased upwards by some four over the span (Phillips and Yu,
    "Jackknifing bond option prices", 2005); `jackknifed` takes most of that off.

    Examples
    --------
    >>> found = fit([0, 0.5, 0.3, -0.1, -0.4, -0.2, 0.1, 0.4, 0.2, 0], 1.0)
    >>> round(found.speed, 10), round(found.mean, 10), round(found.eta, 10)
    (0.9407817519, 0.0888888889, 0.3795008698)
    """
    values = np.asarray(x, dtype=float)
    if len(values) < _LEAST_POINTS:
        raise ValueError(f"{len(values)} observations: give at least {_LEAST_POINTS}")
    before, after = values[:-1], values[1:]
    centre = before.mean()
    moved = before - centre
    squares = float(moved @ moved)
    if not squares > 0.0:
        raise ValueError("the observations never move")
    slope = float(moved @ after) / squares
    intercept = float(after.mean()) - slope * float(centre)
    left = after - intercept - slope * before
    return _process(slope, intercept, float(left @ left) / len(left), len(left), step_s)


def _process(slope: float, intercept: float, variance: float, steps: int, step_s: float) -> OrnsteinUhlenbeck:
    span_s = steps * step_s
    if not 0.0 < slope < 1.0:
        # It does not come back, or jumps from side to side faster than it is seen.
        eta = math.sqrt(variance / step_s)
        return OrnsteinUhlenbeck(0.0 if slope >= 1.0 else math.inf, math.nan, eta, math.nan, span_s)
    speed = -math.log(slope) / step_s
    eta = math.sqrt(2.0 * speed * variance / (1.0 - slope * slope))
    error = math.sqrt((1.0 - slope * slope) / steps) / (slope * step_s)
    return OrnsteinUhlenbeck(speed, intercept / (1.0 - slope), eta, error, span_s)


def jackknifed(x: Sequence[float] | npt.NDArray[np.float64], step_s: float) -> OrnsteinUhlenbeck:
    """`fit`, with the speed's bias taken off by comparing it with that of either half; never below nothing.

    Notes
    -----
    ``2 a - (a_1 + a_2) / 2``; Phillips and Yu, *Review of Financial Studies* 18 (2005), eq. 9.
    """
    values = np.asarray(x, dtype=float)
    whole, half = fit(values, step_s), len(values) // 2
    first, second = fit(values[: half + 1], step_s), fit(values[half:], step_s)
    speed = 2.0 * whole.speed - 0.5 * (first.speed + second.speed)
    if not 0.0 < speed < math.inf:
        return whole
    return msgspec.structs.replace(whole, speed=speed)


class RollingProcess:
    """`fit` of the last observations, O(1) for each.

    Parameters
    ----------
    count : int
        Observations remembered.
    step_s : float
        Between two of them, seconds.
    """

    __slots__ = ("_count", "_last", "_origin", "_step_s", "_x", "_xx", "_xy", "_y", "_yy")

    def __init__(self, count: int, step_s: float) -> None:
        self._count, self._step_s = count, step_s
        self._last = self._origin = math.nan
        self._x, self._y, self._xx, self._xy, self._yy = (RollingSum(count - 1) for _ in range(5))

    def __len__(self) -> int:
        return len(self._x)

    def update(self, value: float) -> None:
        """Take the next observation."""
        if math.isnan(self._last):
            self._origin = self._last = value
            return
        # Sums of squares of what is far from nought lose their digits.
        x, y = self._last - self._origin, value - self._origin
        for total, term in zip(self._sums, (x, y, x * x, x * y, y * y), strict=True):
            total.update(term)
        self._last = value

    @property
    def _sums(self) -> tuple[RollingSum, ...]:
        return self._x, self._y, self._xx, self._xy, self._yy

    @property
    def full(self) -> bool:
        """Whether as many were seen as it remembers."""
        return self._x.full

    def regression(self) -> tuple[float, float, float, float]:
        """Slope and intercept of each observation on the one before, mean squared residual, and the slope's error.

        NaN before ten observations, or where nothing moved.
        """
        n = len(self._x)
        if n + 1 < _LEAST_POINTS:
            return (math.nan,) * 4
        x, y, xx, xy, yy = (total.value / n for total in self._sums)
        variance, covariance, of_y = xx - x * x, xy - x * y, yy - y * y
        if not variance > 1e-14 * max(xx, 1e-300):
            return (math.nan,) * 4
        slope = covariance / variance
        left = max(0.0, of_y - slope * covariance)
        error = math.sqrt(left * n / (n - 2) / (n * variance))
        intercept = y - slope * x + self._origin * (1.0 - slope)
        return slope, intercept, left, error

    @property
    def value(self) -> OrnsteinUhlenbeck | None:
        """The process; None before ten observations, or where nothing moved."""
        slope, intercept, variance, _ = self.regression()
        return None if math.isnan(slope) else _process(slope, intercept, variance, len(self._x), self._step_s)

    @property
    def unit_root_t(self) -> float:
        """Dickey and Fuller's statistic, with a constant: how far below one the slope is, in its errors."""
        slope, _, _, error = self.regression()
        return (slope - 1.0) / error if error > 0.0 else math.nan
