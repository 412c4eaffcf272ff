"""A real node in a process of its own that trades for real, at a venue on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

from binance_venue import KEY, SECRET, Served

from ultramm.custody.own import OwnOrders
from ultramm.custody.records import decode
from ultramm.dashboard.follow import Follower
from ultramm.dashboard.parts import everything
from ultramm.journal.records import Record, Status
from ultramm.journal.sqlite import SqliteJournal

CONFIG = Path(__file__).resolve().parents[2] / "config" / "binance-emulator.yaml"


class LiveNode:
    """Parameters
    ----------
    folder : Path
        Where it works.
    url : str
        Of the venue.
    config : Path
        What it runs.
    """

    def __init__(self, folder: Path, url: str, config: Path = CONFIG) -> None:
        self.folder = folder
        self.config = config
        self._environment = {
            **os.environ,
            "COLUMNS": "160",
            "EMULATOR_URL": url,
            "EMULATOR_KEY": KEY,
            "EMULATOR_SECRET": SECRET,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.run_number = 0

    # -- its process -------------------------------------------------------------------------------------------

    def start(self, *settings: str, live: bool = True) -> None:
        # Unless it is what a test is about, nobody else cancels anything.
        watchdog = () if any(setting.startswith("watchdog.") for setting in settings) else ("watchdog.enabled=false",)
        changed = [part for setting in (*watchdog, *settings) for part in ("--set", setting)]
        self.begin("node", "start", str(self.config), "--no-dashboard", *(["--live"] if live else []), *changed)

    def begin(self, *arguments: str) -> None:
        """Start any command as its process."""
        self.run_number += 1
        with self._output().open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ultramm.cli.main", *arguments],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _output(self) -> Path:
        return self.folder / f"output-{self.run_number}.txt"

    @property
    def output(self) -> str:
        """Of the latest run."""
        return self._output().read_text()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it in order; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def wait(self, patience_s: float = 90) -> int:
        return self.process.wait(patience_s)

    def end(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def ultramm(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Another command, beside it."""
        return subprocess.run(
            [sys.executable, "-m", "ultramm.cli.main", *arguments],
            cwd=self.folder,
            env=self._environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    # -- what it wrote -------------------------------------------------------------------------------------------

    @property
    def ledger_path(self) -> Path:
        return self.folder / "data" / "binance-emulator.orders"

    def ledger(self) -> OwnOrders:
        orders = OwnOrders()
        if self.ledger_path.exists():
            text = self.ledger_path.read_bytes()
            for line in text[: text.rfind(b"\n") + 1].splitlines():
                orders.apply(decode(line))
        return orders

    def booked(self) -> Counter[tuple[str, Decimal, Decimal]]:
        """Id, price and size of every fill in the ledger."""
        return Counter((fill.order_id, fill.price, fill.size) for fill in self.ledger().fills)

    def journal(self, kind: str) -> list[Record]:
        """Its records of a kind, oldest first; none while there is no journal."""
        path = self.folder / "data" / "journal.db"
        try:
            store = SqliteJournal(path)
        except Exception:
            return []  # it is being made
        entries = store.read(kind=kind, limit=100_000)
        store.close()
        return [entry.record for entry in entries]

    def status(self) -> Status | None:
        records = self.journal("status")
        return records[-1] if records and isinstance(records[-1], Status) else None

    def page(self) -> str:
        """What its page shows now."""
        store = SqliteJournal(self.folder / "data" / "journal.db")
        try:
            follower = Follower(store)
            follower.poll()
            return everything(follower)
        finally:
            store.close()

    def everything(self) -> Iterator[tuple[Path, bytes]]:
        """All files that it left."""
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()


@contextmanager
def live_node(folder: Path, url: str, config: Path = CONFIG) -> Iterator[LiveNode]:
    node = LiveNode(folder, url, config)
    try:
        yield node
    finally:
        node.end()


def until(condition: Callable[[], Any], what: str, node: LiveNode | None = None, timeout_s: float = 60.0) -> None:
    """Wait until `condition` holds; what a node said is told if that does not come."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        said = "" if node is None else node.output
        if node is not None and node.process.poll() is not None:
            raise AssertionError(f"the node ended before: {what}\n{said}")
        if time.monotonic() > deadline:
            raise AssertionError(f"never happened: {what}\n{said}")
        time.sleep(0.05)


def quotes_both_sides(served: Served) -> bool:
    """Whether orders of ours rest on both sides."""
    mine = [order for order in served.open_orders() if order.client_id.startswith("umm-") and order.type != "LIMIT"]
    return {order.side.name for order in mine} == {"BUY", "SELL"}


def quoting(node: LiveNode, served: Served, *settings: str) -> None:
    """Start it, and wait until it quotes on both sides and nothing is left of an earlier run."""
    known = {order.id for order in served.orders()}
    theirs = {order.id for order in served.open_orders() if order.type == "LIMIT"}
    node.start(*settings)
    until(
        lambda: quotes_both_sides(served) and not known & {o.id for o in served.open_orders()} - theirs,
        "quotes on both sides",
        node,
    )
