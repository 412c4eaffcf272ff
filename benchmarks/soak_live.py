"""A million order updates through a live node: does its memory stay.

::

    .venv/bin/python benchmarks/soak_live.py                       1,000,000 updates, some twenty minutes
    .venv/bin/python benchmarks/soak_live.py --product usdm        where orders are changed, not cancelled and sent anew
    .venv/bin/python benchmarks/soak_live.py --updates 100000      shorter
    .venv/bin/python benchmarks/soak_live.py --json out.json       the numbers for a program

Nothing on the way is left out: the venue (`live_venue`) in a process of its own, sockets, the real adapter, the node of
``ultramm node start --live`` with its ledger and journal. An update is an ``executionReport``, or on futures an
``ORDER_TRADE_UPDATE``, that the execution client takes from the user stream. What is not as in life is the pace: the
market moves as soon as the node has answered its last move, with all its quotes, some hundred times as often as a venue
would let a member send orders. So what is remembered for two minutes in life, at ten orders a second, is remembered
here for as many orders: for seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

import live_venue as venue
from ultramm.market import Side
from ultramm.simulation.events import MarketEvent, MarketTrade

MB = 1024 * 1024
LEVELS = 10
MARKS = 10
FLAT = 0.10
_WARM = 2  # marks
_FILL_EVERY = 20  # moves
_LONGEST_S = 0.1
_REMEMBER_S = 2
_PATIENCE_S = 120.0
_PARAMS = {
    "levels": LEVELS,
    "half_spread_bps": 2.0,
    "level_step_bps": 0.6,  # three ticks, where the market moves by two: every order has to move
    "order_size": 0.001,
    "max_position": 1.0,
    "refresh_ms": 0.0,
    "cover_fees": False,
    "skew": 0.0,
}


# -- the venue ------------------------------------------------------------------------------------------------------


class _Quotes:
    """A listener of a venue: how many quotes it was sent, as orders or as changes of orders."""

    count = 0

    def on_user_event(self, account: Any, event: Any) -> None:
        # Futures wrap the order; of spot's report the field is its type.
        order = event["o"] if isinstance(event.get("o"), dict) else event
        self.count += order.get("x") in ("NEW", "AMENDMENT")

    def on_trade(self, symbol: Any, trade: Any) -> None:
        """No quote."""

    def on_levels(self, symbol: Any, changed: Any) -> None:
        """No quote."""


async def _serve(product: str) -> None:
    made, quotes = venue.venue(product, ["BTCUSDT"]), _Quotes()
    made.listeners.append(quotes)
    server = venue.Server({made: {}})
    venue.tell(f"http://127.0.0.1:{await server.start(0)}")
    driver = asyncio.create_task(_drive(made, quotes))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    driver.cancel()
    await server.stop()


async def _drive(made: Any, quotes: _Quotes) -> None:
    """Move on as soon as all quotes of the last move are there, or it takes too long."""
    made.on_market("BTCUSDT", venue.move(None, 0))
    number, before = 0, 0
    while True:
        deadline = time.monotonic() + _LONGEST_S
        while quotes.count < before + 2 * LEVELS and time.monotonic() < deadline:
            await asyncio.sleep(0.001)
        before, number = quotes.count, number + 1
        made.on_market("BTCUSDT", venue.move(venue.wave(number - 1), venue.wave(number)))
        if number % _FILL_EVERY == 0:
            side = Side.BUY if number // _FILL_EVERY % 2 else Side.SELL
            _take(made, side)


def _take(made: Any, side: Side) -> None:
    """Somebody takes what is the best of the member's orders on a side, and those of others before it."""
    best = [order for order in made.ledger.open(made.accounts[venue.KEY]) if order.side is side]
    if best:
        order = max(best, key=lambda each: side * each.resting.ticks)
        trade = MarketTrade(side.opposite, order.resting.ticks - made.books["BTCUSDT"].base_ticks, order.resting.left)
        made.on_market("BTCUSDT", MarketEvent(0.0, (), (trade,)))


# -- the node -------------------------------------------------------------------------------------------------------


class Mark(msgspec.Struct, frozen=True):
    """A node after so many updates.

    Parameters
    ----------
    ledger_mb, journal_mb : float
        Files.
    open_orders, kept_orders, fills : int
        In the ledger's memory: at the venue, lately ended, and all fills.
    kernel_orders : int
        In the kernel's cache.
    waiting : int
        Records that the journal's writer has not written.
    objects : dict of str to int
        Python's, by type, those that are many; at some marks only.
    """

    updates: int
    at_s: float
    resident_mb: float
    private_mb: float
    ledger_mb: float
    journal_mb: float
    open_orders: int
    kept_orders: int
    fills: int
    kernel_orders: int
    waiting: int
    objects: dict[str, int] = {}


class Watch:
    """Counts updates in a node, and looks at it now and then."""

    def __init__(self, every: int, updates: int, out: Path) -> None:
        self._every = every
        self._updates = updates
        self._out = out
        self._count = 0
        self.marks: list[Mark] = []
        self._node: Any = None
        self._venues: Any = None
        self._writer: Any = None
        self._began_s = 0.0

    def attach(self) -> None:
        """To the classes, before anything is made of them; and shorten what is remembered."""
        from ultramm.cli import run_node
        from ultramm.journal.writer import JournalWriter
        from ultramm.nautilus import node, shell
        from ultramm.nautilus.live import LiveVenues
        from ultramm_adapters.binance.execution import FuturesExecution, SpotExecution

        shell._REMEMBER_S, shell._FORGET_EVERY_NS = _REMEMBER_S, 1_000_000_000
        node._FORGET_TICKS = 4
        begin, watch = LiveVenues.begin, self

        class Writer(JournalWriter):
            def __init__(self, *arguments: Any, **named: Any) -> None:
                super().__init__(*arguments, **named)
                watch._writer = self

        def begun(venues: Any, node: Any, shells: Any, ended: Any) -> None:
            begin(venues, node, shells, ended)
            self._node, self._venues, self._began_s = node, venues, time.monotonic()
            engine = node.kernel.exec_engine
            prune = engine._prune_recent_fills_cache
            engine._prune_recent_fills_cache = lambda: prune(_REMEMBER_S)

        def counted(take: Any) -> Any:
            def taken(client: Any, raw: bytes) -> None:
                take(client, raw)
                self._count += 1
                # Until it has stopped there come more than were wanted.
                if self._count % self._every == 0 and self._count <= self._updates:
                    self._look()

            return taken

        run_node.JournalWriter = Writer  # type: ignore[misc]
        LiveVenues.begin = begun  # type: ignore[method-assign]
        SpotExecution._handle_execution_report = counted(SpotExecution._handle_execution_report)
        FuturesExecution._handle_order_trade_update = counted(FuturesExecution._handle_order_trade_update)

    def _look(self) -> None:
        memory, ledger = psutil.Process().memory_full_info(), self._venues.ledger
        files = Path("data").glob("journal.db*")
        counted = len(self.marks) + 1 in (_WARM, self._updates // self._every)
        self.marks.append(
            Mark(
                updates=self._count,
                at_s=time.monotonic() - self._began_s,
                resident_mb=memory.rss / MB,
                private_mb=memory.uss / MB,
                ledger_mb=ledger.path.stat().st_size / MB,
                journal_mb=sum(file.stat().st_size for file in files) / MB,
                open_orders=len(ledger.open),
                kept_orders=len(ledger._ended),
                fills=len(ledger.fills),
                kernel_orders=self._node.kernel.cache.orders_total_count(),
                waiting=self._writer._queue.qsize() + len(self._writer._waiting),
                objects=_objects() if counted else {},
            )
        )
        self._out.write_bytes(msgspec.json.encode(self.marks))
        mark = self.marks[-1]
        venue.tell(f"{mark.updates:,} updates, {mark.resident_mb:.0f} MB")
        if self._count >= self._updates:
            os.kill(os.getpid(), signal.SIGTERM)


def _objects() -> dict[str, int]:
    gc.collect()
    return dict(Counter(type(each).__name__ for each in gc.get_objects()).most_common(40))


def node(path: str, every: str, updates: str, out: str) -> None:
    """Run ``ultramm node start`` until it has had its updates."""
    Watch(int(every), int(updates), Path(out)).attach()
    venue.trade(path)


def interned() -> None:
    """Print what the kernel keeps for good of an order's two names, bytes: by making many."""
    from nautilus_trader.model.identifiers import ClientOrderId, VenueOrderId

    count = 400_000
    gc.collect()
    before = psutil.Process().memory_info().rss
    for number in range(count):
        ClientOrderId(f"umm-75496996-mwwyo0ie-{number:06x}")
        VenueOrderId(str(10_000_000 + number))
    gc.collect()
    venue.tell(str((psutil.Process().memory_info().rss - before) / count))


# -- what came of it ------------------------------------------------------------------------------------------------


class Soaked(msgspec.Struct, frozen=True):
    """One run.

    Parameters
    ----------
    names_bytes : float
        What the kernel keeps for good of an order's names.
    growth : float
        Of the resident memory from the mark after warming up to the last, as a share.
    per_update : float
        The same, bytes an update.
    """

    marks: list[Mark]
    names_bytes: float
    growth: float
    per_update: float
    ended: str


def soak(updates: int, product: str) -> Soaked:
    """Run venue and node; gives what was seen."""
    every = max(1, updates // MARKS)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        out = folder / "marks"
        with venue.process("soak_live.py", "venue", product, folder=folder) as serving:
            url = venue.said(serving.stdout, "the venue")
            path = venue.config(folder, url, product, ["BTCUSDT"], _PARAMS)
            arguments = ("node", str(path), str(every), str(updates), str(out))
            with venue.process("soak_live.py", *arguments, folder=folder) as trading:
                lines = []
                for line in trading.stdout:
                    lines.append(line.strip())
                    if " updates, " in line:
                        print(line.strip(), file=sys.stderr)
                trading.wait(_PATIENCE_S)
                if trading.returncode or not out.exists():
                    raise SystemExit("\n".join([*lines[-10:], venue.logs(folder)]))
        marks = msgspec.json.decode(out.read_bytes(), type=list[Mark])
    warm, last = marks[min(_WARM, len(marks)) - 1], marks[-1]
    grown = last.resident_mb - warm.resident_mb
    done = subprocess.run([sys.executable, str(Path(__file__)), "names"], check=True, capture_output=True, text=True)
    per_update = grown * MB / max(1, last.updates - warm.updates)
    return Soaked(marks, float(done.stdout), grown / warm.resident_mb, per_update, lines[-1])


def show(found: Soaked) -> None:
    table = Table(title="a live node, after so many order updates", title_justify="left")
    columns = ("updates", "updates/s", "resident MB", "private MB", "ledger MB", "journal MB")
    for column in (*columns, "fills", "orders in the kernel", "records waiting"):
        table.add_column(column, justify="right")
    before_s, before = 0.0, 0
    for mark in found.marks:
        rate = (mark.updates - before) / (mark.at_s - before_s)
        before_s, before = mark.at_s, mark.updates
        sizes = (mark.resident_mb, mark.private_mb, mark.ledger_mb, mark.journal_mb)
        counts = (mark.fills, mark.kernel_orders, mark.waiting)
        table.add_row(
            f"{mark.updates:,}", f"{rate:,.0f}", *(f"{size:,.1f}" for size in sizes), *(f"{each:,}" for each in counts)
        )
    Console(width=None if sys.stdout.isatty() else 130).print(table)
    print(f"after warming up: {found.growth:+.1%} (target: within {FLAT:.0%}), {found.per_update:.0f} bytes an update")
    print(f"names that the kernel interns for good: {found.names_bytes:.0f} bytes an order")
    first, last = found.marks[min(_WARM, len(found.marks)) - 1].objects, found.marks[-1].objects
    more = Counter({name: count - first.get(name, 0) for name, count in last.items()})
    grown = ", ".join(f"{name} {count:+,}" for name, count in more.most_common(8) if count > 0)
    print(f"Python's objects since then: {grown or 'no more'}")
    print(found.ended)


def main() -> None:
    parser = argparse.ArgumentParser(description="Many order updates through a live node: does its memory stay.")
    parser.add_argument("--product", choices=("spot", "usdm"), default="spot")
    parser.add_argument("--updates", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args()
    found = soak(arguments.updates, arguments.product)
    show(found)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["venue"]:
        venue.without_limits()
        venue.depth_at_once()
        asyncio.run(_serve(sys.argv[2]))
    elif sys.argv[1:2] == ["node"]:
        node(*sys.argv[2:6])
    elif sys.argv[1:2] == ["names"]:
        interned()
    else:
        main()
