"""The futures venue: orders bind margin, fills move positions, and their profit and fees the wallet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from operator import add
from typing import ClassVar

from ultramm.market import Side
from ultramm_binance_emulator import futures_messages as messages
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.algos import ALGO_TYPES, AlgoOrder, AlgoOrders
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.errors import (
    VenueError,
    no_margin,
    not_as_maker,
    not_at_once,
    unknown_to_query,
    would_not_reduce,
)
from ultramm_binance_emulator.margins import Margin, margin
from ultramm_binance_emulator.matching import Resting, Tif
from ultramm_binance_emulator.orders import Book, Fill, Json, Order, Trigger
from ultramm_binance_emulator.requests import Request, amount, price_of, sent, side_of, true
from ultramm_binance_emulator.symbols import ZERO, Symbol
from ultramm_binance_emulator.venue import Venue
from ultramm_binance_emulator.wallets import Position

_EXECUTIONS = {"EXPIRED_IN_MATCH": "EXPIRED"}
_SMALLEST = Decimal("0.00000001")


class FuturesVenue(Venue):
    """Perpetuals in one-way mode with cross margin; see `Venue`."""

    product: ClassVar[str] = "usdm"
    kinds: ClassVar[Mapping[str, tuple[bool, bool]]] = {"LIMIT": (True, True), "MARKET": (False, False)}
    tifs: ClassVar[frozenset[Tif]] = frozenset(Tif)
    longest_ms: ClassVar[int] = 7 * 86_400_000
    bounded: ClassVar[bool] = True

    def __init__(self, symbols: Mapping[Contract, int], accounts: Iterable[Account], now_ms: Callable[[], int]) -> None:
        super().__init__(dict(symbols.items()), accounts, now_ms)
        self._contracts = {contract.name: contract for contract in symbols}
        for account in self.accounts.values():
            account.wallet.updated_ms = now_ms()  # clients take zero for a wallet that was never opened
        self.algos = AlgoOrders(self.place, self._watched, self._held, self._tell_algo, now_ms)
        # By member and symbol: when all of that member's orders there are cancelled.
        self._countdowns: dict[tuple[str, str], int] = {}

    # -- what is held ----------------------------------------------------------------------------------------

    def mark(self, name: str) -> Decimal:
        """The middle of the book; the last price where it has one side only."""
        book = self.books[name]
        best = [book.matching.best(side) for side in Side]
        if best[0] is None or best[1] is None:
            return book.last_price
        return ((best[0] + best[1]) * book.symbol.tick_size / 2).quantize(_SMALLEST)

    def position(self, account: Account, name: str) -> Position:
        return account.wallet.position(name)

    def margin(
        self, account: Account, name: str, bid: Decimal = ZERO, ask: Decimal = ZERO, without: Order | None = None
    ) -> Margin:
        """What a member binds in a contract, with further orders of some worth or without one that is there."""
        orders = [order for order in self.ledger.open(account, name) if order is not without]
        return margin(self.position(account, name), self.mark(name), orders, bid, ask)

    def total(self, account: Account) -> Margin:
        """What a member binds in all contracts."""
        return reduce(add, (self.margin(account, name) for name in self.books), Margin())

    def available(self, account: Account) -> Decimal:
        """What is left for more."""
        total = self.total(account)
        return max(ZERO, account.wallet.balance + total.unrealised - total.initial)

    def set_leverage(self, account: Account, name: str, leverage: int) -> None:
        """Change how much a contract's positions bind; see `VenueError` where the wallet does not bear it."""
        position = self.position(account, name)
        before, position.leverage = position.leverage, leverage
        total = self.total(account)
        if leverage < before and total.initial > account.wallet.balance + total.unrealised:
            position.leverage = before
            raise VenueError(-2028, "Leverage is smaller than permitted: insufficient margin balance.")
        self._tell_user(account, messages.config_update(name, leverage, self.now_ms()))

    def _held(self, account: Account, name: str) -> Decimal:
        return self.position(account, name).quantity

    def _watched(self, name: str, by_mark: bool) -> Decimal:
        """The price that an order waits for."""
        return self.mark(name) if by_mark else self.books[name].last_price

    # -- orders ----------------------------------------------------------------------------------------------

    def place_algo(self, account: Account, request: Request) -> AlgoOrder:
        """Let an order wait for a price; see `VenueError`."""
        symbol, side, kind = self.book(request.get("symbol")).symbol, side_of(request), sent(request, "type")
        if request.get("algoType") != "CONDITIONAL" or kind not in ALGO_TYPES:
            raise VenueError(-1116, "Invalid orderType.")
        priced = ALGO_TYPES[kind] == "LIMIT"
        closes = true(request, "closePosition") and not priced
        if not closes:
            symbol.check_quantity(amount(request, "quantity"), market=not priced)
        if priced:
            price_of(symbol, request)
        trigger = Trigger.of(kind, side, price_of(symbol, request, "triggerPrice"))
        given = {key: value for key, value in request.items() if not (closes and key == "quantity")}
        return self.algos.add(account, symbol, side, kind, trigger, {"timeInForce": "GTC", **given})

    def _wake(self, book: Book) -> None:
        super()._wake(book)
        self.algos.wake(book.symbol.name)

    def _kind(self, request: Request) -> str:
        if request.get("type") in ALGO_TYPES:
            words = "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead."
            raise VenueError(-4120, words)
        return super()._kind(request)

    def _read(self, account: Account, book: Book, request: Request) -> Order:
        if request.get("positionSide", "BOTH") != "BOTH":
            raise VenueError(-4061, "Order's position side does not match user's setting.")
        order = super()._read(account, book, request)
        order.reduce_only = true(request, "reduceOnly")
        return order

    def _admit(self, book: Book, order: Order) -> Decimal:
        contract, mark = self._contracts[book.symbol.name], self.mark(book.symbol.name)
        if order.priced:
            contract.check_distance(order.price, mark, order.side)
        if order.reduce_only:
            self._cut(book, order)
        else:
            contract.check_notional(order.price if order.priced else mark, order.quantity)
        if order.post_only and book.matching.would_take(order.side, contract.ticks(order.price)):
            raise not_as_maker()
        if order.tif is Tif.FOK and not book.matching.fills_at_once(order.resting):
            raise not_at_once()
        if not order.reduce_only:
            worth = order.price * order.quantity
            if not order.priced:
                worth = book.cost(order.side.opposite, order.resting.lots)
            self._check_margin(order, worth, order.quantity)
        return ZERO

    def _cut(self, book: Book, order: Order) -> None:
        """Leave of an order that only reduces what there is to reduce; others that reduce come before it."""
        room = self._reducible(order)
        if room <= 0:
            raise would_not_reduce()
        if order.quantity > room:
            order.quantity = room
            book.matching.shrink(order.resting, book.symbol.lots(room))

    def _reducible(self, order: Order) -> Decimal:
        others = [
            other.left
            for other in self.ledger.open(order.account, order.symbol.name)
            if other.reduce_only and other.side is order.side and other is not order
        ]
        return -order.side * self.position(order.account, order.symbol.name).quantity - sum(others, ZERO)

    def _check_margin(self, order: Order, worth: Decimal, quantity: Decimal) -> None:
        """Whether the wallet bears an order of that worth, beside what is open without it."""
        account, name, sign = order.account, order.symbol.name, int(order.side)
        bid, ask = (worth, ZERO) if order.side is Side.BUY else (ZERO, worth)
        more = self.margin(account, name, bid, ask, without=order).initial - self.margin(account, name).initial
        if more <= 0:
            return
        # Bought above the mark or sold below it, it begins with a loss.
        loss = max(ZERO, sign * (worth - quantity * self.mark(name)))
        if more + loss > self.available(account):
            raise no_margin()

    def _set_aside(self, order: Order, amount: Decimal) -> None:
        """Nothing: margin is reckoned anew from what is open."""

    def _give_back(self, order: Order) -> None:
        """Nothing was set aside."""

    def _duplicate(self) -> VenueError:
        return VenueError(-4116, "ClientOrderId is duplicated.")

    def amend(self, account: Account, request: Request) -> Order:
        """Change price or quantity of an order; less at the same price keeps the place, all else goes to the back."""
        order = self.find(account, request, unknown_to_query)
        if not order.open:
            raise unknown_to_query()
        if order.type != "LIMIT":
            raise VenueError(-5025, "Only limit order is supported.")
        if side_of(request) is not order.side:
            raise VenueError(-1117, "Invalid side.")
        book = self.books[order.symbol.name]
        quantity, price = amount(request, "quantity"), price_of(book.symbol, request)
        self._check_amendment(order, quantity, price)
        crosses = order.post_only and book.matching.would_take(order.side, book.symbol.ticks(price))
        if quantity <= order.filled or (crosses and price != order.price):
            return self.cancel(account, {"symbol": order.symbol.name, "orderId": str(order.id)})
        self._amended(book, order, quantity, price)
        return order

    def _check_amendment(self, order: Order, quantity: Decimal, price: Decimal) -> None:
        contract = self._contracts[order.symbol.name]
        contract.check_quantity(quantity)
        contract.check_distance(price, self.mark(contract.name), order.side)
        if (quantity, price) == (order.quantity, order.price):
            raise VenueError(-5027, "No need to modify the order.")
        left = quantity - order.filled
        if order.reduce_only:
            if left > self._reducible(order):
                raise would_not_reduce()
        else:
            contract.check_notional(price, quantity)
            self._check_margin(order, left * price, left)

    def _amended(self, book: Book, order: Order, quantity: Decimal, price: Decimal) -> None:
        before, keeps = order.resting, price == order.price and quantity < order.quantity
        order.quantity, order.price, order.updated_ms = quantity, price, self.now_ms()
        lots = book.symbol.lots(order.left)
        if keeps:
            book.matching.shrink(before, lots)
        else:
            book.matching.cancel(before)
            order.resting = Resting(before.id, before.owner, before.side, book.symbol.ticks(price), lots)
        self._tell_order(order, "AMENDMENT")
        if not keeps:
            self._match(book, order)
        self._told_levels(book, [(before.side, before.ticks)])
        self._wake(book)

    def count_down(self, account: Account, name: str, wait_ms: int) -> None:
        """Cancel a member's orders in a symbol after a while unless asked again; 0 for never."""
        self.book(name)
        self._countdowns.pop((account.key, name), None)
        if wait_ms:
            self._countdowns[account.key, name] = self.now_ms() + wait_ms

    def elapse(self) -> None:
        """Time has gone on: do what was to be done by now."""
        for (key, name), due_ms in list(self._countdowns.items()):
            if self.now_ms() >= due_ms:
                del self._countdowns[key, name]
                self.cancel_all(self.accounts[key], {"symbol": name})

    # -- money -----------------------------------------------------------------------------------------------

    def _settle(self, fill: Fill) -> Fill:
        order, wallet = fill.order, fill.order.account.wallet
        position = wallet.position(order.symbol.name)
        profit, fee = position.trade(order.side * fill.quantity, fill.price), self._fee(fill, fill.value)
        wallet.balance += profit - fee
        wallet.updated_ms = position.updated_ms = fill.time_ms
        return replace(fill, fee=fee, realised=profit)

    def _after(self, fill: Fill) -> None:
        """Orders that only reduce shrink with what there is to reduce, the last first."""
        book, account = self.books[fill.order.symbol.name], fill.order.account
        for order in reversed(self.ledger.open(account, book.symbol.name)):
            if not order.reduce_only or order is fill.order:
                continue
            room = self._reducible(order)
            if room <= 0:
                self._end(order, "EXPIRED")
            elif room < order.left:
                order.quantity = order.filled + room
                book.matching.shrink(order.resting, book.symbol.lots(room))
                self._tell_order(order, "AMENDMENT")
            self._told_levels(book, [(order.side, order.resting.ticks)])

    # -- who is told -----------------------------------------------------------------------------------------

    def _tell_order(self, order: Order, what: str) -> None:
        self._tell_user(order.account, messages.update(order, _EXECUTIONS.get(what, what), self.now_ms()))
        self.algos.on_order(order)

    def _tell_algo(self, algo: AlgoOrder) -> None:
        self._tell_user(algo.account, messages.algo_update(algo, self.now_ms()))

    def _tell_fill(self, fill: Fill) -> None:
        account, name = fill.order.account, fill.order.symbol.name
        self._tell_user(account, messages.trade_lite(fill))
        self._tell_user(
            account, messages.account_update(account, name, self.position(account, name), self.mark(name), fill.time_ms)
        )
        self._tell_user(account, messages.update(fill.order, "TRADE", fill.time_ms, fill))
        self.algos.on_order(fill.order)

    def _tell_account(self, order: Order) -> None:
        """Nothing: margin that orders bind is not told of."""

    def _public_trade(self, symbol: Symbol, trade: Json) -> Json:
        return {**trade, "X": "MARKET"}
