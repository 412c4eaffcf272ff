"""A paper node at a high rate for long: does it hold the rate, and does its memory stay.

::

    .venv/bin/python benchmarks/soak.py                               30 minutes of the preset wide
    .venv/bin/python benchmarks/soak.py --minutes 5 --pace 100        shorter and slower
    .venv/bin/python benchmarks/soak.py --json out.json               the samples for a program

`pace` is seconds of the built-in market a second. The node runs as ``ultramm node start`` in a folder of its own, with
its journal and its page; every ten seconds its memory (resident, and what of it is private) is read from the system,
and the events that it has seen from its journal.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import psutil
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ultramm.errors import UserError
from ultramm.journal.records import Status
from ultramm.journal.sqlite import SqliteJournal

EVERY_S = 10.0
WARM_S = 120.0  # modules, caches and the first minutes of orders, which are remembered for two
MB = 1024 * 1024


class Sample(msgspec.Struct, frozen=True):
    """One look at the node."""

    at_s: float
    events: int
    resident_mb: float
    private_mb: float
    journal_mb: float
    fills: int


def run(minutes: float, pace: float, port: int, folder: Path) -> list[Sample]:
    settings = {
        "venues.SIM.params.preset": "wide",
        "venues.SIM.params.pace": pace,
        "venues.SIM.paper.latency_ms": 0,
        "dashboard.port": port,
    }
    arguments = [argument for key, value in settings.items() for argument in ("--set", f"{key}={value}")]
    duration_s = 60 * minutes
    command = [sys.executable, "-m", "ultramm.cli.main", "node", "start", "--duration", f"{duration_s:g}s", *arguments]
    samples: list[Sample] = []
    with (folder / "output.txt").open("w") as output, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("soaking", total=duration_s)
        node = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        began_s = time.monotonic()
        while node.poll() is None:
            time.sleep(EVERY_S)
            at_s = time.monotonic() - began_s
            bar.update(task, completed=at_s)
            if at_s < duration_s:  # not while it ends
                samples += look(node.pid, at_s, folder / "data" / "journal.db")
    if node.returncode:
        raise SystemExit((folder / "output.txt").read_text())
    print((folder / "output.txt").read_text().splitlines()[-1])
    return samples


def look(pid: int, at_s: float, path: Path) -> list[Sample]:
    """A sample, or none while there is nothing to see."""
    try:
        memory = psutil.Process(pid).memory_full_info()
        journal = SqliteJournal(path)
        last = journal.last("status")
        journal.close()
    except (psutil.Error, UserError, OSError):
        return []
    status: Any = last[0].record if last else None
    if not isinstance(status, Status):
        return []
    size = sum(file.stat().st_size for file in path.parent.glob("journal.db*"))
    fills = sum(maker.score.fills for maker in status.makers)
    return [Sample(at_s, status.market_events, memory.rss / MB, memory.uss / MB, size / MB, fills)]


def slope_per_hour(samples: list[Sample], of: str) -> tuple[float, float]:
    """Least-squares growth an hour, and its standard error, samples taken as independent."""
    x, y = [s.at_s / 3600 for s in samples], [getattr(s, of) for s in samples]
    slope, intercept = statistics.linear_regression(x, y)
    rest = [b - intercept - slope * a for a, b in zip(x, y, strict=True)]
    spread = sum((a - statistics.fmean(x)) ** 2 for a in x)
    return slope, (sum(r * r for r in rest) / max(len(x) - 2, 1) / spread) ** 0.5


def show(samples: list[Sample]) -> None:
    warm = [sample for sample in samples if sample.at_s > WARM_S] or samples
    first, last = warm[0], warm[-1]
    rates = [(b.events - a.events) / (b.at_s - a.at_s) for a, b in pairwise(warm)]
    table = Table(
        title=f"{last.at_s / 60:.0f} minutes, {last.events:,} events, {last.fills:,} fills", title_justify="left"
    )
    table.add_column("")
    for column in ("first third", "second third", "last third", "growth an hour"):
        table.add_column(column, justify="right")
    thirds = [warm[len(warm) * k // 3 : len(warm) * (k + 1) // 3] for k in range(3)]
    for name, of in (("resident MB", "resident_mb"), ("private MB", "private_mb"), ("journal MB", "journal_mb")):
        growth, error = slope_per_hour(warm, of)
        means = (f"{statistics.fmean(getattr(s, of) for s in third):.1f}" for third in thirds)
        table.add_row(name, *means, f"{growth:+.1f} ± {error:.1f}")
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    overall = (last.events - first.events) / (last.at_s - first.at_s)
    print(f"{overall:,.0f} events/s; in ten seconds at least {min(rates):,.0f}, at most {max(rates):,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description="A paper node at a high rate for long.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--pace", type=float, default=250.0, help="seconds of market a second")
    parser.add_argument("--port", type=int, default=8059, help="of the node's page")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the samples there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        samples = run(arguments.minutes, arguments.pace, arguments.port, Path(folder))
    show(samples)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.encode(samples))


if __name__ == "__main__":
    main()
