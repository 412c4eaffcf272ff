"""What a journal does, in whichever store it is."""

import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_records import records

from ultramm.errors import DataError
from ultramm.journal.open import open_journal
from ultramm.journal.records import (
    AlertEvent,
    Entry,
    FillEvent,
    HaltEvent,
    Record,
    RunEnded,
    RunStarted,
)
from ultramm.journal.store import Journal

S = 1_000_000_000


def ended(number: int) -> RunEnded:
    return RunEnded(reason="test", open_orders=number)


def numbers(entries: list[Entry]) -> list[int]:
    return [entry.record.open_orders for entry in entries if isinstance(entry.record, RunEnded)]


# -- records -------------------------------------------------------------------------------------------------


def test_every_kind_of_record_reads_as_it_was_written(journal, reader):
    written = records()
    assert {type(record) for record in written} == set(Record.__args__)
    journal.append(("run", index * S, record) for index, record in enumerate(written))
    read = reader.read()
    assert [entry.record for entry in read] == written
    assert [entry.ts_ns for entry in read] == [index * S for index in range(len(written))]
    assert {entry.run for entry in read} == {"run"}


def test_sequence_numbers_rise_over_batches_and_openings(address):
    seen = []
    for batch in range(3):
        journal = open_journal(address, create=True)
        journal.append([("run", 0, ended(batch)), ("run", 0, ended(batch))])
        seen = [entry.sequence for entry in journal.read()]
        journal.close()
    assert seen == sorted(set(seen))
    assert len(seen) == 6


def test_order_is_that_of_writing_not_of_time(journal):
    journal.append([("run", 5, ended(0)), ("run", 3, ended(1))])
    journal.append([("run", 1, ended(2))])
    assert numbers(journal.read()) == [0, 1, 2]


def test_reading_goes_on_after_what_was_read(journal):
    journal.append([("run", 0, ended(number)) for number in range(7)])
    first = journal.read(limit=3)
    second = journal.read(after=first[-1].sequence, limit=3)
    third = journal.read(after=second[-1].sequence, limit=3)
    assert (numbers(first), numbers(second), numbers(third)) == ([0, 1, 2], [3, 4, 5], [6])
    assert journal.read(after=third[-1].sequence) == []


@pytest.fixture(scope="module")
def mixed(new_address: Callable[[], str]) -> Iterator[Journal]:
    """Twenty records of two kinds, in turn."""
    journal = open_journal(new_address(), create=True)
    halt = HaltEvent(strategy="mm", source="x", active=False)
    journal.append([("run", number, ended(number) if number % 2 else halt) for number in range(20)])
    yield journal
    journal.close()


@given(st.integers(0, 25), st.integers(0, 25), st.sampled_from([None, "halt", "run-ended", "fill"]))
def test_kind_after_and_limit_select_as_they_say(mixed, after, limit, kind):
    every = mixed.read()
    expected = [e for e in every if e.sequence > after and kind in (None, e.record.__struct_config__.tag)][:limit]
    assert mixed.read(kind=kind, after=after, limit=limit) == expected


def test_the_last_of_a_kind_come_newest_first(mixed):
    assert numbers(mixed.last("run-ended", 3)) == [19, 17, 15]
    assert len(mixed.last("halt")) == 1
    assert mixed.last("fill") == []


def test_a_reader_sees_what_is_written_while_it_is_open(journal, reader):
    assert reader.read() == []
    journal.append([("run", 0, ended(1))])
    assert numbers(reader.read()) == [1]
    journal.append([("run", 0, ended(2))])
    assert numbers(reader.read()) == [1, 2]


def test_readers_and_writer_run_side_by_side(journal, address):
    found: list[list[int]] = []

    def follow() -> None:
        reader, mine, after = open_journal(address), [], 0
        while len(mine) < 200:
            for entry in reader.read(after=after, limit=17):
                after = entry.sequence
                mine += numbers([entry])
        reader.close()
        found.append(mine)

    threads = [threading.Thread(target=follow) for _ in range(2)]
    for thread in threads:
        thread.start()
    for batch in range(20):
        journal.append([("run", 0, ended(batch * 10 + number)) for number in range(10)])
    for thread in threads:
        thread.join(timeout=30)
    assert found == [list(range(200))] * 2


def test_a_batch_is_written_whole_or_not_at_all(journal):
    unwritable = RunStarted(name="x", mode="paper", version="1", pid=1, configuration={"x": object()})
    with pytest.raises(TypeError):
        journal.append([("run", 0, ended(1)), ("run", 0, unwritable)])
    assert journal.read() == []
    journal.append([("run", 0, ended(2))])
    assert numbers(journal.read()) == [2]


# -- commands ------------------------------------------------------------------------------------------------


def test_a_command_travels_to_the_node_and_its_reply_back(journal, reader):
    number = reader.leave_command("pause", "cli")
    (command,) = journal.pending_commands()
    assert (command.id, command.verb, command.origin) == (number, "pause", "cli")
    assert reader.reply_to(number) is None
    journal.reply(number, "paused")
    assert reader.reply_to(number) == "paused"
    assert journal.pending_commands() == []


def test_commands_wait_in_the_order_they_came(journal, reader):
    first, second = reader.leave_command("pause", "cli"), reader.leave_command("stop", "page")
    assert [command.id for command in journal.pending_commands()] == [first, second]
    journal.reply(first, "paused")
    assert [command.verb for command in journal.pending_commands()] == ["stop"]


def test_an_unknown_command_has_no_reply(journal):
    assert journal.reply_to(99) is None


def test_a_number_that_json_cannot_carry_does_not_make_the_journal_unreadable(journal, reader):
    (fill,) = [record for record in records() if isinstance(record, FillEvent)]
    journal.append([("run", 0, msgspec.structs.replace(fill, fee=float("nan"))), ("run", 0, ended(1))])
    assert numbers(reader.read())[-1:] == [1]


def test_a_reply_counts_even_when_the_command_was_taken_back_in_the_meantime(journal, reader):
    number = reader.leave_command("pause", "cli")
    reader.take_back(number)
    assert journal.pending_commands() == []
    journal.reply(number, "paused")
    assert reader.reply_to(number) == "paused"


def test_an_answered_command_cannot_be_taken_back(journal, reader):
    number = reader.leave_command("pause", "cli")
    journal.reply(number, "paused")
    reader.take_back(number)
    assert reader.reply_to(number) == "paused"


def test_numbers_of_commands_rise(journal, reader):
    seen = [reader.leave_command("pause", "cli") for _ in range(20)]
    assert seen == sorted(set(seen))


# -- one writer ----------------------------------------------------------------------------------------------


def test_a_second_writer_is_refused_and_does_no_harm(journal, address):
    journal.append([("run", 0, ended(1))])
    with pytest.raises(DataError, match="another node writes this journal"):
        open_journal(address, create=True)
    journal.append([("run", 0, ended(2))])
    assert numbers(journal.read()) == [1, 2]


def test_a_writer_that_closed_makes_room_for_the_next(journal, address):
    journal.append([("run", 0, ended(1))])
    journal.close()
    again = open_journal(address, create=True)
    again.append([("run", 0, ended(2))])
    assert numbers(again.read()) == [1, 2]
    again.close()


def test_readers_keep_nobody_from_writing(journal, reader, address):
    journal.close()
    open_journal(address, create=True).close()
    assert reader.read() == []


def test_a_journal_that_is_not_there_is_named_with_the_remedy(address):
    with pytest.raises(DataError, match="no journal here; start a node first"):
        open_journal(address)


# -- alerts --------------------------------------------------------------------------------------------------


def test_alerts_are_kept_by_whoever_tells_them_beside_the_records(journal, reader):
    def alert(number: int) -> AlertEvent:
        return AlertEvent(ts_ns=number, severity="warning", title=f"ü {number}", body="drawdown\n12.00 USDT")

    assert reader.alerts(5) == []
    journal.append([("run", 0, ended(1))])
    for number in range(4):
        reader.add_alert(alert(number))
    journal.append([("run", 0, ended(2))])
    assert journal.alerts(3) == [alert(3), alert(2), alert(1)]
    assert numbers(reader.read()) == [1, 2]
    assert [entry.sequence for entry in reader.read()] == [1, 2]
