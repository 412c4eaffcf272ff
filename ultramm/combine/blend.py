"""What of two ways to weigh becomes the weights, within bounds."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """Of the weights.

    Parameters
    ----------
    floor, cap : float
        Of each, as shares.
    turnover_per_h : float
        Sum of what weights gain in an hour.
    """

    floor: float = 0.05
    cap: float = 0.6
    turnover_per_h: float = 0.1


def bounded(weights: Array, bounds: Bounds) -> Array:
    """The nearest weights, in squares, that add up to one and keep to floor and cap.

    Parameters
    ----------
    weights : array of shape (n,)

    Notes
    -----
    Projection: the weights are moved by one common amount and cut; that amount is found by bisection. Where floors add
    up to more than one, or caps to less, all are equal.
    """
    size = len(weights)
    if size * bounds.floor >= 1.0 or size * bounds.cap <= 1.0:
        return np.full(size, 1.0 / size)
    low, high = -1.0 - float(weights.max()), 1.0 - float(weights.min())
    for _ in range(100):
        by = 0.5 * (low + high)
        cut = np.clip(weights + by, bounds.floor, bounds.cap)
        low, high = (by, high) if cut.sum() < 1.0 else (low, by)
    return np.asarray(cut / cut.sum())


def towards(before: Array, wanted: Array, turnover: float) -> Array:
    """From the weights of before towards the wanted ones, as far as so much turnover goes.

    Parameters
    ----------
    before, wanted : array of shape (n,)
        Each adds up to one.
    turnover : float
        Sum of what weights gain.
    """
    needed = 0.5 * float(np.abs(wanted - before).sum())
    if needed <= turnover:
        return wanted
    return np.asarray(before + (wanted - before) * (turnover / needed))


def blended(performance: Array, parity: Array) -> Array:
    """Half of what was earned, half of what is risked."""
    return 0.5 * (performance + parity)
