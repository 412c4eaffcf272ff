"""The orders that are, or may be, at the venue."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from ultramm.market import Quote, Side


class OrderState(enum.Enum):
    """Where an order stands between us and the venue."""

    SENT = "sent"
    OPEN = "open"
    CANCELLING = "cancelling"
    AMENDING = "amending"


class LiveOrder(msgspec.Struct, frozen=True, gc=False):
    """An order that may still be filled: in flight counts as live until the venue says otherwise.

    `lots` is what is left of the `placed_lots` it began with; `sent_ns` is when it was sent; one that is `taking` does
    not rest. While a change of it travels, `ticks` and `lots` are the old ones and `amended` what it may already be.
    """

    id: str
    side: Side
    ticks: int
    lots: int
    placed_lots: int
    level: int
    sent_ns: int
    state: OrderState = OrderState.SENT
    amended: Quote | None = None
    taking: bool = False

    @property
    def most_lots(self) -> int:
        """Lots that may still be filled."""
        return self.lots if self.amended is None else max(self.lots, self.amended.lots)

    @property
    def reach_ticks(self) -> int:
        """The price nearest to the other side that it may have."""
        if self.amended is None:
            return self.ticks
        return int(self.side) * max(self.side * self.ticks, self.side * self.amended.ticks)


class LiveOrders:
    """Every live order of one strategy on one instrument, kept up to date by the venue's answers."""

    __slots__ = ("_lots", "_orders", "_resting")

    def __init__(self) -> None:
        self._orders: dict[str, LiveOrder] = {}
        # Sums over the orders, by side: each review asks for them.
        self._resting = {Side.BUY: 0, Side.SELL: 0}
        self._lots = {Side.BUY: 0, Side.SELL: 0}

    def __len__(self) -> int:
        return len(self._orders)

    def __iter__(self) -> Iterator[LiveOrder]:
        return iter(self._orders.values())

    def __contains__(self, order_id: str) -> bool:
        return order_id in self._orders

    def get(self, order_id: str) -> LiveOrder | None:
        return self._orders.get(order_id)

    def sent(self, order_id: str, quote: Quote, now_ns: int) -> None:
        """Recorded before the order leaves, so that it counts even if no answer comes."""
        self._put(
            LiveOrder(
                order_id, quote.side, quote.ticks, quote.lots, quote.lots, quote.level, now_ns, taking=quote.taking
            )
        )

    def accepted(self, order_id: str) -> None:
        """The venue took it; an answer that comes after a cancel was sent changes nothing."""
        order = self._orders.get(order_id)
        if order is not None and order.state is OrderState.SENT:
            self._put(replace(order, state=OrderState.OPEN))

    def cancelling(self, order_id: str) -> None:
        order = self._orders.get(order_id)
        if order is not None:
            self._put(replace(order, state=OrderState.CANCELLING))

    def amending(self, order_id: str, quote: Quote) -> None:
        """A change of it leaves: until the venue answers it may be either."""
        order = self._orders.get(order_id)
        if order is not None:
            self._put(replace(order, state=OrderState.AMENDING, amended=quote))

    def amended(self, order_id: str, ticks: int, lots: int) -> LiveOrder | None:
        """The venue changed it: `lots` are left, at `ticks`. The order as it is now, None if it is not known."""
        order = self._orders.get(order_id)
        if order is None:
            return None
        state = OrderState.OPEN if order.state is OrderState.AMENDING else order.state
        placed_lots = lots + order.placed_lots - order.lots
        changed = replace(order, ticks=ticks, lots=lots, placed_lots=placed_lots, state=state, amended=None)
        self._put(changed)
        return changed

    def amend_failed(self, order_id: str) -> None:
        """The venue would not change it: it is as it was until it says otherwise."""
        order = self._orders.get(order_id)
        if order is not None and order.state is OrderState.AMENDING:
            self._put(replace(order, state=OrderState.OPEN, amended=None))

    def cancel_failed(self, order_id: str) -> None:
        """The venue would not cancel: the order is open until it says otherwise."""
        order = self._orders.get(order_id)
        if order is not None:
            self._put(replace(order, state=OrderState.OPEN))

    def filled(self, order_id: str, lots: int) -> bool:
        """Take `lots` off; an order with nothing left is closed. True when it is the order's first fill."""
        order = self._orders.get(order_id)
        if order is None:
            return False
        if lots >= order.lots:
            self.closed(order_id)
        else:
            # A fill is the venue's word that it holds the rest.
            state = OrderState.OPEN if order.state is OrderState.SENT else order.state
            self._put(replace(order, state=state, lots=order.lots - lots))
        return order.lots == order.placed_lots

    def closed(self, order_id: str) -> None:
        """Cancelled, rejected, denied or expired: the venue's own word, never a time-out."""
        order = self._orders.pop(order_id, None)
        if order is not None:
            self._count(order, -1)

    def lots(self, side: Side) -> int:
        """Lots that may still be filled on one side."""
        return self._lots[side]

    def resting(self, side: Side) -> bool:
        """Whether the venue holds an order of this side."""
        return self._resting[side] > 0

    def _put(self, order: LiveOrder) -> None:
        before = self._orders.get(order.id)
        if before is not None:
            self._count(before, -1)
        self._orders[order.id] = order
        self._count(order, 1)

    def _count(self, order: LiveOrder, times: int) -> None:
        self._lots[order.side] += times * order.most_lots
        if order.state is not OrderState.SENT:
            self._resting[order.side] += times
