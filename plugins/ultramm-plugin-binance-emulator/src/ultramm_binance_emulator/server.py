"""Venues on a port of this machine: REST, WebSocket API and streams, as a client of Binance's expects them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from functools import partial
from typing import Any

from aiohttp import WSMsgType, web

from ultramm.simulation.events import MarketEvent
from ultramm_binance_emulator.api import Api
from ultramm_binance_emulator.connections import Connection, Delivery
from ultramm_binance_emulator.control import Control
from ultramm_binance_emulator.errors import VenueError, refused
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.futures_api import FuturesApi
from ultramm_binance_emulator.futures_streams import FuturesStreams
from ultramm_binance_emulator.session import Session
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.spot_api import SpotApi
from ultramm_binance_emulator.streams import Streams
from ultramm_binance_emulator.venue import Venue

_TICK_S = 0.01
_DAY_S = 86_400.0
_NOTICE_S = 600.0
# Where the futures venue has its sockets, whatever is at the root.
_FUTURES_ROUTES = ("/public", "/market", "/private")

Feed = Mapping[str, Iterator[MarketEvent]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def now_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class Server:
    """Serves venues; streams at the root are of the first.

    Parameters
    ----------
    feeds : mapping of Venue to mapping of str to iterator of MarketEvent
        The market outside of each venue, by symbol; played as fast as its own times, times `pace`.
    pace : float
        Seconds of the market in a second.
    seed : int
        Of faults that chance decides.
    socket_life_s : float
        When a socket is closed, whoever uses it; the spot venue says so ten minutes before.

    Attributes
    ----------
    faults : Faults
        What goes wrong.
    apis : tuple of Api
        What answers, in the order of the venues.
    control : Control
        Takes commands.
    """

    def __init__(
        self, feeds: Mapping[Venue, Feed], pace: float = 1.0, seed: int = 1, socket_life_s: float = _DAY_S
    ) -> None:
        self._feeds = feeds
        self._pace = pace
        self._socket_life_s = socket_life_s
        true_ms = next(iter(feeds)).now_ms
        self.faults = Faults(true_ms, seed)
        for venue in feeds:
            venue.now_ms = lambda: true_ms() + self.faults.skew_ms
        self.apis = tuple(self._api(venue) for venue in feeds)
        self._connections: set[Connection] = set()
        self.control = Control(self.faults, self.apis, self._connections)
        self._tasks: list[asyncio.Task[None]] = []
        self._runners: list[web.AppRunner] = []

    def _api(self, venue: Venue) -> Api:
        if isinstance(venue, FuturesVenue):
            futures_streams = FuturesStreams(venue, venue.now_ms, Delivery(self.faults, "usdm/"))
            return FuturesApi(venue, futures_streams, self.faults)
        assert isinstance(venue, SpotVenue)
        return SpotApi(venue, Streams(venue, venue.now_ms, Delivery(self.faults)), self.faults)

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self, port: int, host: str = "127.0.0.1") -> int:
        """Listen and play; gives the port, a free one for 0."""
        bound = await self._listen(self._application(), port, host)
        self._tasks = [
            asyncio.create_task(self._play(venue, name, events))
            for venue, feed in self._feeds.items()
            for name, events in feed.items()
        ]
        self._tasks.append(asyncio.create_task(self._elapse()))
        return bound

    async def start_control(self, port: int, host: str = "127.0.0.1") -> int:
        """Take commands on a port of its own; gives the port."""
        return await self._listen(self.control.application(), port, host)

    async def _listen(self, app: web.Application, port: int, host: str) -> int:
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, host, port).start()
        bound: int = runner.addresses[0][1]
        return bound

    async def stop(self) -> None:
        """Cut every connection and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for runner in self._runners:
            await runner.cleanup()

    async def _play(self, venue: Venue, name: str, events: Iterator[MarketEvent]) -> None:
        start = time.monotonic()
        for event in events:
            # A market that is late lets others have their turn too.
            await asyncio.sleep(max(0.0, event.time_s / self._pace - (time.monotonic() - start)))
            venue.on_market(name, event)

    async def _elapse(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            for api in self.apis:
                api.venue.elapse()
                api.streams.elapse(time.monotonic_ns() // 1_000_000)

    # -- requests --------------------------------------------------------------------------------------------

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._answer])
        for api in self.apis:
            api.add_to(app)
            app.router.add_get(api.socket_path, self._socket_api(api))
            app.router.add_route("*", api.listen_key_path, api.listen_key)
            if isinstance(api, FuturesApi):
                for root in _FUTURES_ROUTES:
                    self._add_streams(app, api, root)
        self._add_streams(app, self.apis[0], "")
        return app

    def _add_streams(self, app: web.Application, api: Api, root: str) -> None:
        app.router.add_get(f"{root}/ws", self._market_socket(api, wrapped=False))
        app.router.add_get(f"{root}/ws/{{streams:.*}}", self._market_socket(api, wrapped=False))
        app.router.add_get(f"{root}/stream", self._market_socket(api, wrapped=True))

    def _api_of(self, path: str) -> Api:
        """Whose request it is, by its path."""
        return next((api for api in self.apis if path.startswith(api.roots)), self.apis[0])

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refusals as the venue words them, with the headers that say how much was used."""
        api, name = self._api_of(request.path), f"{request.method} {request.path}"
        weight = api.weight(request.remote or "")
        api.measure(request)
        try:
            await self._before(request, name)
            response = await handler(request)
            if self.faults.hit("swallow_after", name) is not None:
                raise _lost(request)
        except _Lost:
            return web.Response(status=500)  # to nobody
        except VenueError as exc:
            response = web.json_response({"code": exc.code, "msg": exc.message}, status=exc.status)
            if exc.status in (418, 429):
                response.headers["Retry-After"] = str(weight.retry_after_s(api.venue.now_ms()))
        except web.HTTPNotFound:
            response = web.json_response({"code": -1000, "msg": f"no such path here: {request.path}"}, status=404)
        if not response.prepared:
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(weight.used)
        return response

    async def _before(self, request: web.Request, name: str) -> None:
        """What may happen to a request before it takes effect."""
        faults = self.faults
        if (delay := faults.hit("delay", name)) is not None:
            await asyncio.sleep(max(0.0, delay.seconds))
        if (hang := faults.hit("hang", name)) is not None:
            await asyncio.sleep(max(0.0, hang.seconds))
            raise _lost(request)
        if faults.hit("swallow_before", name) is not None:
            raise _lost(request)
        refusal = faults.hit("reject", name) or faults.hit("server_error", name)
        if refusal is not None:
            raise refused(refusal.code, refusal.status if refusal.kind == "server_error" else 400)

    # -- sockets ---------------------------------------------------------------------------------------------

    def _market_socket(self, api: Api, *, wrapped: bool) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            connection = await self._open(request, wrapped=wrapped, on_market=api.latency.written)
            names = [name for name in _names(request) if name]
            told = self._listen_keys(connection, names)
            api.streams.subscribe(connection, [name for name in names if "@" in name])
            try:
                notice = partial(_announce, api, connection)
                await self._read(connection, lambda text: _on_stream_request(api, connection, text), notice)
            finally:
                api.streams.unsubscribe(connection, connection.streams)
                for end in told.values():
                    end()
            return connection.socket

        return serve

    def _listen_keys(self, connection: Connection, names: list[str]) -> dict[str, Callable[[], None]]:
        """Let a connection hear of the members whose keys it names; gives how to end that, by key."""
        ends: dict[str, Callable[[], None]] = {}
        for name in names:
            for users in (api.streams.users for api in self.apis):
                account = users.listener(name)
                if account is not None:
                    tell = partial(connection.send_of, name)
                    users.add(account, tell)
                    ends[name] = partial(users.remove, account, tell)
        return ends

    async def _open(self, request: web.Request, **how: Any) -> Connection:
        if self.faults.hit("refuse", request.path_qs) is not None:
            raise _lost(request)
        socket = web.WebSocketResponse(heartbeat=20.0)
        await socket.prepare(request)
        return Connection(socket, request, **how)

    async def _read(self, connection: Connection, on_text: Callable[[str], None], notice: Callable[[], None]) -> None:
        """Take what a socket sends until its end, of which it has notice."""
        self._connections.add(connection)
        pump = asyncio.create_task(connection.pump())
        loop, life_s = asyncio.get_running_loop(), self._socket_life_s
        timers = [loop.call_later(max(0.0, life_s - _NOTICE_S), notice), loop.call_later(life_s, connection.close)]
        try:
            async for message in connection.socket:
                if message.type is WSMsgType.TEXT:
                    on_text(message.data)
        finally:
            self._connections.discard(connection)
            for timer in timers:
                timer.cancel()
            pump.cancel()

    def _socket_api(self, api: Api) -> Handler:
        async def serve(request: web.Request) -> web.StreamResponse:
            connection = await self._open(request)
            session = Session(api, connection)
            try:
                await self._read(connection, session.on_request, partial(_announce, api, connection, of_session=True))
            finally:
                session.end()
            return connection.socket

        return serve


def _names(request: web.Request) -> list[str]:
    """Streams, or a listen key, that a socket's address names."""
    path = request.match_info.get("streams", "").split("/")
    return [*path, *request.query.get("streams", "").split("/"), request.query.get("listenKey", "")]


def _on_stream_request(api: Api, connection: Connection, text: str) -> None:
    try:
        request = json.loads(text)
        method, names = request["method"], [str(name) for name in request.get("params", [])]
    except (ValueError, KeyError, TypeError):
        connection.send({"error": {"code": 3, "msg": "Invalid JSON: a method and its params are expected"}})
        return
    if method == "SUBSCRIBE":
        api.streams.subscribe(connection, names)
    elif method == "UNSUBSCRIBE":
        api.streams.unsubscribe(connection, names)
    elif method != "LIST_SUBSCRIPTIONS":
        connection.send({"error": {"code": 2, "msg": f"Invalid request: unknown method {method}"}})
        return
    listed = sorted(connection.streams) if method == "LIST_SUBSCRIPTIONS" else None
    connection.send({"result": listed, "id": request.get("id")})


def _announce(api: Api, connection: Connection, *, of_session: bool = False) -> None:
    """Say that a socket will be closed, if the product says so."""
    if api.announces_end:
        event = {"e": "serverShutdown", "E": api.venue.now_ms()}
        connection.send({"event": event} if of_session else event)


class _Lost(Exception):
    """A connection that ended without an answer."""


def _lost(request: web.Request) -> _Lost:
    """End a connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return _Lost()
