"""What the synthetic market emits, in whole ticks and lots around a base price of zero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import msgspec

from ultramm.market import Side


class LevelChange(msgspec.Struct, frozen=True, gc=False):
    """The new total size at one price, in lots; 0 = the level is gone."""

    side: Side
    ticks: int
    lots: int


class MarketTrade(msgspec.Struct, frozen=True, gc=False):
    """Lots traded at one price; `side` is the taker's."""

    side: Side
    ticks: int
    lots: int


class MarketEvent(msgspec.Struct, frozen=True, gc=False):
    """One action of one agent: its trades, best price first, and then the levels that it left changed.

    Parameters
    ----------
    time_s : float
        Seconds of model time, 0 at the end of the warm-up.
    changes : tuple of LevelChange
        Apply all of them before looking at the book.
    trades : tuple of MarketTrade
        Empty unless the agent was a taker.
    """

    time_s: float
    changes: tuple[LevelChange, ...]
    trades: tuple[MarketTrade, ...] = ()


class Market(Protocol):
    """Whatever such events come from."""

    def events(self) -> Iterator[MarketEvent]:
        """In time order; the first is the whole book."""
