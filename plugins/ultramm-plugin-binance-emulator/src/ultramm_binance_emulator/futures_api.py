"""The requests of the futures venue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from aiohttp import web

from ultramm_binance_emulator import futures_messages as messages
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.api import Api, Handler, Parameters, Read, Route
from ultramm_binance_emulator.errors import VenueError, illegal, refused
from ultramm_binance_emulator.faults import Faults
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.futures_accounts import FuturesAccounts
from ultramm_binance_emulator.futures_streams import FuturesStreams, next_funding_ms
from ultramm_binance_emulator.limits import FUTURES_WINDOWS, Windows
from ultramm_binance_emulator.orders import Json, Order
from ultramm_binance_emulator.requests import listed, sent
from ultramm_binance_emulator.symbols import ZERO, plain

_MOST_PLACED, _MOST_CANCELLED = 5, 10  # in a batch


class FuturesApi(Api):
    """See `Api`."""

    roots: ClassVar[tuple[str, ...]] = ("/fapi/",)
    order_path: ClassVar[str] = "/fapi/v1/order"
    batch_path: ClassVar[str | None] = "/fapi/v1/batchOrders"
    socket_path: ClassVar[str] = "/ws-fapi/v1"
    listen_key_path: ClassVar[str] = "/fapi/v1/listenKey"
    weight_limit: ClassVar[int] = 2_400
    windows: ClassVar[Windows] = FUTURES_WINDOWS
    events_inline: ClassVar[bool] = False
    announces_end: ClassVar[bool] = False

    def __init__(self, venue: FuturesVenue, streams: FuturesStreams, faults: Faults) -> None:
        super().__init__(venue, streams, faults)
        self._futures = venue
        self._accounts = FuturesAccounts(venue)

    def public(self) -> dict[str, tuple[int, Read]]:
        return {
            "/fapi/v1/ping": (1, lambda _: {}),
            "/fapi/v1/time": (1, self.server_time),
            "/fapi/v1/exchangeInfo": (1, self._contracts),
            "/fapi/v1/depth": (5, self.snapshot),
            "/fapi/v1/ticker/price": (1, self.last_price),
            "/fapi/v2/ticker/price": (1, self.last_price),
            "/fapi/v1/ticker/bookTicker": (2, self.best),
            "/fapi/v1/premiumIndex": (1, self._premium),
        }

    def signed(self) -> list[Route]:
        venue = self._futures
        return [
            Route("POST", "/fapi/v1/order", 0, self.place),
            Route("POST", "/fapi/v1/order/test", 0, lambda a, p: (venue.place(a, p, dry=True), {})[1]),
            Route("GET", "/fapi/v1/order", 1, self._order),
            Route("PUT", "/fapi/v1/order", 0, self._amend),
            Route("DELETE", "/fapi/v1/order", 1, self.cancel),
            Route("POST", "/fapi/v1/batchOrders", 5, self._place_batch),
            Route("DELETE", "/fapi/v1/batchOrders", 1, self._cancel_batch),
            Route("DELETE", "/fapi/v1/allOpenOrders", 1, self._cancel_all),
            Route("POST", "/fapi/v1/countdownCancelAll", 10, self._count_down),
            Route("GET", "/fapi/v1/openOrders", 1, self._open_orders),
            Route("GET", "/fapi/v1/openOrder", 1, self._open_order),
            Route(
                "GET", "/fapi/v1/allOrders", 5, lambda a, p: [messages.order_info(o) for o in venue.all_orders(a, p)]
            ),
            Route(
                "GET", "/fapi/v1/userTrades", 5, lambda a, p: [messages.trade_info(fill) for fill in venue.fills(a, p)]
            ),
            Route("POST", "/fapi/v1/algoOrder", 0, self._place_algo),
            Route("GET", "/fapi/v1/algoOrder", 1, lambda a, p: messages.algo_info(venue.algos.query(a, p))),
            Route("DELETE", "/fapi/v1/algoOrder", 1, self._cancel_algo),
            Route("DELETE", "/fapi/v1/algoOpenOrders", 1, self._cancel_all_algos),
            Route("GET", "/fapi/v1/openAlgoOrders", 1, self._open_algos),
            Route("GET", "/fapi/v1/allAlgoOrders", 5, self._all_algos),
            *self._accounts.signed(),
        ]

    def calls(self) -> dict[str, Handler]:
        users, accounts = self.streams.users, self._accounts
        return {
            "order.place": self.place,
            "order.modify": self._amend,
            "order.cancel": self.cancel,
            "order.status": self._order,
            "algoOrder.place": self._place_algo,
            "algoOrder.cancel": self._cancel_algo,
            "account.status": accounts.account,
            "v2/account.status": accounts.account_3,
            "account.balance": accounts.balance,
            "v2/account.balance": accounts.balance,
            "account.position": accounts.risk_2,
            "v2/account.position": accounts.risk,
            "userDataStream.start": lambda a, _: {"listenKey": users.key_of(a) or users.new_key(a)},
            "userDataStream.ping": lambda a, _: {"listenKey": self._kept(a)},
            "userDataStream.stop": lambda a, _: self._dropped(a),
        }

    # -- the market ------------------------------------------------------------------------------------------

    def _contracts(self, _: Parameters) -> Json:
        assets = [{"asset": messages.ASSET, "marginAvailable": True, "autoAssetExchange": "0"}]
        symbols = [book.symbol.info() for book in self.venue.books.values()]
        return {**self.exchange_info(symbols), "futuresType": "U_MARGINED", "assets": assets}

    def _price_of(self, name: str) -> Json:
        return {**super()._price_of(name), "time": self.venue.now_ms()}

    def _best_of(self, name: str) -> Json:
        return {**super()._best_of(name), "time": self.venue.now_ms()}

    def _premium(self, parameters: Parameters) -> Any:
        return self._each(parameters, self._premium_of)

    def _premium_of(self, name: str) -> Json:
        now_ms, mark = self.venue.now_ms(), plain(self._futures.mark(name))
        return {
            "symbol": name,
            "markPrice": mark,
            "indexPrice": mark,
            "estimatedSettlePrice": mark,
            "lastFundingRate": plain(ZERO),
            "interestRate": plain(ZERO),
            "nextFundingTime": next_funding_ms(now_ms),
            "time": now_ms,
        }

    def _each(self, parameters: Parameters, tell: Callable[[str], Json]) -> Any:
        """Of the symbol that is asked for, or a list of all."""
        if parameters.get("symbol"):
            return tell(self.venue.book(parameters["symbol"]).symbol.name)
        return [tell(name) for name in self.venue.books]

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, account: Account, parameters: Parameters) -> Json:
        self.count_order(account)
        order = self.venue.place(account, parameters)
        return messages.placed(order, parameters.get("newOrderRespType"))

    def cancelled(self, order: Order, parameters: Parameters) -> Json:
        return messages.order_info(order)

    def held(self, account: Account) -> Json:
        return {
            "balance": plain(account.wallet.balance),
            "positions": self._accounts.risk(account, {}),
            "openOrders": self._open_orders(account, {}),
            "openAlgoOrders": self._open_algos(account, {}),
            "trades": [messages.trade_info(fill) for fill in self.venue.all_fills(account)],
        }

    def _order(self, account: Account, parameters: Parameters) -> Json:
        return messages.order_info(self.venue.query(account, parameters))

    def _open_order(self, account: Account, parameters: Parameters) -> Json:
        order = self.venue.query(account, parameters)
        if not order.open:
            raise VenueError(-2013, "Order does not exist.")
        return messages.order_info(order)

    def _open_orders(self, account: Account, parameters: Parameters) -> list[Json]:
        return [messages.order_info(order) for order in self.venue.open_orders(account, parameters)]

    def _amend(self, account: Account, parameters: Parameters) -> Json:
        self.count_order(account)
        return messages.order_info(self._futures.amend(account, parameters))

    def _place_batch(self, account: Account, parameters: Parameters) -> list[Json]:
        orders = listed(parameters, "batchOrders", _MOST_PLACED, dict)
        return [
            self._tried("POST", self.place, account, {name: str(value) for name, value in order.items()})
            for order in orders
        ]

    def _cancel_batch(self, account: Account, parameters: Parameters) -> list[Json]:
        by = "orderIdList" if parameters.get("orderIdList") else "origClientOrderIdList"
        name = "orderId" if by == "orderIdList" else "origClientOrderId"
        symbol = sent(parameters, "symbol")
        return [
            self._tried("DELETE", self.cancel, account, {"symbol": symbol, name: str(value)})
            for value in listed(parameters, by, _MOST_CANCELLED, (str, int))
        ]

    def _tried(self, method: str, handle: Handler, account: Account, parameters: Parameters) -> Json:
        """Of several requests in one, each is answered by itself, and may be refused by itself."""
        try:
            if (refusal := self.faults.hit("reject_item", f"{method} {self.batch_path}")) is not None:
                raise refused(refusal.code)
            told: Json = handle(account, parameters)
        except VenueError as exc:
            return {"code": exc.code, "msg": exc.message}
        return told

    def _cancel_all(self, account: Account, parameters: Parameters) -> Json:
        self.venue.cancel_all(account, {"symbol": sent(parameters, "symbol")})
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _count_down(self, account: Account, parameters: Parameters) -> Json:
        name, wait = sent(parameters, "symbol"), sent(parameters, "countdownTime")
        if not (wait.isascii() and wait.isdecimal()):
            raise illegal("countdownTime")
        self._futures.count_down(account, name, int(wait))
        return {"symbol": name, "countdownTime": wait}

    # -- orders that wait --------------------------------------------------------------------------------------

    def _place_algo(self, account: Account, parameters: Parameters) -> Json:
        self.count_order(account)
        return messages.algo_info(self._futures.place_algo(account, parameters))

    def _cancel_algo(self, account: Account, parameters: Parameters) -> Json:
        algo = self._futures.algos.cancel(account, parameters)
        return {"algoId": algo.id, "clientAlgoId": algo.client_id, "code": "200", "msg": "success"}

    def _cancel_all_algos(self, account: Account, parameters: Parameters) -> Json:
        for algo in self._futures.algos.waiting(account, sent(parameters, "symbol")):
            self._futures.algos.cancel(account, {"algoId": str(algo.id)})
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    def _open_algos(self, account: Account, parameters: Parameters) -> list[Json]:
        return [messages.algo_info(algo) for algo in self._futures.algos.waiting(account, parameters.get("symbol"))]

    def _all_algos(self, account: Account, parameters: Parameters) -> list[Json]:
        return [messages.algo_info(algo) for algo in self._futures.algos.all(account, sent(parameters, "symbol"))]

    # -- listen keys -----------------------------------------------------------------------------------------

    async def listen_key(self, request: web.Request) -> web.Response:
        """A member has one at a time; it need not be named."""
        self.spend(request, 1)
        account, users = self.member_of(request), self.streams.users
        if request.method == "POST":
            return web.json_response({"listenKey": users.key_of(account) or users.new_key(account)})
        if request.method == "PUT":
            return web.json_response({"listenKey": self._kept(account)})
        if request.method == "DELETE":
            return web.json_response(self._dropped(account))
        raise web.HTTPNotFound

    def _kept(self, account: Account) -> str:
        users = self.streams.users
        key = users.key_of(account)
        if key is None or not users.keep_key(key):
            raise VenueError(-1125, "This listenKey does not exist.")
        return key

    def _dropped(self, account: Account) -> Json:
        users = self.streams.users
        key = users.key_of(account)
        if key is not None:
            users.drop_key(key)
        return {}
