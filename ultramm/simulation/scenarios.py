"""Days that a market maker must survive: what happens to a synthetic market at a moment that is known beforehand.

>>> from ultramm.simulation import PRESETS
>>> market = Staged(PRESETS["wide"], 7, SCENARIOS["drop"], at_s=600.0)
>>> stream = market.events()  # until then those of `SyntheticMarket(PRESETS["wide"], 7)`
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent
from ultramm.simulation.presets import Preset
from ultramm.simulation.synthetic import SyntheticMarket

_Book = tuple[dict[int, int], dict[int, int]]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a market from its moment on.

    Parameters
    ----------
    path : tuple of (float, float)
        How far the latent price is pushed, beside its own moves: seconds since the moment, and `sigma_ticks`, the
        standard deviation of its move in a calm second. Straight lines between; the last holds for good.
    hidden_s : float
        For so long nothing is shown of the market, which goes on, seconds; then its whole book is.
    sweeps, sweeps_s : int, float
        So many market orders to sell within so many seconds, each for all of the best bid, and each with the impact
        of any other.
    """

    path: tuple[tuple[float, float], ...] = ((0.0, 0.0),)
    hidden_s: float = 0.0
    sweeps: int = 0
    sweeps_s: float = 0.0

    def push(self, since_s: float) -> float:
        """How far the price is pushed by then, `sigma_ticks`."""
        for (begin_s, begin), (end_s, end) in pairwise(self.path):
            if since_s < end_s:
                return begin + (end - begin) * (since_s - begin_s) / (end_s - begin_s)
        return self.path[-1][1]

    @property
    def deepest(self) -> float:
        """How far down it is pushed at most, `sigma_ticks`."""
        return max(0.0, *[-sigmas for _, sigmas in self.path])


SCENARIOS: dict[str, Scenario] = {
    "drop": Scenario(path=((0.0, -40.0),)),
    "flash-crash": Scenario(path=((0.0, 0.0), (10.0, -100.0), (60.0, 0.0))),
    "feed-freeze": Scenario(hidden_s=30.0),
    "sell-burst": Scenario(sweeps=50, sweeps_s=5.0),
}
"""What can happen.

=============== =============================================================================================
``drop``        the price falls by 40 standard deviations of a second's move, at once, and stays there
``flash-crash`` it falls by 100 within ten seconds, and is back after another fifty
``feed-freeze`` the market goes on, and nothing is seen of it for thirty seconds
``sell-burst``  fifty market orders to sell within five seconds, each for the whole best bid
=============== =============================================================================================
"""


class Staged:
    """A synthetic market that meets a scenario.

    What happens begins with the first event at or after its moment: that one and all before it are those of the market
    without it. Providers see a push as late as any move, so that a fall finds their bids where they were.

    Parameters
    ----------
    preset, seed : Preset, int
        As for `SyntheticMarket`.
    scenario : Scenario
        What happens.
    at_s : float
        When, seconds of the market's time.

    Attributes
    ----------
    market : SyntheticMarket
        Its state is that of the event just given.
    """

    def __init__(self, preset: Preset, seed: int, scenario: Scenario, at_s: float) -> None:
        self.market = SyntheticMarket(preset, seed)
        self._preset = preset
        self._scenario = scenario
        self._at_s = at_s

    def events(self) -> Iterator[MarketEvent]:
        """As `SyntheticMarket.events`."""
        scenario, pushed, swept = self._scenario, 0.0, 0
        hides = scenario.hidden_s > 0.0
        stream = self.market.events()
        for event in stream:
            yield event
            since_s = event.time_s - self._at_s
            if since_s < 0.0:
                continue
            push = scenario.push(since_s)
            self.market.shift((push - pushed) * self._preset.sigma_ticks)
            pushed = push
            while swept < scenario.sweeps and since_s >= swept * scenario.sweeps_s / scenario.sweeps:
                swept += 1
                yield self._sweep()
            if hides:
                hides = False
                yield self._shown_again(stream)

    def _sweep(self) -> MarketEvent:
        """Somebody sells to the whole best bid, with the impact of any other order."""
        _, lots = self.market.best_bid
        event = self.market.take(Side.SELL, lots)
        self.market.shift(-self._preset.impact_ticks)
        return event

    def _shown_again(self, stream: Iterator[MarketEvent]) -> MarketEvent:
        """What has become of the book once the market is seen again."""
        before, until_s = self.market.snapshot(), self._at_s + self._scenario.hidden_s
        last = next(event for event in stream if event.time_s >= until_s)
        return MarketEvent(last.time_s, _difference(before, self.market.snapshot()))


def _difference(before: _Book, after: _Book) -> tuple[LevelChange, ...]:
    """What leads from one book to another, what is gone first."""
    changes: list[LevelChange] = []
    for side, old, new in zip((Side.BUY, Side.SELL), before, after, strict=True):
        changes += [LevelChange(side, ticks, 0) for ticks in old if ticks not in new]
    for side, old, new in zip((Side.BUY, Side.SELL), before, after, strict=True):
        changes += [LevelChange(side, ticks, lots) for ticks, lots in new.items() if old.get(ticks) != lots]
    return tuple(changes)
