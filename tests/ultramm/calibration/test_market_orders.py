"""Trades as the market orders that made them."""

from __future__ import annotations

import math

import pytest

from ultramm.calibration.market_orders import MarketOrder, MarketOrders, QuotedOrders
from ultramm.market import Book, Level, Side, Trade

MS = 1_000_000


def _fed(*trades: Trade, mid: float = 100.0) -> list[MarketOrder]:
    orders = MarketOrders()
    orders.on_mid(0, mid)
    found = [orders.on_trade(trade) for trade in trades]
    found.append(orders.on_mid(10**12, mid))
    return [order for order in found if order is not None]


def test_trades_of_one_side_and_moment_are_one_order() -> None:
    found = _fed(
        Trade(5 * MS, 101.0, 1.0, Side.BUY, 77),
        Trade(6 * MS, 103.0, 2.0, Side.BUY, 77),
        Trade(6 * MS, 102.0, 2.0, Side.BUY, 77),
        Trade(6 * MS, 99.0, 4.0, Side.SELL, 77),
        Trade(7 * MS, 98.0, 4.0, Side.SELL, 78),
    )

    assert found == [
        MarketOrder(5 * MS, Side.BUY, 100.0, 103.0, 5.0),
        MarketOrder(6 * MS, Side.SELL, 100.0, 99.0, 4.0),
        MarketOrder(7 * MS, Side.SELL, 100.0, 98.0, 4.0),
    ]
    assert [order.reach for order in found] == [3.0, 1.0, 2.0]


def test_without_the_venues_time_ours_tells() -> None:
    assert len(_fed(Trade(5, 101.0, 1.0, Side.BUY), Trade(5, 102.0, 1.0, Side.BUY))) == 1
    assert len(_fed(Trade(5, 101.0, 1.0, Side.BUY), Trade(6, 102.0, 1.0, Side.BUY))) == 2


def test_the_mid_is_the_one_before_the_order() -> None:
    orders = MarketOrders()
    orders.on_mid(0, 100.0)
    orders.on_trade(Trade(MS, 101.0, 1.0, Side.BUY, 5))
    assert orders.on_mid(2 * MS, 104.0) is None  # may still go on
    orders.on_trade(Trade(3 * MS, 105.0, 1.0, Side.BUY, 5))
    complete = orders.on_trade(Trade(4 * MS, 105.0, 1.0, Side.BUY, 6))

    assert complete is not None
    assert complete.reach == pytest.approx(5.0)
    after = orders.on_mid(10**12, math.nan)
    assert after is not None
    assert after.reach == pytest.approx(1.0)


def test_before_any_mid_there_is_nothing_to_measure_from() -> None:
    assert _fed(Trade(1, 101.0, 1.0, Side.BUY), mid=math.nan) == []


# -- without a tape --------------------------------------------------------------------------------------------


def _quoted(*touches: tuple[int, float, float]) -> list[MarketOrder]:
    orders = QuotedOrders(window_s=0.1)
    return [
        order
        for at_ms, bid, ask in touches
        for order in orders.on_book(Book(at_ms * MS, (Level(bid, 1.0),), (Level(ask, 1.0),)))
    ]


def test_the_other_side_coming_through_the_mid_is_a_market_order() -> None:
    """From a mid of 100, the ask falls to 97 within the window and comes back: a bid at 97 would have been sold to."""
    found = _quoted((1000, 99.0, 101.0), (1030, 96.0, 97.0), (1060, 98.0, 99.5), (1120, 98.0, 100.0))
    assert found == [MarketOrder(1000 * MS, Side.SELL, 100.0, 97.0, 0.0)]
    assert found[0].reach == 3.0


def test_a_wide_spread_that_moves_less_than_half_of_itself_reaches_nobody() -> None:
    assert _quoted((1000, 90.0, 110.0), (1050, 95.0, 115.0), (1150, 88.0, 108.0), (1300, 95.0, 115.0)) == []


def test_each_window_starts_from_its_own_mid() -> None:
    touches = ((1000, 99.0, 101.0), (1100, 101.0, 103.0), (1200, 103.0, 105.0), (1300, 99.0, 101.0))
    assert [(order.side, order.reach) for order in _quoted(*touches)] == [
        (Side.BUY, 1.0),
        (Side.BUY, 1.0),
        (Side.SELL, 3.0),
    ]


def test_one_side_alone_is_no_window() -> None:
    orders = QuotedOrders()
    assert list(orders.on_book(Book(0, (Level(99.0, 1.0),), ()))) == []


def test_an_order_that_an_interruption_cut_off_is_forgotten_and_so_is_the_mid() -> None:
    orders = MarketOrders()
    orders.on_mid(0, 100.0)
    orders.on_trade(Trade(MS, 101.0, 1.0, Side.BUY, 5))
    orders.interrupted()
    assert orders.on_trade(Trade(900 * MS, 205.0, 1.0, Side.BUY, 6)) is None
    assert orders.on_mid(10**12, 204.0) is None, "it had no mid to measure from"


def test_quotes_tell_of_no_order_across_an_interruption() -> None:
    def quoted(ts_ns: int, mid: float) -> Book:
        return Book(ts_ns, (Level(mid - 1.0, 1.0),), (Level(mid + 1.0, 1.0),))

    seen, told = QuotedOrders(), QuotedOrders()
    for orders in (seen, told):
        assert list(orders.on_book(quoted(0, 100.0))) == []
        assert list(orders.on_book(quoted(200 * MS, 100.0))) == []
    told.interrupted()
    assert [order.side for order in seen.on_book(quoted(10**12, 150.0))] == [Side.BUY]
    assert list(told.on_book(quoted(10**12, 150.0))) == []
    assert [order.mid for order in told.on_book(quoted(10**12 + 200 * MS, 160.0))] == [150.0]
