"""Commands to a running node, through its journal."""

from __future__ import annotations

import time

from ultramm.journal.store import Journal

_LOOK_S = 0.05


def carried_out(journal: Journal, verb: str, origin: str, patience_s: float) -> str | None:
    """Leave a command and wait for the node's answer; None where none came in time, and the command is taken back."""
    number = journal.leave_command(verb, origin)
    deadline = time.monotonic() + patience_s
    while (reply := journal.reply_to(number)) is None:
        if time.monotonic() > deadline:
            journal.take_back(number)
            return None
        time.sleep(_LOOK_S)
    return reply
