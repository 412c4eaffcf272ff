"""The optimal quotes of a market maker for each inventory: one exact linear system.

The stationary problem of Guéant, Lehalle and Fernandez-Tapia and the one of Cartea and Jaimungal are the same
tridiagonal system. With inventory ``n`` in lots of size ``D``, ``v_n = exp((kappa / D) theta_n)`` solves ``v' = M v``:

- diagonal ``d_n = (kappa D / 2) gamma sigma^2 n^2 - kappa mu n``, ``mu`` the drift and what market orders move,
- off the diagonal ``-eta_bid`` (to n + 1) and ``-eta_ask`` (to n - 1), ``eta = A C exp(-kappa (adverse + fee))``.

The ground state of M gives the quotes of a maker without horizon, ``exp(-M T)`` those with one. What is solved here
is a table; quoting is then a lookup.

References
----------
O. Guéant, C.-A. Lehalle, J. Fernandez-Tapia, "Dealing with the inventory risk", Mathematics and Financial Economics 7
(2013). Á. Cartea, S. Jaimungal, J. Penalva, *Algorithmic and High-Frequency Trading* (2015), ch. 10. O. Guéant,
"Optimal market making", Applied Mathematical Finance 24 (2017).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal, expm

from ultramm.quoting.table import QuoteTable

Floats = NDArray[np.float64]

_OUT_OF_RANGE = "the market's numbers are out of any range that could be quoted"


class QuotingModel(msgspec.Struct, frozen=True, kw_only=True):
    """What the engine must know of the market and of our appetite.

    Fills at a depth ``delta`` from fair value come at the rate ``arrival_rate * exp(-kappa * delta)``.

    Parameters
    ----------
    sigma : float
        Volatility, price / sqrt(second).
    bid_arrival_rate, ask_arrival_rate : float
        Fills a second of a bid, and of an ask, at fair value.
    kappa : float
        Decay of the fill rate with depth, 1 / price.
    gamma : float
        Risk aversion: the running penalty is ``gamma sigma^2 inventory^2 / 2``.
    xi : float
        Aversion to the risk of being filled; `gamma` for exponential utility, 0 for mean and variance.
    lot : float
        Size of one quote, in the unit of the inventory.
    drift : float
        Expected move of fair value, price / second.
    bid_adverse, ask_adverse : float
        What the price moves for good, against us, with each market order that may fill our bid (our ask), price.
    fee : float
        Paid for each unit filled, price; negative for a rebate.
    """

    sigma: float
    bid_arrival_rate: float
    ask_arrival_rate: float
    kappa: float
    gamma: float
    xi: float = 0.0
    lot: float = 1.0
    drift: float = 0.0
    bid_adverse: float = 0.0
    ask_adverse: float = 0.0
    fee: float = 0.0

    @property
    def base_depth(self) -> float:
        """The depth that earns most for a single fill, price: ``ln(1 + xi lot / kappa) / (xi lot)``, 1 / kappa at 0."""
        risk = self.xi * self.lot
        return 1.0 / self.kappa if risk == 0 else math.log1p(risk / self.kappa) / risk

    @property
    def fill_factor(self) -> float:
        """``C``: the fill rate at `base_depth`, corrected for `xi`, as a share of the arrival rate; 1 / e at 0."""
        risk = self.xi * self.lot
        if risk == 0:
            return math.exp(-1.0)
        return math.exp(-(1.0 + self.kappa / risk) * math.log1p(risk / self.kappa))


def solve(model: QuotingModel, least_lots: int, most_lots: int) -> QuoteTable:
    """The quotes that are best in the long run, within inventory limits.

    The ratios ``v_{n+1} / v_n`` are recursed from both ends of the table to where the penalty is least: a ratio of
    components of the eigenvector itself would be noise wherever they are below the rounding of the largest.

    Parameters
    ----------
    model : QuotingModel
        The market.
    least_lots, most_lots : int
        Inventory limits, lots; the first below the second.

    Returns
    -------
    QuoteTable
        ``most_lots - least_lots + 1`` entries a side.

    Raises
    ------
    ValueError
        When the numbers allow no solution, such as an arrival rate of zero.
    """
    eta_bid, eta_ask, diagonal = _system(model, least_lots, most_lots)
    off = np.full(len(diagonal) - 1, -math.sqrt(eta_bid * eta_ask))
    ground = float(eigh_tridiagonal(diagonal, off, eigvals_only=True, select="i", select_range=(0, 0))[0])
    ratios = _ratios(diagonal.tolist(), ground, eta_bid, eta_ask)
    bids, asks = _depths(model, [math.log(ratio) for ratio in ratios])
    return QuoteTable(least_lots, bids, asks, -ground * model.lot / model.kappa)


def solve_until(
    model: QuotingModel, least_lots: int, most_lots: int, horizon_s: float, terminal_penalty: float = 0.0
) -> QuoteTable:
    """The best quotes now when everything ends `horizon_s` from now.

    Parameters
    ----------
    terminal_penalty : float
        ``alpha``: the inventory left at the end costs ``alpha n^2`` of price, n in lots.

    Returns
    -------
    QuoteTable
        Without a value rate.
    """
    values = values_until(model, least_lots, most_lots, horizon_s, terminal_penalty)
    bids, asks = _depths(model, (np.diff(values) * model.kappa / model.lot).tolist())
    return QuoteTable(least_lots, bids, asks)


def values_until(
    model: QuotingModel, least_lots: int, most_lots: int, horizon_s: float, terminal_penalty: float = 0.0
) -> Floats:
    """What each inventory is worth beside its price, when everything ends `horizon_s` from now.

    ``theta_n = (lot / kappa) ln v_n``; parameters as of `solve_until`.

    Returns
    -------
    array of shape (most_lots - least_lots + 1,)
        Price times size: expected earnings of the time left, less penalties.

    References
    ----------
    Cartea, Jaimungal, Penalva (2015), section 10.2: ``h(t, q)``, which is this for lots of one.
    """
    eta_bid, eta_ask, diagonal = _system(model, least_lots, most_lots)
    count = len(diagonal)
    matrix = np.diag(diagonal) - eta_bid * np.eye(count, k=1) - eta_ask * np.eye(count, k=-1)
    lots = np.arange(least_lots, most_lots + 1)
    terminal = np.exp(-(model.kappa / model.lot) * terminal_penalty * lots**2)
    values: Floats = model.lot / model.kappa * np.log(expm(-matrix * horizon_s) @ terminal)
    return values


def closed_form(model: QuotingModel, inventory: float) -> tuple[float, float]:
    """Depths of bid and ask by the asymptotic formula, price: a cross-check, and the way to choose the risk aversion.

    ``base_depth + adverse + fee + (lot / 2 +- inventory) * skew``; good far from the inventory limits, for equal
    arrival rates and without drift.

    References
    ----------
    Guéant, Lehalle, Fernandez-Tapia (2013), section 4; with order size: hftbacktest, "GLFT market making model".
    """
    slope = skew(model)
    middle = model.base_depth + model.fee + 0.5 * model.lot * slope
    return middle + model.bid_adverse + inventory * slope, middle + model.ask_adverse - inventory * slope


def skew(model: QuotingModel) -> float:
    """What both quotes move for each unit of inventory, price: ``sigma sqrt(gamma / (2 kappa lot A C))``."""
    rate = math.sqrt(model.bid_arrival_rate * model.ask_arrival_rate) * model.fill_factor
    rate *= math.exp(-0.5 * model.kappa * (model.bid_adverse + model.ask_adverse + 2.0 * model.fee))
    if not 0.0 < rate < math.inf:
        raise ValueError(_OUT_OF_RANGE)
    return model.sigma * math.sqrt(model.gamma / (2.0 * model.kappa * model.lot * rate))


def risk_aversion(model: QuotingModel, max_position: float, aggressiveness: float) -> float:
    """The `gamma` by which the quotes have moved ``base_depth / aggressiveness`` at full position.

    With aggressiveness 1 the side that reduces a full position asks for no more than costs; with 2 for half of what it
    asks when flat. Nobody can say what their gamma is; everybody knows how much they are ready to hold.

    Parameters
    ----------
    model : QuotingModel
        Its own `gamma` does not matter, but for `xi`.
    max_position : float
        Size.
    aggressiveness : float
        Positive.
    """
    if model.sigma <= 0:
        return 0.0
    shift = model.base_depth / aggressiveness
    of_unit = skew(msgspec.structs.replace(model, gamma=1.0))
    return (shift / (max_position * of_unit)) ** 2


def quotes_for(model: QuotingModel, max_position: float, aggressiveness: float) -> tuple[QuotingModel, QuoteTable]:
    """The model with the risk aversion that follows from an appetite, and its table.

    Parameters
    ----------
    max_position : float
        Size; the table ends at the whole lots in it, at one at least.
    aggressiveness : float
        See `risk_aversion`.

    Raises
    ------
    ValueError
        When the numbers allow no solution.
    """
    lots = max(1, math.floor(max_position / model.lot + 1e-9))
    found = msgspec.structs.replace(model, gamma=risk_aversion(model, max_position, aggressiveness))
    return found, solve(found, -lots, lots)


def reversion_rate(model: QuotingModel) -> float:
    """How fast quotes by the table bring the inventory back, 1 / second.

    ``2 rate kappa lot skew`` with ``rate = A exp(-kappa (base_depth + lot skew / 2))``, to first order in the skew.
    """
    slope = skew(model)
    rate = math.sqrt(model.bid_arrival_rate * model.ask_arrival_rate) * math.exp(
        -model.kappa * (model.base_depth + 0.5 * model.lot * slope + model.fee)
        - 0.5 * model.kappa * (model.bid_adverse + model.ask_adverse)
    )
    return 2.0 * rate * model.kappa * model.lot * slope


def alpha_shift(predicted_move: float, decay_rate: float, reversion_rate: float) -> float:
    """What both quotes move for a forecast that fades, price.

    A drift ``a exp(-zeta t)`` moves the price by ``m = a / zeta`` in all; the optimal quotes move by
    ``m zeta / (zeta + kappa_q)``: a forecast that outlives the inventory cannot be held to its end.

    Parameters
    ----------
    predicted_move : float
        In all, price.
    decay_rate, reversion_rate : float
        Of the forecast and of the inventory, 1 / second.
    """
    return predicted_move * decay_rate / (decay_rate + reversion_rate)


def _system(model: QuotingModel, least_lots: int, most_lots: int) -> tuple[float, float, Floats]:
    """Off-diagonal rates of bid and ask, and the diagonal."""
    if least_lots >= most_lots:
        raise ValueError(f"inventory limits {least_lots} and {most_lots}: the first must be below the second")
    if not (model.bid_arrival_rate > 0 and model.ask_arrival_rate > 0 and model.kappa > 0):
        raise ValueError("arrival rates and kappa must be positive")
    kappa, rate = model.kappa, model.fill_factor
    eta_bid = model.bid_arrival_rate * rate * math.exp(-kappa * (model.bid_adverse + model.fee))
    eta_ask = model.ask_arrival_rate * rate * math.exp(-kappa * (model.ask_adverse + model.fee))
    drift = model.drift + model.ask_arrival_rate * model.ask_adverse - model.bid_arrival_rate * model.bid_adverse
    lots = np.arange(least_lots, most_lots + 1, dtype=float)
    with np.errstate(all="ignore"):
        diagonal = 0.5 * kappa * model.lot * model.gamma * model.sigma * model.sigma * lots**2 - kappa * drift * lots
    if not (eta_bid > 0 and eta_ask > 0 and np.isfinite(diagonal).all()):
        raise ValueError(_OUT_OF_RANGE)
    return eta_bid, eta_ask, diagonal


def _ratios(diagonal: Sequence[float], ground: float, eta_bid: float, eta_ask: float) -> list[float]:
    """``v_{n+1} / v_n`` of the ground state, from both ends to the least of the diagonal."""
    count = len(diagonal) - 1
    peak = min(range(len(diagonal)), key=diagonal.__getitem__)
    ratios = [0.0] * count
    ratio = math.inf
    for index in range(peak):
        ratio = (diagonal[index] - ground - eta_ask / ratio) / eta_bid
        ratios[index] = ratio
    inverse = math.inf
    for index in range(count - 1, peak - 1, -1):
        inverse = (diagonal[index + 1] - ground - eta_bid / inverse) / eta_ask
        ratios[index] = 1.0 / inverse
    if not all(0.0 < ratio < math.inf for ratio in ratios):
        raise ValueError(_OUT_OF_RANGE)
    return ratios


def _depths(model: QuotingModel, log_ratios: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Bids and asks from ``ln(v_{n+1} / v_n)``."""
    bid = model.base_depth + model.bid_adverse + model.fee
    ask = model.base_depth + model.ask_adverse + model.fee
    bids = (*[bid - ratio / model.kappa for ratio in log_ratios], math.inf)
    asks = (math.inf, *[ask + ratio / model.kappa for ratio in log_ratios])
    return bids, asks
