"""A run that is over, or goes on, as its journal tells it: the same traces that a backtest keeps for its report."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import msgspec

from ultramm.analytics.report.trace import Trace
from ultramm.analytics.scorecard import Score, Scorecard
from ultramm.errors import DataError
from ultramm.journal.records import (
    BookView,
    Entry,
    FillEvent,
    MakerStarted,
    OrderEvent,
    RunStarted,
    Status,
    fingerprint,
)
from ultramm.journal.store import Journal
from ultramm.maker import MakerStatus
from ultramm.market import Book, Fill, Level, Side

_ROWS_AT_ONCE = 5_000


class TracedRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal has of one run.

    Parameters
    ----------
    started : RunStarted
        Its beginning.
    makers : list of (Score, Trace)
        Of each maker, of this run alone.
    first_ns, last_ns : int
        Of its statuses.
    market_events : int
        Seen by its makers.
    fills_sha256 : str
        Hash of its fills.
    """

    started: RunStarted
    makers: list[tuple[Score, Trace]]
    first_ns: int
    last_ns: int
    market_events: int
    fills_sha256: str


def traced(journal: Journal, run: str, rows: int = 1_200, on_read: Callable[[int], None] = lambda _: None) -> TracedRun:
    """Go through a run again.

    A status comes each 0.4 s: what is drawn of the market is as they saw it, fills are exact, markouts are by the mids
    of statuses; the node's own, of every event, are in the score.

    Parameters
    ----------
    rows : int
        Points of each series at least.
    on_read : callable
        Called with the sequence number that was read last.

    Raises
    ------
    DataError
        The journal has no status of it, or it is of a version that did not tell of its instruments.
    """
    replayed = RunReplay(rows)
    after = 0
    while entries := journal.read(after=after, limit=_ROWS_AT_ONCE):
        for entry in entries:
            if entry.run == run:
                replayed.take(entry)
        after = entries[-1].sequence
        on_read(after)
    if replayed.started is None or not replayed.last_ns or not replayed.makers:
        raise DataError(f"{journal.place}: {run} says too little for a report: it ended before its first status")
    return TracedRun(
        started=replayed.started,
        makers=[maker.result(replayed.last_ns) for maker in replayed.makers.values()],
        first_ns=replayed.first_ns,
        last_ns=replayed.last_ns,
        market_events=replayed.market_events,
        fills_sha256=replayed.fills.hexdigest(),
    )


class RunReplay:
    """All makers of a run, entry by entry.

    Parameters
    ----------
    rows : int
        Points of each series at least.
    most_fills : int, optional
        Fills and markouts that are kept of each maker, the last ones; all if left out.
    """

    def __init__(self, rows: int, most_fills: int | None = None) -> None:
        self._rows, self._most_fills = rows, most_fills
        self.started: RunStarted | None = None
        self.makers: dict[tuple[str, str], MakerReplay] = {}
        self.first_ns = self.last_ns = 0
        self.market_events = 0
        self.fills = hashlib.sha256()

    def take(self, entry: Entry) -> None:
        """The next entry of the run."""
        record, ts_ns = entry.record, entry.ts_ns
        match record:
            case RunStarted():
                self.started = record
            case MakerStarted():
                self.makers[record.strategy, record.instrument.id] = MakerReplay(record, self._rows, self._most_fills)
            case Status():
                self._on_status(ts_ns, record)
            case FillEvent():
                self.fills.update(fingerprint(ts_ns, record))
                if maker := self.makers.get((record.strategy, record.instrument)):
                    maker.on_fill(ts_ns, record)
            case OrderEvent():
                if maker := self.makers.get((record.strategy, record.instrument)):
                    tell(maker.trace, ts_ns, record)

    def _on_status(self, ts_ns: int, status: Status) -> None:
        books = {book.instrument: book for book in status.books}
        for each in status.makers:
            if maker := self.makers.get((each.score.strategy, each.score.instrument)):
                maker.on_status(ts_ns, each, books.get(each.score.instrument))
        self.first_ns = self.first_ns or ts_ns
        self.last_ns, self.market_events = ts_ns, status.market_events


class MakerReplay:
    """One maker's score and trace, from what it said of itself."""

    def __init__(self, started: MakerStarted, rows: int, most_fills: int | None = None) -> None:
        self.instrument = started.instrument
        self._score = Scorecard(started.strategy, started.instrument)
        self._quotes = (math.nan, math.nan)
        self._effects: dict[str, float | None] = {}
        limit = math.inf if started.max_position is None else started.max_position
        self.trace = Trace(
            self._score,
            lambda: self._quotes,
            limit,
            rows=rows,
            most_fills=most_fills,
            effects=lambda _: self._effects,
            covers=started.covers,
        )
        self._book: Book | None = None
        self._first: Score | None = None
        self._last: Score | None = None

    @property
    def can_be_drawn(self) -> bool:
        """Whether there is a line to draw: from two moments on."""
        return len(self.trace.series.times_ns()) > 1

    def on_status(self, ts_ns: int, status: MakerStatus, view: BookView | None) -> None:
        self.trace.until(ts_ns, self._book)
        score, self._effects = status.score, status.effects
        if self._first is None:
            self._begin(ts_ns, score)
        if score.last_mid is not None:
            self._score.on_mid(ts_ns, score.last_mid)
        self._last = score
        self._book = None if view is None else _book(ts_ns, view)
        bid, ask = status.bid.orders, status.ask.orders
        self._quotes = (bid[0].price if bid else math.nan, ask[0].price if ask else math.nan)

    def _begin(self, ts_ns: int, score: Score) -> None:
        """A run may begin with what earlier ones left: as if it had been bought at the mid."""
        self._first = score
        self._score.started(ts_ns)
        held, mid = score.inventory.last, score.last_mid
        if held and mid is not None and not self._score.fills:
            side = Side.BUY if held > 0 else Side.SELL
            self._score.restore(Fill(ts_ns, "", side, mid, abs(held), 0.0, True), mid)

    def on_fill(self, ts_ns: int, record: FillEvent) -> None:
        self.trace.until(ts_ns, self._book)
        if record.mid is not None:
            self._score.on_mid(ts_ns, record.mid)
        self._score.on_fill(_fill(ts_ns, record))
        tell(self.trace, ts_ns, record)

    def result(self, last_ns: int) -> tuple[Score, Trace]:
        """The score of this run: what fills make of it is counted anew, what only the node could see is the node's."""
        self.trace.finish(last_ns, self._book)
        score, first, last = self._score.score(last_ns), self._first, self._last
        if first is None or last is None:
            return score, self.trace
        return msgspec.structs.replace(
            score,
            fills=last.fills - first.fills,
            maker_fills=last.maker_fills - first.maker_fills,
            volume=last.volume - first.volume,
            markouts=last.markouts,
            quoting=last.quoting,
            inventory=last.inventory,
        ), self.trace


def tell(trace: Trace, ts_ns: int, record: FillEvent | OrderEvent) -> None:
    """Show a trace what happened to an order."""
    if isinstance(record, FillEvent):
        trace.on_fill(_fill(ts_ns, record), math.nan if record.mid is None else record.mid, record.position)
    # What leaves at market has no place in a queue.
    elif not (record.event == "sent" and record.reason):
        side = Side[record.side] if record.side else None
        trace.on_order(ts_ns, record.order_id, record.event, side, record.price)


def _fill(ts_ns: int, record: FillEvent) -> Fill:
    return Fill(ts_ns, record.order_id, Side[record.side], record.price, record.size, record.fee, record.maker)


def _book(ts_ns: int, view: BookView) -> Book:
    def levels(of: tuple[tuple[float, float], ...]) -> tuple[Level, ...]:
        return tuple(Level(price, size) for price, size in of)

    return Book(ts_ns, levels(view.bids), levels(view.asks))
