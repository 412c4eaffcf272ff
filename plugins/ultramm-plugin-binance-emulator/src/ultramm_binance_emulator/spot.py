"""The spot venue: what an order may cost is set aside, what is traded changes hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from ultramm.market import Side
from ultramm_binance_emulator import spot_messages as messages
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import (
    VenueError,
    duplicate,
    no_funds,
    unknown_to_cancel,
    unknown_to_query,
    would_take,
)
from ultramm_binance_emulator.matching import Tif
from ultramm_binance_emulator.orders import Book, Fill, Json, Order, Trigger
from ultramm_binance_emulator.requests import Request, amount, price_of
from ultramm_binance_emulator.symbols import ZERO, Symbol
from ultramm_binance_emulator.venue import Venue

# Of what has ended, the venue says how in a word of its own.
_EXECUTIONS = {"EXPIRED_IN_MATCH": "TRADE_PREVENTION"}


class SpotVenue(Venue):
    """Pairs; see `Venue`."""

    product: ClassVar[str] = "spot"
    kinds: ClassVar[Mapping[str, tuple[bool, bool]]] = {
        "LIMIT": (True, True),
        "LIMIT_MAKER": (True, False),
        "MARKET": (False, False),
        "STOP_LOSS": (False, False),
        "STOP_LOSS_LIMIT": (True, True),
        "TAKE_PROFIT": (False, False),
        "TAKE_PROFIT_LIMIT": (True, True),
    }
    tifs: ClassVar[frozenset[Tif]] = frozenset({Tif.GTC, Tif.IOC, Tif.FOK})
    longest_ms: ClassVar[int] = 86_400_000

    # -- orders ----------------------------------------------------------------------------------------------

    def _read(self, account: Account, book: Book, request: Request) -> Order:
        order = super()._read(account, book, request)
        if order.type.startswith(("STOP_LOSS", "TAKE_PROFIT")):
            order.trigger = Trigger.of(order.type, order.side, price_of(book.symbol, request, "stopPrice"))
            order.waits = True
            if order.trigger.met(book.last_price):
                raise VenueError(-2010, "Stop price would trigger immediately.")
        elif request.get("stopPrice"):
            raise VenueError(-1106, "Parameter 'stopPrice' sent when not required.")
        if request.get("icebergQty"):
            self._hide(order, amount(request, "icebergQty"))
        return order

    @staticmethod
    def _hide(order: Order, shown: Decimal) -> None:
        """Make an order an iceberg."""
        if not order.rests:
            raise VenueError(-1013, "icebergQty is for orders that are good till cancelled.")
        order.symbol.check_iceberg(order.quantity, shown)
        if shown < order.quantity:
            order.iceberg = shown
            order.resting.tip = order.symbol.lots(shown)
            order.resting.show()

    def shrink(self, account: Account, request: Request) -> Order:
        """Amend an order to a smaller quantity, which keeps its place."""
        order = self.find(account, request, unknown_to_query)
        quantity = amount(request, "newQty")
        order.symbol.check_quantity(quantity)
        if not order.open or not order.priced:
            raise unknown_to_query()
        if not order.filled < quantity < order.quantity:
            raise VenueError(-2038, "Order amend: the new quantity must be less, and more than was filled.")
        client_id = request.get("newClientOrderId") or f"x-{order.id}-{quantity:f}"
        self._check_free(account, order.symbol, client_id)
        self.ledger.rename(order, client_id)
        less = order.quantity - quantity
        order.quantity, order.updated_ms = quantity, self.now_ms()
        self.books[order.symbol.name].matching.shrink(order.resting, order.symbol.lots(order.left))
        freed = less * order.price if order.side is Side.BUY else less
        account.release(_paid_with(order), freed)
        order.locked -= freed
        self._tell_order(order, "REPLACED")
        self._tell_account(order)
        self._told_levels(self.books[order.symbol.name], [(order.side, order.resting.ticks)])
        return order

    def cancel_all(self, account: Account, request: Request) -> list[Order]:
        cancelled = super().cancel_all(account, request)
        if not cancelled:
            raise unknown_to_cancel()
        return cancelled

    # -- money -----------------------------------------------------------------------------------------------

    def _admit(self, book: Book, order: Order) -> Decimal:
        if order.priced:
            book.symbol.check_notional(order.price, order.quantity)
        if order.post_only and book.matching.would_take(order.side, book.symbol.ticks(order.price)):
            raise would_take()
        needed = self._needed(book, order)
        if order.account.balance(_paid_with(order)).free < needed:
            raise no_funds()
        return needed

    @staticmethod
    def _needed(book: Book, order: Order) -> Decimal:
        """What must be free to pay for it at its worst price."""
        if order.side is Side.SELL:
            return order.quantity
        if order.priced or order.waits:
            return (order.price or order.stop_price) * order.quantity
        return book.cost(Side.SELL, order.resting.lots)

    def _can_work(self, book: Book, order: Order) -> bool:
        """One without a limit must be paid at the price that it finds."""
        if order.priced or order.side is Side.SELL:
            return True
        self._give_back(order)
        needed = self._needed(book, order)
        if order.account.balance(_paid_with(order)).free < needed:
            return False
        self._set_aside(order, needed)
        return True

    def _set_aside(self, order: Order, amount: Decimal) -> None:
        order.account.lock(_paid_with(order), amount)
        order.locked = amount

    def _settle(self, fill: Fill) -> Fill:
        order, symbol = fill.order, fill.order.symbol
        bought = order.side is Side.BUY
        received, asset = (fill.quantity, symbol.base) if bought else (fill.value, symbol.quote)
        fee = self._fee(fill, received)
        spent = fill.value if bought else fill.quantity
        order.account.spend(_paid_with(order), spent)
        order.account.receive(asset, received - fee)
        order.locked -= spent
        if bought and order.priced:
            # It traded at a better price than it had set aside for.
            saved = (order.price - fill.price) * fill.quantity
            order.account.release(symbol.quote, saved)
            order.locked -= saved
        return replace(fill, fee=fee, asset=asset)

    def _give_back(self, order: Order) -> None:
        if order.locked:
            order.account.release(_paid_with(order), order.locked)
            order.locked = ZERO

    def _duplicate(self) -> VenueError:
        return duplicate()

    # -- who is told -----------------------------------------------------------------------------------------

    def _tell_order(self, order: Order, what: str) -> None:
        self._tell_user(order.account, messages.execution(order, _EXECUTIONS.get(what, what), self.now_ms()))

    def _tell_fill(self, fill: Fill) -> None:
        self._tell_user(fill.order.account, messages.execution(fill.order, "TRADE", self.now_ms(), fill))
        self._tell_account(fill.order)

    def _tell_account(self, order: Order) -> None:
        order.account.updated_ms = self.now_ms()
        self._tell_user(order.account, messages.balances(order.account, (order.symbol.base, order.symbol.quote)))

    def _public_trade(self, symbol: Symbol, trade: Json) -> Json:
        return {**trade, "M": True}


def _paid_with(order: Order) -> str:
    return order.symbol.quote if order.side is Side.BUY else order.symbol.base
