"""Twenty instruments at thousands of messages a second into a live node: is anything lost, and what gives first.

::

    .venv/bin/python benchmarks/load.py                        20 instruments, 5,000 messages a second, 10 minutes
    .venv/bin/python benchmarks/load.py --duration 60          a minute of it
    .venv/bin/python benchmarks/load.py --ramp                 a quarter more each time, until something gives
    .venv/bin/python benchmarks/load.py --json out.json        the numbers for a program

The venue (`live_venue`) sends depth updates of levels away from the touch, one message in ten a trade; each second all
touches move, and the makers quote anew. The node is that of ``ultramm node start --live``, with its real
adapter, its ledger and its journal, and a maker for each instrument.
Every update must follow the one before it, and at the end each book of the kernel's must be the venue's, to the last
update and level.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import psutil
from rich.console import Console
from rich.table import Table

import live_venue as venue
from soak import slope_per_hour
from ultramm.market import Side

INSTRUMENTS = 20
_TRADE_EVERY = 10
_MOVE_S = 1.0  # between two moves of each touch
_FAR, _DEEP = 100, 40  # ticks from where the market begins, and how many
_QUIET_S = 1.0
_LATE_MS = 1_000.0
_KEPT_UP = 0.97
_STEP_S = 15.0
# Until the kernel has its 10,000 trades of each instrument and the ledger its 20,000 orders, as many as they keep.
_WARM_S = 500.0
_PATIENCE_S = 90.0
MB = 1024 * 1024
_PARAMS = {
    "levels": 1,
    "half_spread_bps": 2.0,
    "order_size": 0.01,
    "max_position": 1.0,
    "cover_fees": False,
}


def names(count: int) -> list[str]:
    """Of pairs that need not be any."""
    return [f"C{index:02}USDT" for index in range(count)]


# -- the venue ------------------------------------------------------------------------------------------------------


class Feed:
    """Writes market messages of one venue, without its matching: what changes is nobody's way.

    Parameters
    ----------
    made : Venue
        Whose books and update ids are kept right.
    streams : Streams
        Who listens.
    """

    def __init__(self, made: Any, streams: Any) -> None:
        self._made = made
        self._streams = streams
        self.moves = 0
        self.sent = 0
        self.trades = 0
        self._shown = [f"{lots / 1000:.8f}" for lots in range(1, 1000)]
        for name in made.books:
            made.on_market(name, venue.move(None, 0))

    def listened(self) -> bool:
        """Whether somebody reads every book."""
        return all(self._streams._by_stream.get(f"{name.lower()}@depth@100ms") for name in self._made.books)

    def send(self, count: int) -> None:
        """The next messages, the instruments in turn."""
        books = list(self._made.books.items())
        for _ in range(count):
            name, book = books[self.sent % len(books)]
            self.sent += 1
            if self.sent // len(books) % _TRADE_EVERY:
                self._depth(name, book)
            else:
                self._trade(name)

    def _depth(self, name: str, book: Any) -> None:
        streams, turn, now_ms = self._streams, self.sent * 7919, venue.now_ms()
        rows = {}
        for key, side in (("b", Side.BUY), ("a", Side.SELL)):
            away = _FAR + (turn // len(self._made.books) + side) % _DEEP
            lots = 1 + (turn // 3 + side) % 999
            ticks = book.base_ticks - side * away
            book.matching._others[side][side * ticks] = lots
            rows[key] = f'[["{ticks}.00000000","{self._shown[lots - 1]}"]]'
        before = streams._update_ids[name]
        last = streams._update_ids[name] = before + 2
        stream = f"{name.lower()}@depth@100ms"
        for feed in streams._feeds[name]:
            if feed.stream == stream:
                feed.sent_id = last
        self._put(
            stream,
            f'{{"e":"depthUpdate","E":{now_ms},"s":"{name}","U":{before + 1},"u":{last},'
            f'"b":{rows["b"]},"a":{rows["a"]}}}',
        )

    def _trade(self, name: str) -> None:
        self.trades += 1
        now_ms = venue.now_ms()
        self._put(
            f"{name.lower()}@trade",
            f'{{"e":"trade","E":{now_ms},"s":"{name}","t":{10**9 + self.trades},"p":"{venue.START}.00000000",'
            f'"q":"0.00100000","T":{now_ms},"m":true}}',
        )

    def _put(self, stream: str, text: str) -> None:
        for connection in list(self._streams._by_stream.get(stream, ())):
            try:
                connection._queue.put_nowait((f'{{"stream":"{stream}","data":{text}}}', True))
            except asyncio.QueueFull:
                connection.close()

    def waiting(self) -> int:
        """Messages that the sockets have not taken yet, of the one that has most."""
        sockets = {each for listening in self._streams._by_stream.values() for each in listening}
        return max((each._queue.qsize() for each in sockets), default=0)

    def move(self) -> None:
        """Every touch goes on."""
        before, self.moves = self.moves, self.moves + 1
        for name in self._made.books:
            self._made.on_market(name, venue.move(venue.wave(before), venue.wave(self.moves)))


class Sent(msgspec.Struct, frozen=True):
    """What a venue sent in one stretch; `waiting` is what its sockets had not taken, at most."""

    messages: int
    updates: int
    seconds: float
    waiting: int


async def _serve(count: int) -> None:
    made = venue.venue("spot", names(count))
    server = venue.Server({made: {}})
    (api,) = server.apis
    feed = Feed(made, api.streams)
    venue.tell(f"http://127.0.0.1:{await server.start(0)}")
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        rate, seconds = map(float, line.split())
        while not feed.listened():
            await asyncio.sleep(0.01)
        venue.tell(msgspec.json.encode(await _play(feed, rate, seconds)).decode())
    await server.stop()


async def _play(feed: Feed, rate: float, seconds: float) -> Sent:
    """Send evenly; what could not be sent in time is not made up for in bursts of more than a tenth of a second."""
    began = last = time.perf_counter()
    before, trades, owed, move_s, most = feed.sent, feed.trades, 0.0, began, 0
    while (now := time.perf_counter()) < began + seconds:
        owed = min(owed + (now - last) * rate, rate / 10)
        last = now
        feed.send(int(owed))
        owed -= int(owed)
        if now >= move_s:
            move_s += _MOVE_S
            feed.move()
        most = max(most, feed.waiting())
        await asyncio.sleep(0.001)
    sent = feed.sent - before
    return Sent(sent, sent - (feed.trades - trades), time.perf_counter() - began, most)


# -- the node -------------------------------------------------------------------------------------------------------


class Look(msgspec.Struct):
    """A node since the last look.

    Attributes
    ----------
    queues : dict of str to int
        Of the kernel, the most that ever waited in each.
    left : int
        What waits in them now.
    messages : int
        Depth updates that the makers were told.
    ages : list of float
        How old a book was when its maker saw it, milliseconds: p50, p99, the most.
    gaps : int
        Updates that did not follow the one before, since the start.
    halts : int
        Makers that do not quote, now.
    books : dict
        By symbol, its last update and its levels; filled when they are asked for.
    """

    at_s: float
    processor_s: float
    resident_mb: float
    queues: dict[str, int]
    left: int
    messages: int
    ages: list[float]
    gaps: int
    halts: int
    listening: bool
    books: dict[str, tuple[int, dict[str, str], dict[str, str]]] = {}
    memory: list[tuple[float, float]] = []


class Watch:
    """Looks at a node from within."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._looks = 0
        self._queues: Counter[str] = Counter()
        self._all_queues: dict[str, Any] = {}
        self._ages: Counter[int] = Counter()
        self._messages = 0
        self._memory: list[tuple[float, float]] = []
        self._process = psutil.Process()
        self._tasks: list[Any] = []

    def attach(self) -> None:
        """To the classes, before anything is made of them."""
        from nautilus_trader.live.enqueue import ThrottledEnqueuer

        from ultramm.nautilus.live import LiveVenues
        from ultramm.nautilus.shell import MakerShell

        enqueue, begin, see = ThrottledEnqueuer.enqueue, LiveVenues.begin, MakerShell.on_order_book_deltas

        def enqueued(queue: Any, message: Any) -> None:
            enqueue(queue, message)
            self._all_queues[queue.qname] = queue
            if queue.size >= self._queues[queue.qname]:
                self._queues[queue.qname] = queue.size + 1

        def begun(venues: Any, node: Any, shells: Any, ended: Any) -> None:
            begin(venues, node, shells, ended)
            asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._look, node, shells)
            self._tasks.append(asyncio.create_task(self._mind()))
            venue.tell("quoting")

        def seen(shell: Any, deltas: Any) -> None:
            see(shell, deltas)
            self._messages += 1
            self._ages[(time.time_ns() - deltas.ts_event) // 1_000_000] += 1

        ThrottledEnqueuer.enqueue, LiveVenues.begin = enqueued, begun  # type: ignore[method-assign]
        MakerShell.on_order_book_deltas = seen  # type: ignore[method-assign]

    async def _mind(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self._memory.append((time.monotonic(), self._process.memory_info().rss / MB))

    def _look(self, node: Any, shells: Any) -> None:
        (data,) = [client for client in node.kernel.data_engine._clients.values() if hasattr(client, "gaps")]
        books = {}
        for shell in shells:
            book = node.kernel.cache.order_book(shell.instrument_id)
            sides = [{str(level.price): f"{level.size():f}" for level in side} for side in (book.bids(), book.asks())]
            books[shell.instrument_id.symbol.value] = (data._last_ids[shell.instrument_id], sides[0], sides[1])
        times = self._process.cpu_times()
        look = Look(
            at_s=time.monotonic(),
            processor_s=times.user + times.system,
            resident_mb=self._process.memory_info().rss / MB,
            queues=dict(self._queues),
            left=sum(queue.size for queue in self._all_queues.values()),
            messages=self._messages,
            ages=_of(self._ages),
            gaps=data.gaps,
            halts=sum(bool(shell.maker.halts) for shell in shells),
            listening=data.listening,
            books=books,
            memory=self._memory,
        )
        self._looks += 1
        path = self._out / f"look-{self._looks}"
        path.with_suffix(".new").write_bytes(msgspec.msgpack.encode(look))
        path.with_suffix(".new").rename(path)
        self._queues.clear()
        self._ages.clear()
        self._messages = 0


def _of(ages: Counter[int]) -> list[float]:
    total, done, found = sum(ages.values()), 0, []
    wanted = [0.5 * total, 0.99 * total]
    for age in sorted(ages):
        done += ages[age]
        while wanted and done >= wanted[0]:
            found.append(float(age))
            del wanted[0]
    return [*found, float(max(ages, default=0))]


def node(path: str, out: str) -> None:
    """Run ``ultramm node start`` until it is told to stop."""
    Watch(Path(out)).attach()
    venue.trade(path)


# -- what came of it ------------------------------------------------------------------------------------------------


class Stretch(msgspec.Struct, frozen=True):
    """One rate, for some time.

    Parameters
    ----------
    asked, sent : float
        Messages a second.
    messages, updates, told : int
        That were sent; of them depth updates; of which the makers were told, with those that their orders caused.
    processor, venue_processor : float
        Share of a core of the node and of the venue.
    given : list of str
        What did not hold.
    """

    asked: float
    sent: float
    messages: int
    updates: int
    told: int
    seconds: float
    processor: float
    venue_processor: float
    queues: dict[str, int]
    left: int
    waiting: int
    ages: list[float]
    gaps: int
    memory_mb: float
    slope_mb_h: float | None
    slope_error: float | None
    unequal_books: list[str]
    given: list[str]


class Run:
    """A venue and a node that trades there; a context manager.

    Parameters
    ----------
    count : int
        Instruments.
    folder : Path
        Where they work.
    """

    def __init__(self, count: int, folder: Path) -> None:
        self._names = names(count)
        self._folder = folder
        self._looks = 0

    def __enter__(self) -> Run:
        self._serving = venue.process("load.py", "venue", str(len(self._names)), folder=self._folder)
        self._venue = self._serving.__enter__()
        self._url = venue.said(self._venue.stdout, "the venue")
        config = venue.config(self._folder, self._url, "spot", self._names, _PARAMS)
        self._trading = venue.process("load.py", "node", str(config), str(self._folder), folder=self._folder)
        self._node = self._trading.__enter__()
        while (line := venue.said(self._node.stdout, "the node")) != "quoting":
            print(line, file=sys.stderr)
        time.sleep(2.0)
        self._before = self._look()
        return self

    def __exit__(self, *error: object) -> None:
        self._node.send_signal(signal.SIGTERM)
        self._node.stdout.read()
        self._trading.__exit__(None, None, None)
        self._serving.__exit__(None, None, None)

    def _look(self) -> Look:
        self._looks += 1
        path = self._folder / f"look-{self._looks}"
        self._node.send_signal(signal.SIGUSR1)
        deadline = time.monotonic() + _PATIENCE_S
        while not path.exists():
            if self._node.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the node does not answer")
            time.sleep(0.05)
        return msgspec.msgpack.decode(path.read_bytes(), type=Look)

    def stretch(self, rate: float, seconds: float) -> Stretch:
        """Send for a while, then let everything come to rest and look."""
        busy, before = psutil.Process(self._venue.pid).cpu_times(), self._before
        self._venue.stdin.write(f"{rate} {seconds}\n")
        self._venue.stdin.flush()
        sent = msgspec.json.decode(venue.said(self._venue.stdout, "the venue"), type=Sent)
        times = psutil.Process(self._venue.pid).cpu_times()
        venue_s = times.user + times.system - busy.user - busy.system
        time.sleep(_QUIET_S)
        look = self._before = self._look()
        unequal = self._unequal(look)
        if unequal:
            # What came late is no difference: everything has had its time after that.
            time.sleep(10 * _QUIET_S)
            later = self._before = self._look()
            unequal = self._unequal(later)
        slope = self._slope(look, sent.seconds)
        return Stretch(
            asked=rate,
            sent=sent.messages / sent.seconds,
            messages=sent.messages,
            updates=sent.updates,
            told=look.messages,
            seconds=sent.seconds,
            processor=(look.processor_s - before.processor_s) / (look.at_s - before.at_s),
            venue_processor=venue_s / sent.seconds,
            queues=look.queues,
            left=look.left,
            waiting=sent.waiting,
            ages=look.ages,
            gaps=look.gaps - before.gaps,
            memory_mb=look.resident_mb,
            slope_mb_h=slope[0] if slope else None,
            slope_error=slope[1] if slope else None,
            unequal_books=unequal,
            given=_given(sent, rate, look, before, unequal),
        )

    def _unequal(self, look: Look) -> list[str]:
        """Instruments whose book is not the venue's."""
        found = []
        for name in self._names:
            with urllib.request.urlopen(f"{self._url}/api/v3/depth?symbol={name}&limit=5000", timeout=10) as answer:
                told = json.load(answer)
            last, bids, asks = look.books[name]
            sides = [{float(p): float(q) for p, q in told[side]} for side in ("bids", "asks")]
            ours = [{float(p): float(q) for p, q in side.items()} for side in (bids, asks)]
            if last != told["lastUpdateId"] or sides != ours:
                found.append(name)
        return found

    @staticmethod
    def _slope(look: Look, seconds: float) -> tuple[float, float] | None:
        """Growth of memory an hour and its error, after warming up, of a stretch that is long enough."""

        class At(msgspec.Struct):
            at_s: float
            resident_mb: float

        since = look.at_s - seconds + _WARM_S
        samples: Any = [At(*sample) for sample in look.memory if sample[0] > since]
        return slope_per_hour(samples, "resident_mb") if len(samples) > 20 else None


def _given(sent: Sent, rate: float, look: Look, before: Look, unequal: list[str]) -> list[str]:
    """What does not hold any more, in words, the worst first."""
    found = []
    if unequal:
        found.append(f"{len(unequal)} books are not the venue's")
    if look.gaps > before.gaps:
        found.append(f"{look.gaps - before.gaps} gaps in the updates")
    if not look.listening:
        found.append("a market stream is lost")
    if look.ages[1] > _LATE_MS:
        found.append(f"one book in a hundred is more than {look.ages[1] / 1e3:.1f} s old: the node is too slow")
    if sent.messages < _KEPT_UP * rate * sent.seconds:
        found.append(f"the venue sent {sent.messages / sent.seconds:,.0f} messages a second: it is too slow")
    if look.halts:
        found.append(f"{look.halts} makers are halted")
    return found


def show(stretches: list[Stretch], count: int) -> None:
    table = Table(title=f"{count} instruments, as many makers", title_justify="left")
    columns = ("messages/s", "sent", "node, of a core", "venue", "age, ms: p50, p99, most", "kernel's queues, most")
    for column in (*columns, "gaps", "MB", "MB an hour"):
        table.add_column(column, justify="right")
    for each in stretches:
        slope = "" if each.slope_mb_h is None else f"{each.slope_mb_h:+.0f} ± {each.slope_error:.0f}"
        table.add_row(
            f"{each.asked:,.0f}",
            f"{each.messages:,}",
            f"{each.processor:.0%}",
            f"{each.venue_processor:.0%}",
            ", ".join(f"{age:,.0f}" for age in each.ages),
            f"{max(each.queues.values(), default=0):,}",
            str(each.gaps),
            f"{each.memory_mb:.0f}",
            slope,
        )
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    for each in stretches:
        print(f"{each.asked:,.0f}/s: " + ("all held" if not each.given else "; ".join(each.given)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Many instruments and messages into a live node.")
    parser.add_argument("--instruments", type=int, default=INSTRUMENTS)
    parser.add_argument("--rate", type=float, default=5_000.0, help="messages a second, of all instruments")
    parser.add_argument("--duration", type=float, default=600.0, help="seconds")
    parser.add_argument("--ramp", action="store_true", help="raise the rate until something gives")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    arguments = parser.parse_args()
    stretches = []
    with tempfile.TemporaryDirectory() as folder, Run(arguments.instruments, Path(folder)) as run:
        rate = arguments.rate
        while True:
            stretches.append(run.stretch(rate, _STEP_S if arguments.ramp else arguments.duration))
            if not arguments.ramp or stretches[-1].given:
                break
            rate = round(1.25 * rate)
    show(stretches, arguments.instruments)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(stretches)) + b"\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["venue"]:
        venue.without_limits()
        venue.depth_at_once()
        asyncio.run(_serve(int(sys.argv[2])))
    elif sys.argv[1:2] == ["node"]:
        node(*sys.argv[2:4])
    else:
        main()
