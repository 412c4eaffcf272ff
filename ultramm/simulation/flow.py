"""The clocks and signs of the noise takers."""

from __future__ import annotations

import math
import random


class HawkesClock:
    """Arrival times of a Hawkes process with an exponential kernel, one after the other, O(1) each.

    The intensity is ``base + sum(excitation * exp(-decay * (t - t_i)))``; its mean is
    ``base / (1 - excitation / decay)``.

    Parameters
    ----------
    base_per_s : float
        Intensity without any past arrival, 1/s.
    excitation_per_s : float
        What each arrival adds to the intensity, 1/s; below `decay_per_s`, or the process explodes.
    decay_per_s : float
        Rate at which that fades, 1/s.
    rng : random.Random
        The stream that it alone draws from.
    start_s : float
        Time before which nothing has happened.

    Raises
    ------
    ValueError
        If a rate is not positive or the process is not stationary.

    Notes
    -----
    Exact, without thinning: the next arrival is the earlier of one of the base rate and one of the fading
    excitation, whose integral ends at a finite value (Dassios, Zhao 2013, "Exact simulation of Hawkes process
    with exponentially decaying intensity").
    """

    def __init__(
        self,
        base_per_s: float,
        excitation_per_s: float,
        decay_per_s: float,
        rng: random.Random,
        start_s: float = 0.0,
    ) -> None:
        if base_per_s <= 0 or decay_per_s <= 0 or not 0 <= excitation_per_s < decay_per_s:
            raise ValueError("a Hawkes clock needs base > 0 and 0 <= excitation < decay")
        self._base = base_per_s
        self._excitation = excitation_per_s
        self._decay = decay_per_s
        self._rng = rng
        self._excess = 0.0
        self._excess_at_s = start_s
        self.next_s = self._draw(start_s)

    def intensity(self, time_s: float) -> float:
        """The arrival rate at a time not before the last excitation, 1/s."""
        return self._base + self._excess * math.exp(-self._decay * (time_s - self._excess_at_s))

    def excite(self, time_s: float) -> None:
        """Count an arrival at `time_s`, its own or a foreign one, and draw `next_s` anew."""
        self._excess = self.intensity(time_s) - self._base + self._excitation
        self._excess_at_s = time_s
        self.next_s = self._draw(time_s)

    def _draw(self, now_s: float) -> float:
        wait_s = self._rng.expovariate(self._base)
        if self._excess > 0.0:
            left = 1.0 + self._decay * math.log(1.0 - self._rng.random()) / self._excess
            if left > 0.0:
                wait_s = min(wait_s, -math.log(left) / self._decay)
        return now_s + wait_s


class MetaorderSigns:
    """Signs of market orders that are slices of a few large orders, so that they remember.

    Each order belongs to one of `pool` metaorders, picked uniformly; a finished metaorder is replaced by one
    of random sign. Their lengths are Pareto distributed, which makes the autocorrelation of signs fall as a
    power (Lillo, Mike, Farmer 2005, "Theory for long memory in supply and demand").

    Parameters
    ----------
    pool : int
        Metaorders alive at once.
    tail : float
        Exponent of the Pareto distribution of their lengths.
    minimum : float
        Smallest length, in orders.
    rng : random.Random
        The stream that it alone draws from.
    """

    def __init__(self, pool: int, tail: float, minimum: float, rng: random.Random) -> None:
        self._tail = tail
        self._minimum = minimum
        self._rng = rng
        self._signs = [0] * pool
        self._left = [0] * pool
        for index in range(pool):
            self._renew(index)

    def next_sign(self) -> int:
        """The direction of the next market order: 1 buys, -1 sells."""
        index = int(self._rng.random() * len(self._signs))
        sign = self._signs[index]
        self._left[index] -= 1
        if self._left[index] <= 0:
            self._renew(index)
        return sign

    def _renew(self, index: int) -> None:
        self._signs[index] = 1 if self._rng.random() < 0.5 else -1
        self._left[index] = int(self._minimum * self._rng.paretovariate(self._tail))
