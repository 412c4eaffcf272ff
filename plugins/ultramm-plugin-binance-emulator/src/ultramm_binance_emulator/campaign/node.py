"""A real node in a process of its own, and what it wrote down."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from ultramm.custody.own import OwnOrders
from ultramm.custody.records import Accepted, Amended, OrderRecord, decode
from ultramm.journal.records import FillEvent, HaltEvent
from ultramm.journal.sqlite import SqliteJournal

_WAITS = ("custody", "feed", "error")


class Ledger:
    """The node's ledger of orders, read as it grows.

    Attributes
    ----------
    newest_ns : int
        When the newest order that the venue took was sent, or changed one was changed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        self._offset = 0
        self.orders = OwnOrders()
        self.newest_ns = 0

    def read(self) -> OwnOrders:
        """As it stands now."""
        if not self._path.exists():
            return self.orders
        with self._path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            if inode != self._inode:
                self._inode, self._offset, self.orders = inode, 0, OwnOrders()
            file.seek(self._offset)
            lines = file.read()
        whole = lines[: lines.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            self._take(decode(line))
        return self.orders

    def _take(self, record: OrderRecord) -> None:
        self.orders.apply(record)
        own = self.orders.find(record.order_id) if isinstance(record, Accepted) else None
        if own is not None:
            self.newest_ns = max(self.newest_ns, own.sent.ts_ns)
        if isinstance(record, Amended):
            self.newest_ns = max(self.newest_ns, record.ts_ns)


class Node:
    """Started, killed and started again.

    Parameters
    ----------
    config : Path
        What it runs.
    name : str
        Of the configuration.
    folder : Path
        Where it works.
    settings : list of str
        ``KEY=VALUE`` that override the configuration.
    """

    def __init__(self, config: Path, name: str, folder: Path, settings: list[str]) -> None:
        self._command = [sys.executable, "-m", "ultramm.cli.main", "node", "start", str(config.resolve())]
        # What a kill leaves is looked at before anybody cleans it up.
        settings = ["watchdog.enabled=false", *settings]
        self._command += ["--live", "--no-dashboard", *[part for each in settings for part in ("--set", each)]]
        self._folder = folder
        self._log = (folder / "node.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self.ledger = Ledger(folder / "data" / f"{name}.orders")
        self._journal: SqliteJournal | None = None
        self._seen = 0
        self._halted: dict[tuple[str, str], str] = {}

    def start(self) -> None:
        """Begin anew; an earlier run's halts are over."""
        self._halted = {}
        self._process = subprocess.Popen(  # noqa: S603  (our own program and arguments)
            self._command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def kill(self) -> None:
        """As the machine does it: without a word."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self, patience_s: float = 60.0) -> int:
        """End it in order; gives its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(patience_s)

    def close(self) -> None:
        """Kill what still runs, and let go of its files."""
        if self.running:
            self.kill()
        self._log.close()
        if self._journal is not None:
            self._journal.close()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def halts(self) -> dict[tuple[str, str], str]:
        """Who keeps which maker from quoting, as the journal has it."""
        journal = self._open_journal()
        if journal is None:
            return {("", "journal"): "there is none yet"}
        for entry in journal.read(kind="halt", after=self._seen, limit=10_000):
            self._seen = entry.sequence
            record = entry.record
            if isinstance(record, HaltEvent) and record.source in _WAITS:
                if record.active:
                    self._halted[record.strategy, record.source] = record.reason
                else:
                    self._halted.pop((record.strategy, record.source), None)
        return self._halted

    def journaled_fills(self) -> Counter[tuple[str, float, float]]:
        """Order, price and size of every fill in the journal."""
        journal = self._open_journal()
        if journal is None:
            return Counter()
        found: Counter[tuple[str, float, float]] = Counter()
        for entry in journal.last("fill", 1_000_000):
            record = entry.record
            assert isinstance(record, FillEvent)
            found[record.order_id, record.price, record.size] += 1
        return found

    def _open_journal(self) -> SqliteJournal | None:
        path = self._folder / "data" / "journal.db"
        if self._journal is None and path.exists():
            try:
                self._journal = SqliteJournal(path)
            except Exception:
                return None  # it is being made
        return self._journal
