"""Orders -> price levels: the size at a price is the sum of the orders there.

Levels are emitted as deltas in batches: only what differs from the batch before. The first batch, and one behind a
clear, begins with CLEAR; the last delta of each has ``F_LAST``. An order put twice is replaced, one removed that is not
known is told by the return value: what to make of either, and of a crossed book, is the caller's rule.
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
        self._best: dict[Any, int | None] = {}  # of a side whose best price is known
        self._touched: dict[tuple[Any, int], None] = {}
        self._clear = True
        self._sequence = 0

    def put(self, order_id: Any, side: Any, price: int, size: int) -> None:
        """Add an order, or replace the one of this id."""
        self.remove(order_id)
        self._orders[order_id] = side, price, size
        levels = self._levels[side]
        levels[price] = levels.get(price, 0) + size
        best = self._best.get(side)
        if best is not None and (price > best if side == OrderSide.BUY else price < best):
            self._best[side] = price
        elif best is None:
            self._best.pop(side, None)
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
            if self._best.get(side) == price:
                del self._best[side]
        self._touched[side, price] = None
        return True

    def become(self, levels: dict[tuple[Any, int], int]) -> None:
        """Hold exactly these levels, (side, price) -> size; their keys are the ids. Only what differs is a change."""
        for key in [key for key in self._orders if key not in levels]:
            self.remove(key)
        for key, size in levels.items():
            if self._orders.get(key) != (*key, size):
                self.put(key, *key, size)

    def get(self, order_id: Any) -> tuple[Any, int, int] | None:
        """Side, price and size of an order."""
        return self._orders.get(order_id)

    def clear(self) -> None:
        """Take every order out."""
        self._orders.clear()
        for side in self._levels:
            self._levels[side], self._told[side] = {}, {}
        self._best.clear()
        self._touched.clear()
        self._clear = True

    def best(self, side: Any) -> int | None:
        """The best price of a side, raw; None when it is empty."""
        if side not in self._best:
            levels = self._levels[side]
            choose = max if side == OrderSide.BUY else min
            self._best[side] = choose(levels) if levels else None
        return self._best[side]

    @property
    def crossed(self) -> bool:
        """Whether the best bid is at or above the best ask."""
        bid, ask = self.best(OrderSide.BUY), self.best(OrderSide.SELL)
        return bid is not None and ask is not None and bid >= ask

    def crossed_by(self, side: Any, price: int) -> list[Any]:
        """The ids of the other side's orders that an order would trade with; looks at every order."""
        buys = side == OrderSide.BUY
        return [
            key
            for key, (other, at, _) in self._orders.items()
            if other != side and (price >= at if buys else price <= at)
        ]

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
