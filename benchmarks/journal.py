"""What the journal costs the loop that trades: how late its ticks come with a journal that is written, and without.

A tick each millisecond hands over its share of the records, as order events and fills come in a burst, and notes how
late it was. Without: the same ticks with a writer whose store takes nothing.

A scheduler may put the writer's thread on the loop's core, and let the loop wait for the end of its turn; ``--apart``
gives each a core of its own, so that what is left is the journal's doing.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ultramm.journal.open import open_journal
from ultramm.journal.records import Command, FillEvent, OrderEvent, Record
from ultramm.journal.writer import JournalWriter

_TICK_S = 0.001
_ORDER = OrderEvent(
    strategy="mm-btc", instrument="BTCUSDT.SIM", order_id="umm-1", event="sent", side="BUY", price=50_000.1, size=0.01
)
_FILL = FillEvent(
    strategy="mm-btc",
    instrument="BTCUSDT.SIM",
    order_id="umm-1",
    side="BUY",
    price=50_000.1,
    size=0.01,
    fee=0.1,
    maker=True,
    mid=50_002.3,
    position=0.05,
)


class Nowhere:
    """A store that takes nothing."""

    place = "nowhere"

    def append(self, rows: Iterable[tuple[str, int, Record]]) -> int:
        return 0

    def tidy(self, now_ns: int) -> int:
        return 0

    def pending_commands(self) -> list[Command]:
        return []

    def reply(self, command_id: int, text: str) -> None:
        """Nobody asked."""

    def close(self) -> None:
        """There is nothing."""


class Measured(msgspec.Struct, frozen=True):
    """One round: how late ticks were, milliseconds, and what was written."""

    store: str
    records_per_s: float
    written: int
    late_p50_ms: float
    late_p99_ms: float
    late_p999_ms: float
    late_most_ms: float
    caught_up_s: float


async def ticks(writer: JournalWriter, rate: float, seconds: float) -> tuple[int, list[float]]:
    """Hand over `rate` records a second; gives how many, and how late each tick was, seconds."""
    loop = asyncio.get_running_loop()
    each = round(rate * _TICK_S)
    records = [_FILL if number % 10 == 0 else _ORDER for number in range(each)]
    late: list[float] = []
    start, count = loop.time(), 0
    for tick in range(1, round(seconds / _TICK_S) + 1):
        due = start + tick * _TICK_S
        if (wait := due - loop.time()) > 0:
            await asyncio.sleep(wait)
        late.append(loop.time() - due)
        now_ns = time.time_ns()
        for record in records:
            writer.write(now_ns, record)
        count += each
    return count, late


class Apart:
    """A store whose writer has a core of its own."""

    def __init__(self, inner: Any, core: int) -> None:
        self._inner, self._core = inner, core

    def append(self, rows: Iterable[tuple[str, int, Record]]) -> int:
        os.sched_setaffinity(threading.get_native_id(), {self._core})
        lost: int = self._inner.append(rows)
        return lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def measure(store: str, rate: float, seconds: float, folder: Path, core: int | None = None) -> Measured:
    """One round."""
    address = f"sqlite:///{folder}/{time.time_ns()}.db"
    journal: Any = open_journal(address, create=True) if store == "sqlite" else Nowhere()
    if core is not None:
        journal = Apart(journal, core)
    writer = JournalWriter(journal, "run", lambda _: None, capacity=10_000_000)
    writer.start()
    count, late = asyncio.run(ticks(writer, rate, seconds))
    begun = time.monotonic()
    assert writer.close(600.0), "records were lost"
    caught_up_s = time.monotonic() - begun
    written = 0
    if store == "sqlite":
        reader = open_journal(address)
        (last,) = reader.last("order")
        written = last.sequence
        reader.close()
        assert written == count, f"{written:,} of {count:,} are there"
    p50, p99, p999, most = np.percentile(np.array(late) * 1e3, [50, 99, 99.9, 100])
    return Measured(store, rate, written, float(p50), float(p99), float(p999), float(most), caught_up_s)


def main() -> None:
    parser = argparse.ArgumentParser(description="What the journal costs the loop that trades.")
    parser.add_argument("--rate", type=float, default=50_000, help="records a second")
    parser.add_argument("--duration", type=float, default=10.0, metavar="S", help="of a round")
    parser.add_argument("--rounds", type=int, default=3, help="of each kind, in turn")
    parser.add_argument("--apart", action="store_true", help="the loop and the writer on a core of their own each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args()
    console = Console(width=None if Console().is_terminal else 120)
    core = None
    if arguments.apart:
        first, *_, core = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {first})
    plan = ["nowhere", "sqlite"] * arguments.rounds
    with tempfile.TemporaryDirectory() as folder:
        found = [
            measure(store, arguments.rate, arguments.duration, Path(folder), core)
            for store in track(plan, "measuring", console=Console(stderr=True), transient=True)
        ]
    table = Table(title=f"lateness of a tick each millisecond, {arguments.rate:,.0f} records a second, milliseconds")
    for column in ("store", "written", "p50", "p99", "p99.9", "most", "caught up after, s"):
        table.add_column(column, justify="left" if column == "store" else "right")
    for each in found:
        cells = (each.late_p50_ms, each.late_p99_ms, each.late_p999_ms, each.late_most_ms)
        table.add_row(each.store, f"{each.written:,}", *(f"{cell:.2f}" for cell in cells), f"{each.caught_up_s:.2f}")
    console.print(table)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


if __name__ == "__main__":
    main()
