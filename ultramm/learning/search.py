"""Searching for parameters by what they earn: an evolution strategy, by the same seeds for all candidates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt
from cmaes import CMA

from ultramm.learning.significance import overfitting_probability

Array = npt.NDArray[np.float64]
_SIGMA = 0.2  # of the range that is searched


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a parameter is searched.

    Parameters
    ----------
    least, most : float
    start : float
        Where the search begins, which is what it is held against.
    """

    least: float
    most: float
    start: float

    def __post_init__(self) -> None:
        if not self.least <= self.start <= self.most or not self.least < self.most:
            raise ValueError(
                f"{self.least:g} to {self.most:g} from {self.start:g}: least, start and most are not in order"
            )

    @property
    def _ratios(self) -> bool:
        """Whether it is searched by ratios: what is positive, and larger than its least by far."""
        return self.least > 0.0 and self.most >= 4.0 * self.least

    def place(self, value: float) -> float:
        """Of a value, 0 .. 1."""
        if self._ratios:
            return math.log(value / self.least) / math.log(self.most / self.least)
        return (value - self.least) / (self.most - self.least)

    def value(self, place: float) -> float:
        """At a place, to four figures: nobody writes down more."""
        place = min(1.0, max(0.0, place))
        found = (
            self.least * (self.most / self.least) ** place
            if self._ratios
            else self.least + place * (self.most - self.least)
        )
        return float(f"{found:.4g}")


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate and what it was worth: its utility, and what it earned each minute of all seeds."""

    generation: int
    params: dict[str, float]
    utility: float
    minutes: tuple[float, ...]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to.

    Parameters
    ----------
    params : dict of str to float
        The mean of the last generation's distribution: the best single one is the luckiest.
    tried : tuple of Tried
    """

    params: dict[str, float]
    tried: tuple[Tried, ...]

    @property
    def overfitting(self) -> float | None:
        """Probability that the best of them in one half of the time is not among the better half in the other."""
        try:
            return overfitting_probability(np.array([each.minutes for each in self.tried]).T)
        except ValueError:
            return None


Play = Callable[[Sequence[dict[str, float]]], Sequence[Array]]


def search(
    ranges: dict[str, Range],
    play: Play,
    worth: Callable[[Array], float],
    generations: int,
    population: int,
    seed: int,
    on_generation: Callable[[dict[str, float], float], None] = lambda *_: None,
) -> Found:
    """Find parameters of the highest worth.

    Parameters
    ----------
    play : callable
        Gives for each candidate what it earned, minute by minute, all on the same seeds.
    worth : callable
        Of these minutes.
    on_generation : callable
        Called with the mean that it leads to, and its best worth.

    References
    ----------
    N. Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772 (2016).
    """
    names = list(ranges)
    start = np.array([ranges[name].place(ranges[name].start) for name in names])
    bounds = np.array([[0.0, 1.0]] * len(names))
    evolution = CMA(mean=start, sigma=_SIGMA, bounds=bounds, seed=seed, population_size=population)

    def params_at(places: Array) -> dict[str, float]:
        return {name: ranges[name].value(float(place)) for name, place in zip(names, places, strict=True)}

    tried: list[Tried] = []
    for generation in range(generations):
        asked = [evolution.ask() for _ in range(population)]
        candidates = [params_at(places) for places in asked]
        earned = [np.asarray(each) for each in play(candidates)]
        worths = [worth(each) for each in earned]
        evolution.tell([(places, -each) for places, each in zip(asked, worths, strict=True)])
        tried += [
            Tried(generation=generation, params=params, utility=each, minutes=tuple(minutes.tolist()))
            for params, each, minutes in zip(candidates, worths, earned, strict=True)
        ]
        on_generation(params_at(evolution.mean), max(worths))
    return Found(params=params_at(evolution.mean), tried=tuple(tried))
