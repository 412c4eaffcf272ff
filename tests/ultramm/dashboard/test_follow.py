"""A page that is opened on a run that has lasted long knows what stands now while it still reads what was."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
from journal_records import records

from ultramm.dashboard.follow import Follower
from ultramm.journal.records import OrderEvent, RunStarted, Status
from ultramm.journal.sqlite import SqliteJournal

S = 1_000_000_000
STARTED = next(record for record in records() if isinstance(record, RunStarted))
STATUS = next(record for record in records() if isinstance(record, Status))
ORDER = OrderEvent(strategy="mm", instrument="X.SIM", order_id="o", event="sent")


def test_what_stands_now_is_known_after_each_look(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "journal.db", create=True)) as journal:
        journal.append([("run", 0, STARTED)])
        journal.append([("run", number, ORDER) for number in range(1, 5_000)])
        journal.append([("run", 5_000, STATUS)])
        follower = Follower(journal)
        for look in range(3):
            now_ns = 6_000 + look
            journal.append([("run", now_ns, msgspec.structs.replace(STATUS, market_events=look))])
            follower.poll(0.0)
            assert (follower.status_ns, follower.status.market_events) == (now_ns, look)
            assert follower.orders[0].ts_ns < 4_000, "it has not come to the end"
        while follower.poll():
            pass
        assert follower.orders[0].ts_ns == 4_999
        assert follower.status_ns == now_ns


def test_the_status_of_another_run_is_not_taken(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path / "journal.db", create=True)) as journal:
        journal.append([("one", 0, STARTED), ("one", 1, STATUS)])
        journal.append([("two", 2 * S, STARTED), ("two", 3 * S, STATUS)])
        follower = Follower(journal, "one")
        follower.poll(0.0)
        assert follower.status_ns == 1
