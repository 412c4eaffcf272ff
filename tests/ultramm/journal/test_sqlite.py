import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ultramm.errors import DataError
from ultramm.journal.records import Entry, RunEnded
from ultramm.journal.sqlite import SqliteJournal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(path, create=True)
    yield journal
    journal.close()


@pytest.fixture
def reader(journal: SqliteJournal) -> Iterator[SqliteJournal]:
    """Another process's view: opened beside the writer."""
    reader = SqliteJournal(journal.path)
    yield reader
    reader.close()


def ended(number: int) -> RunEnded:
    return RunEnded(reason="test", open_orders=number)


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.record.open_orders for entry in entries if isinstance(entry.record, RunEnded)]


def test_a_reader_in_the_middle_of_a_read_does_not_stop_the_writer(journal):
    journal.append([("run", 0, ended(1))])
    outside = sqlite3.connect(journal.path, isolation_level=None)
    outside.execute("BEGIN")
    assert outside.execute("SELECT count(*) FROM records").fetchone() == (1,)
    journal.append([("run", 0, ended(2))])
    assert outside.execute("SELECT count(*) FROM records").fetchone() == (1,)
    outside.execute("COMMIT")
    assert outside.execute("SELECT count(*) FROM records").fetchone() == (2,)
    outside.close()


def test_a_row_that_cannot_be_stored_leaves_the_journal_as_it_was_and_usable(journal):
    with pytest.raises(Exception, match="too large"):
        journal.append([("run", 0, ended(1)), ("run", 2**70, ended(2))])
    assert journal.read() == []
    journal.append([("run", 0, ended(3))])
    assert numbers(journal.read()) == [3]


# -- files that are no journal -------------------------------------------------------------------------------


def refused(path: Path, *, create: bool = False) -> str:
    with pytest.raises(DataError) as caught:
        SqliteJournal(path, create=create)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def test_a_missing_journal_is_named_with_the_remedy(tmp_path):
    path = tmp_path / "none.db"
    assert "start a node first" in refused(path)
    assert not path.exists()


@pytest.mark.parametrize("create", [False, True])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path, create):
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes, all of them, and no database at all\n" * 50)
    before = path.read_bytes()
    assert "not a database" in refused(path, create=create)
    assert path.read_bytes() == before


@pytest.mark.parametrize("create", [False, True])
def test_a_folder_is_no_journal(tmp_path, create):
    refused(tmp_path, create=create)


@pytest.mark.parametrize("create", [False, True])
def test_a_path_below_a_file_is_no_journal(tmp_path, create):
    (tmp_path / "file").write_text("x")
    refused(tmp_path / "file" / "journal.db", create=create)


def test_an_empty_file_is_no_journal_to_read(tmp_path):
    path = tmp_path / "empty.db"
    path.touch()
    refused(path)


def tables(path: Path) -> set[str]:
    database = sqlite3.connect(path)
    names = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    database.close()
    return names


@pytest.mark.parametrize("create", [False, True])
def test_a_journal_of_another_format_is_refused_and_left_alone(tmp_path, create):
    path = tmp_path / "future.db"
    database = sqlite3.connect(path)
    database.executescript("CREATE TABLE later (x); PRAGMA user_version = 7;")
    database.close()
    message = refused(path, create=create)
    assert "format 7" in message
    assert "reads 1 and 2" in message
    assert tables(path) == {"later"}


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("version", [0, 1])
def test_somebody_elses_database_is_no_journal(tmp_path, version, create):
    """Many programs number their first format 1; most leave it 0."""
    path = tmp_path / "photos.db"
    database = sqlite3.connect(path)
    database.executescript(f"CREATE TABLE photos (x); PRAGMA user_version = {version};")
    database.close()
    refused(path, create=create)
    assert tables(path) == {"photos"}


def test_a_record_that_cannot_be_read_is_a_data_error(journal, reader):
    """Written by a later version, or damaged: the reader says so instead of breaking."""
    journal.append([("run", 0, ended(1))])
    database = sqlite3.connect(journal.path)
    with database:
        database.execute("UPDATE records SET body = ?", (msgspec.json.encode({"type": "telepathy"}),))
    database.close()
    with pytest.raises(DataError, match="journal"):
        reader.read()
