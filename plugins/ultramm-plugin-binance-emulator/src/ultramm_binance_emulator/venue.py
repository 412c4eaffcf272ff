"""The spot venue: orders, fills and balances, without any socket and on any clock.

What happens is told to `listeners`, as the venue's own messages: user events to the member they concern, trades and
changed levels to everybody.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Protocol

from ultramm.market import Side
from ultramm.simulation.events import MarketEvent
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import (
    VenueError,
    duplicate,
    invalid_symbol,
    mandatory,
    no_funds,
    unknown_to_cancel,
    unknown_to_query,
    would_take,
)
from ultramm_binance_emulator.matching import Match, Matching, Resting, Tif
from ultramm_binance_emulator.symbols import ZERO, Symbol, decimal, plain

Json = dict[str, Any]
_SIDES = {"BUY": Side.BUY, "SELL": Side.SELL}
_OPEN = ("NEW", "PARTIALLY_FILLED")
_MOST_OPEN = 200
_SMALLEST = Decimal("0.00000001")  # of any amount


class Listener(Protocol):
    """Who is told what happens."""

    def on_user_event(self, account: Account, event: Json) -> None: ...

    def on_trade(self, symbol: Symbol, trade: Json) -> None: ...

    def on_levels(self, symbol: Symbol, changed: Iterable[tuple[Side, int]]) -> None: ...


@dataclass(slots=True, eq=False)
class Order:
    """An order as the venue keeps it, for good."""

    id: int
    client_id: str
    account: Account
    symbol: Symbol
    side: Side
    type: str
    tif: Tif
    price: Decimal
    quantity: Decimal
    resting: Resting
    status: str
    created_ms: int
    updated_ms: int
    filled: Decimal = ZERO
    quote_filled: Decimal = ZERO
    locked: Decimal = ZERO

    @property
    def open(self) -> bool:
        return self.status in _OPEN

    @property
    def locked_asset(self) -> str:
        """What it is paid with."""
        return self.symbol.quote if self.side is Side.BUY else self.symbol.base

    def info(self) -> Json:
        """As queries tell of it."""
        return {
            "symbol": self.symbol.name,
            "orderId": self.id,
            "orderListId": -1,
            "clientOrderId": self.client_id,
            "price": plain(self.price),
            "origQty": plain(self.quantity),
            "executedQty": plain(self.filled),
            "origQuoteOrderQty": plain(ZERO),
            "cummulativeQuoteQty": plain(self.quote_filled),
            "status": self.status,
            "timeInForce": self.tif.value,
            "type": self.type,
            "side": self.side.name,
            "stopPrice": plain(ZERO),
            "icebergQty": plain(ZERO),
            "time": self.created_ms,
            "updateTime": self.updated_ms,
            "isWorking": True,
            "workingTime": self.created_ms,
            "selfTradePreventionMode": "EXPIRE_MAKER",
        }


class Book:
    """One symbol: its matching, and the trades that were made in it."""

    def __init__(self, symbol: Symbol, base_ticks: int) -> None:
        self.symbol = symbol
        self.matching = Matching()
        self.base_ticks = base_ticks
        self.last_price = symbol.price(base_ticks)
        self.trade_ids = itertools.count(1)


class Venue:
    """Several spot pairs, several members.

    Parameters
    ----------
    symbols : mapping of Symbol to int
        What is traded, and the ticks at which the market outside has its zero.
    accounts : iterable of Account
        Who trades.
    now_ms : callable
        The venue's clock.
    """

    def __init__(self, symbols: Mapping[Symbol, int], accounts: Iterable[Account], now_ms: Callable[[], int]) -> None:
        self.books = {symbol.name: Book(symbol, base) for symbol, base in symbols.items()}
        self.accounts = {account.key: account for account in accounts}
        self.now_ms = now_ms
        self.listeners: list[Listener] = []
        self._orders: dict[int, Order] = {}
        self._open: dict[str, dict[int, Order]] = {key: {} for key in self.accounts}
        self._by_client: dict[tuple[str, str, str], Order] = {}
        self._trades: list[tuple[Account, Json]] = []
        self._ids = itertools.count(1)

    def book(self, name: str | None) -> Book:
        """A symbol's book; see `VenueError`."""
        if not name:
            raise mandatory("symbol")
        if name not in self.books:
            raise invalid_symbol()
        return self.books[name]

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, account: Account, request: Mapping[str, str], *, dry: bool = False) -> Order:
        """Take an order, match it, and tell of it; `dry` only checks."""
        book = self.book(request.get("symbol"))
        order = self._read(account, book, request)
        if order.type == "LIMIT_MAKER" and book.matching.would_take(order.side, book.symbol.ticks(order.price)):
            raise would_take()
        needed = self._needed(book, order)
        if account.balance(order.locked_asset).free < needed:
            raise no_funds()
        if dry:
            return order
        account.lock(order.locked_asset, needed)
        order.locked = needed
        self._orders[order.id] = self._open[account.key][order.id] = order
        self._by_client[account.key, book.symbol.name, order.client_id] = order
        self._report(order, "NEW")
        self._told_balances(account, order)
        met = book.matching.own_in_reach(order.resting)
        for own in met:
            self._end(self._orders[int(own.id)], "EXPIRED_IN_MATCH")
        matches = book.matching.place(order.resting, order.tif)
        self._book_matches(book, matches)
        if order.open and (order.tif is not Tif.GTC or order.type == "MARKET"):
            self._close(order, "EXPIRED")
            self._report(order, "EXPIRED")
            self._told_balances(account, order)
        taken = [(order.side.opposite, match.ticks) for match in matches]
        self._told_levels(book, [*taken, *[_place(resting) for resting in (*met, order.resting)]])
        return order

    def _read(self, account: Account, book: Book, request: Mapping[str, str]) -> Order:
        """The order that a request asks for, on the grid and within the filters."""
        symbol = book.symbol
        side, kind = _SIDES.get(request.get("side", "")), request.get("type")
        if side is None:
            raise VenueError(-1117, "Invalid side.") if request.get("side") else mandatory("side")
        if kind not in ("LIMIT", "LIMIT_MAKER", "MARKET"):
            raise VenueError(-1116, "Invalid orderType.") if kind else mandatory("type")
        if not request.get("quantity"):
            raise mandatory("quantity")
        quantity = decimal(request["quantity"], "quantity")
        symbol.check_quantity(quantity, market=kind == "MARKET")
        price, tif = ZERO, Tif.GTC
        if kind != "MARKET":
            if not request.get("price"):
                raise mandatory("price")
            price = decimal(request["price"], "price")
            symbol.check_price(price)
            symbol.check_notional(price, quantity)
        if kind == "LIMIT":
            if not request.get("timeInForce"):
                raise mandatory("timeInForce")
            if request["timeInForce"] not in Tif.__members__:
                raise VenueError(-1115, "Invalid timeInForce.")
            tif = Tif[request["timeInForce"]]
        order_id = next(self._ids)
        client_id = request.get("newClientOrderId") or f"x-{order_id}"
        known = self._by_client.get((account.key, symbol.name, client_id))
        if known is not None and known.open:
            raise duplicate()
        if len(self._open[account.key]) >= _MOST_OPEN:
            raise VenueError(-1013, "Filter failure: MAX_NUM_ORDERS")
        now_ms = self.now_ms()
        ticks = None if kind == "MARKET" else symbol.ticks(price)
        resting = Resting(str(order_id), account.key, side, ticks, symbol.lots(quantity))
        return Order(
            order_id, client_id, account, symbol, side, kind, tif, price, quantity, resting, "NEW", now_ms, now_ms
        )

    def _needed(self, book: Book, order: Order) -> Decimal:
        """What must be free to pay for it at its worst price."""
        if order.side is Side.SELL:
            return order.quantity
        if order.type != "MARKET":
            return order.price * order.quantity
        left, cost = order.resting.lots, ZERO
        for ticks, lots in book.matching.levels(Side.SELL):
            taken = min(left, lots)
            cost += book.symbol.price(ticks) * book.symbol.quantity(taken)
            left -= taken
            if not left:
                break
        return cost

    def find(self, account: Account, request: Mapping[str, str], missing: Callable[[], VenueError]) -> Order:
        """The order that a request names, by the venue's id or by the member's."""
        symbol = self.book(request.get("symbol")).symbol
        if request.get("orderId"):
            order = self._orders.get(int(decimal(request["orderId"], "orderId")))
        elif request.get("origClientOrderId"):
            order = self._by_client.get((account.key, symbol.name, request["origClientOrderId"]))
        else:
            raise VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        if order is None or order.account is not account or order.symbol is not symbol:
            raise missing()
        return order

    def query(self, account: Account, request: Mapping[str, str]) -> Order:
        return self.find(account, request, unknown_to_query)

    def cancel(self, account: Account, request: Mapping[str, str]) -> Order:
        """Cancel one order that is open."""
        order = self.find(account, request, unknown_to_cancel)
        if not order.open:
            raise unknown_to_cancel()
        self._end(order, "CANCELED")
        self._told_levels(self.books[order.symbol.name], [_place(order.resting)])
        return order

    def cancel_all(self, account: Account, request: Mapping[str, str]) -> list[Order]:
        """Cancel all that a member has open in a symbol."""
        orders = self.open_orders(account, request)
        if not orders:
            raise unknown_to_cancel()
        return [self.cancel(account, {"symbol": order.symbol.name, "orderId": str(order.id)}) for order in orders]

    def open_orders(self, account: Account, request: Mapping[str, str]) -> list[Order]:
        name = request.get("symbol")
        if name:
            self.book(name)
        return [order for order in self._open[account.key].values() if name in (None, "", order.symbol.name)]

    def all_orders(self, account: Account, request: Mapping[str, str]) -> list[Order]:
        symbol = self.book(request.get("symbol")).symbol
        return [o for o in self._orders.values() if o.account is account and o.symbol is symbol][-_limit(request) :]

    def trades(self, account: Account, request: Mapping[str, str]) -> list[Json]:
        symbol = self.book(request.get("symbol")).symbol
        mine = [trade for owner, trade in self._trades if owner is account and trade["symbol"] == symbol.name]
        if request.get("orderId"):
            mine = [trade for trade in mine if trade["orderId"] == int(request["orderId"])]
        for bound, of in (("startTime", "time"), ("fromId", "id")):
            if request.get(bound):
                # From there on, the oldest first; without a bound, the newest.
                return [trade for trade in mine if trade[of] >= int(request[bound])][: _limit(request)]
        return mine[-_limit(request) :]

    # -- what happens ----------------------------------------------------------------------------------------

    def on_market(self, name: str, event: MarketEvent) -> None:
        """Others traded and changed their orders."""
        book = self.books[name]
        shifted = _shifted(event, book.base_ticks)
        changed = [(change.side, change.ticks) for change in shifted.changes]
        for trade in shifted.trades:
            matches = book.matching.on_trade(trade)
            changed += [(match.order.side, match.ticks) for match in matches]
            self._tell_trade(book, trade.side, trade.ticks, trade.lots)
            self._book_matches(book, matches, public=False)
        matches = book.matching.on_levels(shifted.changes)
        changed += [(match.order.side, match.ticks) for match in matches]
        self._book_matches(book, matches)
        self._told_levels(book, changed)

    def _book_matches(self, book: Book, matches: Iterable[Match], *, public: bool = True) -> None:
        """Enter fills: balances, orders, trades; each is told to its member, and to everybody unless they know."""
        trade_id = 0
        for match in matches:
            # Two members who met share a trade: the taker's comes first.
            if not (match.maker and match.against is not None):
                trade_id = next(book.trade_ids)
                if public:
                    taker = match.order.side.opposite if match.maker else match.order.side
                    self._tell_trade(book, taker, match.ticks, match.lots, trade_id)
            self._fill(book, self._orders[int(match.order.id)], match, trade_id)

    def _fill(self, book: Book, order: Order, match: Match, trade_id: int) -> None:
        symbol, account = book.symbol, order.account
        price, quantity = symbol.price(match.ticks), symbol.quantity(match.lots)
        value = price * quantity
        bought, amount, asset = order.side is Side.BUY, quantity, symbol.base
        if not bought:
            amount, asset = value, symbol.quote
        rate = symbol.maker_fee if match.maker else symbol.taker_fee
        fee = (amount * rate).quantize(_SMALLEST, ROUND_DOWN)
        spent = value if bought else quantity
        account.spend(order.locked_asset, spent)
        account.receive(asset, amount - fee)
        order.locked -= spent
        if bought and order.type != "MARKET":
            # It traded at a better price than it had set aside for.
            saved = (order.price - price) * quantity
            account.release(symbol.quote, saved)
            order.locked -= saved
        order.filled += quantity
        order.quote_filled += value
        order.updated_ms = self.now_ms()
        order.status = "FILLED" if order.filled == order.quantity else "PARTIALLY_FILLED"
        if not order.open:
            self._release(order)
        self._trades.append((account, self._trade_info(order, match, trade_id, price, quantity, fee, asset)))
        self._report(order, "TRADE", price=price, quantity=quantity, fee=fee, asset=asset, trade=trade_id, match=match)
        self._told_balances(account, order)

    def _trade_info(
        self, order: Order, match: Match, trade_id: int, price: Decimal, quantity: Decimal, fee: Decimal, asset: str
    ) -> Json:
        return {
            "symbol": order.symbol.name,
            "id": trade_id,
            "orderId": order.id,
            "orderListId": -1,
            "price": plain(price),
            "qty": plain(quantity),
            "quoteQty": plain(price * quantity),
            "commission": plain(fee),
            "commissionAsset": asset,
            "time": order.updated_ms,
            "isBuyer": order.side is Side.BUY,
            "isMaker": match.maker,
            "isBestMatch": True,
        }

    def _end(self, order: Order, status: str) -> None:
        """Take an open order out of the book."""
        self.books[order.symbol.name].matching.cancel(order.resting)
        self._close(order, status)
        self._report(order, "CANCELED" if status == "CANCELED" else "TRADE_PREVENTION")
        self._told_balances(order.account, order)

    def _close(self, order: Order, status: str) -> None:
        order.status, order.updated_ms = status, self.now_ms()
        self._release(order)

    def _release(self, order: Order) -> None:
        """An order is no more: what it had set aside and did not need is free again."""
        self._open[order.account.key].pop(order.id, None)
        if order.locked:
            order.account.release(order.locked_asset, order.locked)
            order.locked = ZERO

    # -- who is told -----------------------------------------------------------------------------------------

    def _report(
        self,
        order: Order,
        what: str,
        *,
        price: Decimal = ZERO,
        quantity: Decimal = ZERO,
        fee: Decimal = ZERO,
        asset: str | None = None,
        trade: int = -1,
        match: Match | None = None,
    ) -> None:
        """An ``executionReport`` to its member."""
        now_ms = self.now_ms()
        cancelled = what == "CANCELED"
        event = {
            "e": "executionReport",
            "E": now_ms,
            "s": order.symbol.name,
            "c": f"cancel-{order.id}" if cancelled else order.client_id,
            "S": order.side.name,
            "o": order.type,
            "f": order.tif.value,
            "q": plain(order.quantity),
            "p": plain(order.price),
            "P": plain(ZERO),
            "F": plain(ZERO),
            "g": -1,
            "C": order.client_id if cancelled else "",
            "x": what,
            "X": order.status,
            "r": "NONE",
            "i": order.id,
            "l": plain(quantity),
            "z": plain(order.filled),
            "L": plain(price),
            "n": plain(fee),
            "N": asset,
            "T": order.updated_ms,
            "t": trade,
            "I": order.id,
            "w": order.open,
            "m": match is not None and match.maker,
            "M": False,
            "O": order.created_ms,
            "Z": plain(order.quote_filled),
            "Y": plain(price * quantity),
            "Q": plain(ZERO),
            "W": order.created_ms,
            "V": "EXPIRE_MAKER",
        }
        for listener in self.listeners:
            listener.on_user_event(order.account, event)

    def _told_balances(self, account: Account, order: Order) -> None:
        account.updated_ms = self.now_ms()
        balances = account.info((order.symbol.base, order.symbol.quote))
        event = {
            "e": "outboundAccountPosition",
            "E": account.updated_ms,
            "u": account.updated_ms,
            "B": [{"a": row["asset"], "f": row["free"], "l": row["locked"]} for row in balances],
        }
        for listener in self.listeners:
            listener.on_user_event(account, event)

    def _tell_trade(self, book: Book, taker: Side, ticks: int, lots: int, trade_id: int | None = None) -> None:
        now_ms, symbol = self.now_ms(), book.symbol
        book.last_price = symbol.price(ticks)
        event = {
            "e": "trade",
            "E": now_ms,
            "s": symbol.name,
            "t": next(book.trade_ids) if trade_id is None else trade_id,
            "p": plain(symbol.price(ticks)),
            "q": plain(symbol.quantity(lots)),
            "T": now_ms,
            "m": taker is Side.SELL,
            "M": True,
        }
        for listener in self.listeners:
            listener.on_trade(symbol, event)

    def _told_levels(self, book: Book, places: Iterable[tuple[Side, int | None]]) -> None:
        """The levels at these places may have changed; a market order has none of its own."""
        changed = list(dict.fromkeys((side, ticks) for side, ticks in places if ticks is not None))
        for listener in self.listeners:
            listener.on_levels(book.symbol, changed)


def _place(order: Resting) -> tuple[Side, int | None]:
    return order.side, order.ticks


def _shifted(event: MarketEvent, base: int) -> MarketEvent:
    """The market outside counts ticks from zero."""
    changes = tuple([type(c)(c.side, c.ticks + base, c.lots) for c in event.changes])
    trades = tuple([type(t)(t.side, t.ticks + base, t.lots) for t in event.trades])
    return MarketEvent(event.time_s, changes, trades)


def _limit(request: Mapping[str, str]) -> int:
    return min(1000, max(1, int(request.get("limit") or 500)))
