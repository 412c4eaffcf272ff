"""Whether an order that is not where it should be keeps its place in the queue."""

from __future__ import annotations

import math


def worth_keeping(offset: float, ahead: float, ahead_there: float, touch_volume: float) -> bool:
    """Whether an order is worth more where it is than at the back of the queue where it should be.

    With fills at ``A exp(-kappa delta)``, a quote at the best depth earns ``A exp(-kappa delta*) / kappa`` a second
    over what the inventory is worth to us; one that stands ``x`` from there the share ``(1 + kappa x) exp(-kappa x)``
    of that. Of what is reached, the size `ahead` leaves it the share ``exp(-ahead / touch_volume)``: what trades at a
    price before it is gone is taken to be exponential, with the mean that is measured. So the gain of moving is set
    against the value of the place: ``(1 + kappa x) exp(-kappa x - ahead / v) >= exp(-ahead_there / v)``.

    Parameters
    ----------
    offset : float
        ``kappa x``: how far the order is behind where it should be, in units of ``1 / kappa``; negative where it is
        nearer to the market. From one on it is never worth keeping: there the formula compares two trifles.
    ahead, ahead_there : float
        Size that trades before the order, and before one that joins where it should be; NaN for the first, unknown,
        keeps nothing.
    touch_volume : float
        Mean size that trades at a price while it is best; NaN, unknown, keeps nothing.

    References
    ----------
    Loss away from the optimum: from the fill intensity of M. Avellaneda, S. Stoikov, "High-frequency trading in a limit
    order book", Quantitative Finance 8 (2008). Value of a place: C. Moallemi, K. Yuan, "A model for queue position
    valuation in a limit order book" (2016), here without its adverse selection.

    Examples
    --------
    >>> worth_keeping(0.5, ahead=1.0, ahead_there=5.0, touch_volume=2.0)
    True
    >>> worth_keeping(0.5, ahead=5.0, ahead_there=5.0, touch_volume=2.0)
    False
    """
    if not -1.0 < offset < 1.0 or not touch_volume > 0.0:
        return False
    saved = (ahead_there - ahead) / touch_volume
    return math.log1p(offset) - offset + saved >= 0.0
