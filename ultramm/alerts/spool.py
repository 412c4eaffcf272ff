"""What is still to be told, on disk: no alert is lost when the process that tells them is killed.

Alerts of one rule about one subject wait as one line, with their count; so a storm is a few lines.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ultramm.alerts.alert import Alert, Severity
from ultramm.alerts.rules import Memory
from ultramm.errors import DataError

_APPLICATION_ID = 0x756C7461  # "ulta"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS state (only_one INTEGER PRIMARY KEY CHECK (only_one = 1), sequence INTEGER NOT NULL,
    memory BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS waiting (severity TEXT NOT NULL, rule TEXT NOT NULL, subject TEXT NOT NULL,
    count INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, text TEXT NOT NULL,
    since_ns INTEGER NOT NULL, PRIMARY KEY (severity, rule, subject));
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY AUTOINCREMENT, made_ns INTEGER NOT NULL,
    severity TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deliveries (message INTEGER NOT NULL, destination TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, due_ns INTEGER NOT NULL, PRIMARY KEY (message, destination));
PRAGMA application_id = {_APPLICATION_ID};
"""


class Line(msgspec.Struct, frozen=True):
    """Alerts of one rule about one subject that wait to be told.

    Parameters
    ----------
    count : int
        How many.
    first_ns, last_ns : int
        When the first and the last of them were.
    text : str
        Of the last.
    since_ns : int
        When the first came here.
    """

    severity: Severity
    rule: str
    subject: str
    count: int
    first_ns: int
    last_ns: int
    text: str
    since_ns: int


class Message(msgspec.Struct, frozen=True):
    """What is sent, as it is sent."""

    severity: Severity
    title: str
    body: str


class Due(msgspec.Struct, frozen=True):
    """A message that a destination has not had."""

    message_id: int
    destination: str
    attempts: int
    message: Message


class Spool:
    """The file of a node's alerts.

    Parameters
    ----------
    path : Path
        Made when it is not there.

    Raises
    ------
    DataError
        It cannot be had, or is something else.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
            ours = self._db.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
            if not ours and self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise DataError(f"{path}: this is no file of alerts; name another state.directory")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as exc:
            raise DataError(f"{path}: cannot keep alerts here: {exc}") from exc

    # -- what happened ---------------------------------------------------------------------------------------

    def state(self) -> tuple[int, Memory] | None:
        """Up to which entry the journal was looked at, and what the rules remember; None at first."""
        row = self._db.execute("SELECT sequence, memory FROM state").fetchone()
        return None if row is None else (row[0], msgspec.json.decode(row[1], type=Memory))

    def take(self, sequence: int, memory: Memory, alerts: Iterable[Alert], now_ns: int) -> None:
        """Keep what entries up to `sequence` have brought, all of it or nothing."""
        rows = [(a.severity, a.rule, a.subject, a.ts_ns, a.ts_ns, a.text, now_ns) for a in alerts]
        with self._whole():
            self._db.executemany(
                "INSERT INTO waiting VALUES (?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + 1, "
                "last_ns = excluded.last_ns, text = excluded.text",
                rows,
            )
            self._db.execute("INSERT OR REPLACE INTO state VALUES (1, ?, ?)", (sequence, msgspec.json.encode(memory)))

    def waiting(self) -> list[Line]:
        """What waits, in the order in which it came."""
        rows = self._db.execute("SELECT * FROM waiting ORDER BY since_ns, rowid")
        return [Line(*row) for row in rows]

    # -- what is sent ----------------------------------------------------------------------------------------

    def send(self, lines: Iterable[Line], message: Message, destinations: Iterable[str], now_ns: int) -> None:
        """Make a message of lines: they wait no more, and it is due everywhere."""
        with self._whole():
            number = self._db.execute(
                "INSERT INTO messages (made_ns, severity, title, body) VALUES (?, ?, ?, ?)",
                (now_ns, message.severity, message.title, message.body),
            ).lastrowid
            self._db.executemany(
                "DELETE FROM waiting WHERE severity = ? AND rule = ? AND subject = ?",
                [(line.severity, line.rule, line.subject) for line in lines],
            )
            self._db.executemany(
                "INSERT INTO deliveries (message, destination, due_ns) VALUES (?, ?, ?)",
                [(number, destination, now_ns) for destination in destinations],
            )

    def made_since(self, ts_ns: int) -> int:
        """How many messages were made after a moment."""
        return int(self._db.execute("SELECT count(*) FROM messages WHERE made_ns > ?", (ts_ns,)).fetchone()[0])

    def due(self, now_ns: int) -> list[Due]:
        """What is to be delivered now, oldest first."""
        rows = self._db.execute(
            "SELECT message, destination, attempts, severity, title, body FROM deliveries JOIN messages "
            "ON messages.id = message WHERE due_ns <= ? ORDER BY message, deliveries.rowid",
            (now_ns,),
        )
        return [Due(number, where, tried, Message(*message)) for number, where, tried, *message in rows]

    def delivered(self, due: Due) -> None:
        """A destination has it."""
        self._db.execute(
            "DELETE FROM deliveries WHERE message = ? AND destination = ?", (due.message_id, due.destination)
        )

    def put_off(self, due: Due, until_ns: int) -> None:
        """A destination did not take it; it is tried again."""
        self._db.execute(
            "UPDATE deliveries SET attempts = attempts + 1, due_ns = ? WHERE message = ? AND destination = ?",
            (until_ns, due.message_id, due.destination),
        )

    def undelivered(self) -> int:
        """Deliveries that are still to be made."""
        return int(self._db.execute("SELECT count(*) FROM deliveries").fetchone()[0])

    def latest(self, count: int) -> list[tuple[int, Message, int]]:
        """The last messages, newest first: when each was made, and where it has not arrived yet."""
        rows = self._db.execute(
            "SELECT made_ns, severity, title, body, (SELECT count(*) FROM deliveries WHERE message = messages.id) "
            "FROM messages ORDER BY id DESC LIMIT ?",
            (count,),
        )
        return [(made_ns, Message(*message), left) for made_ns, *message, left in rows]

    def forget(self, before_ns: int) -> None:
        """Messages that have arrived everywhere, and were made before a moment, are not kept."""
        self._db.execute(
            "DELETE FROM messages WHERE made_ns < ? AND id NOT IN (SELECT message FROM deliveries)", (before_ns,)
        )

    def give_up(self, before_ns: int, destinations: Iterable[str]) -> int:
        """Deliveries of before a moment, or to what is no destination any more, are given up; gives how many."""
        known = set(destinations)
        with self._whole():
            found = self._db.execute("SELECT DISTINCT destination FROM deliveries").fetchall()
            count = self._db.execute(
                "DELETE FROM deliveries WHERE message IN (SELECT id FROM messages WHERE made_ns < ?)", (before_ns,)
            ).rowcount
            for (destination,) in found:
                if destination not in known:
                    query = "DELETE FROM deliveries WHERE destination = ?"
                    count += self._db.execute(query, (destination,)).rowcount
        return count

    def close(self) -> None:
        self._db.close()

    def _whole(self) -> sqlite3.Connection:
        """A transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        return self._db
