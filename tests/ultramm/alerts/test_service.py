"""Following a journal: what was told once is told once, and a storm is a handful of messages."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alert_servers import HttpServer, TelegramServer
from waiting import until

from ultramm.alerts.deliver import destinations
from ultramm.alerts.service import AlertService, Answers
from ultramm.alerts.telegram import HELP
from ultramm.config.schema import Alerts
from ultramm.errors import DataError
from ultramm.journal.open import open_journal
from ultramm.journal.records import HaltEvent, OrderEvent, RunEnded, RunStarted, Status
from ultramm.journal.store import Journal

S = 1_000_000_000
TOKEN = "1:secret"
DEADLINE_S = 20.0


@pytest.fixture
def hook() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.stop()


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/journal.db"


@pytest.fixture
def journal(address: str) -> Iterator[Journal]:
    made = open_journal(address, create=True)
    yield made
    made.close()


class Made:
    """Services on one journal, one after the other."""

    def __init__(self, folder: Path, address: str, hook: HttpServer) -> None:
        self.folder, self.address = folder, address
        self.hook = hook
        self.readable = True

    def open(self) -> Journal:
        if not self.readable:
            raise DataError("no Redis answers")
        return open_journal(self.address)

    def service(self, **settings: Any) -> AlertService:
        url = f"json://127.0.0.1:{self.hook.port}/"
        chosen = msgspec.convert({"to": [url], "group_s": 0.0, **settings}, Alerts)
        return AlertService("demo", chosen, self.open, self.folder / "demo.alerts", destinations(chosen, "c.yaml"))

    def told(self) -> list[str]:
        return [body["message"] for _, body in self.hook.received]


@pytest.fixture
def made(tmp_path: Path, address: str, journal: Journal, hook: HttpServer) -> Made:
    return Made(tmp_path, address, hook)


def began() -> RunStarted:
    return RunStarted(name="demo", mode="paper", version="1", pid=1, configuration={})


def halt(number: int, strategy: str = "mm") -> HaltEvent:
    return HaltEvent(strategy=strategy, source="risk", active=True, reason=f"reason {number}")


def test_what_was_there_before_it_began_to_follow_is_no_news(made: Made, journal: Journal) -> None:
    journal.append([("run", 0, halt(1))])
    service = made.service()
    service.step(10 * S)
    journal.append([("run", 11 * S, halt(2))])
    service.step(12 * S)
    ((_, message, _),) = service._spool.latest(9)
    assert "reason 2" in message.body
    assert journal.alerts(9)[0].body == message.body


def test_a_storm_of_ten_thousand_events_is_a_handful_of_messages(made: Made, journal: Journal) -> None:
    service = made.service(group_s=30.0, at_most_per_hour=5, rules={"silent_s": 1e6, "daily_at": None})
    service.step(0)
    for burst in range(100):
        journal.append([("run", burst * S, halt(burst * 100 + each, f"s{each % 5}")) for each in range(100)])
        service.step(burst * S)
    for later in range(100, 4_000, 10):
        service.step(later * S)
    told = service._spool.latest(100)
    assert 1 <= len(told) <= 6
    assert "reason 9999" in told[0][1].body
    lines = [line for _, message, _ in told for line in message.body.splitlines()]
    assert len(lines) <= 5 * len(told)
    counted = sum(int(line.split(" times")[0].rsplit("(", 1)[1].replace(",", "")) for line in lines if " times" in line)
    assert counted + sum(" times" not in line for line in lines) == 10_000


def test_what_happened_days_ago_while_nobody_followed_is_no_news(made: Made, journal: Journal) -> None:
    made.service().step(0)
    day = 86_400 * S
    journal.append([("run", 0, halt(1)), ("run", 2 * day, halt(2, "late"))])
    service = made.service()
    service.step(2 * day + S)
    (line,) = [line for _, message, _ in service._spool.latest(9) for line in message.body.splitlines()]
    assert "reason 2" in line


def test_killed_between_any_two_steps_nothing_is_told_twice_or_not_at_all(made: Made, journal: Journal) -> None:
    made.service().step(0)
    expected = []
    for number in range(20):
        journal.append([("run", number * S, halt(number, f"s{number}"))])
        expected.append(f"reason {number}")
        made.service().step((number + 1) * S)  # a new one each time: the one before was killed
    bodies = [message.body for _, message, _ in reversed(made.service()._spool.latest(100))]
    assert [body.partition(": ")[2].partition(" (")[0] for body in bodies] == expected


def test_a_journal_that_cannot_be_read_is_followed_on_when_it_can(made: Made, journal: Journal) -> None:
    service = made.service(rules={"silent_s": 15.0, "daily_at": None})
    service.step(0)
    journal.append([("run", S, began())])
    service.step(S)
    made.readable = False
    service._let_go()
    journal.append([("run", 2 * S, halt(1))])
    service.step(3 * S)
    service.step(20 * S)
    assert "not heard of" in service._spool.latest(1)[0][1].body
    made.readable = True
    service.step(21 * S)
    assert "reason 1" in service._spool.latest(1)[0][1].body


def test_run_delivers_and_ends_when_it_is_told_to(made: Made, journal: Journal, hook: HttpServer) -> None:
    service = made.service()
    thread = threading.Thread(target=service.run)
    thread.start()
    until(lambda: service._sequence >= 0, "it follows", DEADLINE_S)
    journal.append([("run", time.time_ns(), halt(5))])
    until(made.told, "it is told", DEADLINE_S)
    service.end()
    thread.join(DEADLINE_S)
    assert not thread.is_alive()
    ((_, body),) = hook.received
    assert (body["title"], body["type"]) == ("demo: halt mm by risk", "warning")


def test_alone_it_tells_of_a_death_and_of_an_end_and_ends(made: Made, journal: Journal) -> None:
    for last, word in ((None, "not heard of"), (RunEnded(reason="stop", open_orders=0), "ended: stop")):
        # Also what would have been gathered for a minute.
        service = made.service(group_s=60.0, rules={"silent_s": 2.0, "daily_at": None})
        service.step(time.time_ns())
        journal.append([(f"run {word}", time.time_ns(), began())])
        if last is not None:
            journal.append([(f"run {word}", time.time_ns(), last)])
        thread = threading.Thread(target=service.run, args=(lambda: True,))
        thread.start()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        assert word in made.told()[-1]


# -- the bot -------------------------------------------------------------------------------------------------------


def test_the_bot_answers_from_the_journal_and_carries_commands_to_the_node(made: Made, journal: Journal) -> None:
    telegram = TelegramServer(TOKEN)
    service = made.service(telegram={"token": TOKEN, "chats": [7], "api": telegram.url})
    thread = threading.Thread(target=service.run)
    thread.start()
    journal.append([("run", time.time_ns(), Status(state="running", makers=(), books=(), balances={}))])
    telegram.says(7, "/status")
    until(lambda: telegram.told, "it answers", DEADLINE_S)
    assert telegram.told[0][1].startswith("run: running, 0 s ago")
    telegram.says(7, "/pause")
    until(journal.pending_commands, "the command arrives", DEADLINE_S)
    (command,) = journal.pending_commands()
    assert (command.verb, command.origin) == ("pause", "telegram chat 7")
    journal.reply(command.id, "paused: quotes are pulled")
    until(lambda: len(telegram.told) == 2, "the reply is told", DEADLINE_S)
    assert telegram.told[1] == (7, "paused: quotes are pulled")
    service.end()
    thread.join(DEADLINE_S)
    telegram.stop()


def test_other_words_are_answered_with_what_can_be_asked(journal: Journal) -> None:
    answers = Answers(journal)
    for word in ("kill", "flatten", "resume", "", "drop table"):
        assert answers(word, 7) == HELP
    assert journal.pending_commands() == []
    assert answers("status", 7) == "no node has reported yet"


def test_a_command_that_no_node_answers_is_taken_back(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ultramm.alerts.service._REPLY_S", 0.1)
    assert Answers(journal)("stop", 7) == "the node did not answer in 0.1 s; stop is taken back"
    assert journal.pending_commands() == []


def test_refused_orders_reach_people_through_all_of_it(made: Made, journal: Journal) -> None:
    service = made.service()
    service.step(0)
    refused = OrderEvent(strategy="mm", instrument="X.SIM", order_id="o", event="rejected", reason="balance")
    journal.append([("run", number * S, refused) for number in range(10)])
    service.step(12 * S)
    assert "10 orders refused within a minute, the last: balance" in service._spool.latest(1)[0][1].body
