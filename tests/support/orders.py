"""Records of orders made by hand, and the venue that they are about."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ultramm.custody.own import OwnOrders
from ultramm.custody.records import Accepted, Ended, Ending, Filled, Sent
from ultramm.market import Side

INSTRUMENT = "BTCUSDT.X"
S = 1_000_000_000


def sent(order_id: str, size: str = "2", *, ts_ns: int = 1, side: Side = Side.BUY, **more: Any) -> Sent:
    fields: dict[str, Any] = {"strategy": "mm", "instrument": INSTRUMENT, "price": Decimal(100)} | more
    return Sent(ts_ns=ts_ns, order_id=order_id, side=side, size=Decimal(size), **fields)


def accepted(order_id: str, venue_order_id: str = "", *, ts_ns: int = 2) -> Accepted:
    return Accepted(ts_ns=ts_ns, order_id=order_id, venue_order_id=venue_order_id or f"v-{order_id}")


def fill(order_id: str, trade_id: str, size: str = "1", *, ts_ns: int = 3, **more: Any) -> Filled:
    fields: dict[str, Any] = {
        "strategy": "mm",
        "instrument": INSTRUMENT,
        "side": Side.BUY,
        "price": Decimal(100),
        "fee": Decimal(0),
        "fee_currency": "USDT",
        "maker": True,
    } | more
    return Filled(ts_ns=ts_ns, order_id=order_id, trade_id=trade_id, size=Decimal(size), **fields)


def ended(order_id: str, how: Ending = "cancelled", *, ts_ns: int = 4, reason: str = "") -> Ended:
    return Ended(ts_ns=ts_ns, order_id=order_id, how=how, reason=reason)


def what_matters(orders: OwnOrders) -> Any:
    """What no restart may lose: open orders with what is filled of them, fills, money, and until when all is known."""
    return (
        {name: (o.sent, o.venue_order_id, o.filled) for name, o in orders.open.items()},
        orders.fills,
        orders.funded,
        orders.checked_ns,
    )
