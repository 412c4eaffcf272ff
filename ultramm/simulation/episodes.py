"""Episodes that mislead a maker, put into a synthetic market to see what its detectors see.

What is shown and taken back again lies over the market's own book: its agents do not hear of it, so that the market is
the same with and without, up to what is taken from it. It leaves before the market's own prices come to it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm.simulation.synthetic import SyntheticMarket


class Show(msgspec.Struct, frozen=True):
    """Rest `lots` more, so many ticks behind the best price of a side."""

    side: Side
    behind: int
    lots: int


class Hide(msgspec.Struct, frozen=True):
    """Take all that was shown back."""


class Take(msgspec.Struct, frozen=True):
    """Buy or sell at the market; 0 lots are all at the best price."""

    side: Side
    lots: int = 0


class Print(msgspec.Struct, frozen=True):
    """Trade with oneself inside the spread, or at the touch where there is no room: the book stays as it is."""

    side: Side
    lots: int


class Shift(msgspec.Struct, frozen=True):
    """Move the price that the market's participants believe in."""

    ticks: float


Act = Show | Hide | Take | Print | Shift
# (seconds to wait, what then happens)
Script = Iterator[tuple[float, Act]]
EpisodeKind = Callable[[random.Random, Side], Script]


class Episode(msgspec.Struct, frozen=True):
    """When an episode of a kind begins, seconds, and which side it shows, or pushes."""

    start_s: float
    kind: str
    side: Side


def layered(rng: random.Random, side: Side) -> Script:
    """Three large orders on one side, taken back within seconds while others trade the way they point."""
    for behind in (1, 2, 3):
        yield 0.02, Show(side, behind, rng.randint(25, 60))
    hold_s, waited_s = rng.uniform(1.0, 4.0), 0.0
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        wait_s = rng.uniform(0.0, 0.5 * hold_s)
        waited_s += wait_s
        yield wait_s, Take(side, rng.randint(1, 2))
    yield max(0.1, hold_s - waited_s), Hide()


def stuffed(rng: random.Random, side: Side) -> Script:
    """Two to four seconds of orders far from the market, placed and taken back 500 times a second each."""
    for _ in range(round(rng.uniform(2.0, 4.0) * 500)):
        yield 0.001, Show(side, rng.randint(6, 9), 1)
        yield 0.001, Hide()


def ignited(rng: random.Random, side: Side) -> Script:
    """Thirty market orders within a second and a half that each take all of the best price, and are followed: what the
    participants believe in moves along, by some ten ticks, and comes back within a few seconds."""
    moved = 0.0
    for _ in range(rng.randint(25, 40)):
        yield rng.uniform(0.03, 0.06), Take(side)
        yield 0.0, Shift(side * 0.35)
        moved += 0.35
    for _ in range(30):
        yield 0.1, Shift(-side * moved / 30)


def mirrored(rng: random.Random, side: Side) -> Script:
    """Half a minute of 15 pairs of trades a second, each bought and sold in one size at once."""
    for _ in range(450):
        lots = rng.randint(3, 30)
        yield rng.expovariate(15.0), Print(side, lots)
        yield rng.uniform(0.0, 0.02), Print(side.opposite, lots)


def pumped(rng: random.Random, side: Side) -> Script:
    """Six minutes in which market orders drive the price one way, on many times the volume, and one in which it falls
    back."""
    for _ in range(3_600):
        yield 0.1, Shift(side * 0.09)
        yield 0.0, Take(side, rng.randint(10, 30))
        yield 0.0, Take(side.opposite, rng.randint(5, 15))
    for _ in range(600):
        yield 0.1, Shift(-side * 0.5)
        yield 0.0, Take(side.opposite, rng.randint(10, 30))


KINDS: dict[str, EpisodeKind] = {
    "layered": layered,
    "stuffed": stuffed,
    "ignited": ignited,
    "mirrored": mirrored,
    "pumped": pumped,
}


def with_episodes(market: SyntheticMarket, episodes: Iterable[Episode], seed: int) -> Iterator[MarketEvent]:
    """The market's events with the episodes among them.

    Parameters
    ----------
    episodes : iterable of Episode
        In order of time; one that begins before the one before it has ended waits for it.
    seed : int
        Of what episodes leave to chance; each has a stream of its own.
    """
    overlay = _Overlay(market)
    acts = _acts(episodes, seed)
    due = next(acts, None)
    for event in market.events():
        yield from overlay.over(event)
        # Between two events of the market nothing can be done that the second would not have met.
        while due is not None and due[0] <= event.time_s:
            yield from overlay.act(event.time_s, due[1])
            due = next(acts, None)


def _acts(episodes: Iterable[Episode], seed: int) -> Iterator[tuple[float, Act]]:
    time_s = 0.0
    for number, episode in enumerate(episodes):
        time_s = max(time_s, episode.start_s)
        for wait_s, act in KINDS[episode.kind](random.Random(f"{seed}:{number}:{episode.kind}"), episode.side):
            time_s += wait_s
            yield time_s, act


class _Overlay:
    """What is shown over the market's own book."""

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self._shown: dict[tuple[Side, int], int] = {}

    def over(self, event: MarketEvent) -> Iterator[MarketEvent]:
        """An event of the market's own, after what it would have met has gone."""
        if not self._shown:
            yield event
            return
        met = [key for key in self._shown if self._met(*key)]
        if met:
            yield MarketEvent(event.time_s, self._hidden(met))
        changes = [
            LevelChange(each.side, each.ticks, each.lots + self._shown.get((each.side, each.ticks), 0))
            for each in event.changes
        ]
        yield MarketEvent(event.time_s, tuple(changes), event.trades)

    def _met(self, side: Side, ticks: int) -> bool:
        """Whether the market's own best price of its side is there, or beyond."""
        best, _ = self._market.best_bid if side is Side.BUY else self._market.best_ask
        return side * (best - ticks) <= 0

    def _hidden(self, keys: list[tuple[Side, int]]) -> tuple[LevelChange, ...]:
        """Take back what is shown there: the market alone has what is left."""
        for key in keys:
            del self._shown[key]
        return tuple([LevelChange(*key, self._market.lots_at(*key)) for key in keys])

    def act(self, time_s: float, act: Act) -> Iterator[MarketEvent]:
        """What one step of an episode does to what is shown."""
        market = self._market
        match act:
            case Show(side, behind, lots):
                best, _ = market.best_bid if side is Side.BUY else market.best_ask
                key = side, best - side * behind
                self._shown[key] = self._shown.get(key, 0) + lots
                yield MarketEvent(time_s, (LevelChange(*key, self._market.lots_at(*key) + self._shown[key]),))
            case Hide():
                if self._shown:
                    yield MarketEvent(time_s, self._hidden(list(self._shown)))
            case Take(side, lots):
                _, best_lots = market.best_ask if side is Side.BUY else market.best_bid
                taken = market.take(side, lots or best_lots)
                yield from self.over(MarketEvent(time_s, taken.changes, taken.trades))
            case Print(side, lots):
                (bid, _), (ask, _) = market.best_bid, market.best_ask
                yield MarketEvent(time_s, (), (MarketTrade(side, (bid + ask) // 2 if ask - bid > 1 else ask, lots),))
            case Shift(ticks):
                market.shift(ticks)
