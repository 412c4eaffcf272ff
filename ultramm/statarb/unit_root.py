"""Whether a series comes back at all: the distribution of Dickey and Fuller's statistic, without heavy statistics."""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec


class _Surface(msgspec.Struct, frozen=True):
    """Of the statistic's distribution: its bend and ends, and below and above the bend a polynomial."""

    bend: float
    least: float
    most: float
    below: tuple[float, ...]
    above: tuple[float, ...]


# By the series that are bound together; with a constant.
_SURFACES = {
    1: _Surface(-1.61, -18.83, 2.74, (2.1659, 1.4412, 3.8269e-2), (1.7339, 9.3202e-1, -1.2745e-1, -1.0368e-2)),
    2: _Surface(-2.62, -18.86, 0.92, (2.92, 1.5012, 3.9796e-2), (2.1945, 6.4695e-1, -2.9198e-1, -4.2377e-2)),
    3: _Surface(-3.13, -23.48, 0.55, (3.4699, 1.4856, 3.164e-2), (2.5893, 4.5168e-1, -3.6529e-1, -5.0074e-2)),
    4: _Surface(-3.47, -28.07, 0.61, (3.9673, 1.4777, 2.6315e-2), (3.0387, 4.5452e-1, -3.3666e-1, -4.1921e-2)),
    5: _Surface(-3.78, -25.96, 0.79, (4.5509, 1.5338, 2.9545e-2), (3.5049, 5.2098e-1, -2.9158e-1, -3.3468e-2)),
    6: _Surface(-3.93, -23.27, 1.0, (5.1399, 1.6036, 3.4445e-2), (3.9489, 5.8933e-1, -2.5359e-1, -2.721e-2)),
}


def unit_root_p(t: float, series: int = 1) -> float:
    """How likely a series without return shows a statistic as low as this by chance.

    Parameters
    ----------
    t : float
        Of a regression with a constant, large sample.
    series : int
        1 for a series that was observed; 2 to 6 for what is left between as many whose ratios were estimated on the
        same window.

    Notes
    -----
    J. G. MacKinnon, "Approximate asymptotic distribution functions for unit-root and cointegration tests", *Journal of
    Business & Economic Statistics* 12 (1994), tables 3 and 4.

    Examples
    --------
    >>> round(unit_root_p(-2.8615), 2), round(unit_root_p(-3.3377, series=2), 2)
    (0.05, 0.05)
    """
    if math.isnan(t):
        return math.nan
    surface = _SURFACES[series]
    if t > surface.most:
        return 1.0
    if t < surface.least:
        return 0.0
    coefficients = surface.below if t <= surface.bend else surface.above
    return NormalDist().cdf(sum(each * t**power for power, each in enumerate(coefficients)))
