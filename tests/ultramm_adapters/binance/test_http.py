"""What an answer that did not come means, how much may be asked, and whose clock counts; nothing signed is told."""

from __future__ import annotations

import asyncio
import json
import socket
import traceback
from typing import Any

import pytest
from binance_venue import KEY, SECRET
from nautilus_trader.adapters.binance.http.error import BinanceClientError
from nautilus_trader.common.component import LiveClock
from nautilus_trader.core.nautilus_pyo3 import HttpMethod

from ultramm_adapters.binance import http as module
from ultramm_adapters.binance.http import OutcomeUnknown, OwnBudget, VenueClock, VenueHttpClient

pytestmark = pytest.mark.integration

ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "49990",
    "quantity": "0.01",
    "newClientOrderId": "mine",
}
PLACE = ("POST", "/api/v3/order")


def client_of(url: str, weight: int = 4_800) -> VenueHttpClient:
    return VenueHttpClient(LiveClock(), KEY, SECRET, url, "/api/v3", OwnBudget(weight), VenueClock())


def send(client: VenueHttpClient, method: str, path: str, **parameters: str) -> Any:
    async def request() -> Any:
        return json.loads(await client.sign_request(getattr(HttpMethod, method), path, dict(parameters)))

    return asyncio.run(request())


def place(client: VenueHttpClient) -> Any:
    return send(client, *PLACE, **ORDER)


def told(exc: BaseException) -> str:
    """All that a log may ever show of an exception."""
    return "".join(traceback.format_exception(exc)) + repr(exc) + str(exc)


def nothing_signed_in(text: str) -> bool:
    return not any(word in text for word in (SECRET, KEY, "signature", "timestamp=", "newClientOrderId"))


# -- unknown, refused, done ----------------------------------------------------------------------------------------


def test_what_was_done_is_answered(served: Any, client: VenueHttpClient) -> None:
    assert place(client)["clientOrderId"] == "mine"
    assert [order.client_id for order in served.open_orders()] == ["mine"]


@pytest.mark.parametrize(
    ("fault", "done"),
    [
        ({"kind": "swallow_before"}, False),
        ({"kind": "swallow_after"}, True),
        ({"kind": "server_error", "status": 500}, False),
        ({"kind": "server_error", "status": 503, "code": -1003}, False),
        ({"kind": "reject", "code": -1006}, False),
        ({"kind": "reject", "code": -1007}, False),
    ],
    ids=lambda value: "-".join(str(v) for v in value.values()) if isinstance(value, dict) else None,
)
def test_an_order_of_which_the_answer_says_nothing_may_have_been_taken(
    served: Any, client: VenueHttpClient, fault: dict[str, Any], done: bool
) -> None:
    served.fault(where="POST /api/v3/order", count=1, **fault)
    with pytest.raises(OutcomeUnknown, match="POST /api/v3/order") as unknown:
        place(client)
    assert nothing_signed_in(told(unknown.value))
    assert len(served.orders()) == done


def test_a_venue_that_does_not_answer_in_time_leaves_the_outcome_unknown(
    served: Any, client: VenueHttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_S", 1)
    served.fault("delay", "POST /api/v3/order", count=1, seconds=2)
    with pytest.raises(OutcomeUnknown, match="no answer") as unknown:
        place(client)
    assert nothing_signed_in(told(unknown.value))


def test_where_nobody_listens_the_outcome_is_unknown_and_the_address_is_not_told() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(OutcomeUnknown) as unknown:
        place(client_of(url))
    assert nothing_signed_in(told(unknown.value))


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, b"<html>blocked</html>"),
        (404, b""),
        (408, b'{"msg": "no code"}'),
        (400, b"[1]"),
        (400, b'{"code": -1007, "msg": "Timeout waiting for response from backend server."}'),
        (502, b"<html>bad gateway</html>"),
        (200, b"<html>maintenance</html>"),
        (200, b""),
        (302, b"moved"),
    ],
)
def test_what_is_no_word_of_the_venues_is_no_refusal(answering: Any, status: int, body: bytes) -> None:
    """A proxy, a firewall or a page of maintenance may stand before a venue that took the order."""
    with answering(lambda _: (status, {}, body)) as (url, _), pytest.raises(OutcomeUnknown) as unknown:
        place(client_of(url))
    assert nothing_signed_in(told(unknown.value))


@pytest.mark.parametrize("code", [-1001, -1003, -1013, -2010, -2011, -2013])
def test_a_refusal_is_the_venues_word_that_it_was_not_done(served: Any, client: VenueHttpClient, code: int) -> None:
    served.fault("reject", "POST /api/v3/order", count=1, code=code)
    with pytest.raises(BinanceClientError) as refusal:
        place(client)
    assert refusal.value.message["code"] == code
    assert nothing_signed_in(told(refusal.value))
    assert served.orders() == []


# -- budget and bans -----------------------------------------------------------------------------------------------


def test_a_budget_is_spent_by_what_the_venue_says_and_is_there_again_in_the_next_minute() -> None:
    budget = OwnBudget(100)
    assert budget.objection(0.0) is None
    budget.answered(1.0, 200, {"x-mbx-used-weight-1m": "99"})
    assert budget.objection(2.0) is None
    budget.answered(2.0, 200, {"x-mbx-used-weight-1m": "100"})
    assert "100 weight a minute" in str(budget.objection(59.9))
    assert budget.objection(60.0) is None


@pytest.mark.parametrize("status", [418, 429])
@pytest.mark.parametrize(("after", "seconds"), [("17", 17.0), ("1", 5.0), ("", 5.0), ("soon", 5.0)])
def test_a_ban_lasts_as_long_as_the_venue_says_and_a_little_at_least(status: int, after: str, seconds: float) -> None:
    budget = OwnBudget(100)
    budget.answered(1_000.0, status, {"retry-after": after} if after else {})
    assert budget.objection(1_000.0 + seconds - 0.01) is not None
    assert budget.objection(1_000.0 + seconds) is None


def test_what_the_venue_says_of_our_use_in_other_words_is_nothing() -> None:
    budget = OwnBudget(100)
    budget.answered(1.0, 200, {"x-mbx-used-weight-1m": "many"})
    assert budget.objection(1.0) is None


def test_beyond_our_own_budget_nothing_is_sent_but_cancels(served: Any) -> None:
    client = client_of(served.url, 100)
    order = served.place("mine")
    served.fault("delay", seconds=0)  # meets every request
    asked = []

    def ask_on_and_on() -> None:
        for _ in range(100):
            asked.append(send(client, "GET", "/api/v3/account"))

    with pytest.raises(BinanceClientError) as refusal:
        ask_on_and_on()
    assert refusal.value.message["code"] == -1003
    assert "our own budget of 100" in refusal.value.message["msg"]
    with pytest.raises(BinanceClientError, match="our own budget"):
        place(client)
    assert served.met() == len(asked), "neither was sent"
    send(client, "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=str(order.id))
    assert served.open_orders() == []


@pytest.mark.parametrize("status", [418, 429])
def test_who_is_told_to_wait_waits_and_goes_on_cancelling(answering: Any, status: int) -> None:
    def answer(_: str) -> tuple[int, dict[str, str], bytes]:
        return status, {"Retry-After": "7"}, b'{"code": -1003, "msg": "Way too many requests."}'

    with answering(answer) as (url, asked):
        client = client_of(url)
        for _ in range(3):
            with pytest.raises(BinanceClientError) as refusal:
                place(client)
        assert "for 7 s" in refusal.value.message["msg"]
        assert len(asked) == 1
        with pytest.raises(BinanceClientError):
            send(client, "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId="1")
        assert len(asked) == 2


def test_a_ban_is_known_to_everybody_who_asks_the_same_venue(answering: Any) -> None:
    """Every client of a venue comes from the same address: who goes on asking makes the ban longer."""
    banned = b'{"code": -1003, "msg": "Way too many requests; IP banned."}'
    with answering(lambda _: (418, {"Retry-After": "30"}, banned)) as (url, asked):
        budget = OwnBudget(4_800)
        first, second = (
            VenueHttpClient(LiveClock(), KEY, SECRET, url, "/api/v3", budget, VenueClock()) for _ in range(2)
        )
        for client in (first, second, second):
            with pytest.raises(BinanceClientError):
                place(client)
    assert len(asked) == 1


# -- the clock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [-30, 30])
def test_how_far_the_venues_clock_is_from_ours_is_learnt_from_a_refusal(
    served: Any, client: VenueHttpClient, seconds: float
) -> None:
    served.fault("skew", seconds=seconds)
    with pytest.raises(BinanceClientError) as refusal:
        place(client)
    assert refusal.value.message["code"] == -1021
    assert served.orders() == []
    assert place(client)["status"] == "NEW"
    served.clear()
    with pytest.raises(BinanceClientError):
        send(client, "GET", "/api/v3/account")
    assert send(client, "GET", "/api/v3/account")["accountType"] == "SPOT"


def test_an_order_that_was_refused_for_its_time_was_refused_whatever_becomes_of_the_question_for_the_time(
    served: Any, client: VenueHttpClient
) -> None:
    served.fault("skew", seconds=30)
    served.fault("swallow_before", "GET /api/v3/time", count=1)
    with pytest.raises(BinanceClientError) as refusal:
        place(client)
    assert refusal.value.message["code"] == -1021
