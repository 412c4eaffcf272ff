"""The runs that a journal tells of."""

from __future__ import annotations

import msgspec

from ultramm.errors import DataError
from ultramm.journal.records import KINDS, RunEnded, RunStarted
from ultramm.journal.store import Journal

_MOST = 10_000


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A node's run.

    Parameters
    ----------
    run : str
        Its name in the journal.
    name, mode, version : str
        The configuration's name, how it traded, and the version that did.
    began_ns, ended_ns : int
        Nanoseconds since the epoch; None for one that goes on, or was killed.
    reason : str or None
        Why it ended.
    open_orders : int or None
        What it knew to be left at the venue.
    """

    run: str
    name: str
    mode: str
    version: str
    began_ns: int
    ended_ns: int | None = None
    reason: str | None = None
    open_orders: int | None = None


def runs_of(journal: Journal) -> list[Run]:
    """All of them, latest first."""
    found: list[Run] = []
    ends = {entry.run: entry for entry in journal.last("run-ended", _MOST)}
    for entry in journal.last("run-started", _MOST):
        record = entry.record
        assert isinstance(record, RunStarted)
        run = Run(run=entry.run, name=record.name, mode=record.mode, version=record.version, began_ns=entry.ts_ns)
        end = ends.get(entry.run)
        if end is not None and isinstance(end.record, RunEnded):
            run = msgspec.structs.replace(
                run, ended_ns=end.ts_ns, reason=end.record.reason, open_orders=end.record.open_orders
            )
        found.append(run)
    return found


def require_run(journal: Journal, run: str) -> Run:
    """A run by its name.

    Raises
    ------
    DataError
        There is none of that name; the message has the latest ones.
    """
    found = runs_of(journal)
    for each in found:
        if each.run == run:
            return each
    latest = ", ".join(each.run for each in found[:3]) or "none"
    raise DataError(f"{journal.place}: no run {run}; the latest are {latest}")


def last_sequence(journal: Journal) -> int:
    """The highest sequence number there is; 0 in an empty journal."""
    latest = [journal.last(kind) for kind in KINDS]
    return max((entries[0].sequence for entries in latest if entries), default=0)
