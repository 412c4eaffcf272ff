"""How much of a wallet positions and open orders bind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ultramm.market import Side
from ultramm_binance_emulator.contracts import MAINTENANCE
from ultramm_binance_emulator.orders import Order
from ultramm_binance_emulator.symbols import ZERO
from ultramm_binance_emulator.wallets import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """Of one contract, or of all together.

    Attributes
    ----------
    position, orders : Decimal
        Initial margin of what is held, and what open orders need beyond that.
    maintenance : Decimal
        Of what is held.
    bids, asks : Decimal
        What open orders that may add to a position are worth.
    """

    position: Decimal = ZERO
    orders: Decimal = ZERO
    maintenance: Decimal = ZERO
    unrealised: Decimal = ZERO
    bids: Decimal = ZERO
    asks: Decimal = ZERO

    @property
    def initial(self) -> Decimal:
        return self.position + self.orders

    def __add__(self, other: Margin) -> Margin:
        return Margin(
            position=self.position + other.position,
            orders=self.orders + other.orders,
            maintenance=self.maintenance + other.maintenance,
            unrealised=self.unrealised + other.unrealised,
            bids=self.bids + other.bids,
            asks=self.asks + other.asks,
        )


def margin(position: Position, mark: Decimal, orders: Iterable[Order], bid: Decimal, ask: Decimal) -> Margin:
    """What one contract binds.

    Parameters
    ----------
    orders : iterable of Order
        Open ones; those that only reduce bind nothing.
    bid, ask : Decimal
        What a further order to buy or to sell is worth.
    """
    worth = {Side.BUY: bid, Side.SELL: ask}
    for order in orders:
        if not order.reduce_only:
            worth[order.side] += order.price * order.left
    held = position.quantity * mark
    # Either side may be filled alone.
    most = max(abs(held), abs(held + worth[Side.BUY]), abs(held - worth[Side.SELL]))
    return Margin(
        position=abs(held) / position.leverage,
        orders=(most - abs(held)) / position.leverage,
        maintenance=abs(held) * MAINTENANCE,
        unrealised=position.unrealised(mark),
        bids=worth[Side.BUY],
        asks=worth[Side.SELL],
    )
