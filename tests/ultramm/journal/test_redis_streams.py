"""What only the journal in Redis does; what both stores do is in test_store.py."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator

import pytest
import redis

from ultramm.errors import DataError
from ultramm.journal.records import FillEvent, RunEnded, Status
from ultramm.journal.redis_streams import KEPT, KINDS, RedisJournal
from ultramm.redis_server import redis_address

_numbers = itertools.count()

STATUS = Status(state="running", makers=(), books=(), balances={})


def ended(number: int) -> RunEnded:
    return RunEnded(reason="test", open_orders=number)


def fill(number: int) -> FillEvent:
    return FillEvent(
        strategy="mm",
        instrument="X.SIM",
        order_id=f"o{number}",
        side="BUY",
        price=1.0,
        size=1.0,
        fee=0.0,
        maker=True,
        mid=None,
        position=1.0,
    )


def numbers(journal: RedisJournal) -> list[int]:
    entries = journal.read(limit=10_000)
    return [entry.record.open_orders for entry in entries if isinstance(entry.record, RunEnded)]


@pytest.fixture
def client(redis_server) -> Iterator[redis.Redis]:
    with redis_server.client() as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"streams-{next(_numbers)}"


@pytest.fixture
def opened(redis_server, name: str) -> Iterator[Callable[..., RedisJournal]]:
    journals = []

    def build(named: str = name, **options) -> RedisJournal:
        journals.append(RedisJournal(redis_address(redis_server.address), named, **options))
        return journals[-1]

    yield build
    for journal in journals:
        journal.close()


# -- what is kept, and where ---------------------------------------------------------------------------------


def test_each_kind_is_a_stream_of_json_under_one_numbering(opened, client, name):
    opened(create=True).append([("run", 5, ended(1)), ("run", 6, fill(1)), ("run", 7, ended(2))])
    stored = {kind: client.xrange(f"ultramm:{name}:records:{kind}") for kind in ("run-ended", "fill")}
    assert [number for number, _ in stored["run-ended"]] == [b"1-0", b"3-0"]
    ((number, fields),) = stored["fill"]
    assert number == b"2-0"
    assert (fields[b"run"], fields[b"ts_ns"]) == (b"run", b"6")
    assert json.loads(fields[b"body"])["type"] == "fill"


def test_journals_of_two_names_in_one_redis_know_nothing_of_each_other(opened, name):
    one, other = opened(create=True), opened(f"{name}-b", create=True)
    one.append([("run", 0, ended(1))])
    number = one.leave_command("stop", "cli")
    other.append([("run", 0, ended(2))])
    assert (numbers(one), numbers(other)) == ([1], [2])
    assert other.pending_commands() == []
    assert other.reply_to(number) is None


def test_statuses_make_room_and_fills_stay(opened):
    journal = opened(create=True, kept={**KEPT, "status": 200})
    for batch in range(20):
        journal.append([("run", 0, STATUS)] * 100 + [("run", 0, fill(batch))])
    statuses = journal.read(kind="status", limit=10_000)
    assert 200 <= len(statuses) < 400
    assert statuses[-1] == journal.last("status")[0]
    assert len(journal.read(kind="fill", limit=10_000)) == 20


def test_reading_everything_goes_on_over_what_made_room(opened):
    journal = opened(create=True, kept={**KEPT, "status": 1})
    journal.append([("run", 0, ended(0)), *[("run", 0, STATUS)] * 1_000, ("run", 0, ended(1))])
    first, *_, last = journal.read(limit=10_000)
    assert (first.sequence, last.sequence) == (1, 1_002)
    assert [entry.sequence for entry in journal.read(after=1_001)] == [1_002]


def test_every_kind_is_bounded_and_statuses_go_first():
    assert set(KEPT) == set(KINDS)
    assert all(KEPT["status"] <= KEPT[kind] for kind in KINDS)
    assert max(KEPT, key=lambda kind: KEPT[kind]) == "fill"


def test_more_rows_than_one_call_takes_arrive_in_order(opened):
    journal = opened(create=True)
    journal.append([("run", 0, ended(number)) for number in range(1_234)])
    assert numbers(journal) == list(range(1_234))


def test_what_was_only_opened_to_be_read_is_not_written(opened):
    opened(create=True)
    with pytest.raises(DataError, match="not to be written"):
        opened().append([("run", 0, ended(1))])


# -- answers that are lost -----------------------------------------------------------------------------------


def lose_answer(journal: RedisJournal, monkeypatch: pytest.MonkeyPatch, after_calls: int) -> None:
    """The script runs, and the connection breaks before its answer is here; once, after so many calls."""
    script, calls = journal._append, itertools.count()

    def unlucky(**arguments):
        answer = script(**arguments)
        if next(calls) == after_calls:
            raise redis.ConnectionError("the connection broke")
        return answer

    monkeypatch.setattr(journal, "_append", unlucky)


@pytest.mark.parametrize("after_calls", [0, 1, 2])
def test_rows_whose_answer_was_lost_are_written_once_when_given_again(opened, monkeypatch, after_calls):
    journal = opened(create=True)
    journal.append([("run", 0, ended(0))])
    lose_answer(journal, monkeypatch, after_calls)
    rows = [("run", 0, ended(number)) for number in range(1, 1_200)]
    with pytest.raises(DataError, match="the connection broke"):
        journal.append(rows)
    journal.append([*rows, ("run", 0, ended(1_200))])
    assert numbers(journal) == list(range(1_201))


def test_a_redis_that_lost_what_it_held_is_written_on(opened, client, name):
    journal = opened(create=True)
    journal.append([("run", 0, ended(number)) for number in range(3)])
    before = journal.leave_command("pause", "cli")
    for key in client.keys(f"ultramm:{name}:*"):
        client.delete(key)
    journal.append([("run", 0, ended(3))])
    assert [entry.sequence for entry in journal.read()] == [4]
    assert journal.leave_command("stop", "cli") > before
    assert numbers(opened()) == [3]


# -- one writer ----------------------------------------------------------------------------------------------


def test_a_node_that_was_away_while_another_was_let_in_neither_writes_nor_obeys(opened, client, name):
    away = opened(create=True)
    away.append([("run", 0, ended(1))])
    client.delete(f"ultramm:{name}:lock")
    here = opened(create=True)
    here.append([("run", 0, ended(2))])
    here.leave_command("flatten", "cli")
    for ask in (lambda: away.append([("run", 0, ended(3))]), away.pending_commands):
        with pytest.raises(DataError, match="another node has taken this journal over: process"):
            ask()
    assert [command.verb for command in here.pending_commands()] == ["flatten"]
    away.close()
    with pytest.raises(DataError, match="another node writes"):
        opened(create=True)
    assert numbers(here) == [1, 2]


# -- what is no journal of ours ------------------------------------------------------------------------------


def test_a_journal_of_another_format_is_refused_and_left_alone(opened, client, name):
    client.hset(f"ultramm:{name}:journal", "format", "7")
    for create in (False, True):
        with pytest.raises(DataError, match="journal format 7, this version reads 1"):
            opened(create=create)
    assert client.keys(f"ultramm:{name}:*") == [f"ultramm:{name}:journal".encode()]


def test_keys_of_somebody_else_are_refused_and_left_alone(opened, client, name):
    client.set(f"ultramm:{name}:journal", "a picture")
    with pytest.raises(DataError, match="WRONGTYPE"):
        opened(create=True)
    assert client.get(f"ultramm:{name}:journal") == b"a picture"


def test_a_record_that_cannot_be_read_is_a_data_error(opened, client, name):
    """Written by a later version, or damaged: the reader says so instead of breaking."""
    opened(create=True)
    client.xadd(f"ultramm:{name}:records:fill", {"run": "r", "ts_ns": "0", "body": '{"type": "telepathy"}'}, id="1-0")
    with pytest.raises(DataError, match="entry 1 of the journal cannot be read"):
        opened().read()


# -- passwords -----------------------------------------------------------------------------------------------


def test_the_password_is_in_nothing_that_is_shown_or_stored(redis_process):
    secret = "hush-hush"
    server = redis_process("--requirepass", secret)
    address = redis_address(f"redis://:{secret}@127.0.0.1:{server.port}")
    journal = RedisJournal(address, "demo", create=True)
    journal.append([("run", 0, ended(1))])
    assert journal.place == f"redis://****@127.0.0.1:{server.port}#demo"
    assert secret not in repr(vars(journal))
    with redis.Redis(port=server.port, password=secret) as client:
        assert client.hgetall("ultramm:demo:journal")
        assert not [key for key in client.scan_iter() if secret.encode() in (client.dump(key) or b"")]
    server.stop()
    with pytest.raises(DataError) as caught:
        journal.read()
    assert str(caught.value) == f"no Redis answers at 127.0.0.1:{server.port}: Connection refused"
    journal.close()
