"""The venue over real sockets: signatures, limits, streams."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import sys
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from programs import ccxt_client, kernel_client, program
from wire import KEY, ORDER, SECRET, ask, next_message, now_ms, send, signature, signed

from ultramm.market import Side
from ultramm.simulation.events import LevelChange
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.limits import OrderCount, RequestWeight
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration


def test_an_order_is_placed_found_and_cancelled(served: ThreadedServer) -> None:
    status, placed, headers = ask(served, "POST", "/api/v3/order", signed(**ORDER, newClientOrderId="mine"))
    assert (status, placed["status"], placed["clientOrderId"]) == (200, "NEW", "mine")
    assert headers["X-MBX-ORDER-COUNT-10S"] == "1"
    named = {"symbol": "BTCUSDT", "origClientOrderId": "mine"}
    assert ask(served, "GET", "/api/v3/order", signed(**named))[1]["orderId"] == placed["orderId"]
    assert len(ask(served, "GET", "/api/v3/openOrders", signed(symbol="BTCUSDT"))[1]) == 1
    cancelled = ask(served, "DELETE", "/api/v3/order", signed(**named))[1]
    assert (cancelled["status"], cancelled["origClientOrderId"]) == ("CANCELED", "mine")
    assert ask(served, "GET", "/api/v3/openOrders", signed())[1] == []


def test_orders_that_hide_wait_or_shrink_are_told_of(served: ThreadedServer) -> None:
    status, ice, _ = ask(served, "POST", "/api/v3/order", signed(**{**ORDER, "quantity": "0.04"}, icebergQty="0.01"))
    assert (status, ice["icebergQty"]) == (200, "0.01000000")
    stop = {**ORDER, "type": "STOP_LOSS_LIMIT", "price": "50020", "stopPrice": "50010"}
    _, waiting, _ = ask(served, "POST", "/api/v3/order", signed(**stop))
    assert (waiting["stopPrice"], waiting["isWorking"]) == ("50010.00000000", False)
    amendment = signed(symbol="BTCUSDT", orderId=ice["orderId"], newQty="0.02")
    _, amended, _ = ask(served, "PUT", "/api/v3/order/amend/keepPriority", amendment)
    assert (amended["amendedOrder"]["origQty"], amended["amendedOrder"]["orderId"]) == ("0.02000000", ice["orderId"])
    assert len(ask(served, "DELETE", "/api/v3/openOrders", signed(symbol="BTCUSDT"))[1]) == 2


@pytest.mark.parametrize(
    ("changes", "secret", "key", "status", "code"),
    [
        ({}, "wrong", KEY, 400, -1022),
        ({}, "", KEY, 400, -1102),
        ({}, SECRET, "", 401, -2014),
        ({}, SECRET, "somebody", 401, -2015),
        ({"recvWindow": 70_000}, SECRET, KEY, 400, -1131),
        ({"timestamp": 1_000}, SECRET, KEY, 400, -1021),
        ({"timestamp": 10**15}, SECRET, KEY, 400, -1021),
        ({"timestamp": "soon"}, SECRET, KEY, 400, -1100),
        ({"symbol": "DOGE"}, SECRET, KEY, 400, -1121),
    ],
    ids=["signature", "unsigned", "no key", "unknown key", "window", "too old", "of the future", "no time", "symbol"],
)
def test_what_is_refused_says_so_by_the_venues_codes(
    served: ThreadedServer, changes: dict[str, Any], secret: str, key: str, status: int, code: int
) -> None:
    parameters = {**ORDER, **changes}
    query = signed(secret, **parameters) if secret else urlencode({**parameters, "timestamp": now_ms()})
    found, answer, _ = ask(served, "POST", "/api/v3/order", query, key)
    assert (found, answer["code"]) == (status, code)
    assert served.do(lambda: served.venue.open_orders(served.venue.accounts[KEY], {})) == []


def test_a_signature_of_ed25519_is_as_good() -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with ThreadedServer([Account.funded(KEY, public, {"USDT": Decimal(1)})]) as served:
        query = f"timestamp={now_ms()}"
        for payload, status in ((query, 200), (query + "0", 400)):
            by_key = urlencode({"signature": base64.b64encode(private.sign(payload.encode())).decode()})
            assert ask(served, "GET", "/api/v3/account", f"{query}&{by_key}")[0] == status


def test_paths_that_are_not_here_say_so(served: ThreadedServer) -> None:
    status, answer, _ = ask(served, "GET", "/api/v3/klines")
    assert (status, answer["msg"]) == (404, "no such path here: /api/v3/klines")


def test_each_answer_says_what_was_used_and_too_much_is_refused_then_banned(served: ThreadedServer) -> None:
    used = int(ask(served, "GET", "/api/v3/time")[2]["X-MBX-USED-WEIGHT-1M"])
    assert int(ask(served, "GET", "/api/v3/depth", "symbol=BTCUSDT")[2]["X-MBX-USED-WEIGHT-1M"]) == used + 5
    (weight,) = served.server.apis[0].weights.values()
    weight.limit, weight._patience = 0, 1
    status, answer, headers = ask(served, "GET", "/api/v3/time")
    assert (status, answer["code"]) == (429, -1003)
    assert int(headers["Retry-After"]) > 0
    assert ask(served, "GET", "/api/v3/time")[0] == 418
    weight.limit = 6_000
    assert ask(served, "GET", "/api/v3/time")[0] == 418


def test_a_ban_ends_and_the_next_one_is_longer() -> None:
    weight = RequestWeight(limit=1, patience=0)
    bans = []
    now_ms = 0
    for _ in range(3):
        weight.spend(now_ms, 1)
        with pytest.raises(VenueError):
            weight.spend(now_ms, 1)
        bans.append(weight.retry_after_s(now_ms))
        now_ms = weight.banned_until_ms
    assert bans == [120, 240, 480]


def test_orders_are_counted_over_ten_seconds_and_a_day() -> None:
    count = OrderCount()
    for _ in range(100):
        count.add(5_000)
    with pytest.raises(VenueError, match="Too many new orders"):
        count.add(14_999)
    count.add(15_000)
    assert count.count(15_000) == {"10S": 1, "1D": 101}
    assert count.count(5_000 + 86_400_000) == {"10S": 0, "1D": 1}


# -- streams ---------------------------------------------------------------------------------------------------


def test_the_depth_stream_carries_the_snapshot_to_where_the_book_is(served: ThreadedServer) -> None:
    async def follow() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/ws/btcusdt@depth@100ms") as ws:
            snapshot = ask(served, "GET", "/api/v3/depth", "symbol=BTCUSDT&limit=50")[1]
            book: dict[str, dict[str, str]] = {side: dict(snapshot[side]) for side in ("bids", "asks")}
            last = snapshot["lastUpdateId"]
            served.market(LevelChange(Side.BUY, -1, 0), LevelChange(Side.SELL, 3, 77))
            while True:
                update = await next_message(ws)
                assert update["U"] <= last + 1 or update["u"] <= last
                last = max(last, update["u"])
                for side, rows in (("bids", update["b"]), ("asks", update["a"])):
                    for price, size in rows:
                        book[side][price] = size
                        if not float(size):
                            del book[side][price]
                if ["50003.00000000", "0.07700000"] in update["a"]:
                    break
            now = ask(served, "GET", "/api/v3/depth", "symbol=BTCUSDT&limit=50")[1]
            assert now["lastUpdateId"] == last
            assert {side: dict(now[side]) for side in book} == book

    asyncio.run(follow())


def test_subscriptions_come_and_go(served: ThreadedServer) -> None:
    async def follow() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/stream?streams=") as ws:
            await ws.send_json({"method": "SUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 1})
            assert await next_message(ws) == {"result": None, "id": 1}
            served.market(LevelChange(Side.BUY, -1, 3))
            touch = await next_message(ws)
            assert (touch["stream"], touch["data"]["B"]) == ("btcusdt@bookTicker", "0.00300000")
            await ws.send_json({"method": "UNSUBSCRIBE", "params": ["btcusdt@bookTicker"], "id": 2})
            await next_message(ws)
            served.market(LevelChange(Side.BUY, -1, 4))
            await ws.send_json({"method": "LIST_SUBSCRIPTIONS", "id": 3})
            assert await next_message(ws) == {"result": [], "id": 3}
            await ws.send_str("nonsense")
            assert "error" in await next_message(ws)

    asyncio.run(follow())


@pytest.mark.parametrize("door", ["listen key", "session"])
def test_a_member_hears_of_its_orders_and_balances(served: ThreadedServer, door: str) -> None:
    async def follow() -> None:
        path = "/ws-api/v3"
        if door == "listen key":
            path = f"/ws/{ask(served, 'POST', '/api/v3/userDataStream')[1]['listenKey']}"
        async with aiohttp.ClientSession() as session, session.ws_connect(served.url + path) as ws:
            if door == "session":
                params: dict[str, Any] = {"apiKey": KEY, "timestamp": now_ms()}
                params["signature"] = signature("&".join(f"{name}={params[name]}" for name in sorted(params)))
                await ws.send_json({"id": "0", "method": "session.logon", "params": params})
                assert (await next_message(ws))["status"] == 200
                await ws.send_json({"id": "1", "method": "userDataStream.subscribe", "params": {}})
                assert (await next_message(ws))["result"] == {"subscriptionId": 0}
            ask(served, "POST", "/api/v3/order", signed(**ORDER))
            report, balances = await next_message(ws), await next_message(ws)
            if door == "session":
                assert report["subscriptionId"] == 0
                report, balances = report["event"], balances["event"]
            assert (report["e"], report["x"], report["p"]) == ("executionReport", "NEW", "49990.00000000")
            assert balances["B"][1] == {"a": "USDT", "f": "99500.10000000", "l": "499.90000000"}

    asyncio.run(follow())


def test_a_session_that_did_not_sign_hears_nothing(served: ThreadedServer) -> None:
    async def follow() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/ws-api/v3") as ws:
            await ws.send_json({"id": "1", "method": "userDataStream.subscribe", "params": {}})
            assert (await next_message(ws))["error"]["code"] == -2014
            await ws.send_json({"id": "2", "method": "session.logon", "params": {"apiKey": KEY, "signature": "x"}})
            assert (await next_message(ws))["error"]["code"] == -1022
            ask(served, "POST", "/api/v3/order", signed(**ORDER))
            await ws.send_json({"id": "3", "method": "ping"})
            assert (await next_message(ws))["id"] == "3"

    asyncio.run(follow())


def test_listen_keys_are_kept_and_dropped(served: ThreadedServer) -> None:
    key = ask(served, "POST", "/api/v3/userDataStream")[1]["listenKey"]
    assert ask(served, "PUT", "/api/v3/userDataStream", f"listenKey={key}")[0] == 200
    assert ask(served, "DELETE", "/api/v3/userDataStream", f"listenKey={key}")[0] == 200
    assert ask(served, "PUT", "/api/v3/userDataStream", f"listenKey={key}")[1]["code"] == -1125
    assert ask(served, "PUT", "/api/v3/userDataStream")[1]["code"] == -1102


@pytest.mark.parametrize(
    ("path", "notice"),
    [("/ws/btcusdt@trade", ["e"]), ("/ws-api/v3", ["event"]), ("/market/ws/btcusdt@trade", []), ("/ws-fapi/v1", [])],
)
def test_a_socket_ends_in_its_time_and_the_spot_venue_says_so(path: str, notice: list[str]) -> None:
    async def follow(url: str) -> list[Any]:
        async with aiohttp.ClientSession() as session, session.ws_connect(url + path) as ws:
            return [message.json() async for message in ws]

    with ThreadedServer([], socket_life_s=0.3) as served:
        heard = asyncio.run(follow(served.url))
    assert [[key for key in message if key != "E"] for message in heard] == [notice] * len(notice)


# -- as a program, with a client that is not ours --------------------------------------------------------------


def test_ccxt_trades_here() -> None:
    """A client of the real venue that knows nothing of us, on a live synthetic market."""
    ccxt = pytest.importorskip("ccxt")
    with program("--seed", "3") as url:
        client = ccxt_client(ccxt.binance, url, "spot")
        before = client.fetch_balance()["total"]
        book = client.fetch_order_book("BTC/USDT", 5)
        assert book["bids"][0][0] < book["asks"][0][0]
        resting = client.create_order("BTC/USDT", "limit", "buy", 0.01, book["bids"][0][0] - 500)
        assert [order["id"] for order in client.fetch_open_orders("BTC/USDT")] == [resting["id"]]
        assert client.cancel_order(resting["id"], "BTC/USDT")["status"] == "canceled"
        bought = client.create_order("BTC/USDT", "market", "buy", 0.01)
        assert bought["status"] == "closed"
        with pytest.raises(ccxt.OrderImmediatelyFillable):
            client.create_order("BTC/USDT", "limit", "sell", 0.01, book["bids"][0][0] - 500, {"postOnly": True})
        with pytest.raises(ccxt.InsufficientFunds):
            client.create_order("BTC/USDT", "limit", "buy", 5, book["bids"][0][0] - 500)
        trades = client.fetch_my_trades("BTC/USDT")
        after = client.fetch_balance()["total"]
        fees = sum(Decimal(str(trade["fee"]["cost"])) for trade in trades)
        cost = sum(Decimal(str(trade["cost"])) for trade in trades)
        assert Decimal(str(after["USDT"])) == Decimal(str(before["USDT"])) - cost
        assert Decimal(str(after["BTC"])) == Decimal(str(before["BTC"])) + Decimal("0.01") - fees


def test_the_kernels_own_adapter_trades_here() -> None:
    """Unmodified: it loads instruments, follows the book, is told of its orders and agrees on the balances."""
    with program("--seed", "3") as url:
        told = kernel_client(url, "spot")
        account = send("GET", f"{url}/api/v3/account?{signed()}")[1]
    assert told["events"]["resting"] == ["OrderSubmitted", "OrderAccepted", "OrderPendingCancel", "OrderCanceled"]
    assert told["events"]["waiting"] == ["OrderSubmitted", "OrderAccepted", "OrderPendingCancel", "OrderCanceled"]
    assert told["events"]["taking"][:2] == ["OrderSubmitted", "OrderAccepted"]
    assert set(told["events"]["taking"][2:]) == {"OrderFilled"}
    assert told["post_only"] == [True]
    assert min(told["deltas"], told["quotes"], told["trades"]) > 0
    assert {asset: Decimal(free) for asset, free in told["balances"].items()} == {
        row["asset"]: Decimal(row["free"]) for row in account["balances"]
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--symbols", "GOLD"], "--symbols GOLD: it must end in one of"),
        (["--products", "spot,coinm"], "--products spot,coinm: each of spot, usdm once at most"),
        (["--products", "usdm", "--symbols", "ETHBTC"], "--symbols ETHBTC: futures are margined in USDT"),
        (["--funds", "lots"], "--funds lots: an amount and an asset are expected"),
    ],
)
def test_wrong_arguments_are_said_in_one_line(arguments: list[str], message: str) -> None:
    command = [sys.executable, "-m", "ultramm_binance_emulator", "serve", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_port_that_is_taken_is_said(served: ThreadedServer) -> None:
    command = [sys.executable, "-m", "ultramm_binance_emulator", "serve", "--port", str(served.port)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, f"--port {served.port}" in result.stderr) == (2, True)
