"""The requests of the spot venue."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qsl

from aiohttp import web

from ultramm_binance_emulator import spot_messages as messages
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.api import Api, Handler, Parameters, Read, Route
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.limits import SPOT_WINDOWS, Windows
from ultramm_binance_emulator.orders import Json, Order
from ultramm_binance_emulator.requests import listed, sent
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.streams import Streams


class SpotApi(Api):
    """See `Api`."""

    roots: ClassVar[tuple[str, ...]] = ("/api/", "/sapi/")
    order_path: ClassVar[str] = "/api/v3/order"
    batch_path: ClassVar[str | None] = None
    socket_path: ClassVar[str] = "/ws-api/v3"
    listen_key_path: ClassVar[str] = "/api/v3/userDataStream"
    weight_limit: ClassVar[int] = 6_000
    windows: ClassVar[Windows] = SPOT_WINDOWS
    events_inline: ClassVar[bool] = True
    announces_end: ClassVar[bool] = True

    def __init__(self, venue: SpotVenue, streams: Streams, faults: Faults) -> None:
        super().__init__(venue, streams, faults)
        self._spot = venue

    def public(self) -> dict[str, tuple[int, Read]]:
        return {
            "/api/v3/ping": (1, lambda _: {}),
            "/api/v3/time": (1, self.server_time),
            "/api/v3/exchangeInfo": (20, self._symbols),
            "/api/v3/depth": (5, self.snapshot),
            "/api/v3/ticker/price": (2, self.last_price),
            "/api/v3/ticker/bookTicker": (2, self.best),
        }

    def signed(self) -> list[Route]:
        venue = self.venue
        return [
            Route("GET", "/api/v3/account", 20, self._account),
            Route("POST", "/api/v3/order", 1, self.place),
            Route("POST", "/api/v3/order/test", 1, lambda a, p: (venue.place(a, p, dry=True), {})[1]),
            Route("GET", "/api/v3/order", 4, self._order),
            Route("DELETE", "/api/v3/order", 1, self.cancel),
            Route("PUT", "/api/v3/order/amend/keepPriority", 4, self._shrink),
            Route("GET", "/api/v3/openOrders", 6, self._open_orders),
            Route("DELETE", "/api/v3/openOrders", 1, self._cancel_all),
            Route(
                "GET", "/api/v3/allOrders", 20, lambda a, p: [messages.order_info(o) for o in venue.all_orders(a, p)]
            ),
            Route(
                "GET", "/api/v3/myTrades", 20, lambda a, p: [messages.trade_info(fill) for fill in venue.fills(a, p)]
            ),
            Route("GET", "/sapi/v1/asset/tradeFee", 1, self._fees),
        ]

    def calls(self) -> dict[str, Handler]:
        return {
            "order.place": self.place,
            "order.cancel": self.cancel,
            "order.amend.keepPriority": self._shrink,
            "order.status": self._order,
            "openOrders.status": self._open_orders,
            "openOrders.cancelAll": self._cancel_all,
            "account.status": self._account,
        }

    def _symbols(self, parameters: Parameters) -> Json:
        names = list(self.venue.books)
        if parameters.get("symbols"):
            names = listed(parameters, "symbols", 1_000)
        elif parameters.get("symbol"):
            names = [parameters["symbol"]]
        return self.exchange_info([self.venue.book(name).symbol.info() for name in names])

    def place(self, account: Account, parameters: Parameters) -> Json:
        self.count_order(account)
        order = self.venue.place(account, parameters)
        return messages.placed(order)

    def cancelled(self, order: Order, parameters: Parameters) -> Json:
        return messages.cancelled(order, parameters.get("newClientOrderId"))

    def held(self, account: Account) -> Json:
        trades = [messages.trade_info(fill) for fill in self.venue.all_fills(account)]
        return {"balances": account.info(), "openOrders": self._open_orders(account, {}), "trades": trades}

    def _order(self, account: Account, parameters: Parameters) -> Json:
        return messages.order_info(self.venue.query(account, parameters))

    def _shrink(self, account: Account, parameters: Parameters) -> Json:
        return messages.amended(self._spot.shrink(account, parameters))

    def _open_orders(self, account: Account, parameters: Parameters) -> list[Json]:
        return [messages.order_info(order) for order in self.venue.open_orders(account, parameters)]

    def _cancel_all(self, account: Account, parameters: Parameters) -> list[Json]:
        return [messages.cancelled(order) for order in self.venue.cancel_all(account, parameters)]

    def _account(self, account: Account, _: Parameters) -> Json:
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

    def _fees(self, _: Account, parameters: Parameters) -> list[Json]:
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

    async def listen_key(self, request: web.Request) -> web.Response:
        self.spend(request, 2)
        account, users = self.member_of(request), self.streams.users
        if request.method == "POST":
            return web.json_response({"listenKey": users.new_key(account)})
        key = sent(dict(request.query) | dict(parse_qsl(await request.text())), "listenKey")
        if request.method == "PUT":
            if not users.keep_key(key):
                raise VenueError(-1125, "This listenKey does not exist.")
        elif request.method == "DELETE":
            users.drop_key(key)
        else:
            raise web.HTTPNotFound
        return web.json_response({})
