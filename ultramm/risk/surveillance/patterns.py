"""All patterns that mislead, fed together."""

from __future__ import annotations

from ultramm.market import Book, Instrument, Trade
from ultramm.risk.surveillance.messages import MessageBursts
from ultramm.risk.surveillance.mirrored import MirroredTrades
from ultramm.risk.surveillance.runs import SuddenRuns
from ultramm.risk.surveillance.surges import Surges
from ultramm.risk.surveillance.vanishing import VanishingOrders

DEPTH_LEVELS = 10
"""Levels a side of the book that they are looked for in."""


class Patterns:
    """One detector of each.

    Parameters
    ----------
    instrument : Instrument
        Whose market it is.
    """

    def __init__(self, instrument: Instrument) -> None:
        self._vanishing = VanishingOrders()
        self._messages = MessageBursts()
        self._runs = SuddenRuns(instrument.tick_size)
        self._mirrored = MirroredTrades()
        self._surges = Surges()
        self.guards = (self._vanishing, self._messages, self._runs, self._mirrored, self._surges)

    @property
    def doubts_volume(self) -> bool:
        """Whether volume is no measure of anything now."""
        return self._mirrored.doubtful

    def on_message(self, now_ns: int) -> None:
        """The venue sent something about the book."""
        self._messages.on_message(now_ns)

    def on_touch(self, book: Book) -> None:
        """The mid or the spread changed."""
        self._messages.on_touch(book.mid, book.spread)
        self._runs.on_touch(book)
        self._surges.on_touch(book)

    def on_depth(self, book: Book) -> None:
        """The book as deep as a decision reads it."""
        self._vanishing.on_depth(book)
        self._runs.on_depth(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._messages.on_trade(trade.ts_ns)
        self._vanishing.on_trade(trade)
        self._runs.on_trade(trade)
        self._mirrored.on_trade(trade)
        self._surges.on_trade(trade)
