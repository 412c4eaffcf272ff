"""What the control port tells: members as the venues know them, and how soon orders follow market data."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from wire import KEY, ORDER, ask, next_message, now_ms, send, signature, signed

from ultramm.market import Side
from ultramm.simulation.events import LevelChange
from ultramm_binance_emulator.latency import Latency, Reaction
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def control(served: ThreadedServer, path: str) -> Any:
    status, answer, _ = send("GET", served.control_url + path)
    assert status == 200
    return answer


def test_members_are_as_the_venues_know_them(served: ThreadedServer) -> None:
    for path in ("/api/v3/order", "/fapi/v1/order"):
        for order in (ORDER, BUY):
            assert ask(served, "POST", path, signed(**order))[0] == 200
    stop = {**BUY, "algoType": "CONDITIONAL", "type": "STOP_MARKET", "triggerPrice": "50900"}
    assert ask(served, "POST", "/fapi/v1/algoOrder", signed(**stop))[0] == 200
    member = control(served, "/members")[KEY]
    spot, futures = member["spot"], member["usdm"]
    assert spot["openOrders"] == ask(served, "GET", "/api/v3/openOrders", signed())[1]
    assert spot["balances"] == ask(served, "GET", "/api/v3/account", signed())[1]["balances"]
    assert spot["trades"] == ask(served, "GET", "/api/v3/myTrades", signed(symbol="BTCUSDT"))[1]
    assert futures["openOrders"] == ask(served, "GET", "/fapi/v1/openOrders", signed())[1]
    assert futures["positions"] == ask(served, "GET", "/fapi/v3/positionRisk", signed())[1]
    assert futures["trades"] == ask(served, "GET", "/fapi/v1/userTrades", signed(symbol="BTCUSDT"))[1]
    assert futures["openAlgoOrders"] == ask(served, "GET", "/fapi/v1/openAlgoOrders", signed())[1]
    assert Decimal(futures["balance"]) == 100_000 - Decimal(futures["trades"][0]["commission"])


def test_a_reaction_is_from_the_last_message_to_the_request() -> None:
    clock = [100]
    latency = Latency(lambda: clock[0])
    latency.requested("me", "early")
    latency.written()
    clock[0] = 150
    latency.written()
    for ns in (157, 160):
        clock[0] = ns
        latency.requested("me", "POST")
    assert latency.take() == [Reaction("me", "POST", 7), Reaction("me", "POST", 10)]
    assert latency.take() == []


def test_reactions_are_measured_by_product_and_once(served: ThreadedServer) -> None:
    async def follow() -> None:
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(f"{served.url}/market/ws/btcusdt@bookTicker") as ws:
                served.market(LevelChange(Side.BUY, -1, 7))
                await next_message(ws)
            placed = ask(served, "POST", "/fapi/v1/order", signed(**ORDER))[1]
            ask(served, "GET", "/fapi/v1/order", signed(symbol="BTCUSDT", orderId=placed["orderId"]))
            ask(served, "POST", "/api/v3/order", signed(**ORDER))
            async with session.ws_connect(f"{served.url}/ws-fapi/v1") as ws:
                params = {"apiKey": KEY, "timestamp": now_ms(), "symbol": "BTCUSDT", "orderId": placed["orderId"]}
                params["signature"] = signature("&".join(f"{name}={params[name]}" for name in sorted(params)))
                await ws.send_json({"id": 1, "method": "order.cancel", "params": params})
                assert (await next_message(ws))["status"] == 200

    asyncio.run(follow())
    told = control(served, "/latency")
    assert [(r["key"], r["request"]) for r in told["usdm"]] == [(KEY, "POST /fapi/v1/order"), (KEY, "order.cancel")]
    assert 0 < told["usdm"][0]["ns"] < told["usdm"][1]["ns"]
    assert told["spot"] == [], "nobody listened to that market"
    assert control(served, "/latency") == {"spot": [], "usdm": []}
