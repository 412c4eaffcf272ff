"""Sockets that are open, and how messages get to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from aiohttp import web

from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.orders import Json

_QUEUED = 10_000


class Connection:
    """One socket: what is sent to it waits in a queue of its own, and one that does not read is cut.

    Parameters
    ----------
    socket : WebSocketResponse
        Prepared.
    request : Request
        That opened it.
    wrapped : bool
        Whether messages say which stream they are of.
    on_market : callable
        Called when a message of the market is about to be written.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        *,
        wrapped: bool = False,
        on_market: Callable[[], None] = lambda: None,
    ) -> None:
        self.socket = socket
        self.path = request.path_qs
        self._transport = request.transport
        self.wrapped = wrapped
        self.streams: set[str] = set()
        self._on_market = on_market
        # Texts, and whether they are of the market.
        self._queue: asyncio.Queue[tuple[str, bool] | None] = asyncio.Queue(_QUEUED)

    def send(self, message: Json, *, market: bool = False) -> None:
        """Queue a message."""
        try:
            self._queue.put_nowait((json.dumps(message, separators=(",", ":")), market))
        except asyncio.QueueFull:
            self.close()

    def send_of(self, stream: str, message: Json, *, market: bool = False) -> None:
        """Queue a message of a stream."""
        self.send({"stream": stream, "data": message} if self.wrapped else message, market=market)

    def cut(self) -> None:
        """End it without a word, as a network does."""
        self.close()
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Stop sending; what waits is dropped."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def pump(self) -> None:
        """Send what is queued until the end."""
        while (message := await self._queue.get()) is not None:
            text, market = message
            if market:
                self._on_market()
            await self.socket.send_str(text)
        await self.socket.close()


class Delivery:
    """Sends messages of streams, unless something happens to them on their way.

    Parameters
    ----------
    faults : Faults
        What happens.
    prefix : str
        Before the names of streams, for faults to tell products apart.
    """

    def __init__(self, faults: Faults, prefix: str = "") -> None:
        self._faults = faults
        self._prefix = prefix
        # By stream, a message that waits for the next one to go before it.
        self._held: dict[str, Callable[[], None]] = {}

    def send(self, stream: str, deliver: Callable[[], None]) -> None:
        """Deliver a message of a stream."""
        faults, name = self._faults, self._prefix + stream
        if faults.hit("drop", name) is not None:
            return
        late = faults.hit("late", name)
        if late is not None:
            asyncio.get_running_loop().call_later(max(0.0, late.seconds), deliver)
            return
        if name not in self._held and faults.hit("reorder", name) is not None:
            self._held[name] = deliver
            return
        deliver()
        if faults.hit("duplicate", name) is not None:
            deliver()
        held = self._held.pop(name, None)
        if held is not None:
            held()
