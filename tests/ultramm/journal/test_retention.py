"""What a journal file lets go of, and that it gives the space back."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.journal import retention as module
from ultramm.journal.records import HaltEvent, OrderEvent, Record, Status
from ultramm.journal.retention import Retention
from ultramm.journal.sqlite import SqliteJournal

S = 1_000_000_000
MINUTE, HOUR, DAY = 60 * S, 3_600 * S, 86_400 * S


def status(number: int = 0, size: int = 0) -> Status:
    return Status(state="running", makers=(), books=(), balances={"note": "x" * size}, market_events=number)


def order() -> OrderEvent:
    return OrderEvent(strategy="mm", instrument="X.SIM", order_id="o", event="sent")


def halt() -> HaltEvent:
    return HaltEvent(strategy="mm", source="operator", active=True)


def tidied(journal: SqliteJournal, now_ns: int) -> int:
    steps = 0
    while journal.tidy(now_ns):
        steps += 1
        assert steps < 10_000, "it never ends"
    return steps


def kept(journal: SqliteJournal, kind: str) -> list[int]:
    return [entry.ts_ns for entry in journal.read(kind=kind, limit=100_000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(path, create=True, retention=Retention(days=2.0))
    yield made
    made.close()


def test_orders_and_statuses_go_when_they_are_old_and_all_else_stays(journal: SqliteJournal) -> None:
    times = [0, DAY, 3 * DAY - 1, 3 * DAY, 5 * DAY]
    rows: list[tuple[str, int, Record]] = [(f"run {ts}", ts, make()) for ts in times for make in (status, order, halt)]
    journal.append(rows)
    tidied(journal, 5 * DAY)
    assert kept(journal, "order") == [3 * DAY, 5 * DAY]
    assert kept(journal, "status") == [3 * DAY, 5 * DAY]
    assert kept(journal, "halt") == times


def test_of_statuses_of_more_than_an_hour_ago_the_last_of_each_minute_stays(journal: SqliteJournal) -> None:
    now = 10 * HOUR
    journal.append([("run", second * S, status(second)) for second in range(0, 36_001, 5)])
    tidied(journal, now)
    times = kept(journal, "status")
    old = [ts for ts in times if ts < now - HOUR]
    assert old == [minute * MINUTE + 55 * S for minute in range(9 * 60)]
    assert [ts for ts in times if ts >= now - HOUR] == [second * S for second in range(9 * 3600, 36_001, 5)]


@given(
    gaps=st.lists(st.integers(0, 200), min_size=1, max_size=60),
    runs=st.lists(st.integers(0, 2), min_size=60, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=4),
    at_once=st.integers(2, 9),
)
def test_however_it_is_cut_into_steps_the_same_stays(
    gaps: list[int], runs: list[int], cuts: list[int], at_once: int
) -> None:
    """The last status of each minute of a run before the hour, and every one after it; also while more are written."""
    times = [sum(gaps[: index + 1]) * S for index in range(len(gaps))]
    rows: list[tuple[str, int, Record]] = [(f"run {sum(runs[:i]) // 9}", ts, status(i)) for i, ts in enumerate(times)]
    now = times[-1] + HOUR
    with pytest.MonkeyPatch.context() as patched, tempfile.TemporaryDirectory() as folder:
        patched.setattr(module, "_AT_ONCE", at_once)
        journal = SqliteJournal(Path(folder) / "journal.db", create=True)
        written = 0
        for cut in [*sorted(cuts), len(rows)]:
            journal.append(rows[written:cut])
            written = max(written, cut)
            journal.tidy(now)
        tidied(journal, now)
        left = [(entry.run, entry.ts_ns) for entry in journal.read(kind="status", limit=1_000)]
        journal.close()
    last = {(run, ts // MINUTE): (run, ts) for run, ts, _ in rows}
    # The newest of all is of a minute that may go on, and with it go those that it will replace.
    assert set(left) == set(last.values())


def test_space_is_given_back_to_the_file_system(path: Path) -> None:
    journal = SqliteJournal(path, create=True, retention=Retention(days=1.0))
    for batch in range(10):
        journal.append([("run", batch, status(size=20_000)) for _ in range(200)])
    full = path.stat().st_size
    assert full > 40_000_000
    tidied(journal, 3 * DAY)
    while journal.tidy(3 * DAY) or _free(path):
        pass
    journal.close()
    assert path.stat().st_size < full / 10


def _free(path: Path) -> int:
    database = sqlite3.connect(path)
    pages: int = database.execute("PRAGMA freelist_count").fetchone()[0]
    database.close()
    return pages


FIRST_FORMAT = """
CREATE TABLE records (sequence INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, ts_ns INTEGER NOT NULL,
    kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX records_by_kind ON records (kind, sequence);
CREATE TABLE commands (id INTEGER PRIMARY KEY AUTOINCREMENT, ts_ns INTEGER NOT NULL, verb TEXT NOT NULL,
    origin TEXT NOT NULL, reply TEXT);
INSERT INTO records (run, ts_ns, kind, body) VALUES ('old', 7, 'run-ended',
    '{"type":"run-ended","reason":"stopped","open_orders":3}');
PRAGMA application_id = 1970041965;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""


def test_a_journal_of_the_first_format_is_read_and_brought_up_to_date_by_who_writes_it(path: Path) -> None:
    database = sqlite3.connect(path)
    database.executescript(FIRST_FORMAT)
    database.close()
    reader = SqliteJournal(path)
    (entry,) = reader.read()
    assert (entry.run, entry.sequence) == ("old", 1)
    assert reader.alerts(9) == []
    writer = SqliteJournal(path, create=True, retention=Retention(days=1.0))
    writer.append([("new", 8, halt())])
    assert [entry.run for entry in reader.read()] == ["old", "new"]
    writer.append([("new", 9, status())])
    assert tidied(writer, 9 * DAY) == 1
    assert [entry.ts_ns for entry in reader.read()] == [7, 8]
    for journal in (reader, writer):
        journal.close()
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchone() == (2,)
    assert database.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
