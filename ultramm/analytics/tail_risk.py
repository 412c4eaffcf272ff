"""Value at risk and expected shortfall of losses: by history, and beyond it by the theory of extremes.

Losses are positive numbers here; a gain is a negative one.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

_LEAST_EXCESSES = 50


class TailRisk(NamedTuple):
    """What is lost with a probability of no more than one less `confidence`, and what on average beyond it."""

    value_at_risk: float
    expected_shortfall: float


def normal_tail(sigma: float, confidence: float = 0.99) -> TailRisk:
    """Of normal losses without a mean.

    Examples
    --------
    >>> [round(x, 6) for x in normal_tail(1.0)]
    [2.326348, 2.665214]
    """
    normal = NormalDist()
    z = normal.inv_cdf(confidence)
    return TailRisk(sigma * z, sigma * normal.pdf(z) / (1.0 - confidence))


def historical_tail(losses: ArrayLike, confidence: float = 0.99, decay: float = 1.0) -> TailRisk:
    """Of what was seen, oldest first, each weighing `decay` times the next.

    Parameters
    ----------
    decay : float
        In (0, 1]; 0.97 a day is usual for daily losses.

    References
    ----------
    J. Boudoukh, M. Richardson, R. Whitelaw, "The best of both worlds", Risk 11 (1998).
    """
    values = np.asarray(losses, dtype=float)
    if not len(values):
        return TailRisk(math.nan, math.nan)
    weights = decay ** np.arange(len(values) - 1, -1, -1)
    order = np.argsort(values)
    values, weights = values[order], weights[order] / weights.sum()
    below = np.cumsum(weights)
    at = min(int(np.searchsorted(below, confidence - 1e-12)), len(values) - 1)
    # The value at risk itself has only as much weight in the tail as lies beyond the confidence.
    tail = weights[at:].copy()
    tail[0] = below[at] - confidence
    total = tail.sum()
    shortfall = float(tail @ values[at:] / total) if total > 0.0 else float(values[at])
    return TailRisk(float(values[at]), shortfall)


def extreme_tail(losses: ArrayLike, confidence: float = 0.999, threshold_at: float = 0.95) -> TailRisk:
    """Of losses beyond a high quantile, as a generalised Pareto distribution fitted by likelihood has it.

    Parameters
    ----------
    threshold_at : float
        Quantile beyond which losses are taken for extreme; below `confidence`.

    Notes
    -----
    ``VaR = u + beta / xi ((n / n_u (1 - p))^-xi - 1)`` and ``ES = (VaR + beta - xi u) / (1 - xi)``. NaN with fewer than
    50 extreme losses; the shortfall is infinite where ``xi >= 1``.

    References
    ----------
    A. McNeil, R. Frey, P. Embrechts, *Quantitative Risk Management*, 2nd ed. (2015), eqs. 5.18, 5.19.
    """
    from scipy import stats  # a report without it should not wait for it

    values = np.asarray(losses, dtype=float)
    if not len(values):
        return TailRisk(math.nan, math.nan)
    threshold = float(np.quantile(values, threshold_at))
    excesses = values[values > threshold] - threshold
    if len(excesses) < _LEAST_EXCESSES:
        return TailRisk(math.nan, math.nan)
    shape, _, scale = (float(x) for x in stats.genpareto.fit(excesses, floc=0.0))
    share = len(values) / len(excesses) * (1.0 - confidence)
    if abs(shape) < 1e-9:
        at_risk = threshold - scale * math.log(share)
    else:
        at_risk = threshold + scale / shape * (share**-shape - 1.0)
    shortfall = (at_risk + scale - shape * threshold) / (1.0 - shape) if shape < 1.0 else math.inf
    return TailRisk(at_risk, shortfall)
