"""The journal in one SQLite file, in WAL mode: one process writes records, others read them and leave commands."""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from ultramm.errors import DataError
from ultramm.journal.records import AlertEvent, Command, Entry, Record
from ultramm.journal.retention import SCHEMA as _RETENTION_SCHEMA
from ultramm.journal.retention import Retention, let_go
from ultramm.journal.store import encode, entry, kind_of

# 1 had no way to give space back, and kept everything.
_SCHEMA_VERSION = 2
_READABLE = (1, 2)
_APPLICATION_ID = 0x756C746D  # "ultm"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL,
    ts_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_kind ON records (kind, sequence);
CREATE TABLE IF NOT EXISTS commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    ts_ns INTEGER NOT NULL,
    verb TEXT NOT NULL,
    origin TEXT NOT NULL,
    reply TEXT
);
CREATE TABLE IF NOT EXISTS alerts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
);
{_RETENTION_SCHEMA};
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {_SCHEMA_VERSION};
"""
_KEEP = Retention()


def journal_path(address: str) -> Path:
    """The file of a ``sqlite:///PATH`` address."""
    return Path(address.removeprefix("sqlite:///"))


class SqliteJournal:
    """A journal file.

    Parameters
    ----------
    path : Path
        The file; its folder is made when `create` is set.
    create : bool
        Be the one that writes it: make the file when it is not there, and keep other writers away. Without it, a
        missing file is an error.
    retention : Retention
        What its writer lets go of.

    Raises
    ------
    DataError
        When the file cannot be opened, made or written, is no journal, or another node writes it.
    """

    def __init__(self, path: Path, *, create: bool = False, retention: Retention = _KEEP) -> None:
        self.path = path
        self._retention = retention
        self._lock: TextIO | None = None
        if not create and not path.exists():
            raise DataError(f"{path}: no journal here; start a node first, or name its journal or config")
        try:
            if create:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=2.0, check_same_thread=False, isolation_level=None)
        except (sqlite3.Error, OSError) as exc:
            raise self._unusable(create, exc) from exc
        try:
            self._prepare(create)
        except (sqlite3.Error, OSError) as exc:
            self.close()
            raise self._unusable(create, exc) from exc
        except DataError:
            self.close()
            raise

    @property
    def place(self) -> str:
        return str(self.path)

    def _unusable(self, create: bool, exc: Exception) -> DataError:
        return DataError(f"{self.path}: cannot {'write' if create else 'read'} the journal: {exc}")

    def _prepare(self, create: bool) -> None:
        """Nothing is written before it is known that the file is ours, or empty."""
        application, version = self._pragma("application_id"), self._pragma("user_version")
        empty = not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        ours = application == _APPLICATION_ID and version in _READABLE
        if not ours and not (create and empty):
            raise DataError(
                f"{self.path}: no journal of ours, or another format: journal format {version}, "
                f"this version reads {' and '.join(map(str, _READABLE))}; name another file"
            )
        if create:
            self._lock = _alone_on(self.path)
            if version != _SCHEMA_VERSION:
                # Of an empty file before its first table; one that has some is written anew, once, by the VACUUM.
                self._db.execute("PRAGMA auto_vacuum=INCREMENTAL")
                self._db.execute("VACUUM")
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])

    def append(self, rows: Iterable[tuple[str, int, Record]]) -> int:
        """Write (run, ts_ns, record) rows in one transaction."""
        # Encoded one by one as SQLite takes them, and lets other threads go on: all at once would hold them up.
        encoded = ((run, ts, kind_of(record), encode(record)) for run, ts, record in rows)
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany("INSERT INTO records (run, ts_ns, kind, body) VALUES (?, ?, ?, ?)", encoded)
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        return 0

    def read(self, *, kind: str | None = None, after: int = 0, limit: int = 1000) -> list[Entry]:
        """The first `limit` entries after a sequence number, oldest first."""
        query = "SELECT sequence, run, ts_ns, body FROM records WHERE sequence > ?"
        arguments: list[object] = [after]
        if kind is not None:
            query += " AND kind = ?"
            arguments.append(kind)
        with self._asking():
            return self._entries(self._db.execute(query + " ORDER BY sequence LIMIT ?", [*arguments, limit]))

    def last(self, kind: str, count: int = 1) -> list[Entry]:
        """The last `count` entries of one kind, newest first."""
        query = "SELECT sequence, run, ts_ns, body FROM records WHERE kind = ? ORDER BY sequence DESC LIMIT ?"
        with self._asking():
            return self._entries(self._db.execute(query, (kind, count)))

    def add_alert(self, alert: AlertEvent) -> None:
        with self._asking():
            self._db.execute("INSERT INTO alerts (body) VALUES (?)", (msgspec.json.encode(alert),))

    def alerts(self, count: int) -> list[AlertEvent]:
        """The last alerts, newest first; none in a file of the first format."""
        with self._asking():
            if self._pragma("user_version") < _SCHEMA_VERSION:
                return []
            rows = self._db.execute("SELECT body FROM alerts ORDER BY id DESC LIMIT ?", (count,)).fetchall()
        return [msgspec.json.decode(body, type=AlertEvent) for (body,) in rows]

    def leave_command(self, verb: str, origin: str) -> int:
        """Leave a command for the node that writes this journal; returns its number."""
        with self._asking():
            cursor = self._db.execute(
                "INSERT INTO commands (ts_ns, verb, origin) VALUES (?, ?, ?)", (time.time_ns(), verb, origin)
            )
        return int(cursor.lastrowid or 0)

    def pending_commands(self) -> list[Command]:
        """Commands that have no reply yet, oldest first."""
        rows = self._db.execute("SELECT id, verb, origin FROM commands WHERE reply IS NULL ORDER BY id")
        return [Command(id=number, verb=verb, origin=origin) for number, verb, origin in rows]

    def reply(self, command_id: int, text: str) -> None:
        self._db.execute("UPDATE commands SET reply = ? WHERE id = ?", (text, command_id))

    def take_back(self, command_id: int) -> None:
        """Make a command that nobody has answered one that nobody will carry out any more."""
        self._db.execute("UPDATE commands SET reply = 'taken back' WHERE id = ? AND reply IS NULL", (command_id,))

    def reply_to(self, command_id: int) -> str | None:
        """The reply to a command, or None while there is none."""
        row = self._db.execute("SELECT reply FROM commands WHERE id = ?", (command_id,)).fetchone()
        return row[0] if row else None

    def tidy(self, now_ns: int) -> int:
        """A step of what `Retention` says; 0 when there is nothing more to do."""
        return let_go(self._db, self._retention, now_ns)

    def close(self) -> None:
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise DataError(f"{self.path}: the journal cannot be used now: {exc}") from exc

    def _entries(self, rows: Iterable[tuple[int, str, int, bytes]]) -> list[Entry]:
        return [entry(self.place, sequence, run, ts_ns, body) for sequence, run, ts_ns, body in rows]


def _alone_on(journal: Path) -> TextIO:
    """Two nodes on one journal would both obey each command: the second is refused. To close the file is to let go."""
    file = journal.with_name(f"{journal.name}.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        raise DataError(
            f"{journal}: another node writes this journal; stop it, or name another with --set journal.to=..."
        ) from exc
    return file
