"""The quotes of Avellaneda and Stoikov: a maker with a fixed end, for reference.

References
----------
M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3) (2008), 217-224.
The tables of its journal edition are reproduced by the tests; those of the preprint are other numbers.
"""

from __future__ import annotations

import math


def reservation_price(fair: float, inventory: float, gamma: float, sigma: float, left_s: float) -> float:
    """The price at which one more unit is worth what it costs: ``s - q gamma sigma^2 (T - t)``, eq. 29.

    Parameters
    ----------
    fair : float
        Mid, price.
    inventory : float
        Signed size.
    gamma : float
        Risk aversion, 1 / (price x size).
    sigma : float
        Volatility, price / sqrt(second).
    left_s : float
        Time left, seconds.
    """
    return fair - inventory * gamma * sigma * sigma * left_s


def spread(gamma: float, sigma: float, kappa: float, left_s: float) -> float:
    """Sum of both depths: ``gamma sigma^2 (T - t) + (2 / gamma) ln(1 + gamma / kappa)``, eq. 30; price.

    Parameters
    ----------
    kappa : float
        Decay of the fill rate with depth, 1 / price.
    """
    return gamma * sigma * sigma * left_s + 2.0 / gamma * math.log1p(gamma / kappa)


def mean_spread(gamma: float, sigma: float, kappa: float, horizon_s: float) -> float:
    """The spread averaged over the whole time: what the paper's symmetric strategy quotes; price."""
    return spread(gamma, sigma, kappa, 0.5 * horizon_s)


def without_horizon(fair: float, inventory: float, gamma: float, sigma: float, most: float) -> tuple[float, float]:
    """Reservation bid and ask of a maker without a horizon who holds at most `most`, eq. 15-16; price.

    Volatility cancels out of them: they say nothing about a busy or a quiet market, and are not quoted by.

    Parameters
    ----------
    most : float
        Largest inventory, size.
    """
    variance = gamma * gamma * sigma * sigma
    room = variance * (most + 1.0) ** 2 - variance * inventory * inventory
    bid = fair + math.log1p((-1.0 - 2.0 * inventory) * variance / room) / gamma
    ask = fair + math.log1p((1.0 - 2.0 * inventory) * variance / room) / gamma
    return bid, ask
