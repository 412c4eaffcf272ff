"""Orders at the venue through the kernel: a missing answer is a doubt and never a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from binance_venue import KEY, SECRET, Served
from kernel_node import Hand, eventually, execution, play

from ultramm_adapters.binance import http as module
from ultramm_adapters.binance.params import BinanceParams
from ultramm_adapters.binance.venue import BinanceVenue

pytestmark = pytest.mark.integration


def trading(served: Served, scenario: Callable[[Any, Hand, list[str]], Awaitable[None]]) -> Hand:
    """A scenario that also gets the reasons of doubt."""

    async def with_doubts(kernel: Any, hand: Hand) -> None:
        doubts: list[str] = []
        client = execution(kernel)
        await eventually(lambda: client.listening, "it listens")
        client.on_doubt = doubts.append
        await scenario(client, hand, doubts)
        for reason in doubts:
            assert not any(word in reason for word in (KEY, SECRET, "signature"))

    params = BinanceParams(base_url=served.url, api_key=KEY, api_secret=SECRET)
    return play({"BINANCE": BinanceVenue("BINANCE", ["BTCUSDT"], params)}, with_doubts)


def test_an_order_is_sent_accepted_cancelled_and_nothing_is_doubted(served: Served) -> None:
    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        hand.send("a")
        await eventually(lambda: "Accepted" in hand.of("a"), "it is accepted")
        assert [order.client_id for order in served.open_orders()] == ["a"]
        hand.cancel_order(hand.order("a"))
        await eventually(lambda: "Canceled" in hand.of("a"), "it is cancelled")
        assert doubts == []

    assert trading(served, scenario).of("a")[-1] == "Canceled"
    assert served.open_orders() == []


def test_a_refusal_is_one(served: Served) -> None:
    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        hand.send("a", price=50_010)  # it would take
        await eventually(lambda: "Rejected" in hand.of("a"), "it is refused")
        served.fault("reject", "POST /api/v3/order", count=1, code=-1013)
        hand.send("b")
        await eventually(lambda: "Rejected" in hand.of("b"), "it is refused")
        assert doubts == []

    trading(served, scenario)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "swallow_before"},
        {"kind": "swallow_after"},
        {"kind": "server_error"},
        {"kind": "server_error", "status": 500, "code": -1000},
        {"kind": "reject", "code": -1007},
        {"kind": "hang", "seconds": 3.0},
    ],
    ids=lambda fault: "-".join(str(value) for value in fault.values()),
)
def test_a_new_order_without_an_answer_stays_as_it_was_and_is_doubted(
    served: Served, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_S", 1)
    taken = fault["kind"] == "swallow_after"

    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        served.fault(where="POST /api/v3/order", count=1, **fault)
        hand.send("a")
        await eventually(lambda: doubts, "it is doubted")
        await asyncio.sleep(0.3)
        assert "POST /api/v3/order" in doubts[0]
        assert "Rejected" not in hand.of("a")
        assert not hand.order("a").is_closed
        assert ("Accepted" in hand.of("a")) == taken, "the stream tells of it, where it was taken"

    trading(served, scenario)
    assert len(served.orders()) == taken


@pytest.mark.parametrize("kind", ["swallow_before", "swallow_after", "server_error"])
def test_a_cancel_without_an_answer_is_doubted_and_the_order_is_what_the_stream_says(served: Served, kind: str) -> None:
    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        hand.send("a")
        await eventually(lambda: "Accepted" in hand.of("a"), "it is accepted")
        served.fault(kind, "DELETE /api/v3/order", count=1)
        hand.cancel_order(hand.order("a"))
        await eventually(lambda: doubts, "it is doubted")
        await asyncio.sleep(0.3)
        assert "CancelRejected" not in hand.of("a")
        assert ("Canceled" in hand.of("a")) == (kind == "swallow_after")

    trading(served, scenario)


def test_several_cancels_are_sent_at_once_and_each_has_its_own_answer(served: Served) -> None:
    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        for name in "abcd":
            hand.send(name)
        await eventually(lambda: len(served.open_orders()) == 4, "they are there")
        await eventually(lambda: all("Accepted" in hand.of(name) for name in "abcd"), "they are accepted")
        served.fault("delay", "DELETE /api/v3/order", seconds=1.0)
        served.fault("swallow_before", "DELETE /api/v3/order", count=1)
        began = asyncio.get_running_loop().time()
        hand.cancel_orders([hand.order(name) for name in "abcd"])
        await eventually(lambda: len(served.open_orders()) == 1, "three of them are cancelled")
        assert asyncio.get_running_loop().time() - began < 2.5, "not one after the other"
        await eventually(lambda: len(doubts) == 1, "one is doubted")

    trading(served, scenario)


def test_a_stream_that_was_interrupted_is_a_doubt_and_invents_no_fill(served: Served) -> None:
    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        hand.send("a")
        await eventually(lambda: "Accepted" in hand.of("a"), "it is accepted")
        served.fault("drop", "user")
        order = served.open_orders()[0]
        served.do(lambda: served.venue.hit_half(order))
        served.fault("cut", "/ws-api")
        await asyncio.sleep(0.2)
        served.clear()
        await eventually(lambda: doubts, "it is doubted")
        assert "interrupted" in doubts[0]
        await eventually(lambda: client.listening, "it listens again")
        await asyncio.sleep(0.3)
        assert "Filled" not in hand.of("a"), "that is for who asks the venue for its trades"

    trading(served, scenario)


def test_it_is_known_when_the_stream_is_lost_and_it_can_be_opened_anew(served: Served) -> None:
    async def scenario(client: Any, hand: Hand, doubts: list[str]) -> None:
        served.fault("refuse", "/ws-api", seconds=60)
        served.fault("cut", "/ws-api")
        await eventually(lambda: not client.listening, "it knows")
        served.clear()
        await client.listen_again()
        await eventually(lambda: client.listening, "it listens again")
        hand.send("a")
        await eventually(lambda: "Accepted" in hand.of("a"), "it hears")

    trading(served, scenario)
