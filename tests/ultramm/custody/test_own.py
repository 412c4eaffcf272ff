"""What a sequence of records adds up to."""

from __future__ import annotations

from decimal import Decimal

import pytest
from orders import INSTRUMENT, accepted, ended, fill, sent

from ultramm.custody.own import OwnOrders
from ultramm.custody.records import Amended, Checked, Funded, OrderRecord


def added_up(*records: OrderRecord) -> OwnOrders:
    orders = OwnOrders()
    for record in records:
        orders.apply(record)
    return orders


def test_an_order_is_open_from_when_it_is_sent_until_the_venue_says_otherwise() -> None:
    orders = added_up(sent("a"))
    assert list(orders.open) == ["a"]
    orders.apply(accepted("a"))
    orders.apply(fill("a", "t", "1"))
    assert orders.open["a"].filled == 1
    orders.apply(ended("a"))
    assert orders.open == {}
    found = orders.find("a")
    assert found is not None
    assert (found.ended, found.ended_ns) == ("cancelled", 4)


def test_the_fill_of_its_whole_size_ends_it_exactly() -> None:
    orders = added_up(sent("a", "0.3"), fill("a", "1", "0.1"), fill("a", "2", "0.1"))
    assert "a" in orders.open
    orders.apply(fill("a", "3", "0.1"))
    assert orders.open == {}
    found = orders.find("a")
    assert found is not None
    assert found.ended == "filled"


def test_a_fill_that_comes_after_the_end_counts() -> None:
    orders = added_up(sent("a"), accepted("a"), ended("a"), fill("a", "late", "1.5"))
    found = orders.find("a")
    assert found is not None
    assert (found.filled, found.ended) == (Decimal("1.5"), "cancelled")
    assert [each.trade_id for each in orders.fills] == ["late"]
    assert orders.find_by_venue_id(INSTRUMENT, "v-a") is found


def test_a_fill_of_an_order_that_nobody_knows_counts() -> None:
    assert len(added_up(fill("unknown", "t")).fills) == 1


def test_an_acceptance_that_comes_after_the_end_still_tells_the_venues_id() -> None:
    orders = added_up(sent("a"), ended("a", "rejected"), accepted("a", "77"))
    assert orders.open == {}
    assert orders.find_by_venue_id(INSTRUMENT, "77") is orders.find("a")


def test_a_venues_id_is_of_its_instrument() -> None:
    orders = added_up(sent("a"), accepted("a", "1"), sent("b", instrument="ETHUSDT.X"), accepted("b", "1"))
    assert orders.find_by_venue_id(INSTRUMENT, "1") is orders.open["a"]
    assert orders.find_by_venue_id("ETHUSDT.X", "1") is orders.open["b"]
    assert orders.find_by_venue_id("SOLUSDT.X", "1") is None


def test_an_order_that_was_amended_ends_with_its_new_size() -> None:
    more = Amended(ts_ns=3, order_id="a", price=Decimal(101), size=Decimal(4))
    orders = added_up(sent("a", "2"), more, fill("a", "1", "2"))
    assert orders.open["a"].sent.price == 101
    orders.apply(fill("a", "2", "2"))
    assert orders.open == {}


def test_an_order_that_was_amended_to_what_is_filled_of_it_has_ended() -> None:
    less = Amended(ts_ns=3, order_id="a", price=Decimal(100), size=Decimal(1))
    assert added_up(sent("a", "2"), fill("a", "1", "1"), less).open == {}


def test_what_is_told_of_orders_that_were_never_sent_changes_nothing() -> None:
    orders = added_up(accepted("x"), ended("x"), Amended(ts_ns=1, order_id="x", price=Decimal(1), size=Decimal(1)))
    assert orders.open == {}
    assert orders.find("x") is None


def test_the_fills_of_a_maker_are_its_own_oldest_first() -> None:
    orders = added_up(
        fill("a", "1"), fill("b", "2", strategy="other"), fill("c", "3", instrument="E.X"), fill("a", "4")
    )
    assert [each.trade_id for each in orders.fills_of("mm", INSTRUMENT)] == ["1", "4"]


def test_money_and_what_is_known_are_the_last_word_of_each_venue() -> None:
    first = Funded(ts_ns=1, venue="X", balances={"USDT": Decimal(1)})
    second = Funded(ts_ns=2, venue="X", balances={"USDT": Decimal(2)})
    other = Funded(ts_ns=1, venue="Y", balances={})
    orders = added_up(first, other, Checked(ts_ns=5), second, Checked(ts_ns=9))
    assert orders.funded == {"X": second, "Y": other}
    assert (orders.checked_ns, orders.last_ns) == (9, 9)


def test_orders_that_ended_long_ago_are_forgotten_and_their_fills_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ultramm.custody.own._ENDED_KEPT", 3)
    orders = OwnOrders()
    for number in range(10):
        name = f"o{number}"
        for record in (sent(name, "1"), accepted(name), fill(name, name, "1")):
            orders.apply(record)
    assert orders.find("o6") is None
    assert orders.find_by_venue_id(INSTRUMENT, "v-o6") is None
    assert orders.find("o7") is not None
    assert len(orders.fills) == 10
    assert orders.knows_trade(INSTRUMENT, "o0")


def test_what_happened_since_a_moment_is_told_in_the_order_of_time() -> None:
    orders = added_up(
        sent("a", ts_ns=10),
        accepted("a", ts_ns=11),
        sent("b", ts_ns=20),
        fill("a", "t", "2", ts_ns=30),
        ended("b", ts_ns=40),
    )
    told = orders.since(15)
    assert [record.ts_ns for record in told] == [20, 30, 30, 40]
    assert fill("a", "t", "2", ts_ns=30) in told
    assert orders.since(40) == []
