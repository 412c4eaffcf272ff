"""The run of ``ultramm data record``: its line on a terminal, and its last words."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ultramm.cli.output import moment, print_json, print_table
from ultramm.config.resolve import Resolved
from ultramm.nautilus.recorder.node import RecordRunner, RecordSummary
from ultramm.nautilus.recorder.publish import Publication
from ultramm.nautilus.recorder.recorder import Recorder, RecorderStatus


def record(resolved: Resolved, catalog: Path, rotate_s: float, duration_s: float | None, *, json: bool) -> None:
    """Record the venues of a configuration to the end, and print what came of it.

    Raises
    ------
    DataError
        The catalog cannot be recorded into; nothing ran.
    RunError
        The recording broke off; what was recorded is sound.
    """

    def recorder(instruments: list[Any]) -> Recorder:
        return Recorder(catalog, instruments, rotate_s=rotate_s)

    with _line(catalog) as show:
        summary = asyncio.run(RecordRunner(resolved, recorder, show).run(duration_s))
    try:
        _print(catalog, summary, json=json)
    except OSError:
        # Nobody reads any more; the interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(catalog: Path, summary: RecordSummary, *, json: bool) -> None:
    if json:
        print_json(summary)
        return
    if summary.recovered is not None:
        print_publication(f"{catalog}: an interrupted recording, recovered first", summary.recovered)
    print_publication(f"{catalog}: {summary.reason}", summary.recorded)


def print_publication(title: str, publication: Publication) -> None:
    """What came into a catalog, as a table."""
    rows = [
        ("from", f"{_clock(publication.first_ns)}"),
        ("to", f"{_clock(publication.last_ns)}"),
        *[(f"rows: {kind}", f"{count:,}") for kind, count in sorted(publication.rows.items())],
        ("files", f"{publication.files:,}"),
        ("size", f"{publication.size_bytes:,} bytes"),
        ("dropped events", f"{publication.dropped:,}"),
    ]
    if publication.mended:
        rows.append(("times raised: the clock went back", f"{publication.mended:,}"))
    if publication.torn_bytes:
        rows.append(("cut off: a torn end", f"{publication.torn_bytes:,} bytes"))
    print_table(title, ("", ">"), rows)


def _clock(ts_ns: int) -> str:
    return f"{moment(ts_ns, 'milliseconds')} UTC" if ts_ns else "–"  # noqa: RUF001


@contextmanager
def _line(catalog: Path) -> Iterator[Callable[[RecorderStatus], None]]:
    """A line that is kept up to date on a terminal, and nothing elsewhere.

    It is drawn from a thread of its own: a terminal that stops reading must not stop the recording.
    """
    console = Console(stderr=True)
    meter = _Meter(catalog)
    if not console.is_terminal:
        yield meter.take
        return
    live = Live(console=console, get_renderable=meter.text, refresh_per_second=1, transient=True)
    live.start()
    try:
        yield meter.take
    finally:
        with suppress(OSError):  # the terminal is gone
            live.stop()


class _Meter:
    """The latest status as a line, with the speed since the line before."""

    def __init__(self, catalog: Path) -> None:
        self._catalog = catalog
        self._latest: RecorderStatus | None = None
        self._before = time.monotonic(), 0

    def take(self, status: RecorderStatus) -> None:
        self._latest = status

    def text(self) -> Text:
        if self._latest is None:
            return Text(f"recording into {self._catalog}: connecting")
        now = time.monotonic(), self._latest.events
        rate = (now[1] - self._before[1]) / max(now[0] - self._before[0], 1e-9)
        self._before = now
        return line(self._catalog, self._latest, rate)


def line(catalog: Path, status: RecorderStatus, rate: float) -> Text:
    """How a recording goes, on one line; `rate` in events a second."""
    text = Text(
        f"recording into {catalog}: {rate:,.0f} events/s · {status.rows:,} rows · "
        f"{status.size_bytes / 1e6:,.1f} MB · rotated {status.rotated_s:,.0f} s ago"
    )
    if status.dropped:
        text.append(f" · {status.dropped:,} events dropped", style="red")
    return text
