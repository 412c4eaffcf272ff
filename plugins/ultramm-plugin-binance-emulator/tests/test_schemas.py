"""Every answer and event is what NautilusTrader's adapter says the venue sends: decoded by its own strict schemas."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import msgspec
import pytest
from nautilus_trader.adapters.binance.common.schemas import account as common_account
from nautilus_trader.adapters.binance.common.schemas import market as common_market
from nautilus_trader.adapters.binance.futures.schemas import account as futures_account
from nautilus_trader.adapters.binance.futures.schemas import market as futures_market
from nautilus_trader.adapters.binance.futures.schemas import user as futures_user
from nautilus_trader.adapters.binance.futures.schemas import wallet as futures_wallet
from nautilus_trader.adapters.binance.spot.schemas import account as spot_account
from nautilus_trader.adapters.binance.spot.schemas import market as spot_market
from nautilus_trader.adapters.binance.spot.schemas import user as spot_user
from nautilus_trader.adapters.binance.spot.schemas import wallet as spot_wallet
from wire import ORDER, ask, next_message, signed

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketTrade
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
STOP = {**BUY, "algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": "50010", "clientAlgoId": "stop"}
SYMBOL = {"symbol": "BTCUSDT"}


def decoded(kind: Any, answer: Any) -> Any:
    """By a schema, which is as strict as its decoder."""
    return msgspec.json.decode(json.dumps(answer).encode(), type=kind)


@pytest.fixture
def traded(served: ThreadedServer) -> ThreadedServer:
    """With an order that rests, one that traded and one that waits, at both venues."""
    for path in ("/api/v3/order", "/fapi/v1/order"):
        for order in ({**ORDER, "newClientOrderId": "resting"}, BUY):
            assert ask(served, "POST", path, signed(**order))[0] == 200
    assert ask(served, "POST", "/fapi/v1/algoOrder", signed(**STOP))[0] == 200
    return served


ANSWERS: list[tuple[str, str, dict[str, Any], Any]] = [
    ("GET", "/api/v3/time", {}, common_market.BinanceTime),
    ("GET", "/api/v3/exchangeInfo", {}, spot_market.BinanceSpotExchangeInfo),
    ("GET", "/api/v3/depth", SYMBOL, common_market.BinanceDepth),
    ("GET", "/api/v3/ticker/bookTicker", SYMBOL, common_market.BinanceTickerBook),
    ("GET", "/api/v3/ticker/price", {}, list[common_market.BinanceTickerPrice]),
    ("GET", "/api/v3/account", {}, spot_account.BinanceSpotAccountInfo),
    ("GET", "/api/v3/openOrders", {}, list[common_account.BinanceOrder]),
    ("GET", "/api/v3/allOrders", SYMBOL, list[common_account.BinanceOrder]),
    ("GET", "/api/v3/myTrades", SYMBOL, list[common_account.BinanceUserTrade]),
    ("GET", "/sapi/v1/asset/tradeFee", {}, list[spot_wallet.BinanceSpotTradeFee]),
    ("GET", "/fapi/v1/time", {}, common_market.BinanceTime),
    ("GET", "/fapi/v1/exchangeInfo", {}, futures_market.BinanceFuturesExchangeInfo),
    ("GET", "/fapi/v1/depth", SYMBOL, common_market.BinanceDepth),
    ("GET", "/fapi/v1/premiumIndex", {}, list[futures_market.BinanceFuturesMarkFunding]),
    ("GET", "/fapi/v1/ticker/bookTicker", {}, list[common_market.BinanceTickerBook]),
    ("GET", "/fapi/v2/ticker/price", SYMBOL, common_market.BinanceTickerPrice),
    ("GET", "/fapi/v2/account", {}, futures_account.BinanceFuturesAccountInfo),
    ("GET", "/fapi/v2/positionRisk", {}, list[futures_account.BinanceFuturesPositionRisk]),
    ("GET", "/fapi/v3/positionRisk", {}, list[futures_account.BinanceFuturesPositionRisk]),
    ("GET", "/fapi/v1/symbolConfig", {}, list[futures_account.BinanceFuturesSymbolConfig]),
    ("GET", "/fapi/v1/positionSide/dual", {}, futures_account.BinanceFuturesDualSidePosition),
    ("POST", "/fapi/v1/leverage", {**SYMBOL, "leverage": 3}, futures_account.BinanceFuturesLeverage),
    ("GET", "/fapi/v1/commissionRate", SYMBOL, futures_wallet.BinanceFuturesCommissionRate),
    ("GET", "/fapi/v1/openOrders", {}, list[common_account.BinanceOrder]),
    ("GET", "/fapi/v1/allOrders", SYMBOL, list[common_account.BinanceOrder]),
    ("GET", "/fapi/v1/userTrades", SYMBOL, list[common_account.BinanceUserTrade]),
    ("GET", "/fapi/v1/openAlgoOrders", {}, list[futures_account.BinanceFuturesAlgoOrder]),
    ("GET", "/fapi/v1/allAlgoOrders", SYMBOL, list[futures_account.BinanceFuturesAlgoOrder]),
    ("GET", "/fapi/v1/algoOrder", {"clientAlgoId": "stop"}, futures_account.BinanceFuturesAlgoOrder),
    ("DELETE", "/fapi/v1/algoOrder", {"clientAlgoId": "stop"}, futures_account.BinanceFuturesAlgoOrderCancelResponse),
    ("DELETE", "/fapi/v1/algoOpenOrders", SYMBOL, common_account.BinanceStatusCode),
    ("DELETE", "/fapi/v1/allOpenOrders", SYMBOL, common_account.BinanceStatusCode),
    ("POST", "/api/v3/order", BUY, common_account.BinanceOrder),
    ("POST", "/fapi/v1/order", BUY, common_account.BinanceOrder),
    *[
        (method, path, {**SYMBOL, "origClientOrderId": "resting"}, common_account.BinanceOrder)
        for method in ("GET", "DELETE")
        for path in ("/api/v3/order", "/fapi/v1/order")
    ],
    (
        "PUT",
        "/fapi/v1/order",
        {**SYMBOL, "origClientOrderId": "resting", "side": "BUY", "price": "49980", "quantity": "0.01"},
        common_account.BinanceOrder,
    ),
]


@pytest.mark.parametrize(("method", "path", "parameters", "kind"), ANSWERS, ids=[f"{a[0]} {a[1]}" for a in ANSWERS])
def test_answers(traded: ThreadedServer, method: str, path: str, parameters: dict[str, Any], kind: Any) -> None:
    status, answer, _ = ask(traded, method, path, signed(**parameters))
    assert status == 200, answer
    assert answer
    decoded(kind, answer)


STREAMS: list[tuple[str, str, Any]] = [
    ("", "trade", spot_market.BinanceSpotTradeMsg),
    ("", "aggTrade", common_market.BinanceAggregatedTradeMsg),
    ("", "bookTicker", common_market.BinanceQuoteMsg),
    ("", "depth@100ms", common_market.BinanceOrderBookMsg),
    ("/public", "trade", futures_market.BinanceFuturesTradeMsg),
    ("/public", "aggTrade", common_market.BinanceAggregatedTradeMsg),
    ("/public", "bookTicker", common_market.BinanceQuoteMsg),
    ("/public", "depth@0ms", common_market.BinanceOrderBookMsg),
    ("/market", "markPrice@1s", futures_market.BinanceFuturesMarkPriceMsg),
]


@pytest.mark.parametrize(("root", "name", "kind"), STREAMS, ids=[f"{root} {name}" for root, name, _ in STREAMS])
def test_market_streams(served: ThreadedServer, root: str, name: str, kind: Any) -> None:
    async def follow() -> Any:
        url = f"{served.url}{root}/stream?streams=btcusdt@{name}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            await ws.send_json({"id": 1, "method": "LIST_SUBSCRIPTIONS"})
            await next_message(ws, where=lambda message: message.get("id") == 1)
            served.market(LevelChange(Side.BUY, -1, 5), trades=(MarketTrade(Side.BUY, 1, 3),))
            return await next_message(ws)

    decoded(kind, asyncio.run(follow()))


EVENTS = {
    "executionReport": spot_user.BinanceSpotOrderUpdateData,
    "outboundAccountPosition": spot_user.BinanceSpotAccountUpdateMsg,
    "ORDER_TRADE_UPDATE": futures_user.BinanceFuturesOrderUpdateMsg,
    "TRADE_LITE": futures_user.BinanceFuturesTradeLiteMsg,
    "ACCOUNT_UPDATE": futures_user.BinanceFuturesAccountUpdateMsg,
    "ALGO_UPDATE": futures_user.BinanceFuturesAlgoUpdateMsg,
    "ACCOUNT_CONFIG_UPDATE": futures_user.BinanceFuturesUserMsgData,
    "listenKeyExpired": futures_user.BinanceFuturesUserMsgData,
}


def test_events_of_members(served: ThreadedServer) -> None:
    """Of all that may happen to orders; an event that the adapter does not know is not among them."""

    class Heard:
        def __init__(self) -> None:
            self.events: list[dict[str, Any]] = []

        def on_user_event(self, _: Any, event: dict[str, Any]) -> None:
            self.events.append(event)

        def on_trade(self, *_: Any) -> None: ...

        def on_levels(self, *_: Any) -> None: ...

    heard = Heard()
    served.do(lambda: [venue.listeners.append(heard) for venue in (served.venue, served.futures)])
    waiting = {**ORDER, "type": "STOP_LOSS_LIMIT", "stopPrice": "50010", "price": "50020"}
    script: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/api/v3/order", {**ORDER, "newClientOrderId": "a", "icebergQty": "0.005"}),
        ("POST", "/api/v3/order", waiting),
        ("POST", "/api/v3/order", {**BUY, "quantity": "0.09"}),
        ("POST", "/fapi/v1/order", {**ORDER, "newClientOrderId": "a"}),
        ("PUT", "/fapi/v1/order", {**SYMBOL, "origClientOrderId": "a", "side": "BUY", "price": "49980", "quantity": 1}),
        ("POST", "/fapi/v1/order", {**ORDER, "side": "SELL", "price": "49980", "timeInForce": "IOC"}),
        ("POST", "/fapi/v1/algoOrder", STOP),
        ("POST", "/fapi/v1/leverage", {**SYMBOL, "leverage": 3}),
    ]
    for method, path, parameters in script:
        status, answer, _ = ask(served, method, path, signed(**parameters))
        assert status == 200, answer
    served.market(trades=(MarketTrade(Side.BUY, 10, 1),))
    ask(served, "DELETE", "/api/v3/openOrders", signed(symbol="BTCUSDT"))
    kinds = {event["e"] for event in heard.events}
    assert kinds == set(EVENTS) - {"listenKeyExpired"}
    for event in heard.events:
        decoded(EVENTS[event["e"]], event)
    executions = {event["x"] for event in heard.events if event["e"] == "executionReport"}
    assert executions >= {"NEW", "TRADE", "CANCELED", "EXPIRED"}
    updates = {event["o"]["x"] for event in heard.events if event["e"] == "ORDER_TRADE_UPDATE"}
    assert updates >= {"NEW", "TRADE", "AMENDMENT", "EXPIRED"}


def test_a_grid_is_written_with_the_decimals_that_precision_is_read_from(served: ThreadedServer) -> None:
    """Spot pads to eight; futures do not, and the adapter takes its precision from there."""
    spot = decoded(spot_market.BinanceSpotExchangeInfo, ask(served, "GET", "/api/v3/exchangeInfo")[1])
    futures = decoded(futures_market.BinanceFuturesExchangeInfo, ask(served, "GET", "/fapi/v1/exchangeInfo")[1])
    found = [
        {f.filterType.value: (f.tickSize or f.stepSize) for f in info.symbols[0].filters} for info in (spot, futures)
    ]
    assert [(f["PRICE_FILTER"], f["LOT_SIZE"]) for f in found] == [("1.00000000", "0.00100000"), ("1", "0.001")]
    assert Decimal(futures.symbols[0].filters[0].minPrice) == 1
