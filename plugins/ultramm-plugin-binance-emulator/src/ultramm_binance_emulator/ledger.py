"""All orders and fills of a venue, by whatever they are looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.orders import Fill, Order
from ultramm_binance_emulator.requests import Request, amount
from ultramm_binance_emulator.symbols import Symbol


class Ledger:
    """What was ever placed and traded.

    Parameters
    ----------
    keys : iterable of str
        Of the members.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        members = list(keys)
        self._by_id: dict[int, Order] = {}
        self._by_client: dict[tuple[str, str, str], Order] = {}
        self._open: dict[str, dict[int, Order]] = {key: {} for key in members}
        self._orders: dict[str, list[Order]] = {key: [] for key in members}
        self._fills: dict[str, list[Fill]] = {key: [] for key in members}

    def add(self, order: Order) -> None:
        """A new order."""
        key = order.account.key
        self._by_id[order.id] = self._open[key][order.id] = order
        self._by_client[key, order.symbol.name, order.client_id] = order
        self._orders[key].append(order)

    def close(self, order: Order) -> None:
        """An order is no more; it is kept."""
        self._open[order.account.key].pop(order.id, None)

    def rename(self, order: Order, client_id: str) -> None:
        """An order goes by another name of its member's."""
        key, name = order.account.key, order.symbol.name
        del self._by_client[key, name, order.client_id]
        order.replaced_id, order.client_id = order.client_id, client_id
        self._by_client[key, name, client_id] = order

    def enter(self, fill: Fill) -> None:
        """An order traded."""
        fill.order.fills.append(fill)
        self._fills[fill.order.account.key].append(fill)

    def order(self, order_id: str) -> Order:
        """One that is known to be there."""
        return self._by_id[int(order_id)]

    def named(self, account: Account, symbol: Symbol, client_id: str) -> Order | None:
        """The last of a member's that had a name."""
        return self._by_client.get((account.key, symbol.name, client_id))

    def find(self, account: Account, symbol: Symbol, request: Request, missing: Callable[[], VenueError]) -> Order:
        """The order that a request names, by the venue's id or by the member's; see `VenueError`."""
        if request.get("orderId"):
            order = self._by_id.get(int(amount(request, "orderId")))
        elif request.get("origClientOrderId"):
            order = self.named(account, symbol, request["origClientOrderId"])
        else:
            raise VenueError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        if order is None or order.account is not account or order.symbol is not symbol:
            raise missing()
        return order

    def open(self, account: Account, name: str | None = None) -> list[Order]:
        """A member's that are open, in a symbol or in all."""
        return [order for order in self._open[account.key].values() if name in (None, "", order.symbol.name)]

    def orders(self, account: Account, symbol: Symbol) -> list[Order]:
        """A member's in a symbol, whatever became of them."""
        return [order for order in self._orders[account.key] if order.symbol is symbol]

    def fills(self, account: Account) -> list[Fill]:
        """All that a member ever traded."""
        return list(self._fills[account.key])
