"""How deep a drawdown chance alone brings about."""

from __future__ import annotations

import math

_TERMS = 200
_PRECISION = 1e-12


def drawdown_probability(depth: float) -> float:
    """Probability that P&L without a drift falls no further than `depth` from its peak.

    Parameters
    ----------
    depth : float
        In standard deviations of the P&L of the whole time, ``depth * sigma * sqrt(T)``.

    Notes
    -----
    The distance of a Brownian motion from its running maximum is a reflected one (Lévy), so that its largest value
    stays within `depth` with probability ``(4 / pi) sum (-1)^k / (2k + 1) exp(-(2k + 1)^2 pi^2 / (8 depth^2))``.

    References
    ----------
    W. Feller, *An Introduction to Probability Theory and Its Applications*, vol. 2, 2nd ed. (1971), X.5.

    Examples
    --------
    >>> round(drawdown_probability(3.480756), 6)
    0.999
    """
    if depth <= 0.0:
        return 0.0
    total = 0.0
    for k in range(_TERMS):
        odd = 2 * k + 1
        term = math.exp(-(odd**2) * math.pi**2 / (8.0 * depth**2)) / odd
        total += -term if k % 2 else term
        if term < _PRECISION:
            break
    return min(1.0, 4.0 / math.pi * total)


def drawdown_quantile(probability: float) -> float:
    """The depth that chance alone keeps within with a probability in (0, 1): the inverse of `drawdown_probability`.

    Examples
    --------
    >>> round(drawdown_quantile(0.95), 6)
    2.241403
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"a probability is between 0 and 1, not {probability}")
    low, high = 0.0, 1.0
    while drawdown_probability(high) < probability:
        high *= 2.0
    while high - low > _PRECISION * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if drawdown_probability(middle) < probability else (low, middle)
    return high
