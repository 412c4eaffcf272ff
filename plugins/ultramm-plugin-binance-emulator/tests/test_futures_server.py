"""Futures over real sockets: requests, limits, streams, faults, and clients that are not ours."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from programs import ccxt_client, kernel_client, program
from wire import KEY, ORDER, ask, next_message, now_ms, send, signature, signed

from ultramm.market import Side
from ultramm.simulation.events import LevelChange, MarketTrade
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration
ORDER_PATH = "/fapi/v1/order"
BUY = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


def member(served: ThreadedServer, method: str, path: str, **parameters: Any) -> Any:
    """The answer to a signed request that is taken."""
    status, answer, _ = ask(served, method, path, signed(**parameters))
    assert status == 200, answer
    return answer


def refusal(served: ThreadedServer, method: str, path: str, **parameters: Any) -> int:
    status, answer, _ = ask(served, method, path, signed(**parameters))
    assert status == 400
    code: int = answer["code"]
    return code


# -- requests --------------------------------------------------------------------------------------------------


def test_an_order_is_placed_amended_found_and_cancelled(served: ThreadedServer) -> None:
    status, placed, headers = ask(served, "POST", ORDER_PATH, signed(**ORDER, newClientOrderId="mine"))
    assert (status, placed["status"], placed["clientOrderId"], placed["price"]) == (200, "NEW", "mine", "49990")
    assert (headers["X-MBX-ORDER-COUNT-10S"], headers["X-MBX-ORDER-COUNT-1M"]) == ("1", "1")
    named = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    amended = member(served, "PUT", ORDER_PATH, **named, side="BUY", price="49980", quantity="0.02")
    assert (amended["orderId"], amended["price"], amended["origQty"]) == (placed["orderId"], "49980", "0.020")
    assert member(served, "GET", "/fapi/v1/openOrder", **named) == member(served, "GET", ORDER_PATH, **named)
    assert len(member(served, "GET", "/fapi/v1/openOrders")) == 1
    assert member(served, "DELETE", ORDER_PATH, **named)["status"] == "CANCELED"
    assert member(served, "GET", "/fapi/v1/openOrders", symbol="BTCUSDT") == []
    assert refusal(served, "GET", "/fapi/v1/openOrder", **named) == -2013
    assert [order["status"] for order in member(served, "GET", "/fapi/v1/allOrders", symbol="BTCUSDT")] == ["CANCELED"]


def test_spot_and_futures_are_apart(served: ThreadedServer) -> None:
    member(served, "POST", ORDER_PATH, **ORDER)
    member(served, "POST", "/api/v3/order", **ORDER, newClientOrderId="spot")
    assert [o["clientOrderId"] for o in member(served, "GET", "/api/v3/openOrders")] == ["spot"]
    assert len(member(served, "GET", "/fapi/v1/openOrders")) == 1
    member(served, "DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert len(member(served, "GET", "/fapi/v1/openOrders")) == 1
    assert member(served, "DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")["code"] == 200
    assert member(served, "GET", "/fapi/v1/openOrders") == []


@pytest.mark.parametrize(("wanted", "status", "filled"), [("ACK", "NEW", "0.000"), ("RESULT", "FILLED", "0.010")])
def test_an_answer_waits_for_the_result_only_if_that_is_wanted(
    served: ThreadedServer, wanted: str, status: str, filled: str
) -> None:
    placed = member(served, "POST", ORDER_PATH, **BUY, newOrderRespType=wanted)
    assert (placed["status"], placed["executedQty"]) == (status, filled)
    assert member(served, "GET", ORDER_PATH, symbol="BTCUSDT", orderId=placed["orderId"])["status"] == "FILLED"


def test_of_a_batch_each_is_answered_by_itself(served: ThreadedServer) -> None:
    orders = [{**ORDER, "newClientOrderId": name} for name in ("a", "a", "b")]
    answers = member(served, "POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))
    assert [answer.get("code") for answer in answers] == [None, -4116, None]
    names = json.dumps(["b", "nobody", "a"])
    answers = member(served, "DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList=names)
    assert [answer.get("code", answer.get("status")) for answer in answers] == ["CANCELED", -2011, "CANCELED"]


@pytest.mark.parametrize("sent", ["", "x", "[]", "{}", json.dumps(["a"] * 11)])
def test_what_is_no_batch_is_refused(served: ThreadedServer, sent: str) -> None:
    code = refusal(served, "DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList=sent)
    assert code == (-1130 if sent else -1102)


def test_accounts_agree_with_each_other_to_the_last_digit(served: ThreadedServer) -> None:
    member(served, "POST", ORDER_PATH, **BUY)
    member(served, "POST", ORDER_PATH, **ORDER)
    served.market(LevelChange(Side.BUY, -1, 0), LevelChange(Side.BUY, -2, 0))
    account, account_3 = (member(served, "GET", f"/fapi/v{n}/account") for n in (2, 3))
    (risk,) = member(served, "GET", "/fapi/v3/positionRisk")
    (risk_2,) = member(served, "GET", "/fapi/v2/positionRisk", symbol="BTCUSDT")
    (balance,) = member(served, "GET", "/fapi/v2/balance")
    (trade,) = member(served, "GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    mark = Decimal(ask(served, "GET", "/fapi/v1/premiumIndex", "symbol=BTCUSDT")[1]["markPrice"])
    wallet = 100_000 - Decimal(trade["commission"])
    profit = Decimal("0.01") * (mark - Decimal(trade["price"]))
    assert {Decimal(told) for told in (account["totalWalletBalance"], balance["balance"])} == {wallet}
    assert {Decimal(told) for told in (risk["unRealizedProfit"], account["totalUnrealizedProfit"])} == {profit}
    margin = Decimal("0.01") * (mark + 49_990) / 20
    assert {Decimal(told) for told in (risk["initialMargin"], account["totalInitialMargin"])} == {margin}
    assert Decimal(balance["availableBalance"]) == wallet + profit - margin
    assert (risk["positionAmt"], risk_2["leverage"], risk_2["marginType"]) == ("0.010", "20", "cross")
    assert account["positions"] == account_3["positions"]
    assert Decimal(account["positions"][0]["notional"]) == Decimal("0.01") * mark


def test_orders_wait_for_a_price(served: ThreadedServer) -> None:
    stop = {"symbol": "BTCUSDT", "algoType": "CONDITIONAL", "side": "BUY", "type": "STOP_MARKET", "quantity": "0.01"}
    placed = [
        member(served, "POST", "/fapi/v1/algoOrder", **stop, triggerPrice=price) for price in (50_010, 50_020, 50_030)
    ]
    ids = [algo["algoId"] for algo in placed]
    assert [algo["algoId"] for algo in member(served, "GET", "/fapi/v1/openAlgoOrders")] == ids
    assert member(served, "DELETE", "/fapi/v1/algoOrder", algoId=ids[2])["code"] == "200"
    served.market(trades=(MarketTrade(Side.BUY, 10, 1),))
    triggered = member(served, "GET", "/fapi/v1/algoOrder", algoId=ids[0])
    order = member(served, "GET", ORDER_PATH, symbol="BTCUSDT", orderId=triggered["actualOrderId"])
    assert (triggered["algoStatus"], order["status"], order["clientOrderId"]) == (
        "FINISHED",
        "FILLED",
        triggered["clientAlgoId"],
    )
    member(served, "DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT")
    told = member(served, "GET", "/fapi/v1/allAlgoOrders", symbol="BTCUSDT")
    assert [algo["algoStatus"] for algo in told] == ["FINISHED", "CANCELED", "CANCELED"]


def test_settings_are_told_and_changed(served: ThreadedServer) -> None:
    assert member(served, "POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5)["leverage"] == 5
    (config,) = member(served, "GET", "/fapi/v1/symbolConfig")
    assert (config["leverage"], config["marginType"]) == (5, "CROSSED")
    assert member(served, "GET", "/fapi/v1/positionSide/dual") == {"dualSidePosition": False}
    assert member(served, "GET", "/fapi/v1/commissionRate", symbol="BTCUSDT")["takerCommissionRate"] == "0.0005"
    assert member(served, "GET", "/fapi/v1/openAlgoOrders") == []
    wrong = {
        "leverage": ({"symbol": "BTCUSDT", "leverage": 126}, -4028),
        "marginType": ({"symbol": "BTCUSDT", "marginType": "CROSSED"}, -4046),
        "positionSide/dual": ({"dualSidePosition": "false"}, -4059),
    }
    for path, (parameters, code) in wrong.items():
        assert refusal(served, "POST", f"/fapi/v1/{path}", **parameters) == code


def test_the_countdown_runs_out(served: ThreadedServer) -> None:
    member(served, "POST", ORDER_PATH, **ORDER)
    asked = {"symbol": "BTCUSDT", "countdownTime": "50"}
    assert member(served, "POST", "/fapi/v1/countdownCancelAll", **asked) == asked

    async def wait() -> None:
        while member(served, "GET", "/fapi/v1/openOrders"):
            await asyncio.sleep(0.02)

    asyncio.run(asyncio.wait_for(wait(), 10))


@pytest.mark.parametrize(
    ("changes", "secret", "status", "code"),
    [
        ({}, "wrong", 400, -1022),
        ({"timestamp": 1_000}, "emulator-secret", 400, -1021),
        ({"symbol": "DOGE"}, "emulator-secret", 400, -1121),
        ({"quantity": "99"}, "emulator-secret", 400, -2019),
        ({"reduceOnly": "true"}, "emulator-secret", 400, -2022),
        ({"price": "50002", "timeInForce": "GTX"}, "emulator-secret", 400, -5022),
    ],
)
def test_what_is_refused_says_so_by_the_venues_codes(
    served: ThreadedServer, changes: dict[str, Any], secret: str, status: int, code: int
) -> None:
    found, answer, _ = ask(served, "POST", ORDER_PATH, signed(secret, **{**ORDER, **changes}))
    assert (found, answer["code"]) == (status, code)
    assert served.do(lambda: served.futures.open_orders(served.futures.accounts[KEY], {})) == []


def test_weights_and_order_counts_are_the_products_own(served: ThreadedServer) -> None:
    _, futures = served.server.apis
    ask(served, "GET", "/api/v3/depth", "symbol=BTCUSDT")
    assert ask(served, "GET", "/fapi/v1/time")[2]["X-MBX-USED-WEIGHT-1M"] == "1"
    (weight,) = futures.weights.values()
    weight.limit = 0
    status, answer, headers = ask(served, "GET", "/fapi/v1/time")
    assert (status, answer["code"], int(headers["Retry-After"]) > 0) == (429, -1003, True)
    assert ask(served, "GET", "/api/v3/time")[0] == 200
    limits = ask(served, "GET", "/api/v3/exchangeInfo")[1]["rateLimits"]
    assert [limit["limit"] for limit in limits] == [6_000, 100, 200_000]


# -- streams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("speed", ["@0ms", "@100ms", "", "@500ms"])
def test_the_depth_stream_carries_the_snapshot_to_where_the_book_is(served: ThreadedServer, speed: str) -> None:
    async def follow() -> None:
        url = f"{served.url}/market/ws/btcusdt@depth{speed}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            snapshot = ask(served, "GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=50")[1]
            book: dict[str, dict[str, str]] = {side: dict(snapshot[side]) for side in ("bids", "asks")}
            last, previous = snapshot["lastUpdateId"], None
            served.market(LevelChange(Side.BUY, -1, 0))
            served.market(LevelChange(Side.SELL, 3, 77))
            while ["50003", "0.077"] not in (update := await next_message(ws))["a"]:
                previous = _applied(book, update, previous)
            last = max(last, update["u"])
            _applied(book, update, previous)
            now = ask(served, "GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=50")[1]
            assert now["lastUpdateId"] == last
            assert {side: dict(now[side]) for side in book} == book

    asyncio.run(follow())


def _applied(book: dict[str, dict[str, str]], update: dict[str, Any], previous: int | None) -> int:
    """Enter an update, which must follow the one before."""
    assert previous in (None, update["pu"])
    assert update["pu"] < update["U"] <= update["u"]
    for side, rows in (("bids", update["b"]), ("asks", update["a"])):
        for price, size in rows:
            book[side][price] = size
            if not float(size):
                del book[side][price]
    last: int = update["u"]
    return last


def test_each_market_stream_has_its_message(served: ThreadedServer) -> None:
    names = [f"btcusdt@{name}" for name in ("trade", "aggTrade", "bookTicker", "markPrice@1s")]

    async def follow() -> dict[str, Any]:
        found: dict[str, Any] = {}
        url = f"{served.url}/public/stream?streams={'/'.join(names)}"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            await next_message(ws)
            served.market(LevelChange(Side.BUY, -1, 5), trades=(MarketTrade(Side.BUY, 1, 3),))
            while len(found) < len(names):
                message = await next_message(ws)
                found[message["stream"]] = message["data"]
        return found

    found = asyncio.run(follow())
    trade, together, best, mark = (found[name] for name in names)
    assert (trade["e"], trade["p"], trade["q"], trade["m"]) == ("trade", "50001", "0.003", False)
    assert (together["e"], together["a"], together["p"]) == ("aggTrade", trade["t"], "50001")
    assert (best["e"], best["b"], best["B"]) == ("bookTicker", "49999", "0.005")
    assert (mark["e"], mark["p"], mark["r"]) == ("markPriceUpdate", "50000.00000000", "0.00000000")


@pytest.mark.parametrize(
    "address", ["/private/ws?listenKey={}", "/private/ws/{}", "/ws/{}", "/market/stream?streams={}"]
)
def test_a_member_hears_of_its_orders_and_its_account(served: ThreadedServer, address: str) -> None:
    async def follow() -> None:
        key = ask(served, "POST", "/fapi/v1/listenKey")[1]["listenKey"]
        async with aiohttp.ClientSession() as session, session.ws_connect(served.url + address.format(key)) as ws:
            member(served, "POST", ORDER_PATH, **BUY)
            heard = [await next_message(ws) for _ in range(4)]
            if "stream" in address:
                assert {message["stream"] for message in heard} == {key}
                heard = [message["data"] for message in heard]
            new, lite, account, trade = heard
            assert [new["e"], lite["e"], account["e"]] == ["ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE"]
            assert (lite["l"], lite["L"], account["a"]["P"][0]["pa"]) == ("0.010", "50001", "0.010")
            assert (trade["o"]["x"], trade["o"]["X"], trade["o"]["n"]) == ("TRADE", "FILLED", "0.25000500")

    asyncio.run(follow())


def test_a_member_has_one_listen_key_until_it_is_dropped(served: ThreadedServer) -> None:
    path = "/fapi/v1/listenKey"
    assert ask(served, "PUT", path)[1]["code"] == -1125
    key = ask(served, "POST", path)[1]["listenKey"]
    assert ask(served, "POST", path)[1]["listenKey"] == ask(served, "PUT", path)[1]["listenKey"] == key
    assert ask(served, "DELETE", path)[:2] == (200, {})
    assert ask(served, "POST", path)[1]["listenKey"] != key


async def call(ws: aiohttp.ClientWebSocketResponse, method: str, **params: Any) -> Any:
    await ws.send_json({"id": method, "method": method, "params": params})
    return await next_message(ws, where=lambda message: message.get("id") == method)


def test_orders_are_placed_changed_and_cancelled_over_one_socket(served: ThreadedServer) -> None:
    async def follow() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/ws-fapi/v1") as ws:
            assert (await call(ws, "order.place", **ORDER))["error"]["code"] == -2014
            params: dict[str, Any] = {"apiKey": KEY, "timestamp": now_ms()}
            params["signature"] = signature("&".join(f"{name}={params[name]}" for name in sorted(params)))
            assert (await call(ws, "session.logon", **params))["status"] == 200
            placed = (await call(ws, "order.place", **ORDER))["result"]
            named = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
            changed = await call(ws, "order.modify", **named, side="BUY", price="49980", quantity="0.01")
            assert changed["result"]["price"] == "49980"
            assert (await call(ws, "order.status", **named))["result"]["status"] == "NEW"
            assert (await call(ws, "order.cancel", **named))["result"]["status"] == "CANCELED"
            assert (await call(ws, "order.cancel", **named))["error"]["code"] == -2011
            fault(served, "reject", "/ws-fapi/v1 order.place", count=1, code=-1008)
            assert (await call(ws, "order.place", **ORDER))["error"]["code"] == -1008
            assert (await call(ws, "v2/account.balance"))["result"][0]["balance"] == "100000.00000000"
            assert (await call(ws, "v2/account.position"))["result"] == []
            assert (await call(ws, "userDataStream.subscribe"))["error"]["code"] == -1000
            key = (await call(ws, "userDataStream.start"))["result"]["listenKey"]
            assert (await call(ws, "userDataStream.ping"))["result"] == {"listenKey": key}
            assert (await call(ws, "userDataStream.stop"))["result"] == {}
            assert (await call(ws, "userDataStream.ping"))["error"]["code"] == -1125

    asyncio.run(follow())


# -- what goes wrong -------------------------------------------------------------------------------------------


def fault(served: ThreadedServer, kind: str, where: str = "", **more: Any) -> None:
    assert send("POST", f"{served.control_url}/faults", {"kind": kind, "where": where, **more})[0] == 200


def test_requests_meet_faults_at_these_paths_too(served: ThreadedServer) -> None:
    fault(served, "reject", f"POST {ORDER_PATH}", count=1, code=-1008)
    assert refusal(served, "POST", ORDER_PATH, **ORDER) == -1008
    placed = member(served, "POST", ORDER_PATH, **ORDER)
    fault(served, "fill_on_cancel", count=1)
    cancelled = member(served, "DELETE", ORDER_PATH, symbol="BTCUSDT", orderId=placed["orderId"])
    assert (cancelled["status"], cancelled["executedQty"]) == ("CANCELED", "0.005")
    before = ask(served, "GET", "/fapi/v1/depth", "symbol=BTCUSDT")[1]
    fault(served, "stale_snapshot", count=1)
    served.market(LevelChange(Side.BUY, -1, 77))
    assert ask(served, "GET", "/fapi/v1/depth", "symbol=BTCUSDT")[1]["bids"] == before["bids"]
    fault(served, "ban", seconds=60)
    assert ask(served, "GET", "/fapi/v1/time")[0] == 418


def test_some_of_a_batch_may_be_refused(served: ThreadedServer) -> None:
    orders = [{**ORDER, "newClientOrderId": name} for name in "abc"]
    fault(served, "reject_item", "POST /fapi/v1/batchOrders", count=1, code=-1008)
    answers = member(served, "POST", "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))
    assert [answer.get("code") for answer in answers] == [-1008, None, None]
    fault(served, "reject_item", "DELETE", count=1, code=-1007)
    fault(served, "fill_on_cancel", count=1)
    names = json.dumps(["b", "c"])
    answers = member(served, "DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList=names)
    assert [(answer.get("code"), answer.get("executedQty")) for answer in answers] == [(-1007, None), (None, "0.005")]
    assert [order["clientOrderId"] for order in member(served, "GET", "/fapi/v1/openOrders")] == ["b"]


def test_a_depth_update_that_is_dropped_leaves_a_gap_that_can_be_seen(served: ThreadedServer) -> None:
    async def follow() -> list[Any]:
        url = f"{served.url}/market/ws/btcusdt@depth@0ms"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            await ws.send_json({"id": 1, "method": "LIST_SUBSCRIPTIONS"})
            await next_message(ws)
            served.market(LevelChange(Side.BUY, -1, 1))
            fault(served, "drop", "usdm/btcusdt@depth@0ms", count=1)
            for size in (2, 3, 4):
                served.market(LevelChange(Side.BUY, -1, size))
            return [await next_message(ws) for _ in range(3)]

    first, after, last = asyncio.run(follow())
    assert after["pu"] == first["u"] + 1
    assert last["pu"] == after["u"]


def test_messages_and_keys_meet_them_by_the_products_name(served: ThreadedServer) -> None:
    async def follow() -> list[Any]:
        key = ask(served, "POST", "/fapi/v1/listenKey")[1]["listenKey"]
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/private/ws/{key}") as ws:
            fault(served, "drop", "usdm/user", count=1)
            member(served, "POST", ORDER_PATH, **BUY)
            member(served, "POST", "/api/v3/order", **BUY)
            member(served, "POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5)
            fault(served, "expire_listen_keys")
            return [await next_message(ws) for _ in range(5)]

    events = asyncio.run(follow())
    told = ["TRADE_LITE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE", "ACCOUNT_CONFIG_UPDATE", "listenKeyExpired"]
    assert [event["e"] for event in events] == told
    happened = send("GET", f"{served.control_url}/happened")[1]
    assert [h["name"] for h in happened if h["kind"] == "drop"] == ["usdm/user"]


# -- clients that are not ours ---------------------------------------------------------------------------------


def test_ccxt_trades_futures_here() -> None:
    ccxt = pytest.importorskip("ccxt")
    with program("--seed", "3", "--products", "usdm,spot") as url:
        client, name = ccxt_client(ccxt.binanceusdm, url, "linear"), "BTC/USDT:USDT"
        before = Decimal(str(client.fetch_balance()["total"]["USDT"]))
        bid = client.fetch_order_book(name, 5)["bids"][0][0]
        resting = client.create_order(name, "limit", "buy", 0.01, bid - 500)
        amended = client.edit_order(resting["id"], name, "limit", "buy", 0.008, bid - 600)
        assert (amended["price"], amended["amount"]) == (bid - 600, 0.008)
        assert [order["id"] for order in client.fetch_open_orders(name)] == [resting["id"]]
        assert client.cancel_order(resting["id"], name)["status"] == "canceled"
        assert client.create_order(name, "market", "buy", 0.01)["status"] == "closed"
        with pytest.raises(ccxt.InvalidOrder, match="-5022"):
            client.create_order(name, "limit", "sell", 0.01, bid - 500, {"postOnly": True})
        with pytest.raises(ccxt.ExchangeError, match="-2019"):
            client.create_order(name, "limit", "buy", 90, bid - 500)
        with pytest.raises(ccxt.ExchangeError, match="-2022"):
            client.create_order(name, "market", "buy", 0.01, None, {"reduceOnly": True})
        (position,) = client.fetch_positions([name])
        assert (position["side"], position["contracts"]) == ("long", 0.01)
        client.create_order(name, "market", "sell", 0.01, None, {"reduceOnly": True})
        trades = client.fetch_my_trades(name)
        fees = sum(Decimal(trade["info"]["commission"]) for trade in trades)
        profit = sum(Decimal(trade["info"]["realizedPnl"]) for trade in trades)
        assert client.fetch_positions([name]) == []
        assert Decimal(client.fetch_balance()["info"]["totalWalletBalance"]) == before + profit - fees


def test_the_kernels_own_adapter_trades_futures_here() -> None:
    """It also amends, and agrees on the position."""
    with program("--seed", "3", "--products", "spot,usdm") as url:
        told = kernel_client(url, "usdm")
        (balance,) = send("GET", f"{url}/fapi/v3/balance?{signed()}")[1]
        (risk,) = send("GET", f"{url}/fapi/v3/positionRisk?{signed()}")[1]
    assert told["events"]["resting"] == [
        "OrderSubmitted",
        "OrderAccepted",
        "OrderPendingUpdate",
        "OrderUpdated",
        "OrderPendingCancel",
        "OrderCanceled",
    ]
    assert told["events"]["waiting"] == ["OrderSubmitted", "OrderAccepted", "OrderPendingCancel", "OrderCanceled"]
    assert told["events"]["taking"][:2] == ["OrderSubmitted", "OrderAccepted"]
    assert set(told["events"]["taking"][2:]) == {"OrderFilled"}
    assert told["post_only"] == [True]
    assert min(told["deltas"], told["quotes"], told["trades"]) > 0
    assert Decimal(told["balances"]["USDT"]) == Decimal(balance["balance"]) < 100_000
    assert Decimal(told["position"]) == Decimal(risk["positionAmt"]) == Decimal("0.01")


@pytest.mark.parametrize("product", ["spot", "usdm"])
def test_it_does_so_by_a_key_of_ed25519_too(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With such a key it hears of futures by a listen key that the WebSocket API gives."""
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    monkeypatch.setenv("EMULATOR_SECRET", public.decode())
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv("CLIENT_SECRET", pem.decode())
    with program("--seed", "3", "--products", "spot,usdm") as url:
        told = kernel_client(url, product)
    assert told["events"]["resting"][-1] == "OrderCanceled"
    assert told["events"]["taking"][-1] == "OrderFilled"
