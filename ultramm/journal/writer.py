"""Writes the journal from a thread of its own, so that a slow disk never slows a quote."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from ultramm.journal.records import Command, GapEvent, Record
from ultramm.journal.store import Journal

_POLL_S = 0.1
_TIDY_S = 60.0


class JournalWriter:
    """Takes records at once and writes them in batches; brings commands the other way.

    When the store fails, records are kept and tried again; after `patience_s` without success, or with more than
    `capacity` records waiting, `problem` says why, and the node must stop quoting. It is cleared by the next
    successful write; nothing is dropped, and the journal is told of the gap. A store that does not come back with an
    answer is one that fails.

    Parameters
    ----------
    journal : Journal
        Where to write.
    run : str
        Name of this run.
    on_command : callable
        Called on the writer's thread with each new `Command`; it must hand over to the event loop.
    """

    def __init__(
        self,
        journal: Journal,
        run: str,
        on_command: Callable[[Command], None],
        *,
        patience_s: float = 2.0,
        capacity: int = 100_000,
    ) -> None:
        self._problem: str | None = None
        self._journal = journal
        self._run = run
        self._on_command = on_command
        self._patience_s = patience_s
        self._capacity = capacity
        self._queue: queue.SimpleQueue[tuple[str, int, Record]] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._waiting: list[tuple[str, int, Record]] = []
        self._unsent: list[tuple[int, str]] = []
        self._taken = 0
        self._inherited = True
        self._failing_since: float | None = None
        self._asked: float | None = None
        self._tidy_s = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="journal", daemon=True)

    @property
    def problem(self) -> str | None:
        """Why the journal cannot be written, or None."""
        asked = self._asked
        if self._problem is None and asked is not None and time.monotonic() - asked >= self._patience_s:
            return f"the journal {self._journal.place} does not answer"
        return self._problem

    def start(self) -> None:
        self._thread.start()

    def write(self, ts_ns: int, record: Record) -> None:
        """Queue one record; never blocks."""
        self._queue.put((self._run, ts_ns, record))

    def reply(self, command_id: int, text: str) -> None:
        """Queue the answer to a command; never blocks."""
        self._replies.put((command_id, text))

    def close(self, timeout_s: float = 10.0) -> bool:
        """Write what is left and end; False when records had to be given up."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._waiting and self._queue.empty()

    def _work(self) -> None:
        while not self._stop.wait(_POLL_S):
            self._cycle()
        self._cycle()
        if self._failing_since is None and not self._queue.empty():
            self._cycle()  # that it has caught up
        self._journal.close()

    def _cycle(self) -> None:
        while not self._queue.empty():
            self._waiting.append(self._queue.get())
        self._asked = asked = time.monotonic()
        try:
            if self._inherited:
                # Before anything shows that this node is here.
                self._answer_inherited()
            if self._waiting:
                lost = self._journal.append(self._waiting)
                self._waiting = []
                if lost:
                    self._tell("lost", f"{lost:,} records that were written are no more")
            self._send_replies()
            self._take_commands()
        except Exception as exc:
            self._failed(exc, asked)
        else:
            self._succeeded(asked)
        self._asked = None
        if self._failing_since is None and time.monotonic() >= self._tidy_s:
            self._tidy()

    def _succeeded(self, asked: float) -> None:
        problem = self.problem
        if problem is not None:
            lasted_s = time.monotonic() - (asked if self._failing_since is None else self._failing_since)
            self._tell("caught up", f"for {lasted_s:.1f} s {problem}; all that waited is written")
        self._failing_since = None
        self._problem = None

    def _tell(self, event: str, detail: str) -> None:
        self.write(time.time_ns(), GapEvent(event=event, detail=detail))

    def _tidy(self) -> None:
        """A step of it between two batches, and the next one soon while there is more to do."""
        try:
            more = self._journal.tidy(time.time_ns())
        except Exception:
            more = 0  # a store that fails is told of when it is written
        self._tidy_s = time.monotonic() + (0.0 if more else _TIDY_S)

    def _send_replies(self) -> None:
        while not self._replies.empty():
            self._unsent.append(self._replies.get())
        while self._unsent:
            self._journal.reply(*self._unsent[0])
            del self._unsent[0]

    def _answer_inherited(self) -> None:
        """Commands that were left for a node which no longer runs: this one must not act on them."""
        for command in self._journal.pending_commands():
            self._journal.reply(command.id, "no node was running")
        self._inherited = False

    def _take_commands(self) -> None:
        for command in self._journal.pending_commands():
            if command.id > self._taken:
                self._taken = command.id
                self._on_command(command)

    def _failed(self, exc: Exception, asked: float) -> None:
        self._failing_since = asked if self._failing_since is None else self._failing_since
        if time.monotonic() - self._failing_since >= self._patience_s or len(self._waiting) > self._capacity:
            self._problem = f"the journal {self._journal.place} cannot be written: {exc}"
