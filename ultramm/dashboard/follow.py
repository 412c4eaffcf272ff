"""What a page knows of a run: everything from its journal, brought up to date a few times a second."""

from __future__ import annotations

import math
import time
from collections import deque

from ultramm.journal.records import (
    AlertEvent,
    CommandEvent,
    CustodyEvent,
    Entry,
    FillEvent,
    GapEvent,
    GuardEvent,
    HaltEvent,
    MemoryEvent,
    OrderEvent,
    RecordingEvent,
    RunEnded,
    RunStarted,
    Status,
)
from ultramm.journal.runs import Run, last_sequence, runs_of
from ultramm.journal.store import Journal
from ultramm.journal.traced import RunReplay

_ROWS_AT_ONCE = 1_000
_HISTORY = 100_000  # entries that are gone through when a page is opened on a run that has lasted long
_CHART_ROWS = 400
_CHART_FILLS = 3_000  # a page that is open for days must not grow
_KEPT = 200
_HAPPENINGS = (
    CommandEvent,
    CustodyEvent,
    GapEvent,
    GuardEvent,
    HaltEvent,
    MemoryEvent,
    RecordingEvent,
    RunEnded,
    RunStarted,
)


class Follower:
    """Follows one run of a journal; the latest one, and then the next, where none is named.

    Parameters
    ----------
    journal : Journal
        Opened to be read.
    run : str, optional
        A run of it.

    Attributes
    ----------
    run : str
        What it follows now; empty before any run.
    started : RunStarted or None
        Its beginning, with the configuration.
    ended : RunEnded or None
        Its end.
    status : Status or None
        The last one, from `status_ns`.
    fills, orders, happenings : deque of Entry
        The last of each, newest first; happenings are halts, commands, doubts and all else.
    replay : RunReplay
        Traces of its makers, for the charts.
    runs : list of Run
        All runs of the journal, latest first.
    """

    def __init__(self, journal: Journal, run: str | None = None) -> None:
        self.journal = journal
        self._chosen = run
        self._sequence = 0
        self.runs: list[Run] = []
        self._begin("")

    def _begin(self, run: str) -> None:
        self.run = run
        self.started: RunStarted | None = None
        self.ended: RunEnded | None = None
        self.status: Status | None = None
        self.status_ns = 0
        self.fills: deque[Entry] = deque(maxlen=_KEPT)
        self.orders: deque[Entry] = deque(maxlen=_KEPT)
        self.happenings: deque[Entry] = deque(maxlen=_KEPT)
        self.replay = RunReplay(_CHART_ROWS, _CHART_FILLS)

    def alerts(self) -> list[AlertEvent]:
        """What people were told last, newest first."""
        return self.journal.alerts(_KEPT)

    def poll(self, budget_s: float = math.inf) -> bool:
        """Read what is new; whether there was anything.

        Parameters
        ----------
        budget_s : float
            Seconds after which the rest is left to later calls: of a long run there is much to read at first. What
            stands now is known after each call.

        Raises
        ------
        DataError
            The journal cannot be read now.
        """
        if not self.run:
            self._find()
        if not self.run:
            return False
        before, runs_changed, until_s = self._sequence, not self.runs, time.monotonic() + budget_s
        while entries := self.journal.read(after=self._sequence, limit=_ROWS_AT_ONCE):
            for entry in entries:
                self._take(entry)
                runs_changed = runs_changed or isinstance(entry.record, RunStarted | RunEnded)
            self._sequence = entries[-1].sequence
            if time.monotonic() >= until_s:
                self._look_at_now()
                break
        if runs_changed:
            self.runs = runs_of(self.journal)
        return self._sequence > before

    def _find(self) -> None:
        """The run that was chosen, or the latest; what of it is long ago is not gone through."""
        starts = {entry.run: entry for entry in reversed(self.journal.last("run-started", 10_000))}
        chosen = self._chosen or next(reversed(starts), "")
        if chosen not in starts:
            return
        self._begin(chosen)
        self._take(starts[chosen])
        for entry in reversed(self.journal.last("maker-started", 10_000)):
            self._take(entry)
        end = next((entry.sequence for entry in self.journal.last("run-ended", 10_000) if entry.run == chosen), None)
        last = last_sequence(self.journal) if end is None else end
        self._sequence = max(starts[chosen].sequence, last - _HISTORY)
        if end is None:
            self._look_at_now()

    def _look_at_now(self) -> None:
        """The last status, before all that leads up to it is read."""
        for entry in self.journal.last("status"):
            if entry.run == self.run and isinstance(entry.record, Status) and entry.ts_ns > self.status_ns:
                self.status, self.status_ns = entry.record, entry.ts_ns

    def _take(self, entry: Entry) -> None:
        record = entry.record
        if entry.run != self.run:
            if self._chosen is None and isinstance(record, RunStarted) and entry.sequence > self._sequence:
                self._begin(entry.run)  # the next run of the node
            else:
                return
        self.replay.take(entry)
        match record:
            case Status() if entry.ts_ns >= self.status_ns:
                self.status, self.status_ns = record, entry.ts_ns
            case FillEvent():
                self.fills.appendleft(entry)
            case OrderEvent():
                self.orders.appendleft(entry)
            case RunStarted():
                self.started = record
            case RunEnded():
                self.ended = record
        if isinstance(record, _HAPPENINGS):
            self.happenings.appendleft(entry)
