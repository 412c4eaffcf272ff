"""Quotes on several correlated instruments, in closed form.

References
----------
P. Bergault, D. Evangelista, O. Guéant, D. Vieira, "Closed-form approximations in multi-asset market making", Applied
Mathematical Finance 28 (2021).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm

Floats = NDArray[np.float64]


def inventory_coupling(
    covariance: Floats, arrival_rates: Floats, kappas: Floats, sizes: Floats, gamma: float
) -> Floats:
    """``Gamma = sqrt(gamma / 8) D^-1/2 (D^1/2 Sigma D^1/2)^1/2 D^-1/2``, the value of inventory being ``-q' Gamma q``.

    ``D = diag(size A kappa / e)``, for both sides' arrival rate A.

    Parameters
    ----------
    covariance : array, shape (n, n)
        Of the prices' changes, price^2 / second; positive semi-definite.
    arrival_rates, kappas, sizes : array, shape (n,)
        Fills a second at fair value, their decay with depth (1 / price), and the size of each quote.
    gamma : float
        Risk aversion.

    Returns
    -------
    array, shape (n, n)
        Price for each unit of size.
    """
    root = np.sqrt(sizes * arrival_rates * kappas * np.exp(-1.0))
    inner = np.real(sqrtm(covariance * np.outer(root, root)))
    coupled: Floats = np.sqrt(gamma / 8.0) * inner / np.outer(root, root)
    return coupled


def depths(coupling: Floats, kappas: Floats, sizes: Floats, inventory: Floats) -> tuple[Floats, Floats]:
    """Depths of bids and asks: ``1 / kappa +- 2 Gamma q + size Gamma_ii``, price.

    Parameters
    ----------
    coupling : array, shape (n, n)
        Of `inventory_coupling`.
    inventory : array, shape (n,)
        Signed sizes.
    """
    middle = 1.0 / kappas + sizes * np.diag(coupling)
    lean = 2.0 * coupling @ inventory
    return middle + lean, middle - lean
