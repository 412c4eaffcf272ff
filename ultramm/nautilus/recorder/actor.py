"""The recorder's ear in a node: subscribes to everything of its instruments, and hands it on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nautilus_trader.common.actor import Actor
from nautilus_trader.config import ActorConfig
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas
from nautilus_trader.model.enums import BookAction, OrderSide, RecordFlag

from ultramm.nautilus.books import subscribe_book
from ultramm.nautilus.recorder.recorder import Recorder


class RecorderActor(Actor):
    """Feeds a `Recorder` with book deltas, trades and quotes.

    A book of which the recording does not know the beginning, at its start or after an event was lost, is written
    as a snapshot first. There is none at each rotation: a backtest takes a snapshot for a new queue, in which our
    orders would stand in front.

    Parameters
    ----------
    recorder : Recorder
        Started already; a fault in here ends the recording, never the node.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(ActorConfig(component_id="RECORDER"))
        self._recorder = recorder
        self._unknown = {instrument.id for instrument in recorder.instruments}

    def on_start(self) -> None:
        for instrument in self._recorder.instruments:
            subscribe_book(self, instrument.id)
            self.subscribe_trade_ticks(instrument.id)
            self.subscribe_quote_ticks(instrument.id)

    def on_order_book_deltas(self, deltas: Any) -> None:
        self._guarded(self._take_deltas, deltas)

    def on_trade_tick(self, tick: Any) -> None:
        self._guarded(self._recorder.put, tick)

    def on_quote_tick(self, tick: Any) -> None:
        self._guarded(self._recorder.put, tick)

    def _take_deltas(self, deltas: Any) -> None:
        instrument_id = deltas.instrument_id
        if instrument_id in self._unknown and deltas.deltas[0].action != BookAction.CLEAR:
            # The kernel's book has these deltas already: it is served first.
            deltas = snapshot(self.cache.order_book(instrument_id), deltas)
        if self._recorder.put(deltas):
            self._unknown.discard(instrument_id)
        else:
            self._unknown.add(instrument_id)

    def _guarded(self, take: Callable[[Any], object], event: Any) -> None:
        """An exception in a handler would end the node."""
        try:
            take(event)
        except Exception as error:
            self._recorder.fail(f"{self._recorder.catalog}: {type(error).__name__}: {error}")


def snapshot(book: Any, deltas: Any) -> Any:
    """A book by price levels as deltas that build it from nothing, with the times of the last deltas in it."""
    last = deltas.deltas[-1]
    stamps = last.sequence, last.ts_event, last.ts_init
    rows = [OrderBookDelta.clear(deltas.instrument_id, *stamps)]
    for side, levels in ((OrderSide.BUY, book.bids()), (OrderSide.SELL, book.asks())):
        for level in levels:
            for order in level.orders():
                # The order's id is the kernel's own; deltas of levels go by their price.
                plain = BookOrder(side, order.price, order.size, 0)
                rows.append(OrderBookDelta(deltas.instrument_id, BookAction.ADD, plain, RecordFlag.F_SNAPSHOT, *stamps))
    rows[-1] = _ended(rows[-1])
    return OrderBookDeltas(deltas.instrument_id, rows)


def _ended(delta: Any) -> Any:
    """The same delta as the last of its batch."""
    flags = delta.flags | RecordFlag.F_LAST
    order = None if delta.action == BookAction.CLEAR else delta.order
    return OrderBookDelta(
        delta.instrument_id, delta.action, order, flags, delta.sequence, delta.ts_event, delta.ts_init
    )
