"""``ultramm alerts``, and a real node that tells of its end and of its death."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_servers import HttpServer
from waiting import until

pytestmark = pytest.mark.integration

SECRET = "hush-hush-hush"


@pytest.fixture
def hook() -> Iterator[HttpServer]:
    server = HttpServer()
    yield server
    server.stop()


@pytest.fixture
def ultramm(tmp_path: Path, hook: HttpServer) -> Callable[..., Any]:
    """Run a command to its end, or start it."""

    def run(*arguments: str, wait: bool = True, url: str | None = None) -> Any:
        environment = {**os.environ, "COLUMNS": "160"}
        environment["ALERT_URL"] = f"json://me:{SECRET}@127.0.0.1:{hook.port}/" if url is None else url
        command = [sys.executable, "-m", "ultramm.cli.main", *arguments]
        if wait:
            return subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
        return subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL)

    return run


TO = ("--set", 'alerts.to=["${ALERT_URL}"]')
QUICK = (*TO, "--set", "alerts.group_s=0", "--set", "alerts.rules.silent_s=3")


def titles(hook: HttpServer) -> list[str]:
    return [body["title"] for _, body in hook.received]


def test_a_test_says_where_it_arrived(ultramm: Callable[..., Any], hook: HttpServer) -> None:
    done = ultramm("alerts", "test", *TO, "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"json #0": "delivered"})
    assert titles(hook) == ["demo: a test"]
    hook.stop()
    failed = ultramm("alerts", "test", *TO)
    assert failed.returncode == 1
    assert "not delivered to json #0" in failed.stderr
    assert SECRET not in done.stdout + failed.stdout + failed.stderr


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ((), "alerts.to: nobody is told"),
        (("--set", "alerts.to=[json://me:hush@127.0.0.1:1/]"), "alerts.to[0]: a secret in a file"),
        (("--set", "alerts.quiet_from='22:00'"), "quiet_from and quiet_until go together"),
        (("--set", "alerts.rules.drawdwn=5"), "alerts.rules.drawdwn: unknown key; did you mean drawdown?"),
    ],
)
def test_a_wrong_configuration_is_one_line(
    ultramm: Callable[..., Any], settings: tuple[str, ...], complaint: str
) -> None:
    done = ultramm("alerts", "test", *settings)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert "hush" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_address_that_is_none_stops_a_node_before_it_starts(ultramm: Callable[..., Any], tmp_path: Path) -> None:
    done = ultramm("node", "start", "--no-dashboard", "--duration", "1s", *TO, url=f"nosuchthing://{SECRET}")
    assert done.returncode == 2
    assert "alerts.to[0]: this is no address that Apprise knows" in done.stderr
    assert SECRET not in done.stderr


def test_a_node_tells_of_its_beginning_and_end(ultramm: Callable[..., Any], hook: HttpServer, tmp_path: Path) -> None:
    done = ultramm("node", "start", "--no-dashboard", "--duration", "4s", *QUICK)
    assert done.returncode == 0, done.stderr
    until(lambda: len(hook.received) >= 2, "both are told")
    assert titles(hook)[-1].startswith("demo: ended demo-")
    told = json.loads(ultramm("alerts", "list", "--json").stdout)
    assert [alert["title"] for alert in told] == titles(hook)[::-1]
    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in everything


def test_a_node_that_is_killed_is_told_of_by_who_outlives_it(ultramm: Callable[..., Any], hook: HttpServer) -> None:
    node = ultramm("node", "start", "--no-dashboard", *QUICK, wait=False)
    try:
        until(lambda: any("started" in title for title in titles(hook)), "it has started")
    finally:
        node.send_signal(signal.SIGKILL)
        node.wait()
    until(lambda: any("silent" in title for title in titles(hook)), "its death is told")
    ((_, body),) = [(path, body) for path, body in hook.received if "silent" in body["title"]]
    assert body["type"] == "failure"
    assert "it hangs or has died" in body["message"]
