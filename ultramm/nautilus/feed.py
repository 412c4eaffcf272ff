"""Plays the sources of a node's venues, in real time or as fast as the strategies keep up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import BookAction
from nautilus_trader.model.identifiers import ClientId, InstrumentId, Venue

from ultramm.config.resolve import Resolved
from ultramm.errors import ConfigError
from ultramm.nautilus.build import Feed, merged

# From a market event to the venue's answer a command crosses the queues of data, risk and execution engine; each
# takes one turn of the loop. Letting it arrive before the next event makes a replay independent of its speed.
_TURNS = 12
_SLEEP_LEAST_S = 0.001


class FeedDataClient(LiveMarketDataClient):
    """One venue of a node whose market is a `Source`: passes on what the `Player` plays.

    Parameters
    ----------
    feed : Feed
        The venue and its instruments.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, msgbus: Any, cache: Any, clock: Any, feed: Feed) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(feed.venue),
            venue=Venue(feed.venue),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            instrument_provider=InstrumentProvider(),
        )
        self._instruments = feed.instruments
        self._subscribed: set[InstrumentId] = set()
        for instrument in feed.instruments:
            self._instrument_provider.add(instrument)

    async def _connect(self) -> None:
        for instrument in self._instruments:
            self._handle_data(instrument)

    async def _disconnect(self) -> None:
        """There is nobody to take leave of."""

    def hears(self, instrument_id: InstrumentId) -> bool:
        """Whether anybody subscribed to it."""
        return instrument_id in self._subscribed

    def publish(self, event: Any) -> None:
        self._handle_data(event)

    async def _subscribe_order_book_deltas(self, command: Any) -> None:
        self._subscribed.add(command.instrument_id)

    async def _subscribe_trade_ticks(self, command: Any) -> None:
        self._subscribed.add(command.instrument_id)

    async def _subscribe_quote_ticks(self, command: Any) -> None:
        """A source sends none."""

    async def _unsubscribe_quote_ticks(self, command: Any) -> None:
        """As if there had been some."""

    async def _unsubscribe_order_book_deltas(self, command: Any) -> None:
        """Others may still listen; an event that nobody hears costs little."""

    async def _unsubscribe_trade_ticks(self, command: Any) -> None:
        """Others may still listen; an event that nobody hears costs little."""


class Player:
    """Plays the markets of a node, all in one, in the order that a backtest has.

    Events are stamped anew so that the first happens now, all others at their recorded distance from it.

    Parameters
    ----------
    feeds : list of Feed
        The venues.
    speed : float
        Seconds of market time a second; ``inf`` plays as fast as the strategies keep up.
    """

    def __init__(self, feeds: list[Feed], speed: float) -> None:
        self._feeds = feeds
        self._speed = speed
        self._clients: dict[str, FeedDataClient] = {}
        self._task: asyncio.Task[None] | None = None

    def factory(self, feed: Feed) -> type:
        """A factory class for `TradingNode` that makes the client of one venue."""
        clients = self._clients

        class FeedDataClientFactory(LiveDataClientFactory):
            @staticmethod
            def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> FeedDataClient:  # noqa: ARG004
                client = clients[feed.venue] = FeedDataClient(loop, msgbus, cache, clock, feed)
                return client

        return FeedDataClientFactory

    def heard_by_all(self, instrument_ids: Iterable[InstrumentId]) -> bool:
        """Whether the subscriptions to these have arrived: they travel, and an event before them is lost."""
        return all(self._clients[each.venue.value].hears(each) for each in instrument_ids)

    def play(self, now_ns: int, on_end: Callable[[BaseException | None], None]) -> None:
        """Begin; called once every strategy has subscribed, so that all see the first event.

        Parameters
        ----------
        now_ns : int
            When the first event happens.
        on_end : callable
            Called when there are no more events, or with the exception that ended them.
        """
        self._task = asyncio.create_task(self._run(now_ns, on_end))

    def hold(self) -> None:
        """Send no more events."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self, now_ns: int, on_end: Callable[[BaseException | None], None]) -> None:
        try:
            await self._play(merged(self._feeds, endless=True), now_ns)
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            on_end(exc)
        else:
            on_end(None)

    async def _play(self, events: Iterator[Any], now_ns: int) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        first_ns: int | None = None
        for event in events:
            if first_ns is None:
                first_ns = event.ts_init
            if self._speed != math.inf:
                wait_s = began_s + (event.ts_init - first_ns) * 1e-9 / self._speed - loop.time()
                if wait_s >= _SLEEP_LEAST_S:
                    await asyncio.sleep(wait_s)
            client = self._clients[event.instrument_id.venue.value]
            if client.hears(event.instrument_id):
                client.publish(restamped(event, now_ns - first_ns))
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
            else:
                await asyncio.sleep(0)


def common_speed(resolved: Resolved, feeds: list[Feed]) -> float:
    """The speed of all venues: one clock cannot go at two.

    Raises
    ------
    ConfigError
        They differ.
    """
    speeds = {feed.venue: feed.source.pace().speed for feed in feeds}
    first, speed = next(iter(speeds.items()))
    for venue, its_speed in speeds.items():
        if its_speed != speed:
            raise ConfigError(
                f"{resolved.loaded.path}: venues.{venue}: plays at speed {its_speed:g}, {first} at {speed:g}: "
                "the venues of one node need one speed"
            )
    return speed


def restamped(event: Any, offset_ns: int) -> Any:
    """The same event, `offset_ns` later."""
    if isinstance(event, TradeTick):
        return TradeTick(
            event.instrument_id,
            event.price,
            event.size,
            event.aggressor_side,
            event.trade_id,
            event.ts_event + offset_ns,
            event.ts_init + offset_ns,
        )
    return OrderBookDeltas(event.instrument_id, [_restamped_delta(d, offset_ns) for d in event.deltas])


def _restamped_delta(delta: Any, offset_ns: int) -> Any:
    ts_event, ts_init = delta.ts_event + offset_ns, delta.ts_init + offset_ns
    order = None if delta.action == BookAction.CLEAR else delta.order
    return OrderBookDelta(delta.instrument_id, delta.action, order, delta.flags, delta.sequence, ts_event, ts_init)
