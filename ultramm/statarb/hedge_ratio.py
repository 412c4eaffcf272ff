"""The ratio of a pair's prices, followed as it moves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

_LEAST_RATIO, _MOST_RATIO = 1e-12, 1e6
_LEAST_LOG = 700.0


class Noise(msgspec.Struct, frozen=True):
    """Variances of a pair's random walks, and of what is left between its prices.

    Parameters
    ----------
    beta : float
        Of a step of the ratio.
    alpha : float
        Of a step of the level, price^2.
    residual : float
        Price^2.
    """

    beta: float
    alpha: float
    residual: float


class Innovation(msgspec.Struct, frozen=True, gc=False):
    """What an observation brought that was not foreseen.

    Parameters
    ----------
    value : float
        By the ratio and the level from before it.
    variance : float
        Of it, as it was foreseen.
    """

    value: float
    variance: float

    @property
    def z(self) -> float:
        """In its own standard deviations."""
        return self.value / math.sqrt(self.variance)


class KalmanRatio:
    """Ratio and level of ``y = beta x + alpha + e``, both random walks, by Kalman's filter.

    Prices are to be logs less their first values, or the level cannot be told from the ratio (`rebased`).

    Parameters
    ----------
    noise : Noise
        As `fit_noise` finds it.
    beta, alpha : float
        To begin with.
    beta_variance, alpha_variance : float
        How sure that is.

    Attributes
    ----------
    beta, alpha : float
        With the last observation in them. What is traded is built with those of before: a ratio that follows at once
        takes the mispricing into itself.

    Notes
    -----
    Anderson and Moore, *Optimal Filtering* (1979), ch. 3; the covariance is kept symmetric.

    Examples
    --------
    >>> ratio = KalmanRatio(Noise(beta=0.01, alpha=0.0, residual=0.1), beta_variance=1.0, alpha_variance=100.0)
    >>> for x, y in ((1, 2), (2, 3), (3, 5)):
    ...     innovation = ratio.update(x, y)
    >>> round(ratio.beta, 8), round(innovation.value, 8), round(innovation.variance, 8)
    (1.45946355, 0.99668523, 0.61697632)
    """

    __slots__ = ("_aa", "_ab", "_bb", "_noise", "alpha", "beta")

    def __init__(
        self,
        noise: Noise,
        beta: float = 1.0,
        alpha: float = 0.0,
        beta_variance: float = 1.0,
        alpha_variance: float = 1.0,
    ) -> None:
        self._noise = noise
        self.beta, self.alpha = beta, alpha
        self._bb, self._ab, self._aa = beta_variance, 0.0, alpha_variance

    @property
    def beta_error(self) -> float:
        """Standard error of the ratio."""
        return math.sqrt(max(0.0, self._bb))

    def update(self, x: float, y: float) -> Innovation:
        """Take one observation."""
        noise = self._noise
        bb, ab, aa = self._bb + noise.beta, self._ab, self._aa + noise.alpha
        # What the observation says of each: the covariance times (x, 1).
        of_beta, of_alpha = bb * x + ab, ab * x + aa
        variance = x * of_beta + of_alpha + noise.residual
        innovation = y - self.beta * x - self.alpha
        gain_beta, gain_alpha = of_beta / variance, of_alpha / variance
        self.beta += gain_beta * innovation
        self.alpha += gain_alpha * innovation
        self._bb = bb - gain_beta * of_beta
        self._ab = ab - gain_beta * of_alpha
        self._aa = aa - gain_alpha * of_alpha
        return Innovation(innovation, variance)


def rebased(prices: Sequence[float] | npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Logs of prices, less the first of them; shape as given."""
    logs = np.log(np.asarray(prices, dtype=float))
    return np.asarray(logs - logs[0])


def fit_noise(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Noise:
    """The noise under which a window of observations is most likely.

    Parameters
    ----------
    x, y : array of shape (n,)
        Rebased logs, n at least 30.

    Returns
    -------
    Noise

    Raises
    ------
    ValueError
        Too few observations, or of unequal number, or `x` that never moves.

    Notes
    -----
    Maximises the likelihood of the innovations over the ratios of both walks' variances to the residual's by Nelder
    and Mead's simplex; the residual's follows from them. It begins with a ratio that moves by a thousandth of what
    one observation could tell. Harvey, *Forecasting, Structural Time Series Models and the Kalman Filter* (1989),
    sec. 3.4.
    """
    if len(x) != len(y) or len(x) < 30:
        raise ValueError(f"{len(x)} and {len(y)} observations: give as many of each, at least 30")
    moves = float(np.var(x))
    if not moves > 0.0:
        raise ValueError("the first of the pair never moves")
    start = np.log([1e-6 / moves, 1e-4])
    # Where walks explain all, the likelihood goes on to rise with their share of it, without end and without effect.
    most = np.log([_MOST_RATIO / moves, _MOST_RATIO])
    observed = list(zip(x.tolist(), y.tolist(), strict=True))
    found = minimize(
        lambda logs: _deviance(observed, math.exp(logs[0]), math.exp(logs[1]))[0],
        start,
        method="Nelder-Mead",
        bounds=[(-_LEAST_LOG, each) for each in most.tolist()],
        options={"xatol": 1e-2, "fatol": 1e-2, "maxiter": 400},
    )
    beta, alpha = (max(_LEAST_RATIO, math.exp(each)) for each in found.x)
    residual = _deviance(observed, beta, alpha)[1]
    return Noise(beta * residual, alpha * residual, residual)


def _deviance(observed: list[tuple[float, float]], beta: float, alpha: float) -> tuple[float, float]:
    """Twice the negative log-likelihood with the residual's variance at its best, up to a constant; and that variance.

    The first tenth only tells where ratio and level begin.
    """
    # The residual's variance scales all: it is taken as one, and read off the innovations.
    ratio = KalmanRatio(Noise(beta, alpha, 1.0), 0.0, 0.0, 1e6, 1e6)
    skipped = max(2, len(observed) // 10)
    squares, logs, count = 0.0, 0.0, len(observed) - skipped
    for number, (x, y) in enumerate(observed):
        innovation = ratio.update(x, y)
        if number >= skipped:
            squares += innovation.value**2 / innovation.variance
            logs += math.log(innovation.variance)
    residual = max(squares / count, 1e-300)
    return count * math.log(residual) + logs, residual


def level_gain(step_variance: float, noise_variance: float) -> tuple[float, float]:
    """Steady variance and gain of the filter of a level alone, which moves by so much and is seen through so much.

    Examples
    --------
    >>> variance, gain = level_gain(1.0, 1.0)
    >>> round(gain, 9)
    0.618033989
    """
    root = math.sqrt(step_variance**2 + 4.0 * step_variance * noise_variance)
    variance = 0.5 * (step_variance + root)
    return variance, variance / (variance + noise_variance)
