"""What a journal file keeps for how long."""

from __future__ import annotations

import sqlite3
from itertools import pairwise

import msgspec

_HOUR_NS = 3_600_000_000_000
_MINUTE_NS = 60_000_000_000
_DAY_NS = 86_400_000_000_000
# Of a kind in one step: a step lasts milliseconds, and records wait no longer for it.
_AT_ONCE = 2_000
_PAGES_AT_ONCE = 1_000
# What comes many times a minute; everything else is kept for good.
BULKY = ("status", "order")

SCHEMA = "CREATE TABLE IF NOT EXISTS thinned (until INTEGER NOT NULL)"


class Retention(msgspec.Struct, frozen=True):
    """How long orders' events and statuses are kept, days; of statuses older than an hour one a minute is.

    Fills, halts, commands, alerts and the beginnings and ends of runs are kept for good.
    """

    days: float = 30.0


def let_go(db: sqlite3.Connection, retention: Retention, now_ns: int) -> int:
    """One step of it; gives how many rows were dealt with, 0 when nothing is left to do."""
    done = sum(_old(db, kind, now_ns - round(retention.days * _DAY_NS)) for kind in BULKY)
    done += _thin(db, now_ns - _HOUR_NS)
    db.execute(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})").fetchall()
    return done


def _old(db: sqlite3.Connection, kind: str, before_ns: int) -> int:
    """The oldest rows come first: no more of them are looked at than go at once."""
    found = db.execute(
        "DELETE FROM records WHERE sequence IN (SELECT sequence FROM (SELECT sequence, ts_ns FROM records "
        "WHERE kind = ? ORDER BY sequence LIMIT ?) WHERE ts_ns < ?)",
        (kind, _AT_ONCE, before_ns),
    )
    return found.rowcount


def _thin(db: sqlite3.Connection, before_ns: int) -> int:
    """Of each minute of a run the last status stays."""
    row = db.execute("SELECT until FROM thinned").fetchone()
    rows = db.execute(
        "SELECT sequence, run, ts_ns FROM records WHERE kind = 'status' AND sequence > ? ORDER BY sequence LIMIT ?",
        (row[0] if row else 0, _AT_ONCE),
    ).fetchall()
    going: list[tuple[int]] = []
    passed, until = 0, 0
    for (sequence, run, ts_ns), (_, next_run, next_ns) in pairwise(rows):
        if ts_ns >= before_ns:
            break
        passed, until = passed + 1, sequence
        if (run, ts_ns // _MINUTE_NS) == (next_run, next_ns // _MINUTE_NS):
            going.append((sequence,))
    if not passed:
        return 0
    db.execute("BEGIN IMMEDIATE")
    try:
        db.executemany("DELETE FROM records WHERE sequence = ?", going)
        db.execute("DELETE FROM thinned")
        db.execute("INSERT INTO thinned VALUES (?)", (until,))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return passed
