"""A venue of one product: its orders and fills, without any socket and on any clock.

What happens is told to `listeners`, as the venue's own messages: user events to the member they concern, trades and
changed levels to everybody. What orders cost and how it is worded is the product's: see `spot` and `futures`.
"""

from __future__ import annotations

import abc
import itertools
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import ClassVar

from ultramm.market import Side
from ultramm.simulation.events import MarketEvent
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import (
    VenueError,
    invalid_symbol,
    mandatory,
    unknown_to_cancel,
    unknown_to_query,
)
from ultramm_binance_emulator.ledger import Ledger
from ultramm_binance_emulator.matching import Match, Resting, Tif
from ultramm_binance_emulator.orders import FIRST_ID, Book, Fill, Json, Listener, Order
from ultramm_binance_emulator.requests import Request, amount, page, price_of, sent, side_of, tif_of, whole
from ultramm_binance_emulator.symbols import ZERO, Symbol

_MOST_OPEN = 200
_SMALLEST = Decimal("0.00000001")  # of any amount


class Venue(abc.ABC):
    """Several symbols of one product, several members.

    Parameters
    ----------
    symbols : mapping of Symbol to int
        What is traded, and the ticks at which the market outside has its zero.
    accounts : iterable of Account
        Who trades.
    now_ms : callable
        The venue's clock.
    """

    product: ClassVar[str]
    # By type: whether an order has a limit, and whether its time in force must be sent.
    kinds: ClassVar[Mapping[str, tuple[bool, bool]]]
    tifs: ClassVar[frozenset[Tif]]
    # That a history may be asked for at once.
    longest_ms: ClassVar[int]
    # Whether it tells no more than that of one which is asked for from a time on.
    bounded: ClassVar[bool] = False

    def __init__(self, symbols: Mapping[Symbol, int], accounts: Iterable[Account], now_ms: Callable[[], int]) -> None:
        self.books = {symbol.name: Book(symbol, base) for symbol, base in symbols.items()}
        self.accounts = {account.key: account for account in accounts}
        self.now_ms = now_ms
        self.listeners: list[Listener] = []
        self.ledger = Ledger(self.accounts)
        self._ids = itertools.count(FIRST_ID)

    def book(self, name: str | None) -> Book:
        """A symbol's book; see `VenueError`."""
        if not name:
            raise mandatory("symbol")
        if name not in self.books:
            raise invalid_symbol()
        return self.books[name]

    # -- the product's ---------------------------------------------------------------------------------------

    @abc.abstractmethod
    def _admit(self, book: Book, order: Order) -> Decimal:
        """What must be set aside for a new order; see `VenueError` for one that is refused."""

    @abc.abstractmethod
    def _set_aside(self, order: Order, amount: Decimal) -> None:
        """Lock what an order may cost."""

    @abc.abstractmethod
    def _settle(self, fill: Fill) -> Fill:
        """Move the money of a fill; gives it with its fee and profit."""

    def _can_work(self, book: Book, order: Order) -> bool:
        """Whether an order whose price has come can still be had."""
        return True

    def _after(self, fill: Fill) -> None:  # noqa: B027 - not every product has something to do
        """What a fill brings about for other orders."""

    @abc.abstractmethod
    def _give_back(self, order: Order) -> None:
        """An order is no more: what it had set aside and did not need is free again."""

    @abc.abstractmethod
    def _duplicate(self) -> VenueError:
        """The refusal of an identifier that is in use."""

    @abc.abstractmethod
    def _tell_order(self, order: Order, what: str) -> None:
        """Report a change of an order to its member."""

    @abc.abstractmethod
    def _tell_fill(self, fill: Fill) -> None:
        """Report a fill and what it made of the account to its member."""

    @abc.abstractmethod
    def _tell_account(self, order: Order) -> None:
        """Report what setting aside or giving back made of the account, where the product tells of that."""

    @abc.abstractmethod
    def _public_trade(self, symbol: Symbol, trade: Json) -> Json:
        """A trade as everybody sees it."""

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, account: Account, request: Request, *, dry: bool = False) -> Order:
        """Take an order, match it, and tell of it; `dry` only checks."""
        book = self.book(request.get("symbol"))
        order = self._read(account, book, request)
        needed = self._admit(book, order)
        if dry:
            return order
        self._set_aside(order, needed)
        self.ledger.add(order)
        self._tell_order(order, "NEW")
        self._tell_account(order)
        if order.waits:
            book.waiting[order.id] = order
        else:
            self._match(book, order)
            self._wake(book)
        return order

    def _wake(self, book: Book) -> None:
        """Let orders work whose price has come; what they trade may wake others."""
        while (order := book.due()) is not None:
            del book.waiting[order.id]
            order.waits = False
            order.updated_ms = self.now_ms()
            if self._can_work(book, order):
                self._tell_order(order, "NEW")
                self._match(book, order)
            else:
                self._close(order, "EXPIRED")
                self._tell_order(order, "EXPIRED")
                self._tell_account(order)

    def _match(self, book: Book, order: Order) -> None:
        """Let an order trade; what is left of it rests or expires."""
        met = book.matching.own_in_reach(order.resting)
        for own in met:
            self._end(self.ledger.order(own.id), "EXPIRED_IN_MATCH")
        matches = self._book_matches(book, book.matching.place(order.resting, order.tif))
        if order.open and not order.rests:
            self._close(order, "EXPIRED")
            self._tell_order(order, "EXPIRED")
            self._tell_account(order)
        taken = [(order.side.opposite, match.ticks) for match in matches]
        self._told_levels(book, [*taken, *[_place(resting) for resting in (*met, order.resting)]])

    def _read(self, account: Account, book: Book, request: Request) -> Order:
        """The order that a request asks for, on the grid."""
        symbol = book.symbol
        side, kind = side_of(request), self._kind(request)
        priced, timed = self.kinds[kind]
        quantity = amount(request, "quantity")
        symbol.check_quantity(quantity, market=not priced)
        price, ticks = ZERO, None
        if priced:
            price = price_of(symbol, request)
            ticks = symbol.ticks(price)
        tif = tif_of(request, self.tifs) if timed else Tif.GTC
        order_id = next(self._ids)
        client_id = request.get("newClientOrderId") or f"x-{order_id}"
        self._check_free(account, symbol, client_id)
        now_ms = self.now_ms()
        resting = Resting(str(order_id), account.key, side, ticks, symbol.lots(quantity))
        return Order(
            order_id, client_id, account, symbol, side, kind, tif, price, quantity, resting, "NEW", now_ms, now_ms
        )

    def _check_free(self, account: Account, symbol: Symbol, client_id: str) -> None:
        """Whether a member may have another order, by that name; see `VenueError`."""
        known = self.ledger.named(account, symbol, client_id)
        if known is not None and known.open:
            raise self._duplicate()
        if len(self.ledger.open(account)) >= _MOST_OPEN:
            raise VenueError(-1013, "Filter failure: MAX_NUM_ORDERS")

    def _kind(self, request: Request) -> str:
        kind = sent(request, "type")
        if kind not in self.kinds:
            raise VenueError(-1116, "Invalid orderType.")
        return kind

    def find(self, account: Account, request: Request, missing: Callable[[], VenueError]) -> Order:
        """The order that a request names; see `VenueError`."""
        return self.ledger.find(account, self.book(request.get("symbol")).symbol, request, missing)

    def query(self, account: Account, request: Request) -> Order:
        return self.find(account, request, unknown_to_query)

    def cancel(self, account: Account, request: Request) -> Order:
        """Cancel one order that is open."""
        order = self.find(account, request, unknown_to_cancel)
        if not order.open:
            raise unknown_to_cancel()
        self._end(order, "CANCELED")
        self._told_levels(self.books[order.symbol.name], [_place(order.resting)])
        return order

    def cancel_all(self, account: Account, request: Request) -> list[Order]:
        """Cancel all that a member has open in a symbol."""
        orders = self.open_orders(account, request)
        return [self.cancel(account, {"symbol": order.symbol.name, "orderId": str(order.id)}) for order in orders]

    def open_orders(self, account: Account, request: Request) -> list[Order]:
        name = request.get("symbol")
        if name:
            self.book(name)
        return self.ledger.open(account, name)

    def all_orders(self, account: Account, request: Request) -> list[Order]:
        """A member's orders in a symbol, by number or time if the request names some."""
        orders = self.ledger.orders(account, self.book(request.get("symbol")).symbol)
        return self._page(orders, request, lambda order: (order.id, order.created_ms), "orderId")

    def fills(self, account: Account, request: Request) -> list[Fill]:
        """What a member traded in a symbol, of one order, by number or time if the request names some."""
        symbol, wanted = self.book(request.get("symbol")).symbol, whole(request, "orderId")
        mine = [fill for fill in self.all_fills(account) if fill.order.symbol is symbol]
        mine = [fill for fill in mine if wanted in (None, fill.order.id)]
        return self._page(mine, request, lambda fill: (fill.trade_id, fill.time_ms), "fromId")

    def _page[T](self, items: list[T], request: Request, key: Callable[[T], tuple[int, int]], number: str) -> list[T]:
        return page(items, request, key, number, self.longest_ms, bounded=self.bounded)

    def all_fills(self, account: Account) -> list[Fill]:
        """All that a member ever traded."""
        return self.ledger.fills(account)

    # -- what happens ----------------------------------------------------------------------------------------

    def elapse(self) -> None:  # noqa: B027
        """Time has gone on: do what was to be done by now."""

    def on_market(self, name: str, event: MarketEvent) -> None:
        """Others traded and changed their orders."""
        book = self.books[name]
        shifted = _shifted(event, book.base_ticks)
        changed = [(change.side, change.ticks) for change in shifted.changes]
        matches = []
        for trade in shifted.trades:
            self._tell_trade(book, trade.side, trade.ticks, trade.lots)
            matches += self._book_matches(book, book.matching.on_trade(trade), public=False)
        matches += self._book_matches(book, book.matching.on_levels(shifted.changes))
        self._told_levels(book, [*changed, *[(match.order.side, match.ticks) for match in matches]])
        self._wake(book)

    def hit_half(self, order: Order) -> None:
        """Others trade with half of what is left of an order that rests, whoever stands before it."""
        if not order.open or order.waits:
            return
        book, resting, lots = self.books[order.symbol.name], order.resting, max(1, order.resting.left // 2)
        assert resting.ticks is not None
        book.matching.fill(resting, lots)
        self._book_matches(book, [Match(resting, resting.ticks, lots, maker=True)])
        self._told_levels(book, [_place(resting)])
        self._wake(book)

    def _book_matches(self, book: Book, matches: Iterable[Match], *, public: bool = True) -> list[Match]:
        """Enter fills: money, orders, trades; each is told to its member, and to everybody unless they know."""
        booked, trade_id = [], 0
        for match in matches:
            # Two members who met share a trade: the taker's comes first.
            if not (match.maker and match.against is not None):
                trade_id = next(book.trade_ids)
                if public:
                    taker = match.order.side.opposite if match.maker else match.order.side
                    self._tell_trade(book, taker, match.ticks, match.lots, trade_id)
            self._fill(book, self.ledger.order(match.order.id), match, trade_id)
            booked.append(match)
        return booked

    def _fill(self, book: Book, order: Order, match: Match, trade_id: int) -> None:
        symbol, now_ms = book.symbol, self.now_ms()
        price, quantity = symbol.price(match.ticks), symbol.quantity(match.lots)
        bare = Fill(order, trade_id, now_ms, price, quantity, match.maker, ZERO, symbol.quote)
        fill = self._settle(bare)
        order.filled += quantity
        order.quote_filled += fill.value
        order.updated_ms = now_ms
        order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
        if not order.open:
            self._release(order)
        self.ledger.enter(fill)
        self._tell_fill(fill)
        self._after(fill)

    @staticmethod
    def _fee(fill: Fill, amount: Decimal) -> Decimal:
        """Of an amount, to the digit that the venue keeps."""
        symbol = fill.order.symbol
        rate = symbol.maker_fee if fill.maker else symbol.taker_fee
        return (amount * rate).quantize(_SMALLEST, ROUND_DOWN)

    def _end(self, order: Order, status: str) -> None:
        """Take an open order out of the book, or out of those that wait."""
        book = self.books[order.symbol.name]
        if order.waits:
            del book.waiting[order.id]
        else:
            book.matching.cancel(order.resting)
        self._close(order, status)
        self._tell_order(order, status)
        self._tell_account(order)

    def _close(self, order: Order, status: str) -> None:
        order.status, order.updated_ms = status, self.now_ms()
        self._release(order)

    def _release(self, order: Order) -> None:
        self.ledger.close(order)
        self._give_back(order)

    # -- who is told -----------------------------------------------------------------------------------------

    def _tell_user(self, account: Account, event: Json) -> None:
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
            "p": symbol.show_price(book.last_price),
            "q": symbol.show_quantity(symbol.quantity(lots)),
            "T": now_ms,
            "m": taker is Side.SELL,
        }
        for listener in self.listeners:
            listener.on_trade(symbol, self._public_trade(symbol, event))

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
