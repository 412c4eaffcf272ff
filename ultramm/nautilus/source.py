"""Where market data comes from: what an adapter without a venue behind it provides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import msgspec


class Pace(msgspec.Struct, frozen=True):
    """How a node plays a source.

    Parameters
    ----------
    speed : float
        Seconds of market time a second; ``inf`` plays as fast as the strategies keep up.
    """

    speed: float = 1.0


class Source(Protocol):
    """A recorded or generated market: the same events for a backtest and for a paper node.

    It is built as ``source(venue, symbols, params, seed)``, with the venue's name, the symbols that the
    configuration lists, the adapter's parameters and the seed of the run.
    """

    def __init__(self, venue: str, symbols: list[str], params: Any, seed: int) -> None: ...

    def instruments(self) -> list[Any]:
        """Nautilus instruments, one a symbol."""

    def events(self, *, endless: bool = False) -> Iterator[Any]:
        """`OrderBookDeltas` and `TradeTick`, in the order of ``ts_init``; each call begins anew.

        With `endless`, which a node asks for, a generated market goes on until nobody asks for more; a recorded
        one ends all the same, and the node with it.
        """

    def pace(self) -> Pace:
        """How a node plays it."""

    def files(self) -> list[Path]:
        """What was read, for the fingerprint of a result; empty for a generated market."""
