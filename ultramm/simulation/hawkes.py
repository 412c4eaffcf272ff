"""How likely arrivals are under a Hawkes process with an exponential kernel, and its fit.

The intensity is ``base + sum(excitation * exp(-decay * (t - t_i)))``, as in `ultramm.simulation.flow.HawkesClock`.

References
----------
Y. Ogata, "On Lewis' simulation method for point processes", IEEE Transactions on Information Theory 27 (1981), for the
recursion; E. Bacry, I. Mastromatteo, J.-F. Muzy, "Hawkes processes in finance" (2015), for the use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]


class HawkesRates(msgspec.Struct, frozen=True):
    """A Hawkes process.

    Parameters
    ----------
    base, excitation, decay : float
        1 / second.
    """

    base: float
    excitation: float
    decay: float

    @property
    def branching(self) -> float:
        """Arrivals that one arrival excites, in the mean."""
        return self.excitation / self.decay

    @property
    def mean(self) -> float:
        """Arrivals a second."""
        return self.base / (1.0 - self.branching)

    @property
    def fano(self) -> float:
        """Variance of counts over long times, by their mean."""
        return (1.0 - self.branching) ** -2


def log_likelihood(rates: HawkesRates, times_s: Sequence[float], end_s: float) -> float:
    """Of all arrivals from time 0 to `end_s`.

    Parameters
    ----------
    times_s : sequence of float
        Ascending, seconds.
    """
    excess, last_s, logs = 0.0, 0.0, 0.0
    for time_s in times_s:
        excess *= math.exp(-rates.decay * (time_s - last_s))
        logs += math.log(rates.base + excess)
        excess += rates.excitation
        last_s = time_s
    left = math.fsum(-math.expm1(-rates.decay * (end_s - time_s)) for time_s in times_s)
    return logs - rates.base * end_s - rates.branching * left


def residuals(rates: HawkesRates, times_s: Sequence[float]) -> Floats:
    """Integrals of the intensity between arrivals: exponential with mean one if the process is this one."""
    excess, last_s, found = 0.0, 0.0, []
    for time_s in times_s:
        wait_s = time_s - last_s
        fading = -math.expm1(-rates.decay * wait_s)
        found.append(rates.base * wait_s + excess * fading / rates.decay)
        excess = excess * (1.0 - fading) + rates.excitation
        last_s = time_s
    return np.array(found)


def fit(times_s: Sequence[float], end_s: float) -> HawkesRates:
    """The process under which the arrivals are most likely.

    Raises
    ------
    ValueError
        With fewer than ten arrivals, or where the search does not end.
    """
    if len(times_s) < 10:
        raise ValueError(f"{len(times_s)} arrivals are too few to fit a Hawkes process")
    mean = len(times_s) / end_s

    def loss(logs: Floats) -> float:
        base, branching, decay = math.exp(logs[0]), 1.0 / (1.0 + math.exp(-logs[1])), math.exp(logs[2])
        return -log_likelihood(HawkesRates(base, branching * decay, decay), times_s, end_s)

    found = minimize(loss, np.array([math.log(0.5 * mean), 0.0, math.log(mean)]), method="Nelder-Mead")
    if not found.success:
        raise ValueError(f"no Hawkes process fits: {found.message}")
    base, branching, decay = math.exp(found.x[0]), 1.0 / (1.0 + math.exp(-found.x[1])), math.exp(found.x[2])
    return HawkesRates(base, branching * decay, decay)
