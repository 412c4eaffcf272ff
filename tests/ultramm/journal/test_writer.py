import signal
import threading
from collections.abc import Callable, Iterator

import pytest
from waiting import until

from ultramm.errors import DataError
from ultramm.journal import writer as writer_module
from ultramm.journal.open import open_journal
from ultramm.journal.records import Command, GapEvent, RunEnded
from ultramm.journal.writer import JournalWriter

DEADLINE_S = 60.0


class Moody:
    """A journal whose parts fail when told to."""

    def __init__(self, address: str) -> None:
        self._journal = open_journal(address, create=True)
        self.place = self._journal.place
        self.close = self._journal.close
        self.failing: set[str] = set()
        self.failed: list[str] = []
        self.batches: list[int] = []
        self.acknowledged = 0

    def _mood(self, part: str) -> None:
        if part in self.failing:
            self.failed.append(part)
            raise OSError(f"{part} failed: disk full")

    def append(self, rows):
        rows = list(rows)
        self._mood("append")
        self.batches.append(len(rows))
        lost = self._journal.append(rows)
        self.acknowledged += len(rows)
        return lost

    def tidy(self, now_ns):
        self._mood("tidy")
        return self._journal.tidy(now_ns)

    def pending_commands(self):
        self._mood("pending")
        return self._journal.pending_commands()

    def reply(self, command_id, text):
        self._mood("reply")
        self._journal.reply(command_id, text)


class Bench:
    """A writer on a moody journal, and an outside view of it."""

    def __init__(self, address: str) -> None:
        self.journal = Moody(address)
        self.outside = open_journal(address)
        self.commands: list[Command] = []
        self.writer: JournalWriter | None = None

    def start(self, on_command: Callable[[Command], None] | None = None, **options) -> JournalWriter:
        self.writer = JournalWriter(self.journal, "run", on_command or self.commands.append, **options)
        self.writer.start()
        return self.writer

    def numbers(self) -> list[int]:
        return [entry.record.open_orders for entry in self.outside.read(kind="run-ended", limit=10_000)]

    def gaps(self) -> list[tuple[str, str]]:
        records = [entry.record for entry in self.outside.read(kind="gap")]
        return [(record.event, record.detail) for record in records if isinstance(record, GapEvent)]


@pytest.fixture
def bench(address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(writer_module, "_POLL_S", 0.005)
    bench = Bench(address)
    yield bench
    bench.journal.failing.clear()
    if bench.writer is not None:
        bench.writer.close()
    bench.outside.close()


def ended(number: int) -> RunEnded:
    return RunEnded(reason="test", open_orders=number)


# -- records -------------------------------------------------------------------------------------------------


def test_records_arrive_in_order_with_their_run_and_time(bench):
    writer = bench.start()
    for number in range(50):
        writer.write(1000 + number, ended(number))
    until(lambda: len(bench.numbers()) == 50, "all records are there")
    assert bench.numbers() == list(range(50))
    entries = bench.outside.read()
    assert {entry.run for entry in entries} == {"run"}
    assert [entry.ts_ns for entry in entries] == list(range(1000, 1050))


def test_what_waits_is_written_in_one_batch(bench):
    writer = JournalWriter(bench.journal, "run", bench.commands.append)
    for number in range(100):
        writer.write(0, ended(number))
    bench.writer = writer
    writer.start()
    until(lambda: len(bench.numbers()) == 100, "all records are there")
    assert bench.journal.batches == [100]


def test_closing_writes_what_is_left(bench):
    writer = bench.start()
    for number in range(200):
        writer.write(0, ended(number))
    assert writer.close() is True
    assert bench.numbers() == list(range(200))


def test_closing_at_once_writes_what_is_left(bench):
    writer = bench.start()
    writer.write(0, ended(1))
    assert writer.close() is True
    assert bench.numbers() == [1]


def test_closing_twice_is_harmless(bench):
    writer = bench.start()
    assert writer.close() is True
    assert writer.close() is True


def test_writing_never_waits_for_a_slow_store(bench):
    writer = bench.start()
    release, entered, append = threading.Event(), threading.Event(), bench.journal.append

    def slow(rows):
        entered.set()
        release.wait(DEADLINE_S)
        return append(rows)

    bench.journal.append = slow
    writer.write(0, ended(0))
    assert entered.wait(DEADLINE_S)
    for number in range(1, 100):
        writer.write(0, ended(number))  # would hang here
    assert bench.numbers() == []
    release.set()
    until(lambda: len(bench.numbers()) == 100, "all records are there")
    assert bench.numbers() == list(range(100))


# -- a store that fails --------------------------------------------------------------------------------------


def test_a_failing_store_is_reported_after_patience_and_recovers_with_nothing_lost(bench):
    writer = bench.start(patience_s=0.05)
    writer.write(0, ended(0))
    until(lambda: bench.numbers() == [0], "the first record is there")
    bench.journal.failing.add("append")
    writer.write(0, ended(1))
    until(lambda: writer.problem, "the problem is reported")
    assert bench.journal.place in writer.problem
    assert "disk full" in writer.problem
    for number in range(2, 6):
        writer.write(0, ended(number))
    bench.journal.failing.clear()
    until(lambda: writer.problem is None, "the problem is over")
    until(lambda: len(bench.numbers()) == 6, "all records are there")
    assert bench.numbers() == list(range(6))
    until(bench.gaps, "the gap is recorded")
    ((event, detail),) = bench.gaps()
    assert event == "caught up"
    assert f"the journal {bench.journal.place} cannot be written: append failed: disk full" in detail


def test_a_short_failure_is_not_reported(bench):
    writer = bench.start(patience_s=3600.0)
    bench.journal.failing.add("append")
    writer.write(0, ended(0))
    until(lambda: len(bench.journal.failed) >= 3, "it failed three times")
    assert writer.problem is None
    bench.journal.failing.clear()
    until(lambda: bench.numbers() == [0], "the record is there")
    assert bench.gaps() == []


def test_a_store_that_cannot_tidy_up_is_written_all_the_same(bench, monkeypatch):
    monkeypatch.setattr(writer_module, "_TIDY_S", 0.0)
    bench.journal.failing.add("tidy")
    writer = bench.start(patience_s=0.0)
    writer.write(0, ended(0))
    until(lambda: bench.journal.failed.count("tidy") > 2, "it was tried")
    until(lambda: bench.numbers() == [0], "the record is there")
    assert writer.problem is None


def test_patience_begins_anew_after_a_success(bench):
    writer = bench.start(patience_s=3600.0)
    for number in range(3):
        bench.journal.failing.add("append")
        before = len(bench.journal.failed)
        writer.write(0, ended(number))
        until(lambda before=before: len(bench.journal.failed) > before, "it failed")
        bench.journal.failing.clear()
        until(lambda number=number: len(bench.numbers()) == number + 1, "it recovered")
        assert writer.problem is None


def test_too_many_records_waiting_are_reported_before_patience_ends(bench):
    writer = bench.start(patience_s=3600.0, capacity=10)
    bench.journal.failing.add("append")
    for number in range(11):
        writer.write(0, ended(number))
    until(lambda: writer.problem, "the problem is reported")
    bench.journal.failing.clear()
    until(lambda: len(bench.numbers()) == 11, "nothing was dropped")


def test_closing_on_a_failing_store_says_that_records_were_given_up(bench):
    writer = bench.start(patience_s=3600.0)
    bench.journal.failing.add("append")
    writer.write(0, ended(0))
    assert writer.close() is False


def test_a_gap_that_ends_while_it_closes_is_recorded_too(bench, monkeypatch):
    writer = bench.start(patience_s=3600.0, capacity=0)
    bench.journal.failing.add("append")
    writer.write(0, ended(0))
    until(lambda: writer.problem, "the problem is reported")
    mood = bench.journal._mood

    def well_at_the_end(part):
        if writer._stop.is_set():
            bench.journal.failing.clear()
        mood(part)

    monkeypatch.setattr(bench.journal, "_mood", well_at_the_end)
    assert writer.close() is True
    assert bench.numbers() == [0]
    assert [event for event, _ in bench.gaps()] == ["caught up"]


def test_a_store_that_fails_from_the_first_moment_is_reported_and_recovers(bench):
    bench.journal.failing.update(("pending", "append"))
    writer = bench.start(patience_s=0.05)
    writer.write(0, ended(0))
    until(lambda: writer.problem, "the problem is reported")
    bench.journal.failing.clear()
    until(lambda: bench.numbers() == [0], "the record is there")
    until(lambda: writer.problem is None, "the problem is over")


def test_a_store_that_never_answers_is_reported_while_it_is_waited_for(bench):
    writer = bench.start(patience_s=0.05)
    release, append = threading.Event(), bench.journal.append

    def stuck(rows):
        release.wait(DEADLINE_S)
        return append(rows)

    bench.journal.append = stuck
    writer.write(0, ended(0))
    until(lambda: writer.problem, "the problem is reported")
    assert writer.problem == f"the journal {bench.journal.place} does not answer"
    release.set()
    until(lambda: bench.numbers() == [0], "the record is there")
    until(lambda: writer.problem is None, "the problem is over")
    until(bench.gaps, "the gap is recorded")
    assert "does not answer" in bench.gaps()[0][1]


# -- commands ------------------------------------------------------------------------------------------------


def test_a_command_is_handed_over_once_and_answered(bench):
    writer = bench.start()
    writer.write(0, ended(0))
    until(bench.numbers, "the writer runs")
    number = bench.outside.leave_command("pause", "cli")
    until(lambda: bench.commands, "the command arrives")
    writer.write(0, ended(1))
    until(lambda: len(bench.numbers()) == 2, "another round is over")
    assert [(command.id, command.verb) for command in bench.commands] == [(number, "pause")]
    writer.reply(number, "paused")
    until(lambda: bench.outside.reply_to(number), "the reply is there")
    assert bench.outside.reply_to(number) == "paused"


def test_commands_left_before_the_start_are_answered_and_not_executed(bench):
    old = [bench.outside.leave_command(verb, "cli") for verb in ("flatten", "stop")]
    bench.start()
    until(lambda: all(bench.outside.reply_to(number) for number in old), "old commands are answered")
    assert [bench.outside.reply_to(number) for number in old] == ["no node was running"] * 2
    new = bench.outside.leave_command("pause", "cli")
    until(lambda: bench.commands, "the new command arrives")
    assert [command.id for command in bench.commands] == [new]


def test_commands_left_before_the_start_are_not_executed_after_a_failure_either(bench):
    old = bench.outside.leave_command("flatten", "cli")
    bench.journal.failing.add("reply")
    writer = bench.start(patience_s=0.0)
    until(lambda: bench.journal.failed, "answering failed")
    bench.journal.failing.clear()
    until(lambda: bench.outside.reply_to(old), "the old command is answered")
    assert bench.outside.reply_to(old) == "no node was running"
    writer.write(0, ended(0))
    until(bench.numbers, "the writer runs")
    assert bench.commands == []


def test_a_reply_that_could_not_be_written_is_written_later(bench):
    writer = bench.start(patience_s=0.0)
    number = bench.outside.leave_command("pause", "cli")
    until(lambda: bench.commands or bench.outside.reply_to(number), "the command arrives")
    if not bench.commands:  # it was left before the writer looked for old ones
        number = bench.outside.leave_command("pause", "cli")
        until(lambda: bench.commands, "the command arrives")
    bench.journal.failing.add("reply")
    writer.reply(number, "paused")
    until(lambda: "reply" in bench.journal.failed, "replying failed")
    bench.journal.failing.clear()
    until(lambda: bench.outside.reply_to(number), "the reply is there")
    assert bench.outside.reply_to(number) == "paused"


def test_a_handler_that_raises_stops_neither_records_nor_later_commands(bench):
    seen: list[str] = []

    def handler(command: Command) -> None:
        seen.append(command.verb)
        if command.verb == "boom":
            raise RuntimeError("the loop is closed")

    writer = bench.start(handler, patience_s=3600.0)
    writer.write(0, ended(0))
    until(bench.numbers, "the writer runs")
    bench.outside.leave_command("boom", "cli")
    bench.outside.leave_command("pause", "cli")
    until(lambda: "pause" in seen, "the later command arrives")
    writer.write(0, ended(1))
    until(lambda: len(bench.numbers()) == 2, "records are written")
    assert seen == ["boom", "pause"]
    assert writer.problem is None


def test_a_reply_given_just_before_the_end_is_written(bench):
    writer = bench.start()
    writer.write(0, ended(0))
    until(bench.numbers, "the writer runs")
    number = bench.outside.leave_command("stop", "cli")
    until(lambda: bench.commands, "the command arrives")
    writer.reply(number, "stopping")
    writer.close()
    assert bench.outside.reply_to(number) == "stopping"


# -- a Redis that goes away ----------------------------------------------------------------------------------


@pytest.fixture
def server(redis_process):
    return redis_process()


@pytest.fixture
def there(server, monkeypatch) -> Iterator[Bench]:
    """A writer on a Redis that is this test's alone."""
    monkeypatch.setattr(writer_module, "_POLL_S", 0.005)
    bench = Bench(f"{server.address}#demo")
    bench.start(patience_s=0.05)
    bench.writer.write(0, ended(0))
    until(bench.numbers, "the first record is there")
    yield bench
    server.thaw()
    assert bench.writer.close() is True
    bench.outside.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["ended", "killed"])
def test_a_redis_that_ended_is_reported_and_once_it_is_back_nothing_is_lost_and_nothing_twice(server, there, number):
    writer = there.writer
    server.stop(number)
    for record in range(1, 700):
        writer.write(0, ended(record))
    until(lambda: writer.problem, "the problem is reported")
    assert f"no Redis answers at 127.0.0.1:{server.port}" in writer.problem
    server.start()
    until(lambda: writer.problem is None, "the problem is over")
    until(lambda: len(there.numbers()) >= 700, "all records are there")
    assert there.numbers() == list(range(700))


def test_what_a_redis_without_a_memory_lost_is_recorded(redis_process, monkeypatch):
    monkeypatch.setattr(writer_module, "_POLL_S", 0.005)
    server = redis_process("--appendonly", "no", "--save", "")
    bench = Bench(f"{server.address}#demo")
    writer = bench.start(patience_s=3600.0)
    for number in range(5):
        writer.write(0, ended(number))
    # Not only there: a record whose answer the kill cut off is written again, and is not lost.
    until(lambda: bench.journal.acknowledged == 5, "the first records are acknowledged")
    server.stop(signal.SIGKILL)
    server.start()
    writer.write(0, ended(5))
    until(bench.gaps, "the loss is recorded")
    assert bench.gaps() == [("lost", "5 records that were written are no more")]
    assert bench.numbers() == [5]
    assert writer.close() is True
    bench.outside.close()


def test_records_that_a_frozen_redis_took_after_we_gave_up_are_not_written_twice(server, there):
    """It has the first attempt in its buffer, and carries it out when it wakes."""
    writer = there.writer
    server.freeze()
    writer.write(0, ended(1))
    until(lambda: writer.problem, "the problem is reported")
    until(lambda: "no Redis answers" in writer.problem, "an attempt is given up")
    writer.write(0, ended(2))
    server.thaw()
    until(lambda: writer.problem is None, "the problem is over")
    until(lambda: 2 in there.numbers(), "all records are there")
    assert there.numbers() == [0, 1, 2]


def test_a_redis_that_restarts_keeps_strangers_out_and_commands_arrive(server, there):
    server.stop()
    server.start()
    with pytest.raises(DataError, match="another node writes this journal"):
        open_journal(f"{server.address}#demo", create=True)
    number = there.outside.leave_command("pause", "cli")
    until(lambda: there.commands, "the command arrives")
    assert [command.id for command in there.commands] == [number]
