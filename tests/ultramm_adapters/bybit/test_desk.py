"""The desk over the kernel's HTTP client, at a server on this machine: what is no answer is never taken for one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import pytest
from bybit_answers import BALANCE, CANCEL, HISTORY, ORDER, REALTIME, SYMBOLS, TRADE, TRADES, WALLET, listed
from stub_server import StubServer

from ultramm.custody.desk import Desk, Holdings, NoAnswer
from ultramm.custody.records import VenueOrder
from ultramm.market import Side
from ultramm_adapters.bybit.params import BybitParams
from ultramm_adapters.bybit.venue import BybitVenue

NAME = "BTCUSDT-SPOT.BYBIT"
NO_ANSWERS = {
    "an error of the server": (500, {}),
    "a page": (200, b"<html>be right back</html>"),
    "too many requests": (200, {"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "time": 1}),
    "a time-out of the server's own": (200, {"retCode": 10000, "retMsg": "Server Timeout", "result": {}, "time": 1}),
    "an answer without a list": (200, {"retCode": 0, "retMsg": "OK", "result": {}, "time": 1}),
    "a closed connection": None,
}


def desk_at(server: StubServer) -> Desk:
    socket = server.address.replace("http", "ws")
    params = BybitParams(
        api_key="k" * 16,
        api_secret="s" * 16,
        base_url_http=server.address,
        base_url_ws_public=socket,
        base_url_ws_private=socket,
        base_url_ws_trade=socket,
    )
    return BybitVenue("BYBIT", ["BTCUSDT-SPOT"], params).desk()


def ask[T](server: StubServer, question: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
    async def asked() -> T:
        return await question(desk_at(server))

    return asyncio.run(asked())


def test_an_open_order_is_listed_as_the_venue_has_it(server: StubServer) -> None:
    server.answers[REALTIME] = listed(ORDER)
    (order,) = ask(server, lambda desk: desk.open_orders())
    assert order == VenueOrder(
        order_id="umm-1",
        venue_order_id="v1",
        instrument=NAME,
        side=Side.BUY,
        price=Decimal("50000.00"),
        size=Decimal("0.010000"),
        filled=Decimal(0),
        status="open",
    )


def test_an_order_that_ended_is_found_in_the_history(server: StubServer) -> None:
    server.answers[HISTORY] = listed(ORDER | {"orderStatus": "Cancelled", "cumExecQty": "0.004"})
    order = ask(server, lambda desk: desk.order(NAME, "umm-1"))
    assert order is not None
    assert (order.status, order.filled) == ("cancelled", Decimal("0.004"))


def test_there_is_no_such_order_only_where_both_lists_say_so(server: StubServer) -> None:
    assert ask(server, lambda desk: desk.order(NAME, "umm-1")) is None
    assert [path for path in (REALTIME, HISTORY) if any(path in asked for asked in server.asked)] == [REALTIME, HISTORY]


def test_an_order_that_was_listed_is_not_one_that_the_venue_never_had(server: StubServer) -> None:
    async def twice() -> None:
        desk = desk_at(server)
        server.answers[REALTIME] = listed(ORDER)
        await desk.open_orders()
        server.answers[REALTIME] = listed()
        with pytest.raises(NoAnswer, match="was listed before"):
            await desk.order(NAME, "umm-1")

    asyncio.run(twice())


@pytest.mark.parametrize("what", NO_ANSWERS)
@pytest.mark.parametrize(
    ("path", "question"),
    [
        (REALTIME, lambda desk: desk.open_orders()),
        (REALTIME, lambda desk: desk.order(NAME, "umm-1")),
        (HISTORY, lambda desk: desk.order(NAME, "umm-1")),
        (TRADES, lambda desk: desk.fills(NAME, time.time_ns() - 1_000_000_000)),
        (BALANCE, lambda desk: desk.holdings()),
        (CANCEL, lambda desk: desk.cancel(an_order())),
        (SYMBOLS, lambda desk: desk.open_orders()),
    ],
    ids=["open", "one, now", "one, before", "trades", "holdings", "cancel", "instruments"],
)
def test_what_is_no_answer_is_not_taken_for_an_empty_one(
    server: StubServer, what: str, path: str, question: Callable[[Desk], Coroutine[Any, Any, Any]]
) -> None:
    server.answers[path] = NO_ANSWERS[what]
    with pytest.raises(NoAnswer) as caught:
        ask(server, question)
    assert "127.0.0.1" not in str(caught.value)


def test_an_order_that_the_kernel_leaves_out_of_its_list_is_asked_about_alone_and_found_unreadable(
    server: StubServer,
) -> None:
    server.answers[REALTIME] = listed(ORDER | {"price": "about 50000"})
    assert ask(server, lambda desk: desk.open_orders()) == []
    with pytest.raises(NoAnswer, match="price"):
        ask(server, lambda desk: desk.order(NAME, "umm-1"))


def test_trades_are_read_to_the_last_page_and_a_week_at_a_time(server: StubServer) -> None:
    def pages(query: dict[str, str]) -> tuple[int, Any]:
        weeks.append(int(query["endTime"]) - int(query["startTime"]))
        if int(query["startTime"]) > first_ms:
            return listed()
        return listed(TRADE | {"execId": "e2"}) if query.get("cursor") else listed(TRADE, cursor="2")

    weeks: list[int] = []
    first_ms = time.time_ns() // 1_000_000 - 10 * 86_400_000
    server.answers[TRADES] = pages
    fills = ask(server, lambda desk: desk.fills(NAME, first_ms * 1_000_000))
    assert [fill.trade_id for fill in fills] == ["e1", "e2"]
    assert len(weeks) == 3
    assert max(weeks) < 7 * 86_400_000
    assert (fills[0].fee, fills[0].fee_currency, fills[0].maker) == (Decimal("0.000004"), "BTC", True)
    assert (fills[0].venue_order_id, fills[0].side, fills[0].size) == ("v1", Side.BUY, Decimal("0.004"))


def test_the_account_holds_what_is_in_its_wallet_locked_included(server: StubServer) -> None:
    server.answers[BALANCE] = listed(WALLET)
    held = ask(server, lambda desk: desk.holdings())
    assert held == Holdings(balances={"USDT": Decimal("1000.5")})


def test_a_cancel_counts_when_the_venue_acknowledges_it(server: StubServer) -> None:
    acknowledged = {"retCode": 0, "retMsg": "OK", "result": {"orderId": "v1", "orderLinkId": "umm-1"}, "time": 1}
    server.answers[CANCEL] = (200, acknowledged)
    assert ask(server, lambda desk: desk.cancel(an_order()))


@pytest.mark.parametrize("code", [110001, 170213])
def test_there_may_be_nothing_to_cancel(server: StubServer, code: int) -> None:
    server.answers[CANCEL] = (200, {"retCode": code, "retMsg": "Order does not exist.", "result": {}, "time": 1})
    assert not ask(server, lambda desk: desk.cancel(an_order()))


def test_terms_are_of_coins_that_change_hands(server: StubServer) -> None:
    terms = ask(server, lambda desk: desk.terms())[NAME]
    assert (terms.base, terms.quote, terms.settlement, terms.cash) == ("BTC", "USDT", "USDT", True)


def an_order() -> VenueOrder:
    return VenueOrder(
        order_id="umm-1",
        venue_order_id="v1",
        instrument=NAME,
        side=Side.BUY,
        price=Decimal(50_000),
        size=Decimal("0.01"),
        filled=Decimal(0),
        status="open",
    )
