"""Our orders and fills, as a sequence of records adds up to them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from ultramm.custody.records import Accepted, Amended, Checked, Ended, Ending, Filled, Funded, OrderRecord, Sent

_ENDED_KEPT = 20_000


class OwnOrder(msgspec.Struct):
    """One order: what was sent, and what has become of it."""

    sent: Sent
    venue_order_id: str = ""
    filled: Decimal = Decimal(0)
    ended: Ending | None = None
    ended_ns: int = 0

    @property
    def id(self) -> str:
        return self.sent.order_id


class OwnOrders:
    """What a sequence of records adds up to.

    Attributes
    ----------
    open : dict of str to OwnOrder
        Orders that are, or may be, at the venue, by our id.
    fills : list of Filled
        All fills there were, in the order they became known.
    funded : dict of str to Funded
        By venue, what its account held at the beginning.
    last_ns : int
        When the last record was written.
    checked_ns : int
        Until when every trade is known; 0 before any order.
    """

    def __init__(self) -> None:
        self.open: dict[str, OwnOrder] = {}
        self.fills: list[Filled] = []
        self.funded: dict[str, Funded] = {}
        self.last_ns = 0
        self.checked_ns = 0
        self._ended: OrderedDict[str, OwnOrder] = OrderedDict()
        self._by_venue_id: dict[tuple[str, str], str] = {}
        self._trades: set[tuple[str, str]] = set()

    def find(self, order_id: str) -> OwnOrder | None:
        """An order that is open, or one of the last that ended."""
        return self.open.get(order_id) or self._ended.get(order_id)

    def find_by_venue_id(self, instrument: str, venue_order_id: str) -> OwnOrder | None:
        order_id = self._by_venue_id.get((instrument, venue_order_id))
        return None if order_id is None else self.find(order_id)

    def knows_trade(self, instrument: str, trade_id: str) -> bool:
        return (instrument, trade_id) in self._trades

    def fills_of(self, strategy: str, instrument: str) -> Iterator[Filled]:
        """The fills of one maker, oldest first."""
        return (fill for fill in self.fills if fill.strategy == strategy and fill.instrument == instrument)

    def since(self, ts_ns: int) -> list[OrderRecord]:
        """What happened after a moment, of the orders that are still known, in the order of time.

        Fills keep the order in which they became known, and follow what was sent: the times of those that we were not
        told are by the venue's clock.
        """
        found: list[tuple[int, OrderRecord]] = []
        last_fill_ns = 0
        for record in self._what_matters():
            key = record.ts_ns
            if isinstance(record, Filled):
                own = self.find(record.order_id)
                key = last_fill_ns = max(last_fill_ns, record.ts_ns, own.sent.ts_ns if own is not None else 0)
            if record.ts_ns > ts_ns:
                found.append((key, record))
        return [record for _, record in sorted(found, key=lambda item: item[0])]

    def apply(self, record: OrderRecord) -> None:
        """Take the next record."""
        self.last_ns = max(self.last_ns, record.ts_ns)
        match record:
            case Sent():
                self.open[record.order_id] = OwnOrder(record)
            case Accepted():
                self._accepted(record)
            case Amended():
                self._amended(record)
            case Filled():
                self.fills.append(record)
                self._trades.add((record.instrument, record.trade_id))
                order = self.find(record.order_id)
                if order is not None:
                    order.filled += record.size
                    self._end_if_filled(order, record.ts_ns)
            case Ended():
                order = self.open.get(record.order_id)
                if order is not None:
                    self._end(order, record.how, record.ts_ns)
            case Checked():
                self.checked_ns = record.ts_ns
            case Funded():
                self.funded[record.venue] = record

    def _accepted(self, record: Accepted) -> None:
        order = self.find(record.order_id)
        if order is not None:
            order.venue_order_id = record.venue_order_id
            self._by_venue_id[order.sent.instrument, record.venue_order_id] = order.id

    def _amended(self, record: Amended) -> None:
        order = self.open.get(record.order_id)
        if order is not None:
            order.sent = msgspec.structs.replace(order.sent, price=record.price, size=record.size)
            self._end_if_filled(order, record.ts_ns)

    def _end_if_filled(self, order: OwnOrder, ts_ns: int) -> None:
        if order.filled >= order.sent.size:
            self._end(order, "filled", ts_ns)

    def _end(self, order: OwnOrder, how: Ending, ts_ns: int) -> None:
        if self.open.pop(order.id, None) is None:
            return
        order.ended, order.ended_ns = how, ts_ns
        self._ended[order.id] = order
        while len(self._ended) > _ENDED_KEPT:
            _, oldest = self._ended.popitem(last=False)
            self._by_venue_id.pop((oldest.sent.instrument, oldest.venue_order_id), None)

    def _what_matters(self) -> Iterator[OrderRecord]:
        yield from self.funded.values()
        if self.checked_ns:
            yield Checked(ts_ns=self.checked_ns)
        orders = [*self._ended.values(), *self.open.values()]
        for order in orders:
            yield order.sent
            if order.venue_order_id:
                yield Accepted(ts_ns=order.sent.ts_ns, order_id=order.id, venue_order_id=order.venue_order_id)
            if order.ended is not None:
                # Before its fills: they count all the same, and do not end it anew.
                yield Ended(ts_ns=order.ended_ns, order_id=order.id, how=order.ended)
        yield from self.fills
