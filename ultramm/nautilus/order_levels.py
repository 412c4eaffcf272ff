"""Orders -> price levels: the size at a price is the sum of the orders there.

Levels are emitted as deltas in batches: only what differs from the batch before. The first batch, and one behind a
clear, begins with CLEAR; the last delta of each has ``F_LAST``.
"""

from __future__ import annotations

from typing import Any

from nautilus_trader.model.data import OrderBookDelta
from nautilus_trader.model.enums import BookAction, OrderSide, RecordFlag

_F_LAST = int(RecordFlag.F_LAST)


class OrderLevels:
    """The book of one instrument, built from orders; prices and sizes are Nautilus' raw integers.

    Parameters
    ----------
    instrument : Instrument
        A Nautilus instrument.
    """

    def __init__(self, instrument: Any) -> None:
        self._id = instrument.id
        self._price_precision = instrument.price_precision
        self._size_precision = instrument.size_precision
        self._orders: dict[Any, tuple[Any, int, int]] = {}
        self._levels: dict[Any, dict[int, int]] = {OrderSide.BUY: {}, OrderSide.SELL: {}}
        self._told: dict[Any, dict[int, int]] = {OrderSide.BUY: {}, OrderSide.SELL: {}}
        self._touched: dict[tuple[Any, int], None] = {}
        self._clear = True
        self._sequence = 0

    def put(self, order_id: Any, side: Any, price: int, size: int) -> None:
        """Add an order, or replace the one of this id."""
        self.remove(order_id)
        self._orders[order_id] = side, price, size
        levels = self._levels[side]
        levels[price] = levels.get(price, 0) + size
        self._touched[side, price] = None

    def remove(self, order_id: Any) -> bool:
        """Take an order out; False when it is not known."""
        order = self._orders.pop(order_id, None)
        if order is None:
            return False
        side, price, size = order
        levels = self._levels[side]
        levels[price] -= size
        if not levels[price]:
            del levels[price]
        self._touched[side, price] = None
        return True

    def get(self, order_id: Any) -> tuple[Any, int, int] | None:
        """Side, price and size of an order."""
        return self._orders.get(order_id)

    def clear(self) -> None:
        """Take every order out."""
        self._orders.clear()
        for side in self._levels:
            self._levels[side], self._told[side] = {}, {}
        self._touched.clear()
        self._clear = True

    def best(self, side: Any) -> int | None:
        """The best price of a side, raw; None when it is empty."""
        levels = self._levels[side]
        if not levels:
            return None
        return max(levels) if side == OrderSide.BUY else min(levels)

    def batch(self, ts_event: int, ts_init: int) -> list[Any]:
        """What changed since the last batch, as deltas."""
        changes: list[tuple[Any, Any, int, int]] = []
        if self._clear:
            changes.append((BookAction.CLEAR, OrderSide.NO_ORDER_SIDE, 0, 0))
            self._clear = False
        for side, price in self._touched:
            now, before = self._levels[side].get(price, 0), self._told[side].get(price, 0)
            if now == before:
                continue
            if not now:
                changes.append((BookAction.DELETE, side, price, 0))
                del self._told[side][price]
                continue
            changes.append((BookAction.UPDATE if before else BookAction.ADD, side, price, now))
            self._told[side][price] = now
        self._touched.clear()
        self._sequence += 1
        last = len(changes) - 1
        return [
            OrderBookDelta.from_raw(
                self._id,
                action,
                side,
                price,
                self._price_precision,
                size,
                self._size_precision,
                0,
                _F_LAST if index == last else 0,
                self._sequence,
                ts_event,
                ts_init,
            )
            for index, (action, side, price, size) in enumerate(changes)
        ]
