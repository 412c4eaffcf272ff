"""A node, its page and who tells of it: three processes over one Redis, which dies in between."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_servers import HttpServer
from page import browser, errors_of, free_port, wait_for
from redis_process import RedisProcess
from waiting import until

from ultramm.journal.open import open_journal
from ultramm.journal.records import FillEvent, GapEvent, HaltEvent, RunEnded, Status
from ultramm.journal.store import Journal

pytestmark = pytest.mark.integration

PATIENCE_MS = 60_000


@pytest.fixture
def redis(redis_process: Callable[..., RedisProcess]) -> RedisProcess:
    return redis_process()


@pytest.fixture
def hook() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.stop()


class Node:
    """It starts the other two itself."""

    def __init__(self, folder: Path, redis: RedisProcess, hook: HttpServer) -> None:
        self.port, self.redis = free_port(), redis
        settings = {
            "journal.to": redis.address,
            "dashboard.port": self.port,
            "alerts.to": '["${ALERT_URL}"]',
            "alerts.group_s": 0,
            "alerts.rules.silent_s": 60,
        }
        given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ultramm.cli.main", "node", "start", *given],
            cwd=folder,
            env={**os.environ, "ALERT_URL": f"json://127.0.0.1:{hook.port}/"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def journal(self) -> Journal:
        return open_journal(f"{self.redis.address}#demo")

    def quotes(self) -> bool:
        store = self.journal()
        try:
            last = store.last("status")
        finally:
            store.close()
        status = last[0].record if last else None
        return isinstance(status, Status) and any(maker.bid.orders or maker.ask.orders for maker in status.makers)


@pytest.fixture
def node(tmp_path: Path, redis: RedisProcess, hook: HttpServer) -> Iterator[Node]:
    made = Node(tmp_path, redis, hook)
    yield made
    if made.process.poll() is None:
        made.process.send_signal(signal.SIGINT)
    made.process.wait(timeout=60)


def told(hook: HttpServer, words: str) -> bool:
    return any(words in body["title"] + body["message"] for _, body in hook.received)


def test_all_three_go_on_when_redis_is_back_and_nothing_is_lost(
    node: Node, redis: RedisProcess, hook: HttpServer, chromium: str
) -> None:
    wait_for(node.url)
    until(node.quotes, "it quotes", 60.0)
    until(lambda: told(hook, "started"), "its beginning is told")
    with browser(chromium) as opened:
        tab: Any = opened.new_page()
        errors = errors_of(tab)
        tab.goto(node.url)
        tab.get_by_text("running", exact=True).wait_for(timeout=PATIENCE_MS)

        redis.stop(signal.SIGKILL)
        tab.get_by_text("no journal", exact=True).wait_for(timeout=PATIENCE_MS)
        # Long enough for the node to stop quoting: it cannot write what it does.
        tab.wait_for_timeout(4_000)
        redis.start()

        until(lambda: told(hook, "all that waited is written"), "the gap is told", 60.0)
        until(node.quotes, "it quotes again", 60.0)
        tab.get_by_text("running", exact=True).wait_for(timeout=PATIENCE_MS)
        tab.get_by_placeholder("name, to confirm").press_sequentially("demo")
        tab.get_by_role("button", name="Stop", exact=True).click()
        assert node.process.wait(timeout=60) == 0
        assert errors == []
    until(lambda: told(hook, "ended"), "its end is told", 60.0)

    store = node.journal()
    gaps = [entry.record for entry in store.read(kind="gap")]
    halts = [entry.record for entry in store.read(kind="halt")]
    fills = [entry.record for entry in store.read(kind="fill", limit=100_000)]
    (ended,), (last,) = store.last("run-ended"), store.last("status")
    store.close()
    # A loaded machine may let Redis answer too late once more: that is a gap of its own, and told like the first.
    assert gaps
    assert all(isinstance(gap, GapEvent) and gap.event == "caught up" for gap in gaps)
    by_journal = [halt.active for halt in halts if isinstance(halt, HaltEvent) and halt.source == "journal"]
    assert by_journal == [True, False] * len(gaps)
    assert isinstance(ended.record, RunEnded)
    assert (ended.record.reason, ended.record.open_orders) == ("stop by operator", 0)
    assert isinstance(last.record, Status)
    assert sum(maker.score.fills for maker in last.record.makers) == len(fills)
    assert all(isinstance(fill, FillEvent) for fill in fills)
