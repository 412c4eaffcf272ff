"""The venue on a port of this machine: REST, WebSocket API and streams, as a client of Binance's expects them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from aiohttp import WSMsgType, web

from ultramm.simulation.events import MarketEvent, MarketTrade
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError, mandatory, unknown_to_cancel
from ultramm_binance_emulator.faults import Fault, Faults
from ultramm_binance_emulator.limits import OrderCount, RequestWeight
from ultramm_binance_emulator.signing import check_signature, check_time
from ultramm_binance_emulator.streams import Connection, Streams
from ultramm_binance_emulator.symbols import plain
from ultramm_binance_emulator.venue import Json, Order, Venue

_FLUSH_S = 0.1
_KEY = "X-MBX-APIKEY"

Feed = Mapping[str, Iterator[MarketEvent]]
Handler = Callable[[Account, dict[str, str]], Any]


def now_ms() -> int:
    """The machine's clock."""
    return time.time_ns() // 1_000_000


class Server:
    """Serves a venue.

    Parameters
    ----------
    venue : Venue
        What is traded, and by whom.
    feed : mapping of str to iterator of MarketEvent
        The market outside, by symbol; played as fast as its own times, times `pace`.
    pace : float
        Seconds of the market in a second.
    seed : int
        Of faults that chance decides.

    Attributes
    ----------
    faults : Faults
        What goes wrong.
    """

    def __init__(self, venue: Venue, feed: Feed, pace: float = 1.0, seed: int = 1) -> None:
        self.venue = venue
        true_ms = venue.now_ms
        self.faults = Faults(true_ms, seed)
        venue.now_ms = lambda: true_ms() + self.faults.skew_ms
        self.streams = Streams(venue, venue.now_ms, self.faults)
        self._connections: set[Connection] = set()
        self._frozen: dict[str, Json] = {}
        self._feed = feed
        self._pace = pace
        self._weights: dict[str, RequestWeight] = {}
        self._orders = {key: OrderCount() for key in venue.accounts}
        self._tasks: list[asyncio.Task[None]] = []
        self._runners: list[web.AppRunner] = []

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self, port: int, host: str = "127.0.0.1") -> int:
        """Listen and play; gives the port, a free one for 0."""
        bound = await self._listen(self._application(), port, host)
        self._tasks = [asyncio.create_task(self._play(name, events)) for name, events in self._feed.items()]
        self._tasks.append(asyncio.create_task(self._flush()))
        return bound

    async def start_control(self, port: int, host: str = "127.0.0.1") -> int:
        """Take commands of faults on a port of its own; gives the port."""
        app = web.Application()
        app.router.add_get("/faults", self._show_faults)
        app.router.add_post("/faults", self._set_fault)
        app.router.add_delete("/faults", self._clear_faults)
        app.router.add_get("/happened", self._show_happened)
        return await self._listen(app, port, host)

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

    async def _play(self, name: str, events: Iterator[MarketEvent]) -> None:
        start = time.monotonic()
        for event in events:
            wait_s = event.time_s / self._pace - (time.monotonic() - start)
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            self.venue.on_market(name, event)

    async def _flush(self) -> None:
        while True:
            await asyncio.sleep(_FLUSH_S)
            self.streams.flush_depth()

    # -- REST ------------------------------------------------------------------------------------------------

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._answer])
        venue = self.venue
        public: dict[str, tuple[int, Callable[[dict[str, str]], Any]]] = {
            "/api/v3/ping": (1, lambda _: {}),
            "/api/v3/time": (1, lambda _: {"serverTime": venue.now_ms()}),
            "/api/v3/exchangeInfo": (20, self._exchange_info),
            "/api/v3/depth": (5, self._snapshot),
            "/api/v3/ticker/price": (2, self._last_price),
            "/api/v3/ticker/bookTicker": (2, self._touch),
        }
        for path, (weight, read) in public.items():
            app.router.add_get(path, self._public(weight, read))
        signed: list[tuple[str, str, int, Handler]] = [
            ("GET", "/api/v3/account", 20, self._account),
            ("POST", "/api/v3/order", 1, self._place),
            ("POST", "/api/v3/order/test", 1, lambda a, p: (venue.place(a, p, dry=True), {})[1]),
            ("GET", "/api/v3/order", 4, lambda a, p: venue.query(a, p).info()),
            ("DELETE", "/api/v3/order", 1, self._cancel),
            ("GET", "/api/v3/openOrders", 6, lambda a, p: [o.info() for o in venue.open_orders(a, p)]),
            ("DELETE", "/api/v3/openOrders", 1, lambda a, p: [_cancelled(o, {}) for o in venue.cancel_all(a, p)]),
            ("GET", "/api/v3/allOrders", 20, lambda a, p: [o.info() for o in venue.all_orders(a, p)]),
            ("GET", "/api/v3/myTrades", 20, venue.trades),
            ("GET", "/sapi/v1/asset/tradeFee", 1, self._fees),
        ]
        for method, path, weight, handle in signed:
            app.router.add_route(method, path, self._signed(weight, handle))
        app.router.add_route("*", "/api/v3/userDataStream", self._listen_key)
        app.router.add_get("/ws-api/v3", self._socket_api)
        app.router.add_get("/ws", self._plain_socket)
        app.router.add_get("/ws/{streams:.*}", self._plain_socket)
        app.router.add_get("/stream", self._combined_socket)
        return app

    @web.middleware
    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refusals as the venue words them, with the headers that say how much was used."""
        weight, name = self._weight(request.remote or ""), f"{request.method} {request.path}"
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
                response.headers["Retry-After"] = str(weight.retry_after_s(self.venue.now_ms()))
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
            status = refusal.status if refusal.kind == "server_error" else 400
            raise VenueError(refusal.code, "Internal error; unable to process your request. Please try again.", status)

    def _weight(self, address: str) -> RequestWeight:
        return self._weights.setdefault(address, RequestWeight())

    def _spend(self, request: web.Request, weight: int) -> None:
        self._weight(request.remote or "").spend(self.venue.now_ms(), weight)

    def _public(self, weight: int, read: Callable[[dict[str, str]], Any]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            self._spend(request, weight)
            return web.json_response(read(dict(request.query)))

        return handle

    def _signed(self, weight: int, handle: Handler) -> Any:
        async def answer(request: web.Request) -> web.Response:
            self._spend(request, weight)
            account = self._member(request.headers.get(_KEY, ""))
            payload = request.rel_url.raw_query_string + (await request.text() if request.can_read_body else "")
            signature = _without_signature(payload)
            parameters = dict(parse_qsl(payload, keep_blank_values=True))
            check_signature(account, signature[0], signature[1])
            check_time(parameters, self.venue.now_ms())
            response = web.json_response(handle(account, parameters))
            counts = self._orders[account.key].count(self.venue.now_ms())
            for name, count in counts.items():
                response.headers[f"X-MBX-ORDER-COUNT-{name}"] = str(count)
            return response

        return answer

    def _member(self, key: str) -> Account:
        if not key:
            raise VenueError(-2014, "API-key format invalid.", status=401)
        if key not in self.venue.accounts:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        return self.venue.accounts[key]

    def _exchange_info(self, parameters: dict[str, str]) -> Json:
        names = list(self.venue.books)
        if parameters.get("symbols"):
            names = json.loads(parameters["symbols"])
        elif parameters.get("symbol"):
            names = [parameters["symbol"]]
        return {
            "timezone": "UTC",
            "serverTime": self.venue.now_ms(),
            "rateLimits": [
                {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6_000},
                {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 100},
                {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 200_000},
            ],
            "exchangeFilters": [],
            "symbols": [self.venue.book(name).symbol.info() for name in names],
        }

    def _snapshot(self, parameters: dict[str, str]) -> Json:
        name = self.venue.book(parameters.get("symbol")).symbol.name
        if self.faults.hit("stale_snapshot", f"depth {name}") is not None and name in self._frozen:
            return self._frozen[name]
        return self.streams.snapshot(name, _depth(parameters))

    def _cancel(self, account: Account, parameters: dict[str, str]) -> Json:
        if self.faults.hit("fill_on_cancel", "DELETE /api/v3/order") is not None:
            self._fill_half(self.venue.find(account, parameters, unknown_to_cancel))
        return _cancelled(self.venue.cancel(account, parameters), parameters)

    def _fill_half(self, order: Order) -> None:
        """Others trade through an order until half of what is left of it is filled."""
        if not order.open or order.resting.ticks is None:
            return
        base = self.venue.books[order.symbol.name].base_ticks
        ticks = order.resting.ticks - base - order.side
        trade = MarketTrade(order.side.opposite, ticks, max(1, order.resting.left // 2))
        self.venue.on_market(order.symbol.name, MarketEvent(0.0, (), (trade,)))

    def _last_price(self, parameters: dict[str, str]) -> Any:
        if not parameters.get("symbol"):
            return [{"symbol": name, "price": plain(book.last_price)} for name, book in self.venue.books.items()]
        book = self.venue.book(parameters["symbol"])
        return {"symbol": book.symbol.name, "price": plain(book.last_price)}

    def _touch(self, parameters: dict[str, str]) -> Json:
        name = self.venue.book(parameters.get("symbol")).symbol.name
        top = self.streams.snapshot(name, 1)
        bid, ask = (side[0] if side else ["0.00000000"] * 2 for side in (top["bids"], top["asks"]))
        return {"symbol": name, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}

    def _account(self, account: Account, _: dict[str, str]) -> Json:
        return {
            "makerCommission": 10,
            "takerCommission": 10,
            "buyerCommission": 0,
            "sellerCommission": 0,
            "canTrade": True,
            "canWithdraw": False,
            "canDeposit": False,
            "brokered": False,
            "requireSelfTradePrevention": False,
            "preventSor": False,
            "updateTime": account.updated_ms,
            "accountType": "SPOT",
            "balances": account.info(),
            "permissions": ["SPOT"],
            "uid": 1,
        }

    def _fees(self, _: Account, parameters: dict[str, str]) -> list[Json]:
        name = parameters.get("symbol")
        return [
            {
                "symbol": book.symbol.name,
                "makerCommission": f"{book.symbol.maker_fee:f}",
                "takerCommission": f"{book.symbol.taker_fee:f}",
            }
            for book in self.venue.books.values()
            if name in (None, "", book.symbol.name)
        ]

    def _place(self, account: Account, parameters: dict[str, str]) -> Json:
        self._orders[account.key].add(self.venue.now_ms())
        order = self.venue.place(account, parameters)
        return _placed(order, self.venue)

    async def _listen_key(self, request: web.Request) -> web.Response:
        self._spend(request, 2)
        account = self._member(request.headers.get(_KEY, ""))
        parameters = dict(request.query) | dict(parse_qsl(await request.text()))
        if request.method == "POST":
            return web.json_response({"listenKey": self.streams.new_listen_key(account)})
        key = parameters.get("listenKey", "")
        if not key:
            raise mandatory("listenKey")
        if request.method == "PUT":
            if not self.streams.keep_listen_key(key):
                raise VenueError(-1125, "This listenKey does not exist.")
        elif request.method == "DELETE":
            self.streams.drop_listen_key(key)
        else:
            raise web.HTTPNotFound
        return web.json_response({})

    # -- sockets ---------------------------------------------------------------------------------------------

    async def _plain_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._market_socket(request, request.match_info.get("streams", "").split("/"), wrapped=False)

    async def _combined_socket(self, request: web.Request) -> web.StreamResponse:
        return await self._market_socket(request, request.query.get("streams", "").split("/"), wrapped=True)

    async def _market_socket(self, request: web.Request, names: list[str], *, wrapped: bool) -> web.StreamResponse:
        connection = await self._open(request, wrapped=wrapped)
        socket = connection.socket
        pump = asyncio.create_task(connection.pump())
        accounts = [account for name in names if (account := self.streams.listener(name)) is not None]
        for account in accounts:
            self.streams.add_user(account, connection.send)
        self.streams.subscribe(connection, [name for name in names if "@" in name])
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._on_stream_request(connection, message.data)
        finally:
            self._connections.discard(connection)
            self.streams.unsubscribe(connection, connection.streams)
            for account in accounts:
                self.streams.remove_user(account, connection.send)
            pump.cancel()
        return socket

    async def _open(self, request: web.Request, *, wrapped: bool = False) -> Connection:
        if self.faults.hit("refuse", request.path_qs) is not None:
            raise _lost(request)
        socket = web.WebSocketResponse(heartbeat=20.0)
        await socket.prepare(request)
        connection = Connection(socket, request, wrapped=wrapped)
        self._connections.add(connection)
        return connection

    def _on_stream_request(self, connection: Connection, text: str) -> None:
        try:
            request = json.loads(text)
            method, names = request["method"], [str(name) for name in request.get("params", [])]
        except (ValueError, KeyError, TypeError):
            connection.send({"error": {"code": 3, "msg": "Invalid JSON: a method and its params are expected"}})
            return
        if method == "SUBSCRIBE":
            self.streams.subscribe(connection, names)
        elif method == "UNSUBSCRIBE":
            self.streams.unsubscribe(connection, names)
        elif method != "LIST_SUBSCRIPTIONS":
            connection.send({"error": {"code": 2, "msg": f"Invalid request: unknown method {method}"}})
            return
        listed = sorted(connection.streams) if method == "LIST_SUBSCRIPTIONS" else None
        connection.send({"result": listed, "id": request.get("id")})

    async def _socket_api(self, request: web.Request) -> web.StreamResponse:
        connection = await self._open(request)
        socket = connection.socket
        pump = asyncio.create_task(connection.pump())
        session = _Session(self, connection)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    session.on_request(message.data)
        finally:
            self._connections.discard(connection)
            session.end()
            pump.cancel()
        return socket

    # -- what goes wrong ---------------------------------------------------------------------------------------

    async def _show_faults(self, _: web.Request) -> web.Response:
        active = {str(number): msgspec.to_builtins(fault) for number, fault in self.faults.active().items()}
        return web.json_response(active)

    async def _set_fault(self, request: web.Request) -> web.Response:
        try:
            fault = msgspec.json.decode(await request.read(), type=Fault)
        except msgspec.DecodeError as exc:
            return web.json_response({"error": str(exc)}, status=400)
        return web.json_response({"id": self.set_fault(fault)})

    def set_fault(self, fault: Fault) -> int:
        """Let it go wrong from now on; gives the fault's number."""
        number = self.faults.add(fault)
        self._act(fault)
        return number

    def _act(self, fault: Fault) -> None:
        """What a fault does at once."""
        if fault.kind == "cut":
            for connection in list(self._connections):
                if fault.where in connection.path:
                    connection.cut()
        elif fault.kind == "expire_listen_keys":
            self.streams.expire_listen_keys()
        elif fault.kind == "ban":
            for weight in self._weights.values():
                weight.banned_until_ms = self.venue.now_ms() + round(1e3 * fault.seconds)
        elif fault.kind == "skew":
            self.faults.skew_ms = round(1e3 * fault.seconds)
        elif fault.kind == "stale_snapshot":
            self._frozen = {name: self.streams.snapshot(name, 5_000) for name in self.venue.books}

    async def _clear_faults(self, _: web.Request) -> web.Response:
        self.faults.clear()
        for weight in self._weights.values():
            weight.banned_until_ms = 0
        return web.json_response({})

    async def _show_happened(self, _: web.Request) -> web.Response:
        return web.json_response(msgspec.to_builtins(self.faults.happened))


class _Session:
    """One connection of the WebSocket API, signed once or request by request."""

    def __init__(self, server: Server, connection: Connection) -> None:
        self._server = server
        self._connection = connection
        self._account: Account | None = None
        self._listening: Account | None = None

    def on_request(self, text: str) -> None:
        """Answer one request."""
        request: Json = {}
        try:
            request = json.loads(text)
            result = self._call(str(request["method"]), request.get("params") or {})
        except VenueError as exc:
            error = {"code": exc.code, "msg": exc.message}
            self._connection.send({"id": request.get("id"), "status": exc.status, "error": error})
        except (ValueError, KeyError, TypeError):
            error = {"code": -1100, "msg": "Illegal request: a method is expected."}
            self._connection.send({"id": None, "status": 400, "error": error})
        else:
            self._connection.send({"id": request.get("id"), "status": 200, "result": result})

    def _call(self, method: str, params: Json) -> Any:
        server, venue = self._server, self._server.venue
        if method == "ping":
            return {}
        if method == "time":
            return {"serverTime": venue.now_ms()}
        if method == "session.logon":
            self._account = self._signed_by(params)
            return {"apiKey": self._account.key, "authorizedSince": venue.now_ms(), "connectedSince": venue.now_ms()}
        if method == "userDataStream.subscribe.signature":
            return self._listen(self._signed_by(params))
        account = self._account or self._signed_by(params)
        if method == "userDataStream.subscribe":
            return self._listen(account)
        if method == "userDataStream.unsubscribe":
            self.end()
            return {}
        text = {name: str(value) for name, value in params.items()}
        calls: dict[str, Callable[[], Any]] = {
            "order.place": lambda: server._place(account, text),
            "order.cancel": lambda: _cancelled(venue.cancel(account, text), text),
            "order.status": lambda: venue.query(account, text).info(),
            "openOrders.status": lambda: [order.info() for order in venue.open_orders(account, text)],
            "account.status": lambda: server._account(account, text),
        }
        if method not in calls:
            raise VenueError(-1000, f"Unknown method: {method}")
        return calls[method]()

    def _signed_by(self, params: Json) -> Account:
        """The member who signed: the parameters in the order of their names."""
        account = self._server._member(str(params.get("apiKey", "")))
        payload = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature")
        check_signature(account, payload, str(params.get("signature", "")))
        check_time({name: str(value) for name, value in params.items()}, self._server.venue.now_ms())
        return account

    def _listen(self, account: Account) -> Json:
        self.end()
        self._listening = account
        self._server.streams.add_user(account, self._tell)
        return {"subscriptionId": 0}

    def _tell(self, event: Json) -> None:
        self._connection.send({"subscriptionId": 0, "event": event})

    def end(self) -> None:
        """Tell it nothing more."""
        if self._listening is not None:
            self._server.streams.remove_user(self._listening, self._tell)
            self._listening = None


class _Lost(Exception):
    """A connection that ended without an answer."""


def _lost(request: web.Request) -> _Lost:
    """End a connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return _Lost()


def _without_signature(payload: str) -> tuple[str, str]:
    """What was signed, as it was sent, and the signature."""
    parts = payload.split("&")
    signature = next((part.partition("=")[2] for part in parts if part.startswith("signature=")), "")
    return "&".join(part for part in parts if not part.startswith("signature=")), unquote(signature)


def _depth(parameters: dict[str, str]) -> int:
    return min(5_000, max(1, int(parameters.get("limit") or 100)))


def _placed(order: Order, venue: Venue) -> Json:
    """The answer to a new order, with its fills."""
    fills = [
        {
            "price": trade["price"],
            "qty": trade["qty"],
            "commission": trade["commission"],
            "commissionAsset": trade["commissionAsset"],
            "tradeId": trade["id"],
        }
        for trade in venue.trades(order.account, {"symbol": order.symbol.name, "orderId": str(order.id)})
    ]
    return {**order.info(), "transactTime": order.created_ms, "fills": fills}


def _cancelled(order: Order, parameters: Mapping[str, str]) -> Json:
    """The answer to a cancel: the order's own id is the original one."""
    told = order.info()
    told["origClientOrderId"] = order.client_id
    told["clientOrderId"] = parameters.get("newClientOrderId") or f"cancel-{order.id}"
    told["transactTime"] = order.updated_ms
    return told
