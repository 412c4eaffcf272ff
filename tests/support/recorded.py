"""What the tests of the recorder share: a market to record, and what a catalog holds of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import BookType

from ultramm.nautilus.catalog.read import load
from ultramm.nautilus.recorder.recorder import SegmentWriter
from ultramm.nautilus.recorder.spool import spool_folder
from ultramm.nautilus.synthetic import synthetic_events, synthetic_instrument
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket

INSTRUMENT = synthetic_instrument("BTCUSDT", "SIM", 50_000.0, 1.0, 0.01)

Levels = list[tuple[int, int]]


def market(count: int, seed: int = 1, instrument: Any = INSTRUMENT) -> list[Any]:
    """The first events of a generated market, long ago."""
    return list(
        islice(synthetic_events(SyntheticMarket(PRESETS["benign"], seed), instrument, 50_000.0, 4.0, None), count)
    )


def told(events: Sequence[Any]) -> list[dict[str, Any]]:
    """Events as plain values, one for one, that can be compared."""
    parts = [part for event in events for part in (event.deltas if isinstance(event, OrderBookDeltas) else [event])]
    values = [type(part).to_dict(part) for part in parts]
    for value in values:
        if value.get("action") == "CLEAR":
            del value["order"]  # there is none, however it is written
    return values


def held(catalog: Path, *instrument_ids: str) -> list[dict[str, Any]]:
    """All that a catalog has, in order."""
    return told(list(load(catalog, instrument_ids or [INSTRUMENT.id.value])))


def in_catalogs_order(events: Sequence[Any]) -> list[Any]:
    """Trades before deltas at equal times, as a catalog is read."""
    return sorted(events, key=lambda event: (event.ts_init, not isinstance(event, TradeTick)))


def books(events: Sequence[Any], every: int = 50) -> list[tuple[int, Levels, Levels]]:
    """The book after each so many changes: time, bids and asks, raw prices and sizes, best first."""
    book, seen = OrderBook(INSTRUMENT.id, BookType.L2_MBP), []
    for event in events:
        if isinstance(event, OrderBookDeltas):
            book.apply_deltas(event)
            seen.append((event.ts_init, levels(book.bids()), levels(book.asks())))
    return seen[::every] + seen[-1:]


def levels(side: Sequence[Any]) -> Levels:
    return [(level.price.raw, sum(order.size.raw for order in level.orders())) for level in side]


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def spooler(catalog: Path, hand_over: Callable[[Path], None] = lambda _: None, **limits: Any) -> SegmentWriter:
    """A writer into a catalog's spool; by default it never rotates by itself."""
    spool_folder(catalog).mkdir(parents=True, exist_ok=True)
    settings: dict[str, Any] = {"rotate_s": 1e9, "rotate_rows": 10**9, **limits}
    instruments = settings.pop("instruments", [INSTRUMENT])
    return SegmentWriter(spool_folder(catalog), instruments, hand_over, **settings)


def flushed(writer: SegmentWriter, events: Sequence[Any], at_once: int = 40) -> None:
    """Write events as some flushes."""
    for start in range(0, len(events), at_once):
        writer.write(events[start : start + at_once], {})
