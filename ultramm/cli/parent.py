"""Processes that a node starts beside itself know by their input whether it is still there."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def on_parents_end(then: Callable[[], object]) -> None:
    """Call `then`, on a thread, when the node has ended, however: its end of our input closes."""

    def wait() -> None:
        sys.stdin.read()
        then()

    threading.Thread(target=wait, name="parent", daemon=True).start()
