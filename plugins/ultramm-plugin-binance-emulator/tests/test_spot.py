"""Orders, fills and balances, to the last digit."""

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
from ultramm_binance_emulator.errors import VenueError
from ultramm_binance_emulator.spot import SpotVenue
from ultramm_binance_emulator.spot_messages import trade_info
from ultramm_binance_emulator.symbols import Symbol

D = Decimal
BTC = Symbol(
    name="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick_size=D("0.5"),
    step_size=D("0.001"),
    min_quantity=D("0.002"),
    maker_fee=D("0.0007"),
    taker_fee=D("0.0013"),
)


class Told(Heard):
    """Reports and balances apart."""

    @property
    def reports(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["e"] == "executionReport"]

    @property
    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """The last that was told of each asset: free and locked."""
        told = [row for event in self.events if event["e"] == "outboundAccountPosition" for row in event["B"]]
        return {row["a"]: (D(row["f"]), D(row["l"])) for row in told}


def venue(*keys: str) -> tuple[SpotVenue, Told]:
    accounts = [Account.funded(key, "s", {"USDT": D(10_000), "BTC": D(5)}) for key in keys or ("me",)]
    made, heard = SpotVenue({BTC: BASE}, accounts, lambda: 1_000), Told()
    made.listeners.append(heard)
    ladder(made)
    return made, heard


def refused(made: SpotVenue, request: dict[str, str]) -> int:
    with pytest.raises(VenueError) as info:
        made.place(made.accounts["me"], request)
    return info.value.code


# -- one order -------------------------------------------------------------------------------------------------


def test_an_order_that_rests_sets_aside_what_it_may_cost() -> None:
    made, heard = venue()
    order = made.place(made.accounts["me"], limit("BUY", "999", "0.5"))
    assert order.status == "NEW"
    assert heard.balances["USDT"] == (D("9500.5"), D("499.5"))
    assert [(r["x"], r["X"], r["w"]) for r in heard.reports] == [("NEW", "NEW", True)]
    assert (Side.BUY, 1998) in heard.changed
    made.cancel(made.accounts["me"], {"symbol": "BTCUSDT", "orderId": str(order.id)})
    assert heard.balances["USDT"] == (D(10_000), D(0))
    assert (heard.reports[-1]["x"], heard.reports[-1]["C"]) == ("CANCELED", order.client_id)


def test_a_taker_pays_the_better_price_and_its_fee_in_what_it_receives() -> None:
    """10 lots at 1,000.5 and 10 of 11 at 1,001, bid for at 1,002."""
    made, heard = venue()
    order = made.place(made.accounts["me"], limit("BUY", "1002", "0.02"))
    assert order.status == "FILLED"
    assert order.quote_filled == D("0.01") * D("1000.5") + D("0.01") * D("1001")
    assert heard.balances["USDT"] == (D(10_000) - order.quote_filled, D(0))
    assert heard.balances["BTC"] == (D(5) + D("0.02") * (1 - BTC.taker_fee), D(0))
    assert [(r["x"], r["l"], r["L"], r["m"]) for r in heard.reports[1:]] == [
        ("TRADE", "0.01000000", "1000.50000000", False),
        ("TRADE", "0.01000000", "1001.00000000", False),
    ]
    assert [(t["p"], t["q"], t["m"]) for t in heard.trades] == [
        ("1000.50000000", "0.01000000", False),
        ("1001.00000000", "0.01000000", False),
    ]
    assert [r["t"] for r in heard.reports[1:]] == [t["t"] for t in heard.trades]


def test_a_maker_is_filled_by_a_trade_that_everybody_saw_once() -> None:
    made, heard = venue()
    order = made.place(made.accounts["me"], limit("SELL", "1000", "0.008"))
    trade(made, Side.BUY, 1, 3)
    assert (order.status, order.filled) == ("PARTIALLY_FILLED", D("0.003"))
    assert len(heard.trades) == 1
    assert heard.balances["USDT"] == (D(10_000) + D(3) * (1 - BTC.maker_fee), D(0))
    assert heard.balances["BTC"] == (D("4.992"), D("0.005"))


def test_what_ends_at_once_is_told_to_have_expired() -> None:
    made, heard = venue()
    for tif, kind in (("IOC", "PARTIALLY_FILLED"), ("FOK", "NEW")):
        heard.events.clear()
        order = made.place(made.accounts["me"], limit("BUY", "1000.5", "0.02", tif))
        assert [r["X"] for r in heard.reports] == list(dict.fromkeys(("NEW", kind, "EXPIRED")))
        assert not made.open_orders(made.accounts["me"], {})
        assert order.account.balance("USDT").locked == 0


def test_a_market_order_needs_what_it_will_cost() -> None:
    made, _ = venue()
    request = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.03"}
    order = made.place(made.accounts["me"], request)
    assert order.status == "FILLED"
    assert order.account.balance("USDT").locked == 0
    made.accounts["me"].balance("USDT").free = D(1)
    assert refused(made, request) == -2010


def test_own_orders_do_not_trade_with_each_other() -> None:
    made, heard = venue()
    resting = made.place(made.accounts["me"], limit("SELL", "1000", "0.1"))
    made.place(made.accounts["me"], limit("BUY", "1000", "0.1"))
    assert resting.status == "EXPIRED_IN_MATCH"
    assert heard.trades == []
    assert made.accounts["me"].balance("BTC").locked == 0


def test_two_members_share_one_trade() -> None:
    made, heard = venue("me", "you")
    made.place(made.accounts["you"], limit("SELL", "1000", "0.1"))
    made.place(made.accounts["me"], limit("BUY", "1000", "0.1"))
    (trade,) = heard.trades
    assert {r["t"] for r in heard.reports if r["x"] == "TRADE"} == {trade["t"]}
    total = {
        asset: sum(a.balance(asset).free + a.balance(asset).locked for a in made.accounts.values())
        for asset in ("USDT", "BTC")
    }
    assert total == {"USDT": D(20_000) - D(100) * BTC.maker_fee, "BTC": D(10) - D("0.1") * BTC.taker_fee}


# -- orders that wait, hide or shrink ---------------------------------------------------------------------------


def stop(kind: str, side: str, at: str, quantity: str = "0.01", price: str = "") -> dict[str, str]:
    request = limit(side, price, quantity, stopPrice=at) | {"type": kind}
    return request if price else {key: value for key, value in request.items() if key not in ("price", "timeInForce")}


@pytest.mark.parametrize(
    ("kind", "side", "at", "passes", "reaches"),
    [
        ("STOP_LOSS", "BUY", "1002", 1, 4),
        ("STOP_LOSS", "SELL", "998", -1, -4),
        ("TAKE_PROFIT", "BUY", "998", -1, -4),
        ("TAKE_PROFIT", "SELL", "1002", 1, 4),
    ],
)
def test_a_stop_waits_for_its_price_and_then_takes(kind: str, side: str, at: str, passes: int, reaches: int) -> None:
    made, heard = venue()
    order = made.place(made.accounts["me"], stop(kind, side, at))
    assert (heard.reports[-1]["w"], heard.reports[-1]["P"]) == (False, f"{at}.00000000")
    trade(made, Side.BUY if passes > 0 else Side.SELL, passes, 1)
    assert order.waits
    trade(made, Side.BUY if passes > 0 else Side.SELL, reaches, 1)
    assert order.status == "FILLED"
    assert [(report["x"], report["w"]) for report in heard.reports[:2]] == [("NEW", False), ("NEW", True)]
    assert {balance.locked for balance in order.account.balances.values()} == {0}


def test_a_stop_with_a_limit_rests_when_its_price_came() -> None:
    made, heard = venue()
    order = made.place(made.accounts["me"], stop("STOP_LOSS_LIMIT", "BUY", "1002", price="1000"))
    assert heard.balances["USDT"] == (D(9_990), D(10))
    assert made.books["BTCUSDT"].matching.lots_at(Side.BUY, BASE) == 0
    trade(made, Side.BUY, 4, 1)
    assert (order.status, order.waits) == ("NEW", False)
    assert made.books["BTCUSDT"].matching.lots_at(Side.BUY, BASE) == 10
    made.cancel(order.account, named(order.id))
    assert heard.balances["USDT"] == (D(10_000), D(0))


def test_a_stop_that_waits_can_be_cancelled() -> None:
    made, heard = venue()
    order = made.place(made.accounts["me"], stop("STOP_LOSS", "SELL", "998"))
    made.cancel(order.account, named(order.id))
    trade(made, Side.SELL, -4, 1)
    assert (order.status, heard.balances["BTC"]) == ("CANCELED", (D(5), D(0)))


def test_one_stop_may_bring_the_next() -> None:
    """The first sells down to 998.5, which is where the second waits."""
    made, _ = venue()
    first = made.place(made.accounts["me"], stop("STOP_LOSS", "SELL", "999", "0.03"))
    second = made.place(made.accounts["me"], stop("STOP_LOSS", "SELL", "998.5", "0.01"))
    trade(made, Side.SELL, -2, 1)
    assert (first.status, second.status) == ("FILLED", "FILLED")


def test_a_stop_that_cannot_be_paid_when_it_comes_expires() -> None:
    made, heard = venue()
    order = made.place(made.accounts["me"], stop("STOP_LOSS", "BUY", "1002", "9"))
    levels(made, (Side.SELL, 10, 9_000))
    made.place(made.accounts["me"], limit("BUY", "990", "0.9"))
    levels(made, *[(Side.SELL, ticks, 0) for ticks in range(1, 6)], (Side.SELL, 200, 9_000), (Side.SELL, 10, 0))
    trade(made, Side.BUY, 4, 1)
    assert order.status == "EXPIRED"
    assert heard.balances["USDT"] == (D(10_000) - D(990) * D("0.9"), D(990) * D("0.9"))


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (stop("STOP_LOSS", "BUY", "1000"), -2010),
        (stop("TAKE_PROFIT", "BUY", "1001"), -2010),
        (stop("STOP_LOSS", "BUY", ""), -1102),
        (stop("STOP_LOSS", "BUY", "1002.3"), -1013),
        (limit("BUY", "999", "0.01", stopPrice="1002"), -1106),
        (limit("BUY", "999", "0.1", icebergQty="0.001"), -1013),
        (limit("BUY", "999", "0.1", icebergQty="0.009"), -1013),
        (limit("BUY", "999", "0.1", "IOC", icebergQty="0.05"), -1013),
    ],
)
def test_stops_and_icebergs_that_are_refused(request_: dict[str, str], code: int) -> None:
    made, heard = venue()
    assert refused(made, request_) == code
    assert heard.events == []


def test_an_iceberg_shows_its_tip_and_pays_for_all() -> None:
    made, heard = venue("me", "you")
    order = made.place(made.accounts["me"], limit("BUY", "1000", "0.1", icebergQty="0.03"))
    assert (heard.reports[-1]["F"], heard.balances["USDT"][1]) == ("0.03000000", D(100))
    assert made.books["BTCUSDT"].matching.lots_at(Side.BUY, BASE) == 30
    made.place(made.accounts["you"], limit("SELL", "1000", "0.08", "IOC"))
    assert order.filled == D("0.08")
    assert made.books["BTCUSDT"].matching.lots_at(Side.BUY, BASE) == 10


def test_an_order_that_is_made_smaller_keeps_its_place() -> None:
    made, heard = venue("me", "you")
    first, second = (made.place(made.accounts[key], limit("BUY", "1000", "0.01")) for key in ("me", "you"))
    made.shrink(first.account, {**named(first.id), "newQty": "0.006", "newClientOrderId": "less"})
    report = next(report for report in heard.reports if report["x"] == "REPLACED")
    assert (report["c"], report["C"], report["q"]) == ("less", f"x-{first.id}", "0.00600000")
    assert first.account.balance("USDT").locked == 6
    assert made.query(first.account, {"symbol": "BTCUSDT", "origClientOrderId": "less"}) is first
    trade(made, Side.SELL, -1, 7)
    assert (first.status, second.filled) == ("FILLED", D("0.001"))


@pytest.mark.parametrize("quantity", ["0.01", "0.02", "0.004"])
def test_only_less_and_not_less_than_was_filled(quantity: str) -> None:
    made, _ = venue()
    order = made.place(made.accounts["me"], limit("BUY", "1000", "0.01"))
    trade(made, Side.SELL, -1, 4)
    with pytest.raises(VenueError, match="-2038"):
        made.shrink(order.account, {**named(order.id), "newQty": quantity})
    assert (order.quantity, order.client_id) == (D("0.01"), f"x-{order.id}")


# -- refusals --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "ETHUSDT"}, -1121),
        ({"symbol": ""}, -1102),
        ({"side": "HOLD"}, -1117),
        ({"type": "ICEBERG"}, -1116),
        ({"timeInForce": "GTX"}, -1115),
        ({"timeInForce": ""}, -1102),
        ({"price": "999.3"}, -1013),
        ({"price": "x"}, -1100),
        ({"price": "NaN"}, -1100),
        ({"quantity": "0.0015"}, -1013),
        ({"quantity": "0.001"}, -1013),
        ({"quantity": "-1"}, -1100),
        ({"quantity": "0.002", "price": "10"}, -1013),
        ({"quantity": "11"}, -2010),
        ({"type": "LIMIT_MAKER", "price": "1000.5"}, -2010),
    ],
)
def test_what_the_venue_refuses_leaves_no_trace(changes: dict[str, str], code: int) -> None:
    made, heard = venue()
    assert refused(made, {**limit("BUY", "999", "0.01"), **changes}) == code
    assert heard.reports == []
    assert made.accounts["me"].info() == venue()[0].accounts["me"].info()


def test_a_clients_id_is_used_once_while_its_order_is_open() -> None:
    made, _ = venue()
    request = limit("BUY", "999", "0.01", newClientOrderId="a")
    order = made.place(made.accounts["me"], request)
    assert refused(made, request) == -2010
    made.cancel(made.accounts["me"], {"symbol": "BTCUSDT", "origClientOrderId": "a"})
    assert made.place(made.accounts["me"], request).id != order.id


def test_an_order_of_somebody_else_is_not_there() -> None:
    made, _ = venue("me", "you")
    order = made.place(made.accounts["you"], limit("BUY", "999", "0.01"))
    named = {"symbol": "BTCUSDT", "orderId": str(order.id)}
    for call, code in ((made.cancel, -2011), (made.query, -2013)):
        with pytest.raises(VenueError) as info:
            call(made.accounts["me"], named)
        assert info.value.code == code


def test_a_cancelled_order_cannot_be_cancelled_again() -> None:
    made, _ = venue()
    order = made.place(made.accounts["me"], limit("BUY", "999", "0.01"))
    named = {"symbol": "BTCUSDT", "orderId": str(order.id)}
    made.cancel(made.accounts["me"], named)
    with pytest.raises(VenueError, match="Unknown order"):
        made.cancel(made.accounts["me"], named)
    with pytest.raises(VenueError, match="Unknown order"):
        made.cancel_all(made.accounts["me"], {"symbol": "BTCUSDT"})


# -- whatever happens ------------------------------------------------------------------------------------------


stops = st.tuples(
    st.just("stop"),
    who,
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]),
    st.integers(-6, 6),
    st.integers(-6, 6),
)
icebergs = orders("GTC", "LIMIT_MAKER").map(lambda action: ("iceberg", *action[1:]))
shrinkings = st.tuples(st.just("shrink"), who, st.integers(0, 5), st.integers(2, 20))


def step(made: SpotVenue, action: tuple[Any, ...]) -> None:
    kind, key, *rest = action
    with contextlib.suppress(VenueError):
        if kind == "stop":
            at, price = (str(BTC.price(BASE + ticks)) for ticks in rest[2:])
            made.place(made.accounts[key], stop(rest[1], rest[0], at, price=price if "LIMIT" in rest[1] else ""))
        elif kind == "iceberg":
            act(made, ("order", key, *rest), icebergQty="0.005")
        elif kind == "shrink":
            open_orders = made.open_orders(made.accounts[key], {})
            if rest[0] < len(open_orders):
                named_ = named(open_orders[rest[0]].id)
                made.shrink(made.accounts[key], {**named_, "newQty": str(BTC.quantity(rest[1]))})
        else:
            act(made, action)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            orders("GTC", "IOC", "FOK", "LIMIT_MAKER", "MARKET"), icebergs, stops, shrinkings, cancels, market_moves
        ),
        max_size=40,
    )
)
def test_every_balance_is_what_its_trades_made_of_it(actions: list[tuple[Any, ...]]) -> None:
    made, _ = venue("me", "you")
    for action in actions:
        step(made, action)
    for account in made.accounts.values():
        expected = {"USDT": D(10_000), "BTC": D(5)}
        for fill in made.fills(account, {"symbol": "BTCUSDT", "limit": "1000"}):
            told = trade_info(fill)
            sign = 1 if told["isBuyer"] else -1
            expected["BTC"] += sign * D(told["qty"])
            expected["USDT"] -= sign * D(told["quoteQty"])
            expected[told["commissionAsset"]] -= D(told["commission"])
        locked = {"USDT": D(0), "BTC": D(0)}
        for order in made.open_orders(account, {}):
            asset = "USDT" if order.side is Side.BUY else "BTC"
            price = order.price or order.stop_price
            locked[asset] += order.left * price if order.side is Side.BUY else order.left
        for asset, amount in expected.items():
            balance = account.balance(asset)
            assert balance.locked == locked[asset]
            assert balance.free + balance.locked == amount
            assert balance.free >= 0
    assert_uncrossed(made)
