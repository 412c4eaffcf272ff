"""How much memory reading a recording takes at most."""

from __future__ import annotations

import gc
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from ultramm.nautilus.recordings.importing import Account


def peak_bytes_of(*recordings: Callable[[], Any]) -> list[int]:
    """For each recording, which must be named by what a process can be sent: ``partial(LeanRecording, [file])``.

    They are read in a process of their own, as tracemalloc counts what threads and garbage of other tests allocate.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        return fresh.submit(_peaks, recordings).result()


def _peaks(recordings: Iterable[Callable[[], Any]]) -> list[int]:
    first, *_ = recordings
    _peak_bytes(first())  # it pays for what is made once
    return [_peak_bytes(recording()) for recording in recordings]


def _peak_bytes(recording: Any) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        deque(recording.data(Account(), lambda _done, _total: None), maxlen=0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
