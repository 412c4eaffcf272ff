"""A venue on this machine that speaks what a node needs of Bybit's spot protocol; it trades when it is told to."""

from __future__ import annotations

import asyncio
import itertools
import time
from decimal import Decimal
from typing import Any

from bybit_answers import BALANCE, CANCEL, COIN, HISTORY, ORDER, REALTIME, TRADE, TRADES, WALLET, listed
from bybit_sockets import Sockets
from stub_server import Answer, StubServer

_BOOK = "orderbook.50.BTCUSDT"


class BybitVenue(Sockets):
    """Holds orders, shows them by HTTP, and tells of them on the private stream.

    Parameters
    ----------
    server : StubServer
        Its HTTP side.

    Attributes
    ----------
    orders : dict of str to dict
        By our id, as the venue lists them.
    most_open : int
        The most orders that were open at once.
    """

    def __init__(self, server: StubServer) -> None:
        super().__init__()
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: list[dict[str, Any]] = []
        self.wallet = {"USDT": Decimal("1000.5"), "BTC": Decimal(1)}
        self.most_open = 0
        self._updates = itertools.count(1)
        server.answers[REALTIME] = lambda query: self._list(query, open_ones=True)
        server.answers[HISTORY] = lambda query: self._list(query, open_ones=False)
        server.answers[TRADES] = lambda query: listed(*self._traded(query))
        server.answers[BALANCE] = lambda _: listed(WALLET | {"coin": self._coins()})
        server.answers[CANCEL] = self._cancel

    @property
    def open(self) -> list[dict[str, Any]]:
        return [order for order in self.orders.values() if order["orderStatus"] == "New"]

    def _list(self, query: dict[str, str], *, open_ones: bool) -> Answer:
        if query.get("orderFilter") == "StopOrder":
            return listed()
        wanted = query.get("orderLinkId")
        found = [order for order in self.orders.values() if (order["orderStatus"] == "New") is open_ones]
        return listed(*[order for order in found if wanted in (None, order["orderLinkId"])])

    def _traded(self, query: dict[str, str]) -> list[dict[str, Any]]:
        return [row for row in self.trades if int(query["startTime"]) <= int(row["execTime"]) < int(query["endTime"])]

    def _coins(self) -> list[dict[str, Any]]:
        return [COIN | {"coin": name, "walletBalance": str(amount)} for name, amount in self.wallet.items()]

    def _cancel(self, asked: dict[str, str]) -> Answer:
        for order in self.open:
            if order["orderId"] == asked["orderId"]:
                self.orders[order["orderLinkId"]] = order | {"orderStatus": "Cancelled"}
                return 200, {"retCode": 0, "retMsg": "OK", "result": {"orderId": order["orderId"]}, "time": 1}
        return 200, {"retCode": 170_213, "retMsg": "Order does not exist.", "result": {}, "time": 1}

    async def trade(self, order: dict[str, Any], *, tell: bool = True) -> None:
        """All of an order, and whether its owner is told by the stream."""
        name, size, price = order["orderLinkId"], Decimal(order["qty"]), Decimal(order["price"])
        bought = order["side"] == "Buy"
        fee = (size if bought else size * price) * Decimal("0.001")
        now = {"execTime": str(time.time_ns() // 1_000_000), "execId": f"e{len(self.trades) + 1}"}
        now |= {"execQty": order["qty"], "execPrice": order["price"], "side": order["side"], "execFee": str(fee)}
        trade = TRADE | now | {"orderId": order["orderId"], "orderLinkId": name}
        trade |= {"feeCurrency": "BTC" if bought else "USDT"}
        self.trades.append(trade)
        self.wallet["BTC"] += size - fee if bought else -size
        self.wallet["USDT"] -= size * price if bought else fee - size * price
        self.orders[name] = order | {"orderStatus": "Filled", "cumExecQty": order["qty"], "leavesQty": "0"}
        if tell:
            await self.tell("execution", trade | {"category": "spot", "isLeverage": "0"})
            await self.tell("order", self.orders[name] | {"category": "spot", "feeCurrency": "", "closedPnl": "0"})

    async def quote(self) -> None:
        """Show a book of one price a side, again and again."""
        while True:
            update = next(self._updates)
            data = {"s": "BTCUSDT", "b": [["49999.00", "1"]], "a": [["50001.00", "1"]], "u": update, "seq": update}
            message = {"topic": _BOOK, "type": "snapshot", "ts": 1_700_000_000_000, "data": data}
            await self._send("/public", message | {"cts": 1_700_000_000_000})
            await asyncio.sleep(0.2)

    async def carry_out(self, operation: str, arguments: dict[str, Any]) -> None:
        """What a message on the trade socket asks for."""
        for each in arguments.get("request", [arguments]):
            if operation == "order.create":
                order = ORDER | {name: each[name] for name in ("orderLinkId", "price", "qty", "side")}
                order |= {"orderId": f"v{len(self.orders) + 1}", "leavesQty": each["qty"]}
            else:
                order = self.orders[each["orderLinkId"]] | {"orderStatus": "Cancelled"}
            self.orders[order["orderLinkId"]] = order
            self.most_open = max(self.most_open, len(self.open))
            await self.tell("order", order | {"category": "spot", "feeCurrency": "", "closedPnl": "0"})
