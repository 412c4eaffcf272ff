"""Signals that end a node in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ultramm.errors import RunError

END_SIGNALS = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def on_end_signals(stop: Callable[[str], None]) -> None:
    """From now on such a signal calls `stop` with words, on the loop."""
    loop = asyncio.get_running_loop()
    for number in END_SIGNALS:
        loop.add_signal_handler(number, stop, f"signal {number.name}")


@contextmanager
def endable(result: str, stop: Callable[[str], None]) -> Iterator[None]:
    """Signals end what is awaited here in order, with a `result` in words, and call `stop` from then on.

    Left alone they would end the process at once.

    Raises
    ------
    RunError
        There was one.
    """
    task = asyncio.current_task()
    assert task is not None
    waits = True
    came: list[str] = []

    def end(reason: str) -> None:
        if not waits:
            stop(reason)
        elif not came:
            came.append(reason)
            task.cancel()

    on_end_signals(end)
    try:
        yield
    except asyncio.CancelledError:
        if not came:
            raise
        task.uncancel()
    finally:
        waits = False
    if came:  # also where what was awaited did not let itself be cancelled
        raise RunError(f"{came[0]} while it asked its venues: {result}")
