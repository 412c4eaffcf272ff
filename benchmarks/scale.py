"""Time and memory of long backtests, each in a process of its own, and what generating the market takes of it.

Run as a script it makes one measurement and prints it as JSON: ``scale.py EVENTS``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from arena import synthetic
from ultramm.nautilus.backtest import run_backtest
from ultramm.nautilus.build import feeds
from ultramm.simulation.presets import PRESETS
from ultramm.simulation.synthetic import SyntheticMarket

_EVENTS_PER_S = 138  # of the ``tight`` market, trades and book changes
_GENERATION_SAMPLE = 50_000


class LongRun(msgspec.Struct, frozen=True):
    """One backtest from a stream; `generation_s` is what its events alone would have taken."""

    events: int
    orders: int
    seconds: float
    generation_s: float
    peak_mb: float

    @property
    def seconds_per_million(self) -> float:
        return 1e6 * self.seconds / self.events


def long_run(events: int) -> LongRun:
    """Measure a backtest of about so many events in a fresh process."""
    arguments = [sys.executable, __file__, str(events)]
    done = subprocess.run(arguments, check=True, capture_output=True)
    return msgspec.json.decode(done.stdout, type=LongRun)


def events_per_second(count: int) -> float:
    """Speed of the market of agents alone, ``tight``, without the kernel's objects."""
    market = SyntheticMarket(PRESETS["tight"], 1)
    start = time.process_time()
    deque(islice(market.events(), count), maxlen=0)
    return count / (time.process_time() - start)


def _measure(events: int) -> LongRun:
    resolved = synthetic(f"venues.SIM.params.duration_s={events / _EVENTS_PER_S}")
    start = time.process_time()
    result = run_backtest(resolved)
    seconds = time.process_time() - start
    # Before the sample, which has nothing to do with the peak.
    most_mb = peak_mb()
    return LongRun(
        events=result.market_events,
        orders=result.scores[0].quoting.orders_submitted,
        seconds=seconds,
        generation_s=_generation_s(resolved) * result.market_events,
        peak_mb=most_mb,
    )


def _generation_s(resolved: Any) -> float:
    """Seconds an event of the same stream with nobody behind it."""
    (feed,) = feeds(resolved)
    stream = feed.source.events(endless=True)
    start = time.process_time()
    deque(islice(stream, _GENERATION_SAMPLE), maxlen=0)
    return (time.process_time() - start) / _GENERATION_SAMPLE


def peak_mb() -> float:
    """Most memory that this process has had, megabytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # The usage of resources would count the process that started this one.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(_measure(int(sys.argv[1]))))
