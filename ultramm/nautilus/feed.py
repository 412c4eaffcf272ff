"""A data client that plays a `Source` into a node, in real time or as fast as the strategies keep up."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from typing import Any

from nautilus_trader.common.providers import InstrumentProvider
from nautilus_trader.live.data_client import LiveMarketDataClient
from nautilus_trader.live.factories import LiveDataClientFactory
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import BookAction
from nautilus_trader.model.identifiers import ClientId, InstrumentId, Venue

from ultramm.nautilus.build import Feed

# From a market event to the venue's answer a command crosses the queues of data, risk and execution engine; each
# takes one turn of the loop. Letting it arrive before the next event makes a replay independent of its speed.
_TURNS = 12
_SLEEP_LEAST_S = 0.001


class FeedDataClient(LiveMarketDataClient):
    """Plays one venue's source.

    Events are stamped anew so that the first happens now, all others at their recorded distance from it.

    Parameters
    ----------
    feed : Feed
        What to play.
    on_end : callable
        Called when the source has no more events, or with the exception that ended it.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        msgbus: Any,
        cache: Any,
        clock: Any,
        feed: Feed,
        on_end: Callable[[BaseException | None], None],
    ) -> None:
        super().__init__(
            loop=loop,
            client_id=ClientId(feed.venue),
            venue=Venue(feed.venue),
            msgbus=msgbus,
            cache=cache,
            clock=clock,
            instrument_provider=InstrumentProvider(),
        )
        self._feed = feed
        self._on_end = on_end
        self._subscribed: set[InstrumentId] = set()
        self._pump: asyncio.Task[None] | None = None
        for instrument in feed.instruments:
            self._instrument_provider.add(instrument)

    async def _connect(self) -> None:
        for instrument in self._feed.instruments:
            self._handle_data(instrument)

    async def _disconnect(self) -> None:
        self.hold()

    def play(self) -> None:
        """Begin; called once every strategy has subscribed, so that all see the first event."""
        self._pump = self.create_task(self._run(), log_msg=f"play {self._feed.venue}")

    def hold(self) -> None:
        """Send no more events."""
        if self._pump is not None:
            self._pump.cancel()

    async def _subscribe_order_book_deltas(self, command: Any) -> None:
        self._subscribed.add(command.instrument_id)

    async def _subscribe_trade_ticks(self, command: Any) -> None:
        self._subscribed.add(command.instrument_id)

    async def _unsubscribe_order_book_deltas(self, command: Any) -> None:
        """Others may still listen; an event that nobody hears costs little."""

    async def _unsubscribe_trade_ticks(self, command: Any) -> None:
        """Others may still listen; an event that nobody hears costs little."""

    async def _run(self) -> None:
        try:
            await self._play(self._feed.source.events(endless=True), self._feed.source.pace().speed)
        except asyncio.CancelledError:
            raise
        except Exception as exc:
            self._on_end(exc)
        else:
            self._on_end(None)

    async def _play(self, events: Iterator[Any], speed: float) -> None:
        first_ns: int | None = None
        offset_ns = 0
        began_s = self._loop.time()
        for event in events:
            if first_ns is None:
                first_ns = event.ts_init
                offset_ns = self._clock.timestamp_ns() - first_ns
            if speed != math.inf:
                wait_s = began_s + (event.ts_init - first_ns) * 1e-9 / speed - self._loop.time()
                if wait_s >= _SLEEP_LEAST_S:
                    await asyncio.sleep(wait_s)
            if event.instrument_id in self._subscribed:
                self._handle_data(restamped(event, offset_ns))
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
            else:
                await asyncio.sleep(0)


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


def feed_factory(feed: Feed, made: list[FeedDataClient], on_end: Callable[[BaseException | None], None]) -> type:
    """A factory class for `TradingNode`; the client that it makes is added to `made`."""

    class FeedDataClientFactory(LiveDataClientFactory):
        @staticmethod
        def create(loop: Any, name: str, config: Any, msgbus: Any, cache: Any, clock: Any) -> FeedDataClient:  # noqa: ARG004
            client = FeedDataClient(loop, msgbus, cache, clock, feed, on_end)
            made.append(client)
            return client

    return FeedDataClientFactory
