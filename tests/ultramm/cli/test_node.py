"""A real node in a process of its own: quotes, obeys, and leaves no order behind."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from page import free_port
from waiting import until

from ultramm.journal.records import FillEvent, HaltEvent, RunEnded, RunStarted, Status
from ultramm.journal.sqlite import SqliteJournal

pytestmark = pytest.mark.integration


def journal(directory: Path) -> SqliteJournal:
    return SqliteJournal(directory / "data" / "journal.db")


def last_status(directory: Path) -> Status | None:
    if not (directory / "data" / "journal.db").exists():
        return None
    try:
        store = journal(directory)
    except Exception:
        return None  # on its way
    entries = store.last("status")
    store.close()
    return entries[0].record if entries and isinstance(entries[0].record, Status) else None


def quotes_both_sides(directory: Path) -> bool:
    status = last_status(directory)
    return status is not None and all(maker.bid.orders and maker.ask.orders for maker in status.makers)


def quotes_nothing(directory: Path) -> bool:
    status = last_status(directory)
    return status is not None and all(not maker.bid.orders and not maker.ask.orders for maker in status.makers)


def orders_left_open(directory: Path) -> set[str]:
    """Orders that the journal saw sent and never saw end."""
    database = sqlite3.connect(directory / "data" / "journal.db")
    sent: dict[str, float] = {}
    for kind, body in database.execute(
        "SELECT kind, body FROM records WHERE kind IN ('order', 'fill') ORDER BY sequence"
    ):
        record = json.loads(body)
        order = record["order_id"]
        if kind == "fill":
            if order in sent:
                sent[order] = round(sent[order] - record["size"], 8)
                if sent[order] <= 0:
                    del sent[order]
        elif record["event"] == "sent":
            sent[order] = record["size"]
        elif record["event"] in ("cancelled", "rejected", "denied", "expired"):
            sent.pop(order, None)
    database.close()
    return set(sent)


def test_a_run_for_a_duration_fills_ends_and_leaves_no_order(ultramm: Any, tmp_path: Path) -> None:
    done = ultramm("node", "start", "--no-dashboard", "--duration", "12s")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "quoting on both sides" in done.stdout
    *_, fills, open_orders = done.stdout.strip().splitlines()
    assert open_orders == "open orders: 0"
    assert int(fills.removeprefix("fills: ")) >= 4
    assert re.search(r"P&L [+-][\d.]+", done.stdout)
    assert orders_left_open(tmp_path) == set()
    store = journal(tmp_path)
    (started,) = store.last("run-started", 9)
    (ended,) = store.last("run-ended", 9)
    assert isinstance(started.record, RunStarted)
    assert isinstance(ended.record, RunEnded)
    assert ended.record.open_orders == 0
    assert ended.record.reason == "the duration is over"
    journalled = [e.record for e in store.read(kind="fill", limit=10_000) if isinstance(e.record, FillEvent)]
    assert len(journalled) == int(fills.removeprefix("fills: "))
    status = last_status(tmp_path)
    assert status is not None
    (maker,) = status.makers
    assert maker.score.pnl.identity_residual < 1e-9
    assert maker.score.inventory.last == journalled[-1].position
    store.close()


def test_everything_in_the_reporting_currency_is_shown_while_it_runs_and_in_the_end(
    ultramm: Any, tmp_path: Path
) -> None:
    settings = ["--set", "reporting.currency=EUR", "--set", "reporting.rates={USDT: 0.9}"]
    done = ultramm("node", "start", "--duration", "3s", "--no-dashboard", *settings)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"all together [+-][\d.,]+ EUR: .* \(at 1 USDT = 0.9\)", done.stdout)
    status = last_status(tmp_path)
    assert status is not None
    assert status.reported is not None
    assert status.reported.total == pytest.approx(0.9 * status.makers[0].score.pnl.total)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_confirms_and_exits_with_0(start: Any, tmp_path: Path, number: int) -> None:
    node = start("node", "start", "--no-dashboard")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")
    node.send_signal(number)
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert output.strip().endswith("open orders: 0")
    assert orders_left_open(tmp_path) == set()


def test_members_of_a_combined_strategy_come_and_go_while_it_runs(ultramm: Any, start: Any, tmp_path: Path) -> None:
    core = "{use: market-maker, params: {order_size: 0.01, half_spread_bps: 1}}"
    params = f"{{core: {core}, max_position: 0.1, members: [{{name: trend, use: trend}}]}}"
    strategy = f"strategies=[{{use: combined, name: desk, instruments: [BTCUSDT.SIM], params: {params}}}]"
    start("node", "start", "--no-dashboard", "--set", strategy)
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")

    def weights() -> set[str]:
        status = last_status(tmp_path)
        return {name for name in status.makers[0].effects if name.endswith("_weight_pct")} if status else set()

    assert ultramm("node", "member", "pause", "trend").stdout == "paused trend\n"
    assert ultramm("node", "member", "resume", "desk/trend").stdout == "resumed trend\n"
    added = ultramm("node", "member", "add", "late", "--use", "reversion", "--param", "tau_s=30")
    assert added.stdout == "added late\n"
    until(lambda: weights() == {"trend_weight_pct", "late_weight_pct"}, "both weights")
    assert ultramm("node", "member", "remove", "trend").stdout == "removed trend\n"
    until(lambda: weights() == {"late_weight_pct"}, "one weight")
    assert "no such member: trend; there are desk/late" in ultramm("node", "member", "pause", "trend").stdout
    told = ultramm("node", "member", "add", "tea", "--use", "tea-leaves").stdout
    assert told.startswith("not done: tea: no plugin named 'tea-leaves'")
    wrong = ultramm("node", "member", "add", "new", "--use", "flow", "--param", "tau_s=soon")
    assert wrong.returncode == 2
    assert "--param tau_s=soon: write KEY=NUMBER" in wrong.stderr


def test_commands_from_another_terminal(ultramm: Any, start: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--no-dashboard")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")

    assert "quotes are pulled" in ultramm("node", "pause").stdout
    until(lambda: quotes_nothing(tmp_path), "no quotes after pause")
    shown = json.loads(ultramm("node", "status", "--json").stdout)
    assert shown["status"]["state"] == "paused"
    assert shown["status"]["makers"][0]["bid"]["reason"] == "paused by operator"
    assert "not quoted: paused by operator" in ultramm("node", "status").stdout

    assert "resumed" in ultramm("node", "resume").stdout
    until(lambda: quotes_both_sides(tmp_path), "quotes again after resume")

    assert "flattening" in ultramm("node", "flatten").stdout

    def flat() -> bool:
        status = last_status(tmp_path)
        return quotes_nothing(tmp_path) and status is not None and status.makers[0].score.inventory.last == 0

    until(flat, "no position after flatten")
    ultramm("node", "resume")
    until(lambda: quotes_both_sides(tmp_path), "quotes again after flatten and resume")

    assert "stopping" in ultramm("node", "stop").stdout
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert "stopped: stop by operator" in output
    assert orders_left_open(tmp_path) == set()
    gone = ultramm("node", "pause")
    assert gone.returncode == 1
    assert "no node is running" in gone.stderr


def test_kill_ends_at_once_without_orders(ultramm: Any, start: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--no-dashboard")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")
    assert "killed" in ultramm("node", "kill").stdout
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert orders_left_open(tmp_path) == set()


def test_after_kill_9_the_journal_is_whole_and_a_new_node_starts(ultramm: Any, start: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--no-dashboard")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")
    node.kill()
    node.wait()
    database = sqlite3.connect(tmp_path / "data" / "journal.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    # A command for a dead node is refused, and one left behind is not carried out by the next.
    journal(tmp_path).leave_command("stop", "test")
    done = ultramm("node", "start", "--no-dashboard", "--duration", "5s")
    assert done.returncode == 0
    assert "stopped: the duration is over" in done.stdout


def test_a_journal_that_breaks_pulls_the_quotes_until_it_is_back(start: Any, tmp_path: Path) -> None:
    """Another process holds the write lock for longer than the writer waits."""
    node = start("node", "start", "--no-dashboard", "--duration", "60s")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")
    blocker = sqlite3.connect(tmp_path / "data" / "journal.db", isolation_level=None, timeout=30)
    blocker.execute("BEGIN IMMEDIATE")
    time.sleep(8)
    blocker.execute("ROLLBACK")
    blocker.close()

    def halts() -> list[HaltEvent]:
        store = journal(tmp_path)
        found = [e.record for e in store.read(kind="halt", limit=1000) if isinstance(e.record, HaltEvent)]
        store.close()
        return [halt for halt in found if halt.source == "journal"]

    until(lambda: len(halts()) >= 2, "halted for the journal and released")
    assert [halt.active for halt in halts()[:2]] == [True, False]
    # A store that fails as late as patience ends is first one that does not answer.
    assert any(words in halts()[0].reason for words in ("cannot be written", "does not answer"))
    until(lambda: quotes_both_sides(tmp_path), "quotes again")
    node.send_signal(signal.SIGTERM)
    node.communicate(timeout=30)
    assert node.returncode == 0
    assert orders_left_open(tmp_path) == set()


def children_of(pid: int) -> list[str]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return listed.stdout.split()


@pytest.fixture
def hung(tmp_path: Path) -> Iterator[Any]:
    """The journal of a node that reported `age_s` ago and answers nothing; its process is this one."""
    opened = ExitStack()

    def build(age_s: float) -> SqliteJournal:
        (tmp_path / "data").mkdir()
        journal = SqliteJournal(tmp_path / "data" / "journal.db", create=True)
        opened.callback(journal.close)
        then_ns = time.time_ns() - round(age_s * 1e9)
        started = RunStarted(name="hung", mode="paper", version="0", pid=os.getpid(), configuration={})
        status = Status(state="running", makers=(), books=(), balances={})
        journal.append([("run", then_ns, started), ("run", then_ns, status)])
        return journal

    with opened:
        yield build


def test_a_command_that_nobody_answers_is_taken_back(ultramm: Any, hung: Any) -> None:
    journal = hung(0.0)
    done = ultramm("node", "pause")
    assert done.returncode == 1
    assert "did not answer pause" in done.stderr
    assert "taken back" in done.stderr
    assert journal.pending_commands() == []


def test_a_node_that_is_there_but_silent_is_told_from_one_that_ended(ultramm: Any, hung: Any) -> None:
    journal = hung(3600.0)
    done = ultramm("node", "stop")
    assert done.returncode == 1
    assert f"the node, process {os.getpid()}, is there but does not report" in done.stderr
    journal.append([("run", time.time_ns(), RunEnded(reason="stopped", open_orders=0))])
    assert "no node is running" in ultramm("node", "stop").stderr


def test_a_dashboard_that_dies_is_announced_and_the_node_goes_on(start: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--set", f"dashboard.port={free_port()}")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")
    (child,) = children_of(node.pid)
    os.kill(int(child), signal.SIGKILL)
    until(lambda: not Path(f"/proc/{child}").exists(), "the end of the dashboard")
    node.send_signal(signal.SIGTERM)
    output, _ = node.communicate(timeout=30)
    assert node.returncode == 0, output
    assert "the dashboard ended with -9, the node goes on; see logs/dashboard.log" in output


def test_the_dashboard_is_served_by_a_process_that_ends_with_the_node(start: Any, tmp_path: Path) -> None:
    port = free_port()
    node = start("node", "start", "--set", f"dashboard.port={port}")

    def served() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    until(served, "the page")
    (child,) = children_of(node.pid)
    node.send_signal(signal.SIGTERM)
    node.communicate(timeout=30)
    assert node.returncode == 0
    until(lambda: not Path(f"/proc/{child}").exists(), "the end of the dashboard's process")


def test_the_dashboard_does_not_outlive_a_node_that_was_killed(start: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--set", f"dashboard.port={free_port()}")
    until(lambda: children_of(node.pid), "the dashboard's process")
    (child,) = children_of(node.pid)
    node.kill()
    node.wait()
    until(lambda: not Path(f"/proc/{child}").exists(), "the end of the dashboard's process")


def test_a_second_node_on_the_same_journal_is_refused(ultramm: Any, start: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--no-dashboard")
    until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")
    second = ultramm("node", "start", "--no-dashboard")
    assert second.returncode == 2
    assert "another node writes this journal" in second.stderr
    assert quotes_both_sides(tmp_path)
    node.send_signal(signal.SIGTERM)
    node.communicate(timeout=30)
    assert node.returncode == 0


def test_a_terminal_that_stops_reading_does_not_stop_the_trading(tmp_path: Path) -> None:
    """The output goes into a pseudo-terminal that nobody reads, until it is full."""
    ours, theirs = pty.openpty()
    node = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "ultramm.cli.main",
            "node",
            "start",
            "--no-dashboard",
            "--set",
            "venues.SIM.params.pace=8",
        ],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(theirs)
    try:
        until(lambda: quotes_both_sides(tmp_path), "quotes on both sides")

        def events() -> int:
            status = last_status(tmp_path)
            return status.market_events if status else 0

        # Long after any terminal's buffer is full, the market is still followed.
        before = events()
        until(lambda: events() > before + 5_000, "market events go on")
        node.send_signal(signal.SIGTERM)
        until(lambda: orders_left_open(tmp_path) == set(), "orders are cancelled")
    finally:
        reader = threading.Thread(target=_drain, args=(ours,), daemon=True)
        reader.start()
        node.wait(timeout=30)
    assert node.returncode == 0


FAST = "venues.SIM.params.pace=8"


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        return


def test_latency_and_another_speed_than_1_are_refused_together(ultramm: Any) -> None:
    ultramm("data", "synth", "--catalog", "cat", "--duration", "5s")
    done = ultramm(
        "node",
        "start",
        "--no-dashboard",
        "--set",
        "venues.SIM.adapter=replay",
        "--set",
        "venues.SIM.params={catalog: cat, speed: 10}",
    )
    assert done.returncode == 2
    assert "latency_ms: 0" in done.stderr


def test_replay_ends_with_the_recording(ultramm: Any, tmp_path: Path) -> None:
    made = ultramm(
        "data", "synth", "--catalog", "cat", "--instrument", "BTCUSDT.SIM", "--duration", "20s", "--pace", "4"
    )
    assert made.returncode == 0, made.stderr
    done = ultramm(
        "node",
        "start",
        "--no-dashboard",
        "--set",
        "venues.SIM.adapter=replay",
        "--set",
        "venues.SIM.params={catalog: cat, speed: 10}",
        "--set",
        "venues.SIM.paper.latency_ms=0",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stopped: the recording ended" in done.stdout
    assert done.stdout.strip().endswith("open orders: 0")


def test_a_log_folder_that_cannot_be_made_is_named(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ultramm("node", "start", "--no-dashboard", "--set", "logging.directory=file/logs")
    assert done.returncode == 2
    assert "logging.directory" in done.stderr
