"""Which way to quote: tried in turn, and chosen by what each earned in what kind of market."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from ultramm.inference.bandit import Bandit
from ultramm.market import Fill
from ultramm_strategies.ai_market_maker.params import AiParams

_LARGEST_REWARD = 3.0
_LEAST_PERIODS = 2


class Profiles:
    """Follows what the maker earned, and gives the parameters to quote by.

    A reward is the P&L of a period over what a full position would have gained or lost in it, one deviation, between -3
    and 3. A choice holds for two periods at least.

    Parameters
    ----------
    params : AiParams
    """

    def __init__(self, params: AiParams) -> None:
        self._usual, self._period_ns = params, round(params.profile_s * 1e9)
        self._names: Sequence[str] = tuple(params.profiles)
        self._bandit = Bandit(len(self._names), seed=params.seed)
        self._cash = self._held = 0.0
        self._place, self._periods = 0, 0
        self._next_ns, self._value, self._context = 0, 0.0, ""
        self.chosen = params if not self._names else self._with(0)

    @property
    def name(self) -> str:
        """Of the way to quote; empty where there is one only."""
        return self._names[self._place] if self._names else ""

    @property
    def place(self) -> int:
        """Of it among the profiles, from 0."""
        return self._place

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded."""
        self._cash -= fill.side * fill.price * fill.size + fill.fee
        self._held += fill.side * fill.size

    def value(self, mid: float) -> float:
        """What was earned so far, quote currency."""
        return self._cash + self._held * mid

    def on_time(self, now_ns: int, mid: float, sigma: float, context: str) -> bool:
        """Now and then: end a period where it is over. Gives whether another way was chosen.

        Parameters
        ----------
        sigma : float
            Price / sqrt(second).
        context : str
            The kind of market that it is now.
        """
        if not self._names or not sigma > 0.0:
            return False
        if now_ns < self._next_ns:
            return False
        value = self.value(mid)
        if self._next_ns:
            usual = self._usual.max_position * sigma * math.sqrt(self._usual.profile_s)
            earned = max(-_LARGEST_REWARD, min(_LARGEST_REWARD, (value - self._value) / usual))
            self._bandit.reward(self._place, earned, self._context)
            self._periods += 1
        self._next_ns, self._value, self._context = now_ns + self._period_ns, value, context
        if self._periods and self._periods < _LEAST_PERIODS:
            return False
        place = self._bandit.choose(context)
        if place == self._place:
            return False
        self._place, self._periods, self.chosen = place, 0, self._with(place)
        return True

    def _with(self, place: int) -> AiParams:
        stated = msgspec.structs.asdict(self._usual.profiles[self._names[place]])
        return msgspec.structs.replace(self._usual, **{key: each for key, each in stated.items() if each is not None})
