"""Orders to price levels: the deltas rebuild what the orders sum up to."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookAction, BookType, OrderSide, RecordFlag
from nautilus_trader.model.objects import FIXED_PRECISION

from ultramm.nautilus.recordings.order_levels import OrderLevels
from ultramm.nautilus.synthetic import synthetic_instrument

INSTRUMENT = synthetic_instrument("BTCUSD", "X", 10_000.0, 1.0, 1.0)
ONE = 10**FIXED_PRECISION
SIDES = (OrderSide.BUY, OrderSide.SELL)

put = st.tuples(st.just("put"), st.integers(0, 8), st.sampled_from(SIDES), st.integers(1, 6), st.integers(1, 9))
step = st.one_of(put, put, put, st.tuples(st.just("remove"), st.integers(0, 8)), st.tuples(st.just("clear")))


def levels_of(book: OrderBook) -> dict[Any, dict[int, int]]:
    sides = zip(SIDES, (book.bids(), book.asks()), strict=True)
    return {side: {round(float(level.price)): round(level.size()) for level in levels} for side, levels in sides}


def naive(orders: dict[int, tuple[Any, int, int]]) -> dict[Any, dict[int, int]]:
    sums: dict[Any, Counter[int]] = {side: Counter() for side in SIDES}
    for side, price, size in orders.values():
        sums[side][price] += size
    return {side: dict(levels) for side, levels in sums.items()}


@given(st.lists(st.lists(step, max_size=8), max_size=12))
def test_the_deltas_rebuild_the_sum_of_the_orders(batches: list[list[Any]]) -> None:
    levels, book = OrderLevels(INSTRUMENT), OrderBook(INSTRUMENT.id, BookType.L2_MBP)
    orders: dict[int, tuple[Any, int, int]] = {}
    for ts, steps in enumerate(batches, 1):
        for name, *args in steps:
            if name == "put":
                key, side, price, size = args
                # Raw prices: bids below asks, since Nautilus' book refuses to be read when it is crossed.
                price += 0 if side == OrderSide.BUY else 10
                orders[key] = side, price, size
                levels.put(key, side, price * ONE, size * ONE)
            elif name == "remove":
                assert levels.remove(args[0]) == (orders.pop(args[0], None) is not None)
            else:
                orders.clear()
                levels.clear()
            prices = {side: [p for s, p, _ in orders.values() if s == side] for side in SIDES}
            for side, choose in zip(SIDES, (max, min), strict=True):
                expected = choose(prices[side]) * ONE if prices[side] else None
                assert levels.best(side) == expected
        deltas = levels.batch(ts, ts + 1)
        assert [bool(delta.flags & RecordFlag.F_LAST) for delta in deltas] == [False] * (len(deltas) - 1) + [
            True
        ] * bool(deltas)
        if deltas:
            assert {(delta.ts_event, delta.ts_init) for delta in deltas} == {(ts, ts + 1)}
            book.apply_deltas(OrderBookDeltas(INSTRUMENT.id, deltas))
        assert levels_of(book) == naive(orders)


def test_actions_are_decided_against_the_levels_told() -> None:
    levels = OrderLevels(INSTRUMENT)

    def actions() -> list[Any]:
        return [delta.action for delta in levels.batch(1, 1)]

    levels.put(1, OrderSide.BUY, 5 * ONE, ONE)
    assert actions() == [BookAction.CLEAR, BookAction.ADD]
    levels.put(2, OrderSide.BUY, 5 * ONE, ONE)
    assert actions() == [BookAction.UPDATE]
    levels.put(3, OrderSide.BUY, 4 * ONE, ONE)
    levels.remove(3)
    assert actions() == []
    levels.remove(1)
    levels.remove(2)
    assert actions() == [BookAction.DELETE]
    levels.clear()
    assert actions() == [BookAction.CLEAR]


def test_a_crossed_book_and_the_orders_that_cross_are_told() -> None:
    levels = OrderLevels(INSTRUMENT)
    assert not levels.crossed
    levels.put(1, OrderSide.BUY, 5 * ONE, ONE)
    levels.put(2, OrderSide.SELL, 6 * ONE, ONE)
    assert not levels.crossed
    assert levels.crossed_by(OrderSide.BUY, 6 * ONE) == [2]
    assert levels.crossed_by(OrderSide.SELL, 6 * ONE) == []
    assert levels.get(1) == (OrderSide.BUY, 5 * ONE, ONE)
    levels.put(3, OrderSide.SELL, 5 * ONE, ONE)
    assert levels.crossed
