"""Weights from what each earned, with a bound on what is lost against the best of them.

Losses are between nothing and one, for each of N, at each of T periods.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
_LOSS_SIGMAS = 3.0


class Experts(Protocol):
    """Something that weighs N by what they lost."""

    @property
    def weights(self) -> Vector:
        """Shape (N,), add up to one."""

    def update(self, losses: Vector) -> float:
        """Take what each lost in a period; gives what the weights of before lost."""


class Hedge:
    """Weights fall exponentially with what was lost: ``w ~ exp(-rate L)``.

    Parameters
    ----------
    count : int
        N.
    rate : float
        `hedge_rate` of a known T is best.

    References
    ----------
    Y. Freund and R. E. Schapire, "A decision-theoretic generalization of on-line learning", *JCSS* 55 (1997).
    """

    def __init__(self, count: int, rate: float) -> None:
        self._rate = rate
        self._lost = np.zeros(count)

    @property
    def weights(self) -> Vector:
        return _softmin(self._lost, self._rate)

    def update(self, losses: Vector) -> float:
        lost = float(self.weights @ losses)
        self._lost += losses
        return lost


def hedge_rate(count: int, periods: int) -> float:
    """The rate whose bound is least.

    Examples
    --------
    >>> round(hedge_rate(10, 1000), 6), round(hedge_bound(10, 1000), 4)
    (0.135723, 33.9307)
    """
    return math.sqrt(8.0 * math.log(count) / periods)


def hedge_bound(count: int, periods: int) -> float:
    """Most that `Hedge` at that rate loses beyond the best of N; Cesa-Bianchi and Lugosi (2006), theorem 2.2."""
    return math.sqrt(0.5 * periods * math.log(count))


class AdaHedge:
    """`Hedge` that finds its own rate, from how much mixing has cost so far.

    Parameters
    ----------
    count : int
        N.

    References
    ----------
    S. de Rooij, T. van Erven, P. Gruenwald, W. Koolen, "Follow the leader if you can, hedge if you must", *JMLR* 15
    (2014), fig. 1.
    """

    def __init__(self, count: int) -> None:
        self._lost = np.zeros(count)
        self.gaps = 0.0

    @property
    def _rate(self) -> float:
        return math.log(len(self._lost)) / self.gaps if self.gaps > 0.0 else math.inf

    @property
    def weights(self) -> Vector:
        return _softmin(self._lost, self._rate)

    def update(self, losses: Vector) -> float:
        rate, lost = self._rate, float(self.weights @ losses)
        after = self._lost + losses
        self.gaps += max(0.0, lost - (_mixed(after, rate) - _mixed(self._lost, rate)))
        self._lost = after
        return lost


def adahedge_bound(count: int, periods: int, best: float) -> float:
    """Most that `AdaHedge` loses beyond the best of N, which lost `best`; de Rooij et al. (2014), theorem 8."""
    return 2.0 * math.sqrt(best * (periods - best) / periods * math.log(count)) + 16.0 / 3.0 * math.log(count) + 2.0


class FixedShare:
    """`Hedge` that forgets: each period a little of all weights is shared out evenly, so that any can come back.

    Parameters
    ----------
    count : int
        N.
    periods, switches : int
        Of so many periods, how often the best is expected to change.

    References
    ----------
    M. Herbster and M. K. Warmuth, "Tracking the best expert", *Machine Learning* 32 (1998).
    """

    def __init__(self, count: int, periods: int = 288, switches: int = 4) -> None:
        self._share = switches / (periods - 1)
        self._rate = math.sqrt(8.0 * _switching_cost(count, periods, switches) / periods)
        self._weights = np.full(count, 1.0 / count)

    @property
    def weights(self) -> Vector:
        return self._weights

    def update(self, losses: Vector) -> float:
        lost = float(self._weights @ losses)
        kept = self._weights * np.exp(-self._rate * losses)
        self._weights = (1.0 - self._share) * kept / kept.sum() + self._share / len(kept)
        return lost


def fixed_share_bound(count: int, periods: int, switches: int) -> float:
    """Most that `FixedShare` loses beyond the best sequence with so many switches."""
    return math.sqrt(0.5 * periods * _switching_cost(count, periods, switches))


def _switching_cost(count: int, periods: int, switches: int) -> float:
    share = switches / (periods - 1)
    entropy = 0.0 if share in (0.0, 1.0) else -share * math.log(share) - (1.0 - share) * math.log(1.0 - share)
    return (switches + 1) * math.log(count) + (periods - 1) * entropy


class ExponentiatedGradient:
    """Weights of a portfolio that follow the gradient of its log-wealth.

    Parameters
    ----------
    count : int
        N.
    rate : float
        How fast.

    References
    ----------
    D. P. Helmbold, R. E. Schapire, Y. Singer, M. K. Warmuth, "On-line portfolio selection using multiplicative
    updates", *Mathematical Finance* 8 (1998), eq. 3.5.
    """

    def __init__(self, count: int, rate: float = 0.05) -> None:
        self._rate = rate
        self._weights = np.full(count, 1.0 / count)

    @property
    def weights(self) -> Vector:
        return self._weights

    def update(self, relatives: Vector) -> float:
        """Take what each became, as a multiple; gives what the weights of before became."""
        grown = float(self._weights @ relatives)
        moved = self._weights * np.exp(self._rate * relatives / grown)
        self._weights = moved / moved.sum()
        return grown


def losses_of(gains: Vector, sigmas: Vector) -> Vector:
    """Gains of a period as losses between nothing and one: three standard deviations up or down are the ends.

    Parameters
    ----------
    gains, sigmas : array of shape (N,)
        Net of costs, and their standard deviations, in the same currency; where one is not known, half is lost.
    """
    scaled = np.divide(gains, 2.0 * _LOSS_SIGMAS * sigmas, out=np.zeros_like(gains), where=sigmas > 0.0)
    return np.clip(0.5 - scaled, 0.0, 1.0)


def _mixed(lost: Vector, rate: float) -> float:
    """What mixing at that rate has lost, up to a constant."""
    least = float(lost.min())
    return least if math.isinf(rate) else least - math.log(float(np.exp(-rate * (lost - least)).sum())) / rate


def _softmin(lost: Vector, rate: float) -> Vector:
    least = lost.min()
    raised = (lost == least) * 1.0 if math.isinf(rate) else np.exp(-rate * (lost - least))
    return np.asarray(raised / raised.sum())
