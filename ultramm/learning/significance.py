"""Whether a result is more than luck, when many were tried."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_EULER = 0.5772156649015329
_NORMAL = NormalDist()


def probabilistic_sharpe(
    ratio: float, count: int, *, against: float = 0.0, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Probability that the true Sharpe ratio is above another.

    Parameters
    ----------
    ratio, against : float
        Per observation, not annualised.
    count : int
        Observations.
    skew, kurtosis : float
        Of the observations; a normal's kurtosis is 3.

    Notes
    -----
    D. Bailey and M. Lopez de Prado, "The Sharpe ratio efficient frontier", *Journal of Risk* 15 (2012), eq. 9.
    """
    spread = 1.0 - skew * ratio + 0.25 * (kurtosis - 1.0) * ratio * ratio
    return _NORMAL.cdf((ratio - against) * math.sqrt(count - 1) / math.sqrt(spread))


def luckiest_sharpe(trials: int, variance: float) -> float:
    """What the best Sharpe ratio of so many trials is expected to be when all are worth nothing.

    Parameters
    ----------
    trials : int
        At least 2.
    variance : float
        Of the trials' ratios.

    Examples
    --------
    >>> round(luckiest_sharpe(100, 0.5 / 250), 6)
    0.113172
    """
    inverse = _NORMAL.inv_cdf
    return math.sqrt(variance) * (
        (1.0 - _EULER) * inverse(1.0 - 1.0 / trials) + _EULER * inverse(1.0 - 1.0 / (trials * math.e))
    )


def deflated_sharpe(
    ratio: float, count: int, trials: int, variance: float, *, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Probability that the best of so many trials is worth something.

    Parameters
    ----------
    ratio : float
        Of the best, per observation.
    count : int
        Observations.
    trials : int
        All that were tried, logged ones included.
    variance : float
        Of the trials' ratios.

    Notes
    -----
    D. Bailey and M. Lopez de Prado, "The deflated Sharpe ratio", *Journal of Portfolio Management* 40 (2014).

    Examples
    --------
    >>> round(deflated_sharpe(2.5 / 250**0.5, 1250, 100, 0.5 / 250, skew=-3, kurtosis=10), 6)
    0.900397
    """
    against = luckiest_sharpe(trials, variance) if trials > 1 else 0.0
    return probabilistic_sharpe(ratio, count, against=against, skew=skew, kurtosis=kurtosis)


def least_track_record(
    ratio: float, against: float, *, probability: float = 0.95, skew: float = 0.0, kurtosis: float = 3.0
) -> float:
    """Observations after which a Sharpe ratio would be known to be above another.

    Notes
    -----
    Bailey and Lopez de Prado (2012), eq. 11.
    """
    spread = 1.0 - skew * ratio + 0.25 * (kurtosis - 1.0) * ratio * ratio
    return 1.0 + spread * (_NORMAL.inv_cdf(probability) / (ratio - against)) ** 2


def overfitting_probability(gains: Array, parts: int = 10) -> float:
    """How often what was best in one half of the time is below the middle in the other.

    Parameters
    ----------
    gains : array of shape (n, k)
        Of k trials, n periods each.
    parts : int
        Even; the halves are made of so many parts, in every way.

    Notes
    -----
    D. Bailey, J. Borwein, M. Lopez de Prado, Q. Zhu, "The probability of backtest overfitting", *Journal of
    Computational Finance* 20 (2017): combinatorially symmetric cross-validation, by Sharpe ratios.

    Raises
    ------
    ValueError
        Fewer than two trials, or than two periods a part.
    """
    count, trials = gains.shape
    if trials < 2 or count < 2 * parts or parts % 2:
        raise ValueError(f"{trials} trials of {count} periods in {parts} parts: give more, and an even number of parts")
    blocks = np.array_split(gains, parts)
    below = []
    for chosen in combinations(range(parts), parts // 2):
        inside = _sharpes(np.concatenate([blocks[place] for place in chosen]))
        outside = _sharpes(np.concatenate([blocks[place] for place in range(parts) if place not in chosen]))
        rank = float((outside < outside[int(np.argmax(inside))]).sum() + 1) / (trials + 1)
        below.append(rank <= 0.5)
    return float(np.mean(below))


def _sharpes(gains: Array) -> Array:
    deviations = gains.std(axis=0, ddof=1)
    return np.divide(gains.mean(axis=0), deviations, out=np.zeros(gains.shape[1]), where=deviations > 0.0)
