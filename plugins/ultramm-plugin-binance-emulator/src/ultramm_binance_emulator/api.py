"""One product as its clients ask of it: who signs, what a request weighs, and what every product answers."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError, unknown_to_cancel
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.latency import Latency
from ultramm_binance_emulator.limits import OrderCount, RequestWeight, Windows
from ultramm_binance_emulator.orders import Json, Order
from ultramm_binance_emulator.requests import most
from ultramm_binance_emulator.signing import check_signature, check_time
from ultramm_binance_emulator.streams import Streams
from ultramm_binance_emulator.venue import Venue

Parameters = dict[str, str]
Read = Callable[[Parameters], Any]
Handler = Callable[[Account, Parameters], Any]
_KEY = "X-MBX-APIKEY"


class Route(NamedTuple):
    """A signed request."""

    method: str
    path: str
    weight: int
    handle: Handler


class Api(abc.ABC):
    """The requests of one product.

    Parameters
    ----------
    venue : Venue
        What is traded, and by whom.
    streams : Streams
        Its market data.
    faults : Faults
        What goes wrong.

    Attributes
    ----------
    weights : dict of str to RequestWeight
        By address.
    latency : Latency
        How soon orders follow its market data.
    """

    roots: ClassVar[tuple[str, ...]]
    # Where orders are placed and changed, one and several.
    order_path: ClassVar[str]
    batch_path: ClassVar[str | None]
    socket_path: ClassVar[str]
    listen_key_path: ClassVar[str]
    weight_limit: ClassVar[int]
    windows: ClassVar[Windows]
    # Whether members' events come over the connection that asks for them, and not by a key.
    events_inline: ClassVar[bool]
    # Whether sockets are told some time before that they will be closed.
    announces_end: ClassVar[bool]

    def __init__(self, venue: Venue, streams: Streams, faults: Faults) -> None:
        self.venue = venue
        self.streams = streams
        self.faults = faults
        self.weights: dict[str, RequestWeight] = {}
        self.latency = Latency()
        self._counts = {key: OrderCount(self.windows) for key in venue.accounts}
        self._frozen: dict[str, Json] = {}

    # -- the product's ---------------------------------------------------------------------------------------

    @abc.abstractmethod
    def public(self) -> dict[str, tuple[int, Read]]:
        """What anybody may ask, by path, and its weight."""

    @abc.abstractmethod
    def signed(self) -> list[Route]:
        """What members ask."""

    @abc.abstractmethod
    def calls(self) -> dict[str, Handler]:
        """What members ask over the WebSocket API."""

    @abc.abstractmethod
    async def listen_key(self, request: web.Request) -> web.Response:
        """Give, keep or drop a listen key."""

    @abc.abstractmethod
    def place(self, account: Account, parameters: Parameters) -> Json:
        """Take an order."""

    @abc.abstractmethod
    def held(self, account: Account) -> Json:
        """What the venue itself has of a member."""

    @abc.abstractmethod
    def cancelled(self, order: Order, parameters: Parameters) -> Json:
        """The answer to a cancel."""

    # -- requests --------------------------------------------------------------------------------------------

    def add_to(self, app: web.Application) -> None:
        """Answer at its paths."""
        for path, (weight, read) in self.public().items():
            app.router.add_get(path, self._public(weight, read))
        for route in self.signed():
            app.router.add_route(route.method, route.path, self._signed(route.weight, route.handle))

    def weight(self, address: str) -> RequestWeight:
        return self.weights.setdefault(address, RequestWeight(self.weight_limit))

    def measure(self, request: web.Request) -> None:
        """Note when a request about orders comes."""
        if request.method != "GET" and request.path in (self.order_path, self.batch_path):
            self.latency.requested(request.headers.get(_KEY, ""), f"{request.method} {request.path}")

    def spend(self, request: web.Request, weight: int) -> None:
        """Count a request; see `VenueError`."""
        self.weight(request.remote or "").spend(self.venue.now_ms(), weight)

    def ban_all(self, for_ms: int) -> None:
        """Refuse every address that ever asked for a while; 0 takes bans back."""
        for weight in self.weights.values():
            weight.banned_until_ms = self.venue.now_ms() + for_ms

    def _public(self, weight: int, read: Read) -> Any:
        async def handle(request: web.Request) -> web.Response:
            self.spend(request, weight)
            return web.json_response(read(dict(request.query)))

        return handle

    def _signed(self, weight: int, handle: Handler) -> Any:
        async def answer(request: web.Request) -> web.Response:
            self.spend(request, weight)
            account = self.member(request.headers.get(_KEY, ""))
            payload = request.rel_url.raw_query_string + (await request.text() if request.can_read_body else "")
            signature = _without_signature(payload)
            parameters = dict(parse_qsl(payload, keep_blank_values=True))
            check_signature(account, signature[0], signature[1])
            check_time(parameters, self.venue.now_ms())
            response = web.json_response(handle(account, parameters))
            for name, count in self._counts[account.key].count(self.venue.now_ms()).items():
                response.headers[f"X-MBX-ORDER-COUNT-{name}"] = str(count)
            return response

        return answer

    def member(self, key: str) -> Account:
        """Whose key it is; see `VenueError`."""
        if not key:
            raise VenueError(-2014, "API-key format invalid.", status=401)
        if key not in self.venue.accounts:
            raise VenueError(-2015, "Invalid API-key, IP, or permissions for action.", status=401)
        return self.venue.accounts[key]

    def member_of(self, request: web.Request) -> Account:
        """Who asks, by the key alone."""
        return self.member(request.headers.get(_KEY, ""))

    def count_order(self, account: Account) -> None:
        """Count an order; see `VenueError`."""
        self._counts[account.key].add(self.venue.now_ms())

    # -- what every product answers ----------------------------------------------------------------------------

    def exchange_info(self, symbols: list[Json]) -> Json:
        """Limits, and symbols as the product tells of them."""
        limits: list[Json] = [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": self.weight_limit}
        ]
        units = {"S": "SECOND", "M": "MINUTE", "D": "DAY"}
        for name, (_, orders) in self.windows.items():
            window = {"interval": units[name[-1]], "intervalNum": int(name[:-1]), "limit": orders}
            limits.append({"rateLimitType": "ORDERS", **window})
        times = {"timezone": "UTC", "serverTime": self.venue.now_ms()}
        return {**times, "rateLimits": limits, "exchangeFilters": [], "symbols": symbols}

    def server_time(self, _: Parameters) -> Json:
        return {"serverTime": self.venue.now_ms()}

    def snapshot(self, parameters: Parameters) -> Json:
        """The book, or what it was when a fault froze it."""
        name = self.venue.book(parameters.get("symbol")).symbol.name
        if self.faults.hit("stale_snapshot", f"depth {name}") is not None and name in self._frozen:
            return self._frozen[name]
        return self.streams.snapshot(name, most(parameters, 100, 5_000))

    def freeze(self) -> None:
        """Keep the books as they are for snapshots of the past."""
        self._frozen = {name: self.streams.snapshot(name, 5_000) for name in self.venue.books}

    def last_price(self, parameters: Parameters) -> Any:
        if parameters.get("symbol"):
            return self._price_of(parameters["symbol"])
        return [self._price_of(name) for name in self.venue.books]

    def _price_of(self, name: str) -> Json:
        book = self.venue.book(name)
        return {"symbol": name, "price": book.symbol.show_price(book.last_price)}

    def best(self, parameters: Parameters) -> Any:
        if parameters.get("symbol"):
            return self._best_of(self.venue.book(parameters["symbol"]).symbol.name)
        return [self._best_of(name) for name in self.venue.books]

    def _best_of(self, name: str) -> Json:
        top = self.streams.snapshot(name, 1)
        bid, ask = (side[0] if side else ["0.00000000"] * 2 for side in (top["bids"], top["asks"]))
        return {"symbol": name, "bidPrice": bid[0], "bidQty": bid[1], "askPrice": ask[0], "askQty": ask[1]}

    def cancel(self, account: Account, parameters: Parameters) -> Json:
        """Cancel an order, unless some of it is filled while the request is on its way."""
        if self.faults.hit("fill_on_cancel", f"DELETE {self.order_path}") is not None:
            self.venue.hit_half(self.venue.find(account, parameters, unknown_to_cancel))
        return self.cancelled(self.venue.cancel(account, parameters), parameters)


def _without_signature(payload: str) -> tuple[str, str]:
    """What was signed, as it was sent, and the signature."""
    parts = payload.split("&")
    signature = next((part.partition("=")[2] for part in parts if part.startswith("signature=")), "")
    return "&".join(part for part in parts if not part.startswith("signature=")), unquote(signature)
