"""A process beside a live node that cancels what it leaves at its venues when it dies or hangs.

The node tells through the input that it holds open: that it is about to trade, then each time that its loop has come
round, that it ends, and that it has ended with nothing left. An input that closes without the last is a death; one that
is silent for long a hang, which is ended first.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from ultramm.config.resolve import Resolved

BEGUN, BEAT, ENDING, FAREWELL = b"b", b".", b"e", b"q"
# What takes leave of several venues has more to wait for.
_ENDING_TIMES = 4
_LOOK_S = 0.2
_TRIES = 20


class Beats:
    """What the node's loop says of itself; read on a thread of its own.

    Attributes
    ----------
    begun, ending, in_order : bool
        What it has said.
    ended : bool
        Whether the node has ended, however.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.begun = self.ending = self.in_order = self.ended = False
        self._last_s: float | None = None
        threading.Thread(target=self._read, args=(stream,), name="beats", daemon=True).start()

    def _read(self, stream: IO[bytes]) -> None:
        while said := os.read(stream.fileno(), 64):
            if BEAT in said or ENDING in said:
                self._last_s = time.monotonic()
            self.begun = self.begun or BEGUN in said
            self.ending = self.ending or ENDING in said
            self.in_order = self.in_order or FAREWELL in said
        self.ended = True

    @property
    def silent_s(self) -> float:
        """Since its loop came round, seconds; 0 before the first time, since a start may take long."""
        return 0.0 if self._last_s is None else time.monotonic() - self._last_s


def watch(beats: Beats, hang_s: float, node: int, tell: Callable[[str], None]) -> str:
    """Wait for the node's end, and bring it about when its loop hangs.

    Parameters
    ----------
    hang_s : float
        How long it may be silent, seconds.
    node : int
        Its process.

    Returns
    -------
    str
        In words why its orders must be cancelled; empty when it has ended in order, or had not begun.
    """
    reason = "it died"
    while not beats.ended:
        if beats.silent_s > hang_s * (_ENDING_TIMES if beats.ending else 1) and not beats.in_order:
            reason = f"its loop hung for {hang_s:g} s"
            tell(f"{reason}: it is ended")
            os.kill(node, signal.SIGKILL)
            while not beats.ended:
                time.sleep(_LOOK_S)
        time.sleep(_LOOK_S)
    return reason if beats.begun and not beats.in_order else ""


def clean_up(resolved: Resolved, reason: str, tell: Callable[[str], None]) -> None:
    """Cancel what the node left, and tell people of it."""
    from ultramm.cli.venue import cancel_left
    from ultramm.errors import DataError, UltrammError

    for _ in range(_TRIES):
        try:
            found = asyncio.run(cancel_left(resolved))
        except DataError as exc:
            # The ledger is in use: the node's process is not quite gone, or the next one is here and does it itself.
            problem = str(exc)
            time.sleep(_LOOK_S)
        except UltrammError as exc:
            _tell_people(resolved, "the node died, and orders may still be open", f"{reason}; {exc}", tell)
            return
        else:
            orders = [order for each in found.values() for order in each]
            text = f"{reason}; {len(orders)} orders were cancelled, none of ours is left"
            _tell_people(resolved, "the node died, its orders are cancelled", "\n".join([text, *orders]), tell)
            return
    tell(f"{reason}; left to the node that has taken over: {problem}")


def _tell_people(resolved: Resolved, title: str, body: str, tell: Callable[[str], None]) -> None:
    """Wherever they may look: the log, the journal, and every address of the alerts."""
    from contextlib import closing

    from ultramm.alerts.deliver import destinations, in_words
    from ultramm.alerts.spool import Message
    from ultramm.cli.journals import opener
    from ultramm.journal.records import AlertEvent

    config = resolved.config
    title = f"{config.name}: {title}"
    tell(f"{title}: {body}")
    try:
        with closing(opener(resolved.loaded)()) as journal:
            journal.add_alert(AlertEvent(ts_ns=time.time_ns(), severity="critical", title=title, body=body))
    except Exception as exc:
        tell(f"not in the journal: {exc}")
    for to in destinations(config.alerts, resolved.loaded.path) if config.alerts.wanted else ():
        try:
            to.send(Message("critical", title, body))
        except Exception as exc:
            tell(f"not told to {to.label}: {in_words(exc)}")
