"""Weights of which each carries the same risk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_ROUNDS, _ENOUGH = 10_000, 1e-13


def equal_risk(covariance: Array) -> Array:
    """The long-only weights of which each contributes as much to the variance.

    Parameters
    ----------
    covariance : array of shape (n, n)
        Positive definite.

    Returns
    -------
    array of shape (n,)
        Positive, adds up to one.

    Raises
    ------
    ValueError
        A variance is not positive.

    Notes
    -----
    Minimises ``w' C w / 2 - sum(log w) / n`` one coordinate after another, each by its quadratic equation. Maillard,
    Roncalli and Teiletche, "The properties of equally weighted risk contribution portfolios", *Journal of Portfolio
    Management* 36 (2010); Griveau-Billion, Richard and Roncalli (2013) for the algorithm.
    """
    size = len(covariance)
    variances = np.diag(covariance)
    if not np.all(variances > 0.0):
        raise ValueError("a variance is not positive")
    budget = 1.0 / size
    weights = 1.0 / np.sqrt(variances * size)
    for _ in range(_ROUNDS):
        before = weights.copy()
        for i in range(size):
            of_others = float(covariance[i] @ weights) - variances[i] * weights[i]
            root = np.sqrt(of_others**2 + 4.0 * variances[i] * budget)
            weights[i] = (root - of_others) / (2.0 * variances[i])
        if np.max(np.abs(weights - before)) <= _ENOUGH * np.max(weights):
            break
    return np.asarray(weights / weights.sum())


def shrunk_covariance(returns: Array) -> Array:
    """Covariance drawn towards equal variances without correlation, as far as the sample is unsure.

    Parameters
    ----------
    returns : array of shape (periods, n)

    Returns
    -------
    array of shape (n, n)

    Notes
    -----
    Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices", *Journal of Multivariate
    Analysis* 88 (2004); equal to scikit-learn's ``LedoitWolf``, which the path of orders is not to load.
    """
    periods, size = returns.shape
    moved = returns - returns.mean(axis=0)
    sample = moved.T @ moved / periods
    level = float(np.trace(sample)) / size
    squares = moved**2
    spread = float(np.sum(squares.T @ squares)) / periods - float(np.sum(sample**2))
    distance = float(np.sum(sample**2)) - size * level**2
    shrinkage = 0.0 if distance <= 0.0 else min(1.0, max(0.0, spread / periods / distance))
    return np.asarray((1.0 - shrinkage) * sample + shrinkage * level * np.eye(size))
