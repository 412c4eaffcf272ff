"""Watches the queues that our orders stand in, as the market comes."""

from __future__ import annotations

import math

from ultramm.features.touch_volume import TouchVolume
from ultramm.market import Book, Instrument, Level, Quote, Side, Trade
from ultramm.orders.live import LiveOrder
from ultramm.orders.queue import QueuePlaces
from ultramm.quoting.requote import worth_keeping


class QueueWatch:
    """Places of our resting orders, estimated from the books of others and from trades, and what they are worth.

    Parameters
    ----------
    instrument : Instrument
        What is quoted.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._places = QueuePlaces()
        self._volume = TouchVolume()
        self._book: Book | None = None

    # -- the market ------------------------------------------------------------------------------------------

    def on_touch(self, book: Book) -> None:
        """The touch of others changed."""
        self._book = book
        self._volume.on_book(book)
        if not self._places:
            return
        for side, levels in ((Side.BUY, book.bids), (Side.SELL, book.asks)):
            if levels:
                self._places.on_best(side, self._instrument.ticks(levels[0].price), levels[0].size)

    def on_depth(self, book: Book) -> None:
        """The book of others, deeper than the touch."""
        self._book = book
        if self._places:
            self._places.on_levels(Side.BUY, self._by_ticks(book.bids))
            self._places.on_levels(Side.SELL, self._by_ticks(book.asks))

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._volume.on_trade(trade)
        if self._places:
            self._places.on_trade(trade.side, self._instrument.ticks(trade.price), trade.size)

    def _by_ticks(self, levels: tuple[Level, ...]) -> dict[int, float]:
        ticks = self._instrument.ticks
        return {ticks(level.price): level.size for level in levels}

    # -- our orders ------------------------------------------------------------------------------------------

    def joined(self, order: LiveOrder) -> None:
        """The venue took an order."""
        self._places.join(order.id, order.side, order.ticks, self.size_at(order.side, order.ticks))

    def filled(self, order_id: str) -> None:
        """It traded in part."""
        self._places.front(order_id)

    def left(self, order_id: str) -> None:
        """It rests no more."""
        self._places.leave(order_id)

    def ahead(self, order_id: str) -> float:
        """Size that trades before an order, estimated; NaN where nothing is known of its level, or of it."""
        return self._places.ahead(order_id) if order_id in self._places else math.nan

    def size_at(self, side: Side, ticks: int) -> float:
        """What others have at a price; NaN where that is out of sight."""
        book = self._book
        levels = () if book is None else book.bids if side is Side.BUY else book.asks
        if not levels:
            return math.nan
        sizes = self._by_ticks(levels)
        return sizes.get(ticks, 0.0 if side * ticks >= side * next(reversed(sizes)) else math.nan)

    def keeps(self, order: LiveOrder, quote: Quote, kappa: float) -> bool:
        """Whether an order's place is worth more than standing where `quote` is; `kappa` of its fills, 1 / price."""
        offset = order.side * (quote.ticks - order.ticks) * self._instrument.tick_size
        there = self.size_at(quote.side, quote.ticks)
        # Out of sight is taken to be empty: moving is then the better.
        there = 0.0 if math.isnan(there) else there
        return worth_keeping(kappa * offset, self.ahead(order.id), there, self._volume.value)
