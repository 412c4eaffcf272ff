"""Contracts: margin, positions, profit and fees to the last digit, amendments, orders that only reduce."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from actions import (
    BASE,
    Heard,
    act,
    assert_uncrossed,
    cancels,
    ladder,
    levels,
    limit,
    market,
    market_moves,
    named,
    orders,
    trade,
    who,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.market import Side
from ultramm_binance_emulator.accounts import Account
from ultramm_binance_emulator.contracts import Contract
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.futures import FuturesVenue
from ultramm_binance_emulator.orders import Order
from ultramm_binance_emulator.symbols import plain

D = Decimal
BTC = Contract(
    name="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick_size=D("0.50"),
    step_size=D("0.001"),
    min_quantity=D("0.002"),
    maker_fee=D("0.00021"),
    taker_fee=D("0.00057"),
)
START = D(1_000)


class Told(Heard):
    """Updates of orders and of the account apart."""

    @property
    def updates(self) -> list[dict[str, Any]]:
        return [event["o"] for event in self.events if event["e"] == "ORDER_TRADE_UPDATE"]

    @property
    def executions(self) -> list[tuple[str, str]]:
        return [(update["x"], update["X"]) for update in self.updates]

    @property
    def account(self) -> dict[str, Any]:
        """The last update of the account."""
        told: dict[str, Any] = [event["a"] for event in self.events if event["e"] == "ACCOUNT_UPDATE"][-1]
        return told


class Clock:
    def __init__(self) -> None:
        self.ms = 1_000

    def __call__(self) -> int:
        return self.ms


def venue(*keys: str, clock: Clock | None = None) -> tuple[FuturesVenue, Told]:
    """The market's zero is at 1,000; the member has 1,000 USDT and twenty times that for positions."""
    accounts = [Account.funded(key, "s", {}, START) for key in keys or ("me",)]
    made, heard = FuturesVenue({BTC: BASE}, accounts, clock or Clock()), Told()
    made.listeners.append(heard)
    ladder(made)
    return made, heard


def place(made: FuturesVenue, request: dict[str, str], key: str = "me") -> Order:
    return made.place(made.accounts[key], request)


def refused(made: FuturesVenue, request: dict[str, str]) -> int:
    with pytest.raises(VenueError) as info:
        place(made, request)
    return info.value.code


def amendment(order: Order, price: str, quantity: str) -> dict[str, str]:
    return {**named(order.id), "side": order.side.name, "price": price, "quantity": quantity}


def held(made: FuturesVenue, key: str = "me") -> Decimal:
    return made.position(made.accounts[key], "BTCUSDT").quantity


# -- orders ----------------------------------------------------------------------------------------------------


def test_an_order_that_rests_binds_margin_and_leaves_the_wallet_alone() -> None:
    made, heard = venue()
    order = place(made, limit("BUY", "990", "2"))
    account = made.accounts["me"]
    assert heard.executions == [("NEW", "NEW")]
    assert (account.wallet.balance, made.available(account)) == (START, START - D(990) * 2 / 20)
    made.cancel(account, named(order.id))
    assert heard.executions[-1] == ("CANCELED", "CANCELED")
    assert heard.updates[-1]["c"] == order.client_id
    assert made.available(account) == START
    assert len(heard.events) == 2, "nothing of the account changed"


def test_a_fill_pays_its_fee_from_the_wallet_and_opens_a_position() -> None:
    """10 lots at 1,000.5 and 10 of 11 at 1,001."""
    made, heard = venue()
    order = place(made, market("BUY", "0.02"))
    value = D("0.01") * D("1000.5") + D("0.01") * D("1001")
    fees = sum((D("0.01") * price * BTC.taker_fee).quantize(D("0.00000001")) for price in (D("1000.5"), D(1001)))
    assert (order.status, order.quote_filled) == ("FILLED", value)
    assert made.accounts["me"].wallet.balance == START - fees
    assert heard.account["B"] == [{"a": "USDT", "wb": plain(START - fees), "cw": plain(START - fees), "bc": "0"}]
    (position,) = heard.account["P"]
    assert (position["pa"], D(position["ep"])) == ("0.020", value / D("0.02"))
    assert [(u["x"], u["l"], u["L"], u["m"], u["N"]) for u in heard.updates[1:]] == [
        ("TRADE", "0.010", "1000.50", False, "USDT"),
        ("TRADE", "0.010", "1001.00", False, "USDT"),
    ]
    assert [u["t"] for u in heard.updates[1:]] == [t["t"] for t in heard.trades]


def test_a_position_that_is_closed_realises_its_profit() -> None:
    made, heard = venue()
    place(made, limit("BUY", "1000", "0.02"))
    trade(made, Side.SELL, -1, 20)
    levels(made, (Side.BUY, -1, 0), (Side.SELL, 1, 0), (Side.BUY, 4, 30))
    place(made, market("SELL", "0.02"))
    fees = sum(D(update.get("n", 0)) for update in heard.updates)
    assert (held(made), D(heard.updates[-1]["rp"])) == (0, D("0.02") * 2)
    assert made.accounts["me"].wallet.balance == START + D("0.04") - fees
    assert heard.account["P"][0]["ep"] == "0.00000000"


def test_others_who_trade_fill_a_maker_at_the_makers_fee() -> None:
    made, heard = venue()
    order = place(made, limit("SELL", "1000", "0.008"))
    trade(made, Side.BUY, 1, 3)
    assert (order.status, held(made)) == ("PARTIALLY_FILLED", D("-0.003"))
    assert made.accounts["me"].wallet.balance == START - D("0.003") * 1000 * BTC.maker_fee
    assert heard.updates[-1]["m"]


def test_two_members_meet_and_what_one_gains_the_other_loses() -> None:
    made, _ = venue("me", "you")
    levels(made, (Side.BUY, -1, 0), (Side.SELL, 1, 0))
    for side, price in (("SELL", "1000"), ("BUY", "999.5")):
        opposite = "BUY" if side == "SELL" else "SELL"
        place(made, limit(side, price, "0.1"), "you")
        place(made, limit(opposite, price, "0.1"))
    mine, yours = (made.position(made.accounts[key], "BTCUSDT") for key in ("me", "you"))
    assert (mine.quantity, yours.quantity) == (0, 0)
    assert mine.realised == -yours.realised == D("-0.05")


def test_post_only_and_fill_or_kill_are_refused_where_they_cannot_be() -> None:
    made, heard = venue()
    assert refused(made, limit("BUY", "1000.5", "0.01", "GTX")) == -5022
    assert refused(made, limit("BUY", "1000.5", "0.02", "FOK")) == -5021
    assert heard.events == []
    assert place(made, limit("BUY", "1000", "0.01", "GTX")).open
    assert place(made, limit("BUY", "1000.5", "0.01", "FOK")).status == "FILLED"
    assert place(made, limit("BUY", "1001", "0.02", "IOC")).status == "EXPIRED"


def test_own_orders_do_not_trade_with_each_other() -> None:
    made, heard = venue()
    resting = place(made, limit("SELL", "1000", "0.1"))
    place(made, limit("BUY", "1000", "0.1"))
    assert resting.status == "EXPIRED_IN_MATCH"
    assert ("EXPIRED", "EXPIRED_IN_MATCH") in heard.executions
    assert heard.trades == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "ETHUSDT"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "LIMIT_MAKER"}, -1116),
        ({"timeInForce": "GTD"}, -1115),
        ({"positionSide": "LONG"}, -4061),
        ({"price": "999.3"}, -4014),
        ({"price": "0.1"}, -4013),
        ({"price": "2000000"}, -4002),
        ({"price": "1060"}, -4016),
        ({"side": "SELL", "price": "940"}, -4024),
        ({"quantity": "0.0025"}, -4023),
        ({"quantity": "0.001"}, -4004),
        ({"quantity": "2000"}, -4005),
        ({"quantity": "0.002"}, -4164),
        ({"quantity": "21"}, -2019),
        ({"reduceOnly": "true"}, -2022),
    ],
)
def test_what_the_venue_refuses_leaves_no_trace(changes: dict[str, str], code: int) -> None:
    made, heard = venue()
    assert refused(made, {**limit("BUY", "999", "0.01"), **changes}) == code
    assert heard.events == []
    assert made.available(made.accounts["me"]) == START


def test_a_clients_id_is_used_once_while_its_order_is_open() -> None:
    made, _ = venue()
    request = limit("BUY", "999", "0.01", newClientOrderId="a")
    place(made, request)
    assert refused(made, request) == -4116
    made.cancel(made.accounts["me"], {"symbol": "BTCUSDT", "origClientOrderId": "a"})
    assert place(made, request).open


# -- margin ----------------------------------------------------------------------------------------------------


def test_margin_is_for_the_side_that_binds_more() -> None:
    """Bought for 10,000, another 5,000 to buy and 18,000 to sell: what may be held after either."""
    made, _ = venue()
    levels(made, (Side.SELL, 1, 20_000))
    place(made, limit("BUY", "1000.5", "10"))
    place(made, limit("BUY", "990", "5"))
    margin = made.margin(made.accounts["me"], "BTCUSDT")
    mark = made.mark("BTCUSDT")
    assert margin.position == 10 * mark / 20
    assert margin.orders == 5 * D(990) / 20
    place(made, limit("SELL", "1010", "18"))
    assert made.margin(made.accounts["me"], "BTCUSDT").orders == 5 * D(990) / 20
    assert refused(made, limit("SELL", "1010", "20")) == -2019


def test_less_leverage_binds_more_and_may_be_too_little() -> None:
    made, _ = venue()
    account = made.accounts["me"]
    made.set_leverage(account, "BTCUSDT", 2)
    assert refused(made, limit("BUY", "990", "2.1")) == -2019
    place(made, limit("BUY", "990", "2"))
    with pytest.raises(VenueError, match="-2028"):
        made.set_leverage(account, "BTCUSDT", 1)
    assert made.position(account, "BTCUSDT").leverage == 2


def test_an_order_that_begins_with_a_loss_must_afford_it() -> None:
    """At 20 times, 20 at 999 bind all but a dollar; bought two ticks above the mark they would lose more."""
    made, _ = venue()
    levels(made, (Side.SELL, 1, 0), (Side.SELL, 2, 0), (Side.SELL, 3, 0), (Side.SELL, 4, 0), (Side.SELL, 5, 20_000))
    levels(made, (Side.BUY, -1, 0), (Side.BUY, -2, 0))
    mark = made.mark("BTCUSDT")
    affordable = (START / (mark / 20)).quantize(D("0.001"))
    assert refused(made, market("BUY", str(affordable - D("0.05")))) == -2019
    assert place(made, limit("BUY", "998", str(affordable - D("0.05")))).open


def test_who_has_nothing_left_may_still_close() -> None:
    made, _ = venue()
    levels(made, (Side.SELL, 1, 19_000), (Side.BUY, -1, 50_000))
    place(made, market("BUY", "19"))
    made.accounts["me"].wallet.balance -= 500
    assert made.available(made.accounts["me"]) == 0
    assert refused(made, market("BUY", "0.1")) == -2019
    place(made, market("SELL", "19"))
    assert held(made) == 0


# -- amendments ------------------------------------------------------------------------------------------------


def test_less_at_the_same_price_keeps_its_place() -> None:
    made, heard = venue("me", "you")
    first, second = (place(made, limit("BUY", "1000", "0.01"), key) for key in ("me", "you"))
    made.amend(made.accounts["me"], amendment(first, "1000", "0.006"))
    assert heard.executions[-1] == ("AMENDMENT", "NEW")
    assert heard.updates[-1]["q"] == "0.006"
    trade(made, Side.SELL, -1, 7)
    assert (first.status, second.filled) == ("FILLED", D("0.001"))


@pytest.mark.parametrize(("price", "quantity"), [("1000", "0.012"), ("999.5", "0.01")])
def test_all_else_goes_to_the_back(price: str, quantity: str) -> None:
    made, _ = venue("me", "you")
    first, second = (place(made, limit("BUY", "1000", "0.01"), key) for key in ("me", "you"))
    made.amend(made.accounts["me"], amendment(first, price, quantity))
    made.amend(made.accounts["me"], amendment(first, "1000", "0.01"))
    trade(made, Side.SELL, -1, 11)
    assert (second.status, first.filled) == ("FILLED", D("0.001"))


def test_an_amendment_may_take() -> None:
    made, heard = venue()
    order = place(made, limit("BUY", "999", "0.02"))
    made.amend(made.accounts["me"], amendment(order, "1000.5", "0.02"))
    assert (order.status, order.filled) == ("PARTIALLY_FILLED", D("0.01"))
    assert [x for x, _ in heard.executions] == ["NEW", "AMENDMENT", "TRADE"]
    assert made.books["BTCUSDT"].matching.lots_at(Side.BUY, 2001) == 10


def test_an_amendment_below_what_was_filled_cancels() -> None:
    made, heard = venue()
    order = place(made, limit("BUY", "1000", "0.02"))
    trade(made, Side.SELL, -1, 15)
    made.amend(made.accounts["me"], amendment(order, "1000", "0.015"))
    assert (order.status, heard.executions[-1]) == ("CANCELED", ("CANCELED", "CANCELED"))


def test_a_post_only_order_that_is_amended_to_take_is_cancelled() -> None:
    made, heard = venue()
    order = place(made, limit("BUY", "1000", "0.02", "GTX"))
    made.amend(made.accounts["me"], amendment(order, "1000.5", "0.02"))
    assert order.status == "CANCELED"
    assert heard.trades == []


@pytest.mark.parametrize(
    ("price", "quantity", "more", "code"),
    [
        ("1000", "0.02", {}, -5027),
        ("999.7", "0.02", {}, -4014),
        ("1000", "0.0001", {}, -4004),
        ("1100", "0.02", {}, -4016),
        ("1000", "30", {}, -2019),
        ("999", "0.02", {"side": "SELL"}, -1117),
        ("999", "0.02", {"orderId": "77"}, -2013),
        ("", "0.02", {}, -1102),
    ],
)
def test_an_amendment_that_is_refused_leaves_the_order(
    price: str, quantity: str, more: dict[str, str], code: int
) -> None:
    made, heard = venue()
    order = place(made, limit("BUY", "1000", "0.02"))
    with pytest.raises(VenueError) as info:
        made.amend(made.accounts["me"], amendment(order, price, quantity) | more)
    assert info.value.code == code
    assert (order.price, order.quantity, heard.executions) == (1000, D("0.02"), [("NEW", "NEW")])


# -- orders that only reduce -----------------------------------------------------------------------------------


def long(made: FuturesVenue) -> None:
    """Ten lots bought."""
    place(made, market("BUY", "0.01"))


def test_an_order_that_only_reduces_is_cut_to_what_there_is() -> None:
    made, heard = venue()
    long(made)
    order = place(made, limit("SELL", "1010", "0.03", reduceOnly="true"))
    assert (order.quantity, heard.updates[-1]["q"], heard.updates[-1]["R"]) == (D("0.01"), "0.010", True)
    assert refused(made, limit("SELL", "1010", "0.01", reduceOnly="true")) == -2022
    assert refused(made, limit("BUY", "990", "0.01", reduceOnly="true")) == -2022


def test_orders_that_only_reduce_shrink_with_the_position() -> None:
    made, heard = venue()
    long(made)
    first, last = (place(made, limit("SELL", "1010", "0.005", reduceOnly="true")) for _ in range(2))
    place(made, market("SELL", "0.006"))
    assert (first.left, last.status) == (D("0.004"), "EXPIRED")
    assert {x for x, _ in heard.executions[-2:]} == {"AMENDMENT", "EXPIRED"}
    place(made, market("SELL", "0.005", reduceOnly="false"))
    assert (first.status, last.status, held(made)) == ("EXPIRED", "EXPIRED", D("-0.001"))


def test_they_do_not_turn_a_position_even_if_one_trade_reaches_all() -> None:
    made, _ = venue()
    long(made)
    place(made, limit("SELL", "1010", "0.01"))
    reducing = place(made, limit("SELL", "1010", "0.01", reduceOnly="true"))
    trade(made, Side.BUY, 30, 50)
    assert (held(made), reducing.status) == (0, "EXPIRED")


# -- the dead man's switch -------------------------------------------------------------------------------------


def test_a_countdown_cancels_unless_it_is_begun_again() -> None:
    clock = Clock()
    made, heard = venue(clock=clock)
    order = place(made, limit("BUY", "999", "0.01"))
    for wait in (100, 100, 0):
        made.count_down(made.accounts["me"], "BTCUSDT", wait)
        clock.ms += 99
        made.elapse()
        assert order.open
    clock.ms += 1_000
    made.elapse()
    assert order.open
    made.count_down(made.accounts["me"], "BTCUSDT", 100)
    clock.ms += 100
    made.elapse()
    assert order.status == "CANCELED"
    assert heard.executions[-1] == ("CANCELED", "CANCELED")


# -- whatever happens ------------------------------------------------------------------------------------------

amends = st.tuples(st.just("amend"), who, st.integers(0, 5), st.integers(-6, 6), st.integers(2, 40))
placed = orders("GTC", "IOC", "FOK", "GTX", "MARKET")
reducing = orders("GTC", "MARKET").map(lambda action: ("reduce", *action[1:]))


def step(made: FuturesVenue, action: tuple[Any, ...]) -> None:
    if action[0] == "reduce":
        act(made, ("order", *action[1:]), reduceOnly="true")
    elif action[0] != "amend":
        act(made, action)
    else:
        _, key, nth, ticks, lots = action
        open_orders = made.open_orders(made.accounts[key], {})
        if nth < len(open_orders):
            request = amendment(open_orders[nth], str(BTC.price(BASE + ticks)), str(BTC.quantity(lots)))
            with contextlib.suppress(VenueError):
                made.amend(made.accounts[key], request)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.one_of(placed, reducing, amends, cancels, market_moves), max_size=40),
    st.decimals(900, 1100, places=3),
)
def test_every_wallet_is_what_its_trades_made_of_it(actions: list[tuple[Any, ...]], mark: Decimal) -> None:
    made, _ = venue("me", "you")
    for action in actions:
        step(made, action)
    for account in made.accounts.values():
        fills = made.fills(account, {"symbol": "BTCUSDT", "limit": "1000"})
        position = made.position(account, "BTCUSDT")
        fees = sum((fill.fee for fill in fills), D(0))
        cash = sum((-fill.order.side * fill.value for fill in fills), D(0))
        realised = sum((fill.realised for fill in fills), D(0))
        assert position.quantity == sum((fill.order.side * fill.quantity for fill in fills), D(0))
        assert position.realised == realised
        assert account.wallet.balance == START + realised - fees
        worth = account.wallet.balance + position.unrealised(mark)
        assert worth == START + cash + position.quantity * mark - fees
        assert D(plain(account.wallet.balance)) == account.wallet.balance, "nothing is hidden behind the last digit"
        assert_reducing_within_position(made, account)
    assert_uncrossed(made)


def assert_reducing_within_position(made: FuturesVenue, account: Account) -> None:
    for side in Side:
        left = sum((o.left for o in made.open_orders(account, {}) if o.reduce_only and o.side is side), D(0))
        assert left <= max(D(0), -side * made.position(account, "BTCUSDT").quantity)


# -- orders that wait for a price ------------------------------------------------------------------------------


def algo(kind: str, side: str, at: str, **more: str) -> dict[str, str]:
    sizes = {} if "closePosition" in more else {"quantity": "0.01"}
    return {
        "symbol": "BTCUSDT",
        "algoType": "CONDITIONAL",
        "side": side,
        "type": kind,
        "triggerPrice": at,
        "clientAlgoId": "stop",
        **sizes,
        **more,
    }


def statuses(heard: Told) -> list[str]:
    return [event["o"]["X"] for event in heard.events if event["e"] == "ALGO_UPDATE"]


@pytest.mark.parametrize(
    ("kind", "side", "at", "taker", "ticks"),
    [
        ("STOP_MARKET", "BUY", "1002", Side.BUY, 4),
        ("STOP_MARKET", "SELL", "998", Side.SELL, -4),
        ("TAKE_PROFIT_MARKET", "BUY", "998", Side.SELL, -4),
        ("TAKE_PROFIT_MARKET", "SELL", "1002", Side.BUY, 4),
    ],
)
def test_one_that_waits_becomes_an_order_when_its_price_comes(
    kind: str, side: str, at: str, taker: Side, ticks: int
) -> None:
    made, heard = venue()
    waiting = made.place_algo(made.accounts["me"], algo(kind, side, at))
    trade(made, taker, ticks // 2, 1)
    assert (waiting.status, held(made)) == ("NEW", 0)
    trade(made, taker, ticks, 1)
    assert statuses(heard) == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    assert abs(held(made)) == D("0.01")
    assert (heard.updates[0]["c"], heard.updates[0]["o"]) == ("stop", "MARKET")
    kinds = [event["e"] if "o" not in event else event["o"]["X"] for event in heard.events]
    assert kinds.index("TRIGGERED") < kinds.index("ACCOUNT_UPDATE"), "it is an order before it trades"


def test_one_may_wait_for_the_mark() -> None:
    made, _ = venue()
    waiting = made.place_algo(made.accounts["me"], algo("STOP_MARKET", "BUY", "1002", workingType="MARK_PRICE"))
    trade(made, Side.BUY, 4, 1)
    assert waiting.waits
    levels(made, *[(Side.SELL, ticks, 0) for ticks in range(1, 6)], (Side.SELL, 20, 50))
    assert waiting.status == "FINISHED"


def test_one_with_a_limit_rests_and_is_finished_when_that_ends() -> None:
    made, heard = venue()
    waiting = made.place_algo(made.accounts["me"], algo("STOP", "BUY", "1002", price="1000"))
    trade(made, Side.BUY, 4, 1)
    order = waiting.order
    assert order is not None
    assert (waiting.status, order.status, order.price) == ("TRIGGERED", "NEW", 1000)
    made.cancel(order.account, named(order.id))
    assert statuses(heard)[-1] == "FINISHED"


def test_one_that_closes_takes_what_is_held_then() -> None:
    made, heard = venue()
    closing = algo("STOP_MARKET", "SELL", "998", closePosition="true")
    made.place_algo(made.accounts["me"], closing)
    trade(made, Side.SELL, -4, 1)
    assert statuses(heard)[-1] == "EXPIRED"
    trade(made, Side.BUY, 1, 1)
    place(made, market("BUY", "0.007"))
    made.place_algo(made.accounts["me"], closing)
    trade(made, Side.SELL, -4, 1)
    assert (statuses(heard)[-1], held(made)) == ("FINISHED", 0)


def test_one_that_is_refused_when_its_price_comes_says_so() -> None:
    made, heard = venue()
    made.place_algo(made.accounts["me"], algo("STOP_MARKET", "SELL", "998", reduceOnly="true"))
    trade(made, Side.SELL, -4, 1)
    assert statuses(heard) == ["NEW", "TRIGGERING", "REJECTED"]


def test_one_that_waits_is_found_and_cancelled() -> None:
    made, heard = venue()
    account = made.accounts["me"]
    waiting = made.place_algo(account, algo("STOP_MARKET", "BUY", "1002"))
    assert made.algos.query(account, {"algoId": str(waiting.id)}) is waiting
    assert made.algos.cancel(account, {"clientAlgoId": "stop"}) is waiting
    assert (statuses(heard)[-1], made.algos.waiting(account)) == ("CANCELED", [])
    for request, code in (({"clientAlgoId": "stop"}, "-2011"), ({"algoId": "5"}, "-2011"), ({}, "-1102")):
        with pytest.raises(VenueError, match=code):
            made.algos.cancel(account, request)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (algo("STOP_MARKET", "BUY", "1000"), -2021),
        (algo("STOP_MARKET", "BUY", "1002.3"), -4014),
        (algo("STOP_MARKET", "BUY", ""), -1102),
        (algo("STOP", "BUY", "1002"), -1102),
        (algo("STOP_MARKET", "BUY", "1002", quantity="0.0001"), -4004),
        (algo("TRAILING_STOP_MARKET", "BUY", "1002"), -1116),
        (algo("STOP_MARKET", "BUY", "1002", algoType="VP"), -1116),
    ],
)
def test_those_that_may_not_wait(request_: dict[str, str], code: int) -> None:
    made, heard = venue()
    with pytest.raises(VenueError, match=str(code)):
        made.place_algo(made.accounts["me"], request_)
    assert heard.events == []
    assert refused(made, market("BUY", "0.01") | {"type": "STOP_MARKET"}) == -4120
