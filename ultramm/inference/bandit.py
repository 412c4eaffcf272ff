"""Choosing between a few ways to quote by what they earned: slow adaptation, of days and not of minutes."""

from __future__ import annotations

import math
import random


class Bandit:
    """Thompson sampling between arms of normal rewards, apart for each context, with a memory that fades.

    Parameters
    ----------
    arms : int
    discount : float
        What a reward weighs a choice later.
    seed : int
        Of the draws: the same rewards lead to the same choices.

    Notes
    -----
    O. Chapelle and L. Li, "An empirical evaluation of Thompson sampling", *NeurIPS* 24 (2011); discounted as by
    V. Raj and S. Kalyani, "Taming non-stationary bandits", arXiv:1707.09727 (2017). Rewards are taken to be of standard
    deviation one, and so is what is believed of an arm before anything is known.
    """

    def __init__(self, arms: int, discount: float = 0.995, seed: int = 0) -> None:
        self._arms, self._discount, self._seed = arms, discount, seed
        self._known: dict[object, list[tuple[float, float]]] = {}
        self._choices = 0

    def choose(self, context: object = None) -> int:
        """The arm to take now."""
        # Drawn anew from what counts the choices: nothing is to be kept for a restart but that.
        drawn = random.Random(f"{self._seed} {self._choices}")
        self._choices += 1
        found = [
            total / (1.0 + weight) + drawn.gauss(0.0, 1.0) / math.sqrt(1.0 + weight)
            for weight, total in self._of(context)
        ]
        return max(range(self._arms), key=found.__getitem__)

    def reward(self, arm: int, value: float, context: object = None) -> None:
        """An arm earned so much, in deviations."""
        known = self._of(context)
        for place, (weight, total) in enumerate(known):
            taken = float(place == arm)
            known[place] = self._discount * weight + taken, self._discount * total + taken * value

    def means(self, context: object = None) -> list[float]:
        """What each arm is believed to earn."""
        return [total / (1.0 + weight) for weight, total in self._of(context)]

    def _of(self, context: object) -> list[tuple[float, float]]:
        return self._known.setdefault(context, [(0.0, 0.0)] * self._arms)
