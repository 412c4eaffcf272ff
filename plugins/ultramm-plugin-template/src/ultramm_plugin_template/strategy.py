"""Join the touch."""

from __future__ import annotations

from ultramm.bounds import Positive
from ultramm.maker import MakerParams
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision


class TouchParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the strategy.

    Parameters
    ----------
    order_size : float
        Size of the order on each side.
    """

    order_size: Positive


class Touch:
    """One order at the best price of each side, as long as the position has room for it."""

    def __init__(self, params: TouchParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._book: Book | None = None

    def on_book(self, book: Book) -> None:
        self._book = book

    def on_trade(self, trade: Trade) -> None:
        """Trades do not matter to it."""

    def on_fill(self, fill: Fill) -> None:
        """Nor do its own fills: the inventory tells."""

    def decide(self, now_ns: int, inventory: float) -> Decision:
        book, instrument = self._book, self._instrument
        if book is None or not book.two_sided:
            return Decision.nothing("waits for a two-sided book")
        lots = instrument.lots(self._params.order_size)
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        for side, level in ((Side.BUY, book.bids[0]), (Side.SELL, book.asks[0])):
            if side * inventory + self._params.order_size > self._params.max_position:
                reasons[side] = f"position {inventory:g} has no room for more"
            else:
                quotes.append(Quote(side, instrument.ticks(level.price), lots))
        return Decision(tuple(quotes), book.mid, book.mid, reasons)
