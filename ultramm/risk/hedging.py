"""How much to hedge with, and when it is worth trading: pure functions, and an online covariance of returns.

An exposure is what a position gains when its market rises by one, relative: its worth in quote currency, signed. It is
the same number for spot, linear and inverse contracts of the same coin (`unit_exposure`), so the ratio between them is
one, and the ratio of two assets is the slope of one's returns on the other's.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ultramm.market import Instrument

Array = npt.NDArray[np.float64]

# Of the cap on all legs together: how near the multiplier that holds it is found, relative to the legs.
_HALVINGS, _SWEEPS = 60, 200
# Returns that are taken within one horizon.
_OVERLAPS = 4


# -- exposure --------------------------------------------------------------------------------------------------


def unit_exposure(instrument: Instrument, mid: float) -> float:
    """What one unit of size gains in quote currency when the price rises by one, relative.

    Linear: ``multiplier * mid``. Inverse: the contract gains ``multiplier / mid`` coins, which is ``multiplier`` in
    quote currency at any price.

    Parameters
    ----------
    mid : float
        Price; NaN gives NaN for a linear instrument.
    """
    return instrument.notional(mid, 1.0)


# -- when: the no-trade band -----------------------------------------------------------------------------------


def no_trade_band(cost: float, variance_rate: float, gamma: float, sigma: float) -> float:
    """Half-width of the band in which an exposure is left alone.

    ``H = (3 c nu^2 / (2 gamma sigma^2))^(1/3)`` minimises ``gamma sigma^2 / 2 * E[q^2] + c * |trades|`` of an exposure
    that is pushed about at random and is traded back to the edge: see `band_cost_rate`.

    Parameters
    ----------
    cost : float
        Of trading, per unit of exposure: half-spread and fee as a share of the price.
    variance_rate : float
        ``nu^2``, at which others' fills push the exposure about, exposure^2 / second.
    gamma : float
        Risk aversion, 1 / currency: a variance ``V`` counts as much as a certain loss of ``gamma V / 2``.
    sigma : float
        Volatility of the hedge's price, relative, 1 / sqrt(second).

    References
    ----------
    The quadratic limit of M. H. A. Davis, A. R. Norman, "Portfolio selection with transaction costs", Mathematics of
    Operations Research 15 (1990); the cube root as in A. E. Whalley, P. Wilmott, Mathematical Finance 7 (1997).

    Examples
    --------
    >>> round(no_trade_band(cost=0.02, variance_rate=4.0, gamma=0.5, sigma=0.1), 6)
    2.884499
    """
    return float(np.cbrt(1.5 * cost * variance_rate / (gamma * sigma * sigma)))


def band_cost_rate(band: float, cost: float, variance_rate: float, gamma: float, sigma: float) -> float:
    """What a band costs a second, risk and trades together; least at `no_trade_band`.

    A Brownian exposure that is reflected at ``+-H`` is uniform on the band, of variance ``H^2 / 3``, and is pushed back
    at the edges at a rate of ``nu^2 / (2 H)`` together: ``gamma sigma^2 H^2 / 6 + c nu^2 / (2 H)``.

    Parameters
    ----------
    band : float
        Half-width ``H``, exposure; the others as in `no_trade_band`.
    """
    return gamma * sigma * sigma * band * band / 6.0 + cost * variance_rate / (2.0 * band)


def whalley_wilmott_half_band(
    cost: float, spot: float, option_gamma: float, gamma: float, rate: float, tau: float
) -> float:
    """Half-width of the band around an option's delta, in units of the underlying.

    ``(3/2 e^(-r tau) k S Gamma^2 / gamma)^(1/3)``.

    Parameters
    ----------
    cost : float
        ``k``, proportional cost of trading the underlying.
    spot : float
        Its price ``S``.
    option_gamma : float
        Second derivative of the option's value by that price, ``Gamma``.
    gamma : float
        Risk aversion, 1 / currency.
    rate, tau : float
        Interest a year, and years to expiry.

    References
    ----------
    A. E. Whalley, P. Wilmott, "An asymptotic analysis of an optimal hedging model for option pricing with transaction
    costs", Mathematical Finance 7 (1997), eq. 3.10.

    Examples
    --------
    >>> round(whalley_wilmott_half_band(0.01, 100.0, 0.02, 1.0, rate=0.0, tau=0.5), 8)
    0.08434327
    """
    return float(np.cbrt(1.5 * math.exp(-rate * tau) * cost * spot * option_gamma**2 / gamma))


def band_centre(carry: float, gamma: float, sigma: float, band: float) -> float:
    """Where the band lies when it costs something to hold the hedge: ``-f / (gamma sigma^2)``, within the band of zero.

    ``gamma sigma^2 / 2 x^2 + f x`` is least there. Further than the band itself it never lies: to be flat would call
    for a trade, and an order could make the exposure larger.

    Parameters
    ----------
    carry : float
        ``f``, what a long exposure of one costs a second, such as funding that longs pay.
    """
    risk = gamma * sigma * sigma
    if carry == 0.0 or not risk > 0.0:
        return 0.0
    return max(-band, min(band, -carry / risk))


def trade_to_band(exposure: float, band: float, centre: float = 0.0, inner: float = 1.0) -> float:
    """What to trade, signed exposure: nothing within the band, back to its edge from outside.

    Parameters
    ----------
    inner : float
        Share of the band to trade back to: 1 is its edge, right for costs that grow with the trade; less where each
        order costs something by itself.

    Examples
    --------
    >>> trade_to_band(5.0, 3.0), trade_to_band(-5.0, 3.0), trade_to_band(2.0, 3.0)
    (-2.0, 2.0, 0.0)
    """
    away = exposure - centre
    return 0.0 if not abs(away) > band else -math.copysign(abs(away) - inner * band, away)


# -- how much: ratios ------------------------------------------------------------------------------------------


def minimum_variance_ratio(covariance: float, hedge_variance: float) -> float:
    """Exposure of the hedge that offsets an exposure of one: ``cov(r_s, r_f) / var(r_f)``; NaN for a hedge that stands.

    References
    ----------
    L. H. Ederington, "The hedging performance of the new futures markets", J. Finance 34 (1979), eq. 7.
    """
    return covariance / hedge_variance if hedge_variance > 0.0 else math.nan


def effectiveness(covariance: float, variance: float, hedge_variance: float) -> float:
    """Share of the variance that the best hedge takes away, ``rho^2``; NaN while one of the two stands still."""
    if not (variance > 0.0 and hedge_variance > 0.0):
        return math.nan
    return min(1.0, covariance * covariance / (variance * hedge_variance))


def basket_ratio(hedges: Array, with_target: Array, ridge: float = 0.0, most: float = math.inf) -> Array:
    """Exposures of several hedges that together offset an exposure of one: ``(Sigma_ff + ridge)^-1 Sigma_fs``.

    Parameters
    ----------
    hedges : array of float, n x n
        Covariance of the hedges' returns.
    with_target : array of float, n values
        Their covariances with the returns of what is hedged.
    ridge : float
        Added to each variance, as a share of their mean: hedges that move alike share the exposure instead of being
        held against each other.
    most : float
        Largest sum of the legs' sizes: where it binds, the legs of least variance within it.

    References
    ----------
    R. W. Anderson, J.-P. Danthine, "Cross hedging", J. Political Economy 89 (1981); ridge: A. Hoerl, R. Kennard,
    Technometrics 12 (1970); the cap: R. Tibshirani, "Regression shrinkage and selection via the lasso", J. Royal
    Statistical Society B 58 (1996).

    Raises
    ------
    ValueError
        The covariance is singular: a hedge stands still, or two are one, and there is no ridge.
    """
    padded = hedges + ridge * float(np.mean(np.diag(hedges))) * np.eye(len(hedges))
    try:
        legs = np.linalg.solve(padded, with_target)
    except np.linalg.LinAlgError as exc:
        raise ValueError("the hedges' covariance is singular") from exc
    return legs if float(np.sum(np.abs(legs))) <= most else _within(padded, with_target, most)


def _within(hedges: Array, with_target: Array, most: float) -> Array:
    """Least variance with legs that add up to `most`: the multiplier of the cap is found by halving."""
    low, high = 0.0, float(np.max(np.abs(with_target)))
    legs = np.zeros(len(with_target))
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        legs = _descend(hedges, with_target, middle, legs)
        if float(np.sum(np.abs(legs))) > most:
            low = middle
        else:
            high = middle
    return _descend(hedges, with_target, high, legs)


def _descend(hedges: Array, with_target: Array, multiplier: float, start: Array) -> Array:
    """Minimise ``h' S h / 2 - b' h + multiplier |h|``, a leg at a time."""
    legs = start.copy()
    for _ in range(_SWEEPS):
        before = legs.copy()
        for index in range(len(legs)):
            pull = with_target[index] - hedges[index] @ legs + hedges[index, index] * legs[index]
            legs[index] = math.copysign(max(0.0, abs(pull) - multiplier), pull) / hedges[index, index]
        if np.max(np.abs(legs - before)) <= 1e-12 * (1.0 + np.max(np.abs(legs))):
            break
    return legs


class ReturnCovariance:
    """Exponentially weighted covariance of several markets' returns over one horizon, each market's mid at one time.

    ``Sigma <- d Sigma + (1 - d) r r'`` with log returns ``r`` over `horizon_s`, without their mean, ``d = exp(-dt /
    memory)``. Returns overlap: one is taken each quarter of the horizon, which tells the same with a smaller error. The
    horizon must be longer than one market lags the other, or the ratio comes out too small (Epps 1979).

    Parameters
    ----------
    markets : int
        How many.
    horizon_s : float
        Over which returns are taken, seconds.
    memory_s : float
        Time constant, seconds.

    Attributes
    ----------
    matrix : array of float, markets x markets
        Covariances over the horizon; zeros before the first return.
    horizons : float
        Horizons seen, what overlaps counted once.

    References
    ----------
    T. W. Epps, "Comovements in stock prices in the very short run", J. American Statistical Association 74 (1979).
    """

    def __init__(self, markets: int, horizon_s: float, memory_s: float) -> None:
        self._horizon_ns = round(horizon_s * 1e9)
        self._step_ns = max(1, self._horizon_ns // _OVERLAPS)
        self._memory_ns = memory_s * 1e9
        self._next_ns = 0
        self._past: deque[tuple[int, Array]] = deque()
        # Weights of what was taken, so that the first returns count as much as those that follow.
        self._weight = 0.0
        self._sum = np.zeros((markets, markets))
        self.matrix = np.zeros((markets, markets))
        self.horizons = 0.0

    def update(self, ts_ns: int, mids: Sequence[float]) -> bool:
        """At `ts_ns` the mids are these, in price; gives whether a return was taken. NaN interrupts."""
        if not all(mid > 0.0 for mid in mids):
            self.interrupted()
            return False
        past = self._past
        if past and ts_ns < self._next_ns:
            return False
        since_ns = ts_ns - past[-1][0] if past else 0
        if since_ns > self._horizon_ns:
            self.interrupted()
        self._next_ns = ts_ns + self._step_ns
        logs = np.log(np.asarray(mids, dtype=float))
        past.append((ts_ns, logs))
        while len(past) > 1 and ts_ns - past[1][0] >= self._horizon_ns:
            past.popleft()
        age_ns = ts_ns - past[0][0]
        if age_ns < self._horizon_ns:
            return False
        # Nobody may have looked just when the horizon was over: a little longer, and scaled to it.
        self._take((logs - past[0][1]) * math.sqrt(self._horizon_ns / age_ns), since_ns)
        return True

    def _take(self, returns: Array, since_ns: int) -> None:
        keep = math.exp(-since_ns / self._memory_ns)
        self._sum = keep * self._sum + (1.0 - keep) * np.outer(returns, returns)
        self._weight = keep * self._weight + (1.0 - keep)
        self.matrix = self._sum / self._weight
        self.horizons += since_ns / self._horizon_ns

    def interrupted(self) -> None:
        """The markets were not seen for a time: no return leads over it, and what was learnt stays."""
        self._past.clear()

    def sigma(self, market: int) -> float:
        """Volatility of one of them, relative, 1 / sqrt(second); NaN before it moved."""
        variance = float(self.matrix[market, market])
        return math.sqrt(variance / (self._horizon_ns * 1e-9)) if variance > 0.0 else math.nan
