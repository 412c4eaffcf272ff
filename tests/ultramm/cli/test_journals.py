"""Nodes, commands and pages on a journal in Redis."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from page import free_port
from redis_process import RedisProcess
from waiting import until

from ultramm.errors import DataError
from ultramm.journal.open import open_journal
from ultramm.journal.records import FillEvent, HaltEvent, OrderEvent, RunEnded, RunStarted, Status
from ultramm.journal.store import Journal

pytestmark = pytest.mark.integration

SECRET = "hush-hush-hush"


@pytest.fixture
def server(redis_process: Any) -> RedisProcess:
    started: RedisProcess = redis_process()
    return started


def journal_to(server: RedisProcess) -> tuple[str, str]:
    return "--set", f"journal.to={server.address}"


@contextmanager
def reading(address: str) -> Iterator[Journal]:
    journal = open_journal(address)
    try:
        yield journal
    finally:
        journal.close()


def last_status(address: str) -> Status | None:
    try:
        with reading(address) as journal:
            entries = journal.last("status")
    except DataError:
        return None  # on its way
    return entries[0].record if entries and isinstance(entries[0].record, Status) else None


def quotes_both_sides(address: str) -> bool:
    status = last_status(address)
    return status is not None and all(maker.bid.orders and maker.ask.orders for maker in status.makers)


def orders_left_open(address: str) -> set[str]:
    """Orders that the journal saw sent and never saw end."""
    left: dict[str, float] = {}
    with reading(address) as journal:
        entries = journal.read(limit=1_000_000)
    for record in (entry.record for entry in entries):
        if isinstance(record, FillEvent) and record.order_id in left:
            left[record.order_id] = round(left[record.order_id] - record.size, 8)
        elif isinstance(record, OrderEvent) and record.event == "sent":
            left[record.order_id] = record.size
        elif isinstance(record, OrderEvent) and record.event in ("cancelled", "rejected", "denied", "expired"):
            left.pop(record.order_id, None)
    return {order for order, size in left.items() if size > 0}


def test_a_node_is_watched_commanded_and_stopped_through_redis(ultramm: Any, start: Any, server: RedisProcess) -> None:
    node = start("node", "start", "--no-dashboard", *journal_to(server))
    until(lambda: quotes_both_sides(server.address), "quotes on both sides")
    at = ("--journal", f"{server.address}#demo")

    assert "quotes are pulled" in ultramm("node", "pause", *at).stdout
    shown = json.loads(ultramm("node", "status", "--json", *at).stdout)
    assert shown["run"].startswith("demo-")
    assert "resumed" in ultramm("node", "resume", *at).stdout
    until(lambda: quotes_both_sides(server.address), "quotes again after resume")
    assert "stopping" in ultramm("node", "stop", *at).stdout
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert f"journal {server.address}#demo" in output
    assert orders_left_open(server.address) == set()
    with reading(server.address) as journal:
        kinds = {type(entry.record) for entry in journal.read(limit=1_000_000)}
        (ended,) = journal.last("run-ended", 9)
    assert {RunStarted, OrderEvent, Status, RunEnded} <= kinds
    assert isinstance(ended.record, RunEnded)
    assert (ended.record.reason, ended.record.open_orders) == ("stop by operator", 0)
    gone = ultramm("node", "pause", *at)
    assert gone.returncode == 1
    assert f"{server.address}#demo: no node is running on this journal" in gone.stderr


def test_a_second_node_is_refused_and_one_that_was_killed_makes_room(
    ultramm: Any, start: Any, server: RedisProcess
) -> None:
    node = start("node", "start", "--no-dashboard", *journal_to(server))
    until(lambda: quotes_both_sides(server.address), "quotes on both sides")
    second = ultramm("node", "start", "--no-dashboard", *journal_to(server))
    assert second.returncode == 2
    assert (
        f"journal.to: {server.address}#demo: another node writes this journal (process {node.pid} on" in second.stderr
    )
    node.kill()
    node.wait()
    with reading(server.address) as journal:
        left = journal.leave_command("stop", "test")
    third = ultramm("node", "start", "--no-dashboard", "--duration", "3s", *journal_to(server))
    assert third.returncode == 0, third.stderr
    assert "stopped: the duration is over" in third.stdout
    with reading(server.address) as journal:
        assert journal.reply_to(left) == "no node was running"


def test_a_redis_that_goes_away_pulls_the_quotes_until_it_is_back_and_nothing_is_lost(
    start: Any, server: RedisProcess
) -> None:
    node = start("node", "start", "--no-dashboard", *journal_to(server))
    until(lambda: quotes_both_sides(server.address), "quotes on both sides")

    def halts() -> list[HaltEvent]:
        try:
            with reading(server.address) as journal:
                found = [e.record for e in journal.read(kind="halt") if isinstance(e.record, HaltEvent)]
        except DataError:
            return []
        return [halt for halt in found if halt.source == "journal"]

    server.stop(signal.SIGKILL)
    told = ""
    assert node.stdout is not None
    while "cannot be written" not in told:
        told += node.stdout.readline()
    server.start()
    until(lambda: len(halts()) >= 2, "halted for the journal and released")
    assert [halt.active for halt in halts()[:2]] == [True, False]
    assert f"no Redis answers at 127.0.0.1:{server.port}" in halts()[0].reason
    until(lambda: quotes_both_sides(server.address), "quotes again")
    node.send_signal(signal.SIGTERM)
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert orders_left_open(server.address) == set()
    with reading(server.address) as journal:
        sequence = [entry.sequence for entry in journal.read(limit=1_000_000)]
    assert sequence == list(range(1, len(sequence) + 1))


def test_the_password_is_on_no_command_line_and_in_nothing_that_is_written(
    ultramm: Any, start: Any, redis_process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = redis_process("--requirepass", SECRET)
    monkeypatch.setenv("REDIS_PASSWORD", SECRET)
    secret_free = f"redis://:${{REDIS_PASSWORD}}@127.0.0.1:{server.port}"
    made = ultramm("config", "init", "mine.yaml")
    assert made.returncode == 0
    file = tmp_path / "mine.yaml"
    file.write_text(file.read_text().replace("sqlite:///data/journal.db", secret_free))
    port = free_port()
    node = start("node", "start", "mine.yaml", "--set", f"dashboard.port={port}")
    address = secret_free.replace("${REDIS_PASSWORD}", SECRET)
    until(lambda: quotes_both_sides(address), "quotes on both sides")

    def served() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    until(served, "the page")
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(node.pid)], capture_output=True, text=True, check=True)
    pids = [str(node.pid), *listed.stdout.split()]
    assert len(pids) == 2
    assert not [pid for pid in pids if SECRET in Path(f"/proc/{pid}/cmdline").read_text()]
    told = [ultramm(*words) for words in (("node", "status", "mine.yaml"), ("config", "show", "mine.yaml"))]
    told += [ultramm("node", "stop", "--journal", secret_free)]
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert f"journal redis://****@127.0.0.1:{server.port}#demo" in output
    for done in told:
        assert done.returncode == 0, done.stderr
        output += done.stdout + done.stderr
    with reading(address) as journal:
        (started,) = journal.last("run-started")
    assert isinstance(started.record, RunStarted)
    assert started.record.configuration["journal"] == {
        "to": f"redis://:****@127.0.0.1:{server.port}",
        "keep_days": 30.0,
    }
    output += "".join(path.read_text() for path in (tmp_path / "logs").rglob("*") if path.is_file())
    assert SECRET not in output


# -- what cannot be had --------------------------------------------------------------------------------------


def refused(done: subprocess.CompletedProcess[str], *says: str) -> str:
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.strip().splitlines()
    for part in says:
        assert part in line
    assert SECRET not in line
    return line


def test_a_redis_that_is_not_there_is_named_with_file_and_key_before_anything_runs(
    ultramm: Any, tmp_path: Path, server: RedisProcess
) -> None:
    server.stop()
    says = "default.yaml: journal.to: no Redis answers at "
    refused(ultramm("node", "start", *journal_to(server)), f"{says}127.0.0.1:{server.port}: Connection refused")
    refused(ultramm("node", "start", "--set", "journal.to=redis://nowhere.invalid"), f"{says}nowhere.invalid:6379: ")
    assert not (tmp_path / "data").exists()


def test_a_wrong_password_is_told_before_anything_runs(ultramm: Any, redis_process: Any) -> None:
    server = redis_process("--requirepass", "right")
    to = f"journal.to=redis://:${{REDIS_PASSWORD}}@127.0.0.1:{server.port}"
    done = ultramm("node", "start", "--set", to, REDIS_PASSWORD=SECRET)
    refused(done, f"journal.to: the Redis at 127.0.0.1:{server.port} does not let us in")


def test_commands_and_pages_on_a_redis_that_is_not_there_say_so(ultramm: Any, server: RedisProcess) -> None:
    server.stop()
    says = f"no Redis answers at 127.0.0.1:{server.port}"
    refused(ultramm("node", "status", "--journal", server.address), says)
    refused(ultramm("dashboard", server.address, "--port", str(free_port())), says)


def test_a_password_on_a_command_line_is_refused(ultramm: Any, server: RedisProcess) -> None:
    for words in (("node", "stop", "--journal"), ("dashboard",)):
        done = ultramm(*words, f"redis://:{SECRET}@127.0.0.1:{server.port}")
        refused(done, "a password comes from the environment only")


def test_a_page_alone_takes_its_address_from_the_environment_too(ultramm: Any, redis_process: Any) -> None:
    server = redis_process("--requirepass", SECRET)
    address = f"redis://:{SECRET}@127.0.0.1:{server.port}"
    done = ultramm("dashboard", "--port", str(free_port()), ULTRAMM_JOURNAL=address)
    refused(done, f"redis://****@127.0.0.1:{server.port}: no journal here")
