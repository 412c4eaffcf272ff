"""When to enter and leave a process that comes back, given what a round trip costs."""

from __future__ import annotations

import math

import msgspec
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar
from scipy.special import dawsn, erfcx, erfi

from ultramm.statarb.ornstein_uhlenbeck import OrnsteinUhlenbeck

_MOST_DAWSON = 0.7653  # of sqrt(2) times Dawson's integral
_FURTHEST = 8.0  # standard deviations that anybody would wait for


class Bands(msgspec.Struct, frozen=True):
    """Buy at `low` and sell at `high`; who also sells short there, and turns at `low`, gains twice as much.

    Parameters
    ----------
    low, high : float
        Of X; symmetric about its mean.
    cycle_s : float
        Mean time from band to band and back, seconds.
    gain_per_s : float
        Of X after costs in the mean, one round trip in each cycle.
    """

    low: float
    high: float
    cycle_s: float
    gain_per_s: float


def best_z(cost: float) -> float:
    """Distance of the best bands from the mean, in standard deviations, for a cost in the same.

    Notes
    -----
    Solves ``z - cost / 2 = sqrt(2) D(z / sqrt(2))`` with Dawson's integral D, which is Bertram's condition without its
    exponentials. W. K. Bertram, "Analytic solutions for optimal statistical arbitrage trading", *Physica A* 389
    (2010), eq. 23.

    Examples
    --------
    >>> [round(best_z(cost), 4) for cost in (0.01, 0.1, 0.5, 2.0)]
    [0.2476, 0.5417, 0.9643, 1.7137]
    """
    if not cost > 0.0:
        return 0.0
    half = 0.5 * cost
    root = math.sqrt(2.0)
    return float(brentq(lambda z: z - half - root * float(dawsn(z / root)), half, half + _MOST_DAWSON, xtol=1e-14))


def cycle_time(z: float) -> float:
    """Mean time from one band at `z` deviations to the other and back, in units of one over the speed.

    Examples
    --------
    >>> round(cycle_time(0.5417), 3)
    2.855
    """
    return 2.0 * math.pi * float(erfi(z / math.sqrt(2.0)))


def cycle_variance(z: float) -> float:
    """Variance of that time, in units of one over the squared speed.

    Notes
    -----
    Both ways take equally long. The variance of the time to rise from -z to z is the integral of
    ``2 e^{y^2/2} M(u)^2 e^{-u^2/2}`` over u below y and y between them, with the mean time that a step upwards takes,
    ``M(u) = e^{u^2/2} int_{-inf}^u e^{-w^2/2} dw`` (D. A. Darling and A. J. F. Siegert, *Annals of Mathematical
    Statistics* 24 (1953), by differentiating their equation for the moments).
    """

    def mean_step(u: float) -> float:
        return math.sqrt(0.5 * math.pi) * float(erfcx(-u / math.sqrt(2.0)))

    def inner(y: float) -> float:
        below, _ = quad(lambda u: 2.0 * mean_step(u) ** 2 * math.exp(0.5 * (y * y - u * u)), -12.0, y, epsrel=1e-10)
        return float(below)

    rise, _ = quad(inner, -z, z, epsrel=1e-9)
    return 2.0 * float(rise)


def best_bands(process: OrnsteinUhlenbeck, cost: float) -> Bands:
    """The bands whose trading brings most in the mean.

    Parameters
    ----------
    process : OrnsteinUhlenbeck
        That comes back.
    cost : float
        Of a round trip, both legs in and out, in X's unit.

    Raises
    ------
    ValueError
        It does not come back.
    """
    if not process.reverts:
        raise ValueError("a process that does not come back has no bands")
    return bands_at(process, best_z(cost / process.deviation), cost)


def bands_at(process: OrnsteinUhlenbeck, z: float, cost: float) -> Bands:
    """Bands at `z` standard deviations, and what they bring."""
    away = z * process.deviation
    cycle_s = cycle_time(z) / process.speed
    gain = (2.0 * away - cost) / cycle_s if cycle_s > 0.0 else 0.0
    return Bands(process.mean - away, process.mean + away, cycle_s, gain)


def sharpest_z(process: OrnsteinUhlenbeck, cost: float, riskless_per_s: float) -> tuple[float, float]:
    """The distance with the best ratio of mean to deviation of the gain, and that ratio for a second.

    Notes
    -----
    Bertram (2010), sec. 4: the gain of a second has mean ``r / E[T]`` and variance ``r^2 V[T] / E[T]^3``, with
    ``r = 2 |a| - c``; the riskless gain is that of a cycle.
    """
    scale, speed = process.deviation, process.speed

    def ratio(z: float) -> float:
        gain, mean_s = 2.0 * z * scale - cost, cycle_time(z) / speed
        spread = math.sqrt(gain * gain * cycle_variance(z) / speed**2 / mean_s**3)
        return (gain / mean_s - riskless_per_s / mean_s) / spread

    least = 0.5 * (cost + riskless_per_s) / scale
    found = minimize_scalar(lambda z: -ratio(z), bounds=(least + 1e-6, _FURTHEST), method="bounded")
    return float(found.x), -float(found.fun)
