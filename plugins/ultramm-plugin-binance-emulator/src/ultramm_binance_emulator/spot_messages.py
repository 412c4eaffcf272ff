"""Orders, fills and balances in the words of the spot venue."""

from __future__ import annotations

from collections.abc import Iterable

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.orders import Fill, Json, Order
from ultramm_binance_emulator.symbols import ZERO, plain


def order_info(order: Order) -> Json:
    """An order as queries tell of it."""
    return {
        "symbol": order.symbol.name,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "price": plain(order.price),
        "origQty": plain(order.quantity),
        "executedQty": plain(order.filled),
        "origQuoteOrderQty": plain(ZERO),
        "cummulativeQuoteQty": plain(order.quote_filled),
        "status": order.status,
        "timeInForce": order.tif.value,
        "type": order.type,
        "side": order.side.name,
        "stopPrice": plain(order.stop_price),
        "icebergQty": plain(order.iceberg),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": not order.waits,
        "workingTime": order.created_ms,
        "selfTradePreventionMode": "EXPIRE_MAKER",
    }


def placed(order: Order) -> Json:
    """The answer to a new order, with its fills."""
    told = [
        {
            "price": plain(fill.price),
            "qty": plain(fill.quantity),
            "commission": plain(fill.fee),
            "commissionAsset": fill.asset,
            "tradeId": fill.trade_id,
        }
        for fill in order.fills
    ]
    return {**order_info(order), "transactTime": order.created_ms, "fills": told}


def cancelled(order: Order, client_id: str | None = None) -> Json:
    """The answer to a cancel: the order's own id is the original one."""
    told = order_info(order)
    told["origClientOrderId"] = order.client_id
    told["clientOrderId"] = client_id or f"cancel-{order.id}"
    told["transactTime"] = order.updated_ms
    return told


def amended(order: Order) -> Json:
    """The answer to an amendment."""
    told = {**order_info(order), "origClientOrderId": order.replaced_id}
    return {"transactTime": order.updated_ms, "executionId": order.id, "amendedOrder": told}


def trade_info(fill: Fill) -> Json:
    """A member's trade."""
    order = fill.order
    return {
        "symbol": order.symbol.name,
        "id": fill.trade_id,
        "orderId": order.id,
        "orderListId": -1,
        "price": plain(fill.price),
        "qty": plain(fill.quantity),
        "quoteQty": plain(fill.value),
        "commission": plain(fill.fee),
        "commissionAsset": fill.asset,
        "time": fill.time_ms,
        "isBuyer": order.side is Side.BUY,
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def execution(order: Order, what: str, now_ms: int, fill: Fill | None = None) -> Json:
    """An ``executionReport``."""
    cancelled = what == "CANCELED"
    return {
        "e": "executionReport",
        "E": now_ms,
        "s": order.symbol.name,
        "c": f"cancel-{order.id}" if cancelled else order.client_id,
        "S": order.side.name,
        "o": order.type,
        "f": order.tif.value,
        "q": plain(order.quantity),
        "p": plain(order.price),
        "P": plain(order.stop_price),
        "F": plain(order.iceberg),
        "g": -1,
        "C": order.client_id if cancelled else order.replaced_id if what == "REPLACED" else "",
        "x": what,
        "X": order.status,
        "r": "NONE",
        "i": order.id,
        "l": plain(fill.quantity if fill else ZERO),
        "z": plain(order.filled),
        "L": plain(fill.price if fill else ZERO),
        "n": plain(fill.fee if fill else ZERO),
        "N": fill.asset if fill else None,
        "T": order.updated_ms,
        "t": fill.trade_id if fill else -1,
        "I": order.id,
        "w": order.open and not order.waits,
        "m": fill is not None and fill.maker,
        "M": False,
        "O": order.created_ms,
        "Z": plain(order.quote_filled),
        "Y": plain(fill.value if fill else ZERO),
        "Q": plain(ZERO),
        "W": order.created_ms,
        "V": "EXPIRE_MAKER",
    }


def balances(account: Account, assets: Iterable[str]) -> Json:
    """An ``outboundAccountPosition``."""
    return {
        "e": "outboundAccountPosition",
        "E": account.updated_ms,
        "u": account.updated_ms,
        "B": [{"a": row["asset"], "f": row["free"], "l": row["locked"]} for row in account.info(assets)],
    }
