"""The spot venue: what an order may cost is set aside, what is traded changes hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from ultramm.market import Side
from ultramm_binance_emulator import spot_messages as messages
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError, duplicate, no_funds, unknown_to_cancel, would_take
from ultramm_binance_emulator.matching import Tif
from ultramm_binance_emulator.orders import Book, Fill, Json, Order
from ultramm_binance_emulator.symbols import ZERO, Symbol
from ultramm_binance_emulator.venue import Venue

# Of what has ended, the venue says how in a word of its own.
_EXECUTIONS = {"EXPIRED_IN_MATCH": "TRADE_PREVENTION"}


class SpotVenue(Venue):
    """Pairs; see `Venue`."""

    product: ClassVar[str] = "spot"
    kinds: ClassVar[frozenset[str]] = frozenset({"LIMIT", "LIMIT_MAKER", "MARKET"})
    tifs: ClassVar[frozenset[Tif]] = frozenset({Tif.GTC, Tif.IOC, Tif.FOK})

    def cancel_all(self, account: Account, request: Mapping[str, str]) -> list[Order]:
        cancelled = super().cancel_all(account, request)
        if not cancelled:
            raise unknown_to_cancel()
        return cancelled

    # -- money -----------------------------------------------------------------------------------------------

    def _admit(self, book: Book, order: Order) -> Decimal:
        if order.type != "MARKET":
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
        if order.type != "MARKET":
            return order.price * order.quantity
        return book.cost(Side.SELL, order.resting.lots)

    def _set_aside(self, order: Order, amount: Decimal) -> None:
        order.account.lock(_paid_with(order), amount)
        order.locked = amount

    def _settle(self, fill: Fill) -> Fill:
        order, symbol = fill.order, fill.order.symbol
        bought = order.side is Side.BUY
        amount, asset = (fill.quantity, symbol.base) if bought else (fill.value, symbol.quote)
        fee = self._fee(fill, amount)
        spent = fill.value if bought else fill.quantity
        order.account.spend(_paid_with(order), spent)
        order.account.receive(asset, amount - fee)
        order.locked -= spent
        if bought and order.type != "MARKET":
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
