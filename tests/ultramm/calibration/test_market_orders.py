"""Trades as the market orders that made them."""

from __future__ import annotations

import math

import pytest

from ultramm.calibration.market_orders import MarketOrder, MarketOrders
from ultramm.market import Side, Trade

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
