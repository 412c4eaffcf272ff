"""Orders, fills, positions and balances in the words of the futures venue."""

from __future__ import annotations

from decimal import Decimal

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.algos import ALGO_TYPES, AlgoOrder
from ultramm_binance_emulator.contracts import MOST_NOTIONAL
from ultramm_binance_emulator.margins import Margin
from ultramm_binance_emulator.orders import Fill, Json, Order
from ultramm_binance_emulator.requests import true
from ultramm_binance_emulator.symbols import ZERO, Symbol, plain
from ultramm_binance_emulator.wallets import Position

ASSET = "USDT"


def order_info(order: Order) -> Json:
    """An order as queries tell of it."""
    symbol = order.symbol
    return {
        "symbol": symbol.name,
        "orderId": order.id,
        "clientOrderId": order.client_id,
        "price": symbol.show_price(order.price),
        "origQty": symbol.show_quantity(order.quantity),
        "executedQty": symbol.show_quantity(order.filled),
        "cumQuote": plain(order.quote_filled),
        "avgPrice": _average(order),
        "status": order.status,
        "timeInForce": order.tif.value,
        "type": order.type,
        "origType": order.type,
        "side": order.side.name,
        "positionSide": "BOTH",
        "reduceOnly": order.reduce_only,
        "closePosition": False,
        "stopPrice": symbol.show_price(ZERO),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": 0,
        "time": order.created_ms,
        "updateTime": order.updated_ms,
    }


def placed(order: Order, wanted: str | None) -> Json:
    """The answer to a new order: what became of it if that is wanted, else that it is there."""
    told = order_info(order)
    told["cumQty"] = told["executedQty"]
    if wanted != "RESULT":
        none = order.symbol.show_quantity(ZERO)
        told |= {"status": "NEW", "executedQty": none, "cumQty": none, "cumQuote": plain(ZERO), "avgPrice": "0.00"}
    return told


def algo_info(algo: AlgoOrder) -> Json:
    """An order that waits, as queries tell of it."""
    request, order = algo.request, algo.order
    return {
        "algoId": algo.id,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol.name,
        "side": algo.side.name,
        "positionSide": "BOTH",
        "timeInForce": request["timeInForce"],
        "quantity": request.get("quantity", ""),
        "algoStatus": algo.status,
        "triggerPrice": algo.symbol.show_price(algo.trigger.price),
        "price": request.get("price", algo.symbol.show_price(ZERO)),
        "workingType": "MARK_PRICE" if algo.by_mark else "CONTRACT_PRICE",
        "priceMatch": "NONE",
        "closePosition": algo.closes,
        "priceProtect": False,
        "reduceOnly": true(request, "reduceOnly"),
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "actualOrderId": "" if order is None else str(order.id),
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": 0,
    }


def algo_update(algo: AlgoOrder, now_ms: int) -> Json:
    """An ``ALGO_UPDATE``."""
    info, order = algo_info(algo), algo.order
    told = {
        "caid": algo.client_id,
        "aid": algo.id,
        "at": info["algoType"],
        "o": algo.type,
        "s": algo.symbol.name,
        "S": info["side"],
        "ps": "BOTH",
        "f": info["timeInForce"],
        "q": info["quantity"] or algo.symbol.show_quantity(ZERO),
        "X": algo.status,
        "ai": info["actualOrderId"],
        "ap": "0" if order is None else _average(order),
        "aq": "0" if order is None else algo.symbol.show_quantity(order.filled),
        "act": ALGO_TYPES[algo.type],
        "tp": info["triggerPrice"],
        "p": info["price"],
        "V": info["selfTradePreventionMode"],
        "wt": info["workingType"],
        "pm": info["priceMatch"],
        "cp": info["closePosition"],
        "pP": info["priceProtect"],
        "R": info["reduceOnly"],
        "tt": algo.triggered_ms,
        "gtd": 0,
    }
    return {"e": "ALGO_UPDATE", "T": algo.updated_ms, "E": now_ms, "o": told}


def trade_info(fill: Fill) -> Json:
    """A member's trade."""
    order, symbol = fill.order, fill.order.symbol
    return {
        "symbol": symbol.name,
        "id": fill.trade_id,
        "orderId": order.id,
        "side": order.side.name,
        "price": symbol.show_price(fill.price),
        "qty": symbol.show_quantity(fill.quantity),
        "realizedPnl": plain(fill.realised),
        "quoteQty": plain(fill.value),
        "commission": plain(fill.fee),
        "commissionAsset": fill.asset,
        "time": fill.time_ms,
        "positionSide": "BOTH",
        "buyer": order.side is Side.BUY,
        "maker": fill.maker,
    }


def update(order: Order, what: str, now_ms: int, fill: Fill | None = None) -> Json:
    """An ``ORDER_TRADE_UPDATE``."""
    symbol = order.symbol
    told = {
        "s": symbol.name,
        "c": order.client_id,
        "S": order.side.name,
        "o": order.type,
        "f": order.tif.value,
        "q": symbol.show_quantity(order.quantity),
        "p": symbol.show_price(order.price),
        "ap": _average(order),
        "sp": symbol.show_price(ZERO),
        "x": what,
        "X": order.status,
        "i": order.id,
        "l": symbol.show_quantity(fill.quantity if fill else ZERO),
        "z": symbol.show_quantity(order.filled),
        "L": symbol.show_price(fill.price if fill else ZERO),
        "T": order.updated_ms,
        "t": fill.trade_id if fill else 0,
        "b": plain(ZERO),
        "a": plain(ZERO),
        "m": fill is not None and fill.maker,
        "R": order.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": order.type,
        "ps": "BOTH",
        "cp": False,
        "rp": plain(fill.realised if fill else ZERO),
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": "EXPIRE_MAKER",
        "pm": "NONE",
        "gtd": 0,
    }
    if fill is not None:
        told |= {"n": plain(fill.fee), "N": fill.asset}
    return {"e": "ORDER_TRADE_UPDATE", "E": now_ms, "T": order.updated_ms, "o": told}


def trade_lite(fill: Fill) -> Json:
    """A ``TRADE_LITE``: what is first known of a trade."""
    order, symbol = fill.order, fill.order.symbol
    return {
        "e": "TRADE_LITE",
        "E": fill.time_ms,
        "T": fill.time_ms,
        "s": symbol.name,
        "q": symbol.show_quantity(order.quantity),
        "p": symbol.show_price(order.price),
        "m": fill.maker,
        "c": order.client_id,
        "S": order.side.name,
        "L": symbol.show_price(fill.price),
        "l": symbol.show_quantity(fill.quantity),
        "t": fill.trade_id,
        "i": order.id,
    }


def config_update(name: str, leverage: int, now_ms: int) -> Json:
    """An ``ACCOUNT_CONFIG_UPDATE``."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "E": now_ms, "T": now_ms, "ac": {"s": name, "l": leverage}}


def account_update(account: Account, name: str, position: Position, mark: Decimal, now_ms: int) -> Json:
    """An ``ACCOUNT_UPDATE`` after a trade."""
    wallet = plain(account.wallet.balance)
    held = {
        "s": name,
        "pa": f"{position.quantity:f}",
        "ep": plain(position.entry_price),
        "bep": plain(position.entry_price),
        "cr": plain(position.realised),
        "up": plain(position.unrealised(mark)),
        "mt": "cross",
        "iw": "0",
        "ps": "BOTH",
    }
    data = {"m": "ORDER", "B": [{"a": ASSET, "wb": wallet, "cw": wallet, "bc": "0"}], "P": [held]}
    return {"e": "ACCOUNT_UPDATE", "E": now_ms, "T": now_ms, "a": data}


def position_risk(symbol: Symbol, position: Position, margin: Margin, mark: Decimal) -> Json:
    """A position as the third version of ``positionRisk`` tells of it."""
    return {
        "symbol": symbol.name,
        "positionSide": "BOTH",
        "positionAmt": symbol.show_quantity(position.quantity),
        "entryPrice": plain(position.entry_price),
        "breakEvenPrice": plain(position.entry_price),
        "markPrice": plain(mark),
        "unRealizedProfit": plain(margin.unrealised),
        "liquidationPrice": "0",
        "isolatedMargin": "0",
        "notional": plain(position.quantity * mark),
        "marginAsset": ASSET,
        "isolatedWallet": "0",
        "initialMargin": plain(margin.initial),
        "maintMargin": plain(margin.maintenance),
        "positionInitialMargin": plain(margin.position),
        "openOrderInitialMargin": plain(margin.orders),
        "adl": 0,
        "bidNotional": plain(margin.bids),
        "askNotional": plain(margin.asks),
        "updateTime": position.updated_ms,
    }


def position_risk_2(symbol: Symbol, position: Position, margin: Margin, mark: Decimal) -> Json:
    """The same in the second version, which says how it is margined."""
    told = position_risk(symbol, position, margin, mark)
    return told | {
        "marginType": "cross",
        "isAutoAddMargin": "false",
        "leverage": str(position.leverage),
        "maxNotionalValue": f"{MOST_NOTIONAL:f}",
    }


def account_position(symbol: Symbol, position: Position, margin: Margin) -> Json:
    """A position as ``account`` tells of it."""
    return {
        "symbol": symbol.name,
        "positionSide": "BOTH",
        "positionAmt": symbol.show_quantity(position.quantity),
        "entryPrice": plain(position.entry_price),
        "unrealizedProfit": plain(margin.unrealised),
        "notional": plain(position.cost + margin.unrealised),
        "initialMargin": plain(margin.initial),
        "maintMargin": plain(margin.maintenance),
        "positionInitialMargin": plain(margin.position),
        "openOrderInitialMargin": plain(margin.orders),
        "isolatedMargin": "0",
        "isolatedWallet": "0",
        "isolated": False,
        "leverage": str(position.leverage),
        "maxNotional": f"{MOST_NOTIONAL:f}",
        "bidNotional": plain(margin.bids),
        "askNotional": plain(margin.asks),
        "updateTime": position.updated_ms,
    }


def account_asset(account: Account, margin: Margin, available: Decimal) -> Json:
    """The margined asset as ``account`` tells of it."""
    wallet = account.wallet
    return {
        "asset": ASSET,
        "walletBalance": plain(wallet.balance),
        "unrealizedProfit": plain(margin.unrealised),
        "marginBalance": plain(wallet.balance + margin.unrealised),
        "maintMargin": plain(margin.maintenance),
        "initialMargin": plain(margin.initial),
        "positionInitialMargin": plain(margin.position),
        "openOrderInitialMargin": plain(margin.orders),
        "crossWalletBalance": plain(wallet.balance),
        "crossUnPnl": plain(margin.unrealised),
        "availableBalance": plain(available),
        "maxWithdrawAmount": plain(min(available, wallet.balance)),
        "marginAvailable": True,
        "updateTime": wallet.updated_ms,
    }


def account_totals(account: Account, margin: Margin, available: Decimal) -> Json:
    """The sums at the head of ``account``."""
    wallet = account.wallet.balance
    return {
        "totalInitialMargin": plain(margin.initial),
        "totalMaintMargin": plain(margin.maintenance),
        "totalWalletBalance": plain(wallet),
        "totalUnrealizedProfit": plain(margin.unrealised),
        "totalMarginBalance": plain(wallet + margin.unrealised),
        "totalPositionInitialMargin": plain(margin.position),
        "totalOpenOrderInitialMargin": plain(margin.orders),
        "totalCrossWalletBalance": plain(wallet),
        "totalCrossUnPnl": plain(margin.unrealised),
        "availableBalance": plain(available),
        "maxWithdrawAmount": plain(min(available, wallet)),
    }


def _average(order: Order) -> str:
    return plain(order.quote_filled / order.filled) if order.filled else "0.00"
