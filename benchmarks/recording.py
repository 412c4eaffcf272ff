"""What recording costs a node: events a second, lateness of its loop, memory, and bytes a row.

Run as a script it makes one measurement and prints it as JSON: ``recording.py EVENTS SPEED plain|recorded``. Both
sides run the same node with the same events from memory; the plain one lets go of what the recorder would take.
"""

from __future__ import annotations

import asyncio
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from arena import synthetic
from scale import peak_mb
from ultramm.nautilus.build import Feed, feeds
from ultramm.nautilus.feed import restamped
from ultramm.nautilus.recorder.node import RecordRunner
from ultramm.nautilus.recorder.publish import Publication
from ultramm.nautilus.recorder.recorder import Recorder, RecorderStatus
from ultramm.nautilus.recorder.spool import segments
from ultramm.nautilus.source import Pace

_TICK_S = 0.001
_LOOP = 50_000  # events in memory, played again and again


class Recorded(msgspec.Struct, frozen=True):
    """One node that listened to so many events.

    Parameters
    ----------
    late_p99_ms, late_max_ms : float
        How late the loop came back to a task that sleeps for a millisecond at a time.
    growth_mb : float
        Memory at the end beyond that after a fifth of the events.
    spool_bytes, parquet_bytes : float
        A row.
    """

    events: int
    rows: int
    dropped: int
    seconds: float
    processor_s: float
    late_p99_ms: float
    late_max_ms: float
    peak_mb: float
    growth_mb: float
    spool_bytes: float
    parquet_bytes: float


def measure(events: int, speed: float, side: str) -> Recorded:
    """Measure in a fresh process."""
    arguments = [sys.executable, __file__, str(events), str(speed), side]
    done = subprocess.run(arguments, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=Recorded)


class _Memory:
    """A source that plays a stretch of the market again and again, times going on."""

    def __init__(self, source: Any, count: int, speed: float) -> None:
        self._source, self._count, self._speed = source, count, speed
        self._events = list(islice(source.events(endless=True), min(_LOOP, count)))
        self._lap_ns = self._events[-1].ts_init - self._events[0].ts_init + 1

    def instruments(self) -> list[Any]:
        return list(self._source.instruments())

    def events(self, *, endless: bool = False) -> Iterator[Any]:
        for index in range(self._count):
            lap, place = divmod(index, len(self._events))
            yield restamped(self._events[place], lap * self._lap_ns) if lap else self._events[place]

    def pace(self) -> Pace:
        return Pace(self._speed)


class _Plain(Recorder):
    """Stands where the recorder would, and lets go of everything."""

    taken = 0

    def start(self) -> None:
        """No folder, no thread."""

    def put(self, event: Any) -> bool:
        self.taken += 1
        return True

    def close(self) -> Publication:
        return Publication()

    def status(self) -> RecorderStatus:
        return RecorderStatus(events=self.taken, rows=0, size_bytes=0, rotated_s=0.0, dropped=0, problem=None)


class _Runner(RecordRunner):
    """Listens to events from memory, and watches its own loop and memory meanwhile."""

    def __init__(self, resolved: Any, make: Any, events: int, speed: float) -> None:
        super().__init__(resolved, make)
        (feed,) = feeds(resolved)
        self._player._feeds = self._feeds = [Feed(feed.venue, _Memory(feed.source, events, speed), feed.instruments)]
        self._player._speed = speed
        self._events = events
        self.late_ms: list[float] = []
        self.memory_mb: list[float] = []
        self.began_s = self.ended_s = 0.0

    async def _watch(self, task: Any, duration_s: float | None) -> None:
        watch = asyncio.create_task(self._look())
        self.began_s = time.perf_counter()
        await super()._watch(task, duration_s)
        watch.cancel()

    def _data_ended(self, error: BaseException | None) -> None:
        self.ended_s = time.perf_counter()
        super()._data_ended(error)

    async def _look(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(_TICK_S)
            self.late_ms.append(1e3 * (time.perf_counter() - before - _TICK_S))
            if len(self.late_ms) % 100 == 0:
                self.memory_mb.append(_memory_mb())


def _memory_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _main(events: int, speed: float, side: str) -> Recorded:
    resolved = synthetic("venues.SIM.paper.latency_ms=0")
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        spooled = [0, 0]

        class Watched(Recorder):
            def close(self) -> Publication:
                # Before the last rotation takes it away.
                while self._queue:
                    time.sleep(0.01)
                time.sleep(0.5)
                assert self._segments is not None
                spooled[:] = [sum(path.stat().st_size for path in segments(self.catalog)), self._segments._segment_rows]
                return super().close()

        make = _Plain if side == "plain" else Watched
        made: list[Recorder] = []

        def recorder(instruments: list[Any]) -> Recorder:
            made.append(make(Path("catalog"), instruments, rotate_rows=max(events // 4, 50_000)))
            return made[0]

        runner = _Runner(resolved, recorder, events, speed)
        processor_s = time.process_time()
        summary = asyncio.run(runner.run())
        processor_s = time.process_time() - processor_s
        status = made[0].status()
    late = sorted(runner.late_ms)
    settled = runner.memory_mb[len(runner.memory_mb) // 5 :] or [0.0]
    return Recorded(
        events=events,
        rows=status.rows,
        dropped=status.dropped,
        seconds=runner.ended_s - runner.began_s,
        processor_s=processor_s,
        late_p99_ms=late[int(0.99 * len(late))],
        late_max_ms=late[-1],
        peak_mb=peak_mb(),
        growth_mb=settled[-1] - settled[0],
        spool_bytes=spooled[0] / max(spooled[1], 1),
        parquet_bytes=summary.recorded.size_bytes / max(sum(summary.recorded.rows.values()), 1),
    )


if __name__ == "__main__":
    result = _main(int(sys.argv[1]), float(sys.argv[2]) or math.inf, sys.argv[3])
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
