"""How far off a mean or a share may be."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from ultramm.analytics.report.series import Floats

Z95 = 1.959963984540054


class Mean(msgspec.Struct, frozen=True):
    """A mean with its standard error, None where there is too little to tell."""

    value: float
    standard_error: float | None
    count: int
    clusters: int


def wilson_interval(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's interval of a share: inside 0 .. 1 and right for small counts, where mean ± z·SE is neither.

    References
    ----------
    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", *JASA* 22, 1927.
    """
    share, correction = successes / trials, z * z / trials
    centre = (share + correction / 2) / (1 + correction)
    half = z / (1 + correction) * math.sqrt(share * (1 - share) / trials + correction / (4 * trials))
    # At no and at full success a limit is exact; rounding would leave it a hair off.
    lower = 0.0 if successes == 0 else centre - half
    return lower, 1.0 if successes == trials else centre + half


def clustered_mean(values: Floats, weights: Floats, clusters: Floats, least_clusters: int = 5) -> Mean | None:
    """Weighted mean whose error lets values of one cluster move together; None without values.

    ``variance = G / (G - 1) * sum over clusters of (sum of w (x - mean))^2 / (sum of w)^2`` for G clusters: the
    sandwich of a regression on a constant. With fewer than `least_clusters` it would be far too small, so it is None.

    References
    ----------
    A. C. Cameron and D. L. Miller, "A practitioner's guide to cluster-robust inference", *Journal of Human
    Resources* 50, 2015.
    """
    if not len(values):
        return None
    total = weights.sum()
    mean = float(weights @ values / total)
    _, labels = np.unique(clusters, return_inverse=True)
    sums = np.bincount(labels, weights * (values - mean))
    count = len(sums)
    error = None
    if count >= max(least_clusters, 2):
        error = float(np.sqrt(count / (count - 1) * (sums @ sums)) / total)
    return Mean(mean, error, len(values), count)


def newey_west_lags(count: int) -> int:
    """Lags that grow slowly with the number of observations, ``floor(4 (n / 100)^(2/9))``."""
    return math.floor(4 * math.pow(count / 100, 2 / 9))


def newey_west_error(values: Floats, lags: int | None = None) -> float:
    """Standard error of the mean of a series whose neighbours may be correlated.

    Bartlett weights up to `lags`, and ``n / (n - 1)`` for the mean that is estimated.

    References
    ----------
    W. K. Newey and K. D. West, "A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
    covariance matrix", *Econometrica* 55, 1987.
    """
    count = len(values)
    lags = min(newey_west_lags(count) if lags is None else lags, count - 1)
    rest = values - values.mean()
    variance = float(rest @ rest)
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(rest[lag:] @ rest[:-lag])
    return math.sqrt(max(variance, 0.0) * count / (count - 1)) / count
