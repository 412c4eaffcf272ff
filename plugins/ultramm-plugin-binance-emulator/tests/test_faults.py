"""Faults on command: what each does to requests, messages and sockets, and that all is told of them."""

from __future__ import annotations

import asyncio
import http.client
import json
import time
import urllib.error
from typing import Any

import aiohttp
import pytest
from wire import KEY, ORDER, send, signed

from ultramm.market import Side
from ultramm.simulation.events import LevelChange
from ultramm_binance_emulator.faults import Fault, Faults
from ultramm_binance_emulator.threaded import ThreadedServer

pytestmark = pytest.mark.integration


def call(method: str, url: str, body: Any = None) -> tuple[int, Any]:
    return send(method, url, body)[:2]


def member(served: ThreadedServer, method: str, path: str, **parameters: Any) -> tuple[int, Any]:
    return call(method, f"{served.url}{path}?{signed(**parameters)}")


def place(served: ThreadedServer) -> tuple[int, Any]:
    return member(served, "POST", "/api/v3/order", **ORDER)


def fault(served: ThreadedServer, kind: str, where: str = "", **more: Any) -> int:
    status, answer = call("POST", f"{served.control_url}/faults", {"kind": kind, "where": where, **more})
    assert status == 200, answer
    number: int = answer["id"]
    return number


def open_orders(served: ThreadedServer) -> int:
    return served.do(lambda: len(served.venue.open_orders(served.venue.accounts[KEY], {})))


# -- which fault meets whom ------------------------------------------------------------------------------------


def test_the_same_seed_meets_the_same_requests() -> None:
    def met(seed: int) -> list[bool]:
        faults = Faults(lambda: 0, seed)
        faults.add(Fault(kind="reject", share=0.3))
        return [faults.hit("reject", "POST /api/v3/order") is not None for _ in range(200)]

    assert met(1) == met(1) != met(2)
    assert 30 < sum(met(1)) < 90


def test_a_fault_is_for_its_place_and_as_often_as_was_said() -> None:
    faults = Faults(lambda: 7)
    number = faults.add(Fault(kind="drop", where="@depth", count=2))
    names = ("btcusdt@trade", "btcusdt@depth", "btcusdt@depth@100ms", "btcusdt@depth")
    assert [faults.hit("drop", name) is not None for name in names] == [False, True, True, False]
    assert [(h.ts_ms, h.id, h.kind, h.name) for h in faults.happened] == [
        (7, number, "drop", "btcusdt@depth"),
        (7, number, "drop", "btcusdt@depth@100ms"),
    ]


@pytest.mark.parametrize(
    "wrong", [{"kind": "earthquake"}, {"kind": "drop", "share": 0}, {"kind": "drop", "often": 3}, {"where": "x"}]
)
def test_a_wrong_command_is_refused_in_words(served: ThreadedServer, wrong: dict[str, Any]) -> None:
    status, answer = call("POST", f"{served.control_url}/faults", wrong)
    assert status == 400
    assert answer["error"]


def test_faults_are_listed_and_taken_back(served: ThreadedServer) -> None:
    number = fault(served, "reject", "order")
    listed = call("GET", f"{served.control_url}/faults")[1]
    assert listed[str(number)]["kind"] == "reject"
    call("DELETE", f"{served.control_url}/faults")
    assert call("GET", f"{served.control_url}/faults")[1] == {}
    assert place(served)[0] == 200


# -- requests --------------------------------------------------------------------------------------------------


def test_a_refused_request_takes_no_effect(served: ThreadedServer) -> None:
    fault(served, "reject", "POST /api/v3/order", count=1, code=-1015)
    assert place(served) == (
        400,
        {"code": -1015, "msg": "Internal error; unable to process your request. Please try again."},
    )
    fault(served, "server_error", "POST /api/v3/order", count=1, status=502)
    assert place(served)[0] == 502
    assert open_orders(served) == 0
    assert place(served)[0] == 200


@pytest.mark.parametrize(("kind", "orders"), [("swallow_before", 0), ("swallow_after", 1)])
def test_a_swallowed_request_has_no_answer_whatever_became_of_it(
    served: ThreadedServer, kind: str, orders: int
) -> None:
    fault(served, kind, "POST /api/v3/order", count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        place(served)
    assert open_orders(served) == orders


def test_a_request_may_hang_until_the_client_gives_up(served: ThreadedServer) -> None:
    fault(served, "hang", "POST /api/v3/order", count=1, seconds=0.2)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        place(served)
    assert open_orders(served) == 0


def test_a_delayed_request_is_answered_in_the_end(served: ThreadedServer) -> None:
    fault(served, "delay", "GET /api/v3/time", count=1, seconds=0.3)
    start = time.monotonic()
    assert call("GET", f"{served.url}/api/v3/time")[0] == 200
    assert time.monotonic() - start >= 0.3


def test_an_order_may_be_filled_in_part_while_it_is_cancelled(served: ThreadedServer) -> None:
    _, order = place(served)
    fault(served, "fill_on_cancel")
    _, cancelled = member(served, "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert (cancelled["status"], cancelled["executedQty"]) == ("CANCELED", "0.00500000")
    assert served.venue.accounts[KEY].balance("USDT").locked == 0


def test_a_snapshot_may_be_of_the_past(served: ThreadedServer) -> None:
    url = f"{served.url}/api/v3/depth?symbol=BTCUSDT"
    before = call("GET", url)[1]
    fault(served, "stale_snapshot", count=1)
    served.market(LevelChange(Side.BUY, -1, 77))
    assert call("GET", url)[1] == before
    assert call("GET", url)[1]["lastUpdateId"] > before["lastUpdateId"]


def test_a_ban_and_a_clock_that_is_ahead(served: ThreadedServer) -> None:
    call("GET", f"{served.url}/api/v3/time")
    fault(served, "ban", seconds=60)
    assert call("GET", f"{served.url}/api/v3/time")[0] == 418
    call("DELETE", f"{served.control_url}/faults")
    fault(served, "skew", seconds=30)
    assert call("GET", f"{served.url}/api/v3/time")[1]["serverTime"] > time.time() * 1e3 + 25_000
    assert place(served)[1]["code"] == -1021


# -- messages and sockets --------------------------------------------------------------------------------------


async def touches(served: ThreadedServer, sizes: list[int], wait_s: float = 0.5) -> list[str]:
    """Sizes of the best bid that a listener is told of, as the market shows these."""
    heard: list[str] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/ws/btcusdt@bookTicker") as ws:
        await asyncio.sleep(0.1)
        for size in sizes:
            served.market(LevelChange(Side.BUY, -1, size))
        while True:
            try:
                message = await ws.receive(timeout=wait_s)
            except TimeoutError:
                return heard
            heard.append(json.loads(message.data)["B"])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("drop", ["0.00200000", "0.00300000"]),
        ("duplicate", ["0.00100000", "0.00100000", "0.00200000", "0.00300000"]),
        ("reorder", ["0.00200000", "0.00100000", "0.00300000"]),
        ("late", ["0.00200000", "0.00300000", "0.00100000"]),
    ],
)
def test_what_may_happen_to_a_message(served: ThreadedServer, kind: str, expected: list[str]) -> None:
    fault(served, kind, "@bookTicker", count=1, seconds=0.2)
    assert asyncio.run(touches(served, [1, 2, 3])) == expected


def test_sockets_are_cut_and_then_refused(served: ThreadedServer) -> None:
    async def follow() -> None:
        async with aiohttp.ClientSession() as session:
            ws = await session.ws_connect(f"{served.url}/ws/btcusdt@trade")
            fault(served, "refuse", "/ws", seconds=60)
            fault(served, "cut", "/ws")
            message = await ws.receive(timeout=5)
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR)
            with pytest.raises(aiohttp.ClientError):
                await session.ws_connect(f"{served.url}/ws/btcusdt@trade")
            call("DELETE", f"{served.control_url}/faults")
            await (await session.ws_connect(f"{served.url}/ws/btcusdt@trade")).close()

    asyncio.run(follow())
    happened = [(h["kind"], h["name"]) for h in call("GET", f"{served.control_url}/happened")[1]]
    # A client may try again by itself.
    assert list(dict.fromkeys(happened)) == [("cut", "/ws"), ("refuse", "/ws/btcusdt@trade")]


def test_a_refusal_of_sockets_ends_by_itself() -> None:
    clock = [0]
    faults = Faults(lambda: clock[0])
    faults.add(Fault(kind="refuse", seconds=60))
    assert faults.hit("refuse", "/ws") is not None
    clock[0] = 60_001
    assert faults.hit("refuse", "/ws") is None
    assert faults.active() == {}


def test_listen_keys_expire_on_command(served: ThreadedServer) -> None:
    async def follow() -> None:
        key = call("POST", f"{served.url}/api/v3/userDataStream")[1]["listenKey"]
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{served.url}/ws/{key}") as ws:
            fault(served, "expire_listen_keys")
            assert json.loads((await ws.receive(timeout=5)).data)["e"] == "listenKeyExpired"
        assert call("PUT", f"{served.url}/api/v3/userDataStream?listenKey={key}")[1]["code"] == -1125

    asyncio.run(follow())
