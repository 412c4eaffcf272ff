"""What waits to be told, on disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from ultramm.alerts.alert import Alert, Severity
from ultramm.alerts.rules import Memory
from ultramm.alerts.spool import Message, Spool
from ultramm.errors import DataError

S = 1_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "below" / "demo.alerts"


@pytest.fixture
def spool(path: Path) -> Spool:
    return Spool(path)


def alert(text: str = "t", *, ts_ns: int = 0, severity: Severity = "warning", subject: str = "mm") -> Alert:
    return Alert(ts_ns=ts_ns, rule="halt", severity=severity, subject=subject, text=text)


def test_alerts_of_one_rule_and_subject_are_one_line_with_their_count(spool: Spool) -> None:
    spool.take(1, Memory(), [alert("first", ts_ns=5), alert("other", subject="b")], now_ns=100)
    spool.take(2, Memory(), [alert("last", ts_ns=9), alert("worse", severity="critical")], now_ns=200)
    assert [(w.subject, w.severity, w.count, w.text) for w in spool.waiting()] == [
        ("mm", "warning", 2, "last"),
        ("b", "warning", 1, "other"),
        ("mm", "critical", 1, "worse"),
    ]
    first = spool.waiting()[0]
    assert (first.first_ns, first.last_ns, first.since_ns) == (5, 9, 100)


def test_how_far_the_journal_was_read_comes_with_what_it_brought(spool: Spool, path: Path) -> None:
    assert spool.state() is None
    spool.take(7, Memory(run="r", tripped={"x": True}), [alert()], now_ns=1)
    again = Spool(path)
    assert again.state() == (7, Memory(run="r", tripped={"x": True}))
    assert len(again.waiting()) == 1
    with pytest.raises(OverflowError):
        # The second cannot be stored: nothing of it is.
        again.take(8, Memory(), [alert("fine", subject="new"), alert(ts_ns=2**70)], now_ns=2)
    assert again.state() == (7, Memory(run="r", tripped={"x": True}))
    assert [line.subject for line in again.waiting()] == ["mm"]


def test_a_message_is_due_at_every_destination_until_it_has_it(spool: Spool, path: Path) -> None:
    spool.take(1, Memory(), [alert(), alert(subject="b")], now_ns=0)
    message = Message("warning", "title", "body")
    spool.send(spool.waiting()[:1], message, ["mail", "hook"], now_ns=10)
    assert [line.subject for line in spool.waiting()] == ["b"]
    mail, hook = spool.due(10)
    assert (mail.destination, mail.message) == ("mail", message)
    spool.delivered(mail)
    spool.put_off(hook, 50)
    assert spool.due(49) == []
    (again,) = Spool(path).due(50)
    assert (again.destination, again.attempts) == ("hook", 1)
    assert (spool.undelivered(), spool.made_since(9), spool.made_since(10)) == (1, 1, 0)


def test_what_cannot_arrive_any_more_is_given_up_and_what_has_is_forgotten(spool: Spool) -> None:
    message = Message("info", "t", "b")
    for made_ns in (0, 100):
        spool.send([], message, ["mail", "gone"], now_ns=made_ns)
    assert spool.give_up(50, ["mail"]) == 3
    (left,) = spool.due(1_000)
    assert (left.destination, left.message_id) == ("mail", 2)
    spool.forget(1_000)
    assert [made_ns for made_ns, _, _ in spool.latest(9)] == [100]
    spool.delivered(left)
    spool.forget(1_000)
    assert spool.latest(9) == []


def test_somebody_elses_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE photos (x)")
    database.close()
    with pytest.raises(DataError, match="no file of alerts"):
        Spool(path)
    (tmp_path / "text").write_text("no database, and long enough to be seen as none" * 50)
    with pytest.raises(DataError, match="cannot keep alerts here"):
        Spool(tmp_path / "text")
