"""Whether a combination of prices that each wander comes back."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import numpy.typing as npt
from numpy.exceptions import ComplexWarning
from statsmodels.tsa.stattools import adfuller, coint
from statsmodels.tsa.vector_ar.vecm import coint_johansen

Array = npt.NDArray[np.float64]


class Cointegration(msgspec.Struct, frozen=True):
    """Of ``y = alpha + beta x + residual``.

    Parameters
    ----------
    statistic : float
        Engle and Granger's; the lower, the less likely that the residual wanders.
    p : float
        How likely one as low is if it does.
    beta, alpha : float
        By least squares.
    """

    statistic: float
    p: float
    beta: float
    alpha: float


class Johansen(msgspec.Struct, frozen=True):
    """Of several prices at once; each array has one entry for each of them.

    Parameters
    ----------
    trace, trace_95 : array of shape (n,)
        Statistic of "no more than i relations", and its 95 % quantile.
    max_eigenvalue, max_eigenvalue_95 : array of shape (n,)
        The same against "i + 1 of them".
    eigenvalues : array of shape (n,)
    vectors : array of shape (n, n)
        A relation a row, in the prices' order, its first weight one.
    """

    trace: Array
    trace_95: Array
    max_eigenvalue: Array
    max_eigenvalue_95: Array
    eigenvalues: Array
    vectors: Array

    @property
    def rank(self) -> int:
        """Relations that the trace finds at 95 %."""
        return int(np.argmin(np.append(self.trace > self.trace_95, False)))


def engle_granger(y: Array, x: Array) -> Cointegration:
    """Test two series by the residual of one on the other, with a constant; lags by Akaike's criterion.

    Parameters
    ----------
    y, x : array of shape (n,)
        Log prices.

    Notes
    -----
    Engle and Granger, *Econometrica* 55 (1987); p after MacKinnon (1994), by statsmodels' ``coint``.
    """
    found = coint(y, x, trend="c", autolag="aic")
    beta, alpha = np.polyfit(x, y, 1)
    return Cointegration(float(found[0]), float(found[1]), float(beta), float(alpha))


def johansen(prices: Array, lags: int = 1, trend: int = 0) -> Johansen:
    """Test a basket for any number of relations.

    Parameters
    ----------
    prices : array of shape (n, k)
        Logs, a column each.
    lags : int
        Of differences.
    trend : int
        -1 none, 0 a constant, 1 a linear trend.

    Notes
    -----
    Johansen, *Econometrica* 59 (1991), by statsmodels' ``coint_johansen``, whose eigenvectors come complex.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ComplexWarning)
        found = coint_johansen(prices, trend, lags)
    vectors = np.real(found.evec).T
    return Johansen(
        trace=np.real(found.lr1),
        trace_95=np.asarray(found.cvt[:, 1]),
        max_eigenvalue=np.real(found.lr2),
        max_eigenvalue_95=np.asarray(found.cvm[:, 1]),
        eigenvalues=np.real(found.eig),
        vectors=vectors / vectors[:, :1],
    )


def unit_root(x: Array) -> tuple[float, float]:
    """Augmented Dickey and Fuller's statistic with a constant, and its p."""
    found = adfuller(x, regression="c", autolag="AIC", result_object=True)
    return float(found.statistic), float(found.pvalue)
