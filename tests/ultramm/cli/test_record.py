"""``ultramm data record`` as a process: killed, doubled, on a full disk, and ended."""

from __future__ import annotations

import json
import os
import pty
import random
import re
import shutil
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookAction
from recorded import books, in_catalogs_order, told
from waiting import until

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.nautilus.build import feeds
from ultramm.nautilus.catalog.read import load
from ultramm.nautilus.catalog.verify import verify
from ultramm.nautilus.feed import restamped
from ultramm.nautilus.recorder.spool import is_recording, segments

pytestmark = pytest.mark.integration

ID = "BTCUSDT.SIM"
FAST = ("--set", "venues.SIM.params.pace=20")


def spooled(catalog: Path) -> int:
    """Bytes of the newest segment."""
    try:
        return max(path.stat().st_size for path in segments(catalog))
    except (ValueError, FileNotFoundError):
        return 0


def files(catalog: Path) -> int:
    return len(list((catalog / "data" / "trade_tick").rglob("*.parquet")))


def truth(count: int, seed: int) -> list[Any]:
    """An independent run of the same market."""
    (feed,) = feeds(resolve(read(None, [FAST[1], f"seed={seed}"])))
    return list(islice(feed.source.events(endless=True), count))


def sessions(catalog: Path) -> list[list[Any]]:
    """What a catalog holds, divided where a recording begins: at a book that is cleared."""
    divided: list[list[Any]] = []
    for event in load(catalog, [ID]):
        if isinstance(event, OrderBookDeltas) and event.deltas[0].action == BookAction.CLEAR:
            divided.append([])
        divided[-1].append(event)
    return divided


def is_the_market(session: list[Any], seed: int) -> bool:
    """Whether a session is the market from its beginning, one for one, wherever it ends; and its books."""
    generated = truth(len(session), seed)
    offset = session[0].ts_init - generated[0].ts_init
    expected = in_catalogs_order([restamped(event, offset) for event in generated])
    return told(session) == told(expected) and books(session) == books(expected)


def test_kill_9_at_random_moments_loses_a_moment_and_doubles_nothing(start: Any, ultramm: Any, tmp_path: Path) -> None:
    """Every second recording comes upon what the killed one before it left; the last is recovered by hand."""
    catalog, chance, killed = tmp_path / "cat", random.Random(7), []
    for seed in range(5):
        left = {path.name for path in segments(catalog)}
        process = start("data", "record", "--catalog", "cat", "--rotate", "1s", "--set", f"seed={seed}", *FAST)
        until(lambda: {path.name for path in segments(catalog)} - left, "a spool of its own")  # noqa: B023
        rotations = files(catalog) + chance.randrange(3)
        until(lambda: files(catalog) >= rotations, "rotations")  # noqa: B023
        size = chance.randrange(1, 60_000)
        until(lambda: spooled(catalog) >= size, "the spool grows")  # noqa: B023
        time.sleep(chance.random() * 0.3)  # anywhere between two flushes
        killed.append(time.time_ns())
        process.kill()
        process.wait()
        assert not is_recording(catalog)
    assert segments(catalog)

    done = ultramm("data", "recover", "cat", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["deltas"] > 0
    assert segments(catalog) == []
    recorded = sessions(catalog)
    assert len(recorded) == 5
    for seed, session in enumerate(recorded):
        assert is_the_market(session, seed)
    assert all(verdict.sound for verdict in verify(catalog))
    times = [event.ts_init for session in recorded for event in session]
    assert times == sorted(times)
    lost_s = [(end - session[-1].ts_init) / 1e9 for end, session in zip(killed, recorded, strict=True)]
    print("lost (s):", [round(each, 3) for each in lost_s])
    # A machine that is busy with other tests may take the processor away for longer: the least shows the rule.
    assert min(lost_s) < 1.0
    assert json.loads(ultramm("data", "recover", "cat", "--json").stdout) is None
    assert ultramm("data", "verify", "cat").returncode == 0


def test_an_interrupted_recording_is_told_by_list_verify_and_replay(start: Any, ultramm: Any, tmp_path: Path) -> None:
    catalog = tmp_path / "cat"
    process = start("data", "record", "--catalog", "cat", *FAST)
    until(lambda: spooled(catalog) > 5_000, "the spool grows")
    listed = ultramm("data", "list", "cat", "--json")
    assert listed.returncode == 0
    assert "is being recorded; what came since the last rotation is not in it yet" in listed.stderr
    assert json.loads(listed.stdout) == []
    process.kill()
    process.wait()

    replay = ("--set", "venues.SIM.adapter=replay", "--set", "venues.SIM.params={catalog: cat}")
    for command in (("data", "list", "cat"), ("data", "verify", "cat")):
        told_by = ultramm(*command)
        assert told_by.returncode == 0
        assert "bring them in with `ultramm data recover cat`" in told_by.stderr
    refused = ultramm("backtest", "run", *default(tmp_path), *replay)
    assert refused.returncode == 2
    assert "bring them in with `ultramm data recover cat`" in refused.stderr
    assert refused.stderr.count("\n") == 1

    shown = ultramm("data", "recover", "cat")
    assert shown.returncode == 0
    assert "cat: recovered" in shown.stdout
    assert "rows: deltas" in shown.stdout
    assert ultramm("data", "list", "cat").stderr == ""
    assert "nothing to recover" in ultramm("data", "recover", "cat").stdout
    result = ultramm("backtest", "run", *default(tmp_path), *replay, "--json")
    assert result.returncode == 0, result.stderr


def default(directory: Path) -> tuple[str, ...]:
    """The packaged configuration as a file."""
    path = directory / "config.yaml"
    if not path.exists():
        from ultramm.config.load import DEFAULT_PATH

        path.write_text(DEFAULT_PATH.read_text(encoding="utf-8"))
    return (str(path),)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_publishes_everything_and_exits_with_0(start: Any, ultramm: Any, tmp_path: Path, number: int) -> None:
    catalog = tmp_path / "cat"
    process = start("data", "record", "--catalog", "cat", "--json", "--set", "seed=3", *FAST)
    until(lambda: spooled(catalog) > 5_000, "the spool grows")
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    summary = json.loads(output)
    assert summary["reason"] == f"signal {signal.Signals(number).name}"
    (session,) = sessions(catalog)
    assert is_the_market(session, 3)
    assert sum(summary["recorded"]["rows"].values()) == len(told(session))
    assert summary["recorded"]["last_ns"] == session[-1].ts_init
    assert summary["recorded"]["dropped"] == 0
    assert segments(catalog) == []
    assert ultramm("data", "list", "cat").stderr == ""


def test_a_duration_ends_it_with_a_table_and_the_recording_backtests(ultramm: Any, tmp_path: Path) -> None:
    done = ultramm("data", "record", "--catalog", "cat", "--duration", "6s", "--rotate", "2s", *FAST)
    assert done.returncode == 0, done.stderr
    assert "cat: the duration is over" in done.stdout
    assert re.search(r"rows: trades\W+\d+", done.stdout)
    assert files(tmp_path / "cat") >= 2
    replay = ("--set", "venues.SIM.adapter=replay", "--set", "venues.SIM.params={catalog: cat}")
    result = ultramm("backtest", "run", *default(tmp_path), *replay, "--json")
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def test_a_second_recorder_on_the_catalog_is_refused(start: Any, ultramm: Any, tmp_path: Path) -> None:
    first = start("data", "record", "--catalog", "cat", *FAST)
    until(lambda: spooled(tmp_path / "cat") > 0, "the first records")
    for command in (("data", "record", "--catalog", "cat", "--duration", "1s"), ("data", "recover", "cat")):
        second = ultramm(*command)
        assert second.returncode == 2
        assert (
            second.stderr == "ultramm: cat: another recorder writes into it; stop that one, or give another catalog\n"
        )
    first.send_signal(signal.SIGTERM)
    output, _ = first.communicate(timeout=60)
    assert first.returncode == 0, output
    assert all(verdict.sound for verdict in verify(tmp_path / "cat"))


def test_a_node_records_what_it_trades_on(start: Any, ultramm: Any, tmp_path: Path) -> None:
    node = start("node", "start", "--no-dashboard", "--set", "recorder={catalog: cat, rotate_s: 1}", *FAST)
    until(lambda: files(tmp_path / "cat") >= 2, "rotations")
    status = json.loads(ultramm("node", "status", "--json").stdout)["status"]
    assert status["recording"].startswith("recording into cat: ")
    refused = ultramm("data", "record", "--catalog", "cat", "--duration", "1s")
    assert refused.returncode == 2
    node.send_signal(signal.SIGTERM)
    output, _ = node.communicate(timeout=60)
    assert node.returncode == 0, output
    assert "recording started: cat" in output
    assert output.strip().endswith("open orders: 0")
    (session,) = sessions(tmp_path / "cat")
    assert is_the_market(session, 7)
    assert all(verdict.sound for verdict in verify(tmp_path / "cat"))


def limited(directory: Path, blocks: int, *args: str) -> subprocess.CompletedProcess[str]:
    """Run ``ultramm ARGS`` where no file can be longer than so many half-kilobytes."""
    command = f'ulimit -f {blocks}; exec "$0" -m ultramm.cli.main "$@"'
    return subprocess.run(
        ["/bin/sh", "-c", command, sys.executable, *args],
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_a_disk_that_takes_no_more_ends_it_with_one_line_and_the_rest_is_sound(ultramm: Any, tmp_path: Path) -> None:
    done = limited(tmp_path, 300, "data", "record", "--catalog", "cat", "--duration", "60s", "--set", "seed=4", *FAST)
    assert done.returncode == 1, done.stdout
    assert done.stderr == (
        "ultramm: the recording broke off: cat: cannot be written: File too large; check disk space and permissions; "
        "then `ultramm data recover cat` brings in what was recorded before\n"
    )
    assert ultramm("data", "recover", "cat").returncode == 0
    (session,) = sessions(tmp_path / "cat")
    assert len(session) > 300
    assert is_the_market(session, 4)


def has_a_disk_of_its_own() -> bool:
    done = (
        subprocess.run(["unshare", "-rm", "true"], capture_output=True, check=False)
        if shutil.which("unshare")
        else None
    )
    return done is not None and done.returncode == 0


@pytest.mark.skipif(not has_a_disk_of_its_own(), reason="no file system can be mounted here")
@pytest.mark.parametrize("size", ["150k", "350k", "700k"])
def test_a_disk_that_is_full_at_any_moment_and_has_room_again_later(ultramm: Any, tmp_path: Path, size: str) -> None:
    """A small disk with ballast: full in the middle of the spool or of a rotation, then the ballast goes."""
    script = """
        set -e
        mkdir disk && mount -t tmpfs -o size=4m tmpfs disk
        head -c $((4 * 1024 * 1024)) /dev/zero > disk/ballast 2>/dev/null || true
        truncate -s -$1 disk/ballast
        shift
        code=0; "$@" -m ultramm.cli.main data record --catalog disk/cat --rotate 2s --duration 120s \
            --set seed=4 --set venues.SIM.params.pace=20 || code=$?
        rm disk/ballast
        "$@" -m ultramm.cli.main data recover disk/cat >&2
        cp -r disk/cat cat
        exit $code
    """
    done = subprocess.run(
        ["unshare", "-rm", "/bin/sh", "-c", script, "sh", size, sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "disk/cat: cannot be written: No space left on device; check disk space" in done.stderr
    assert "Traceback" not in done.stderr
    assert ultramm("data", "verify", "cat").returncode == 0
    (session,) = sessions(tmp_path / "cat")
    assert is_the_market(session, 4)
    assert segments(tmp_path / "cat") == []


@pytest.mark.skipif(not has_a_disk_of_its_own(), reason="no file system can be mounted here")
def test_a_trading_node_goes_on_where_the_recording_cannot(ultramm: Any, tmp_path: Path) -> None:
    script = """
        mkdir disk && mount -t tmpfs -o size=300k tmpfs disk
        exec "$0" -m ultramm.cli.main node start --no-dashboard --set recorder.catalog=disk/cat \
            --set venues.SIM.params.pace=20
    """
    node = subprocess.Popen(
        ["unshare", "-rm", "/bin/sh", "-c", script, sys.executable],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )

    def status() -> Any:
        shown = ultramm("node", "status", "--json")
        return json.loads(shown.stdout)["status"] if shown.returncode == 0 else None

    def quotes_after_the_end_of_the_recording() -> bool:
        last = status()
        if last is None or not last["recording"].startswith("recording stopped"):
            return False
        return all(maker["bid"]["orders"] and maker["ask"]["orders"] for maker in last["makers"])

    try:
        until(quotes_after_the_end_of_the_recording, "quotes after the end of the recording")
        node.send_signal(signal.SIGTERM)
        output, _ = node.communicate(timeout=60)
    finally:
        node.kill()
        node.wait()
    assert node.returncode == 0, output
    assert "recording stopped: disk/cat: cannot be written: No space left on device" in output
    assert output.strip().endswith("open orders: 0")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_one_line(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    done = ultramm("data", "record", "--catalog", "locked/cat", "--duration", "1s")
    assert done.returncode == 1
    assert done.stderr == (
        "ultramm: locked/cat: cannot be written: Permission denied; check disk space and permissions\n"
    )


def test_a_folder_that_cannot_be_made_is_one_line(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = ultramm("data", "record", "--catalog", "file/cat", "--duration", "1s")
    assert done.returncode == 1
    assert done.stderr == "ultramm: file/cat: cannot be written: Not a directory; check disk space and permissions\n"
    done = ultramm("data", "record", "--catalog", "file", "--duration", "1s")
    assert done.returncode == 2
    assert "file: is no directory" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--duration", "soon"), "--duration: 'soon' is no length of time"),
        (("--rotate", "0"), "--rotate: '0' is no length of time"),
        (("--set", "recorder.rotate_s=0"), "recorder.rotate_s"),
        (("--set", "recorder.rotates=5"), "rotate_s"),
        (("nowhere.yaml",), "nowhere.yaml"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(ultramm: Any, arguments: tuple[str, ...], complaint: str) -> None:
    done = ultramm("data", "record", *arguments)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_configuration_names_the_catalog_unless_the_command_line_does(ultramm: Any, tmp_path: Path) -> None:
    done = ultramm("data", "record", "--duration", "2s", "--set", "recorder.catalog=mine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "mine" / "data").is_dir()
    assert ultramm("data", "record", "--duration", "2s").returncode == 0
    assert (tmp_path / "data" / "recordings" / "data").is_dir()


class Terminal:
    """A recording on a terminal of its own."""

    def __init__(self, directory: Path) -> None:
        self.shown = bytearray()
        self.ours, self.theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ultramm.cli.main", "data", "record", "--catalog", "cat", *FAST],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=self.theirs,
            stderr=self.theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "160"},
        )

    def read(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while chunk := os.read(self.ours, 4096):
                self.shown.extend(chunk)
        except OSError:
            return

    def shows(self, pattern: bytes) -> bool:
        return re.search(pattern, self.shown) is not None

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    opened = Terminal(tmp_path)
    yield opened
    opened.process.kill()
    opened.process.wait()
    for descriptor in (opened.ours, opened.theirs):
        with suppress(OSError):
            os.close(descriptor)


def test_a_terminal_shows_how_it_goes(terminal: Terminal) -> None:
    terminal.read()
    until(lambda: terminal.shows(rb"recording into cat: [1-9][\d,]* events/s .* [1-9][\d,]* rows"), "events and rows")
    assert terminal.end() == 0
    until(lambda: terminal.shows(b"signal SIGTERM"), "the summary")


def test_a_terminal_that_stops_reading_does_not_stop_the_recording(terminal: Terminal, tmp_path: Path) -> None:
    catalog = tmp_path / "cat"
    terminal.read()
    until(lambda: spooled(catalog) > 0, "the recording begins")
    termios.tcflow(terminal.theirs, termios.TCOOFF)
    size = spooled(catalog)
    until(lambda: spooled(catalog) > size + 500_000, "the recording goes on")
    terminal.process.send_signal(signal.SIGTERM)
    until(lambda: segments(catalog) == [], "everything is in the catalog")
    termios.tcflow(terminal.theirs, termios.TCOON)
    assert terminal.process.wait(60) == 0


def test_a_terminal_that_is_closed_does_not_end_the_recording(terminal: Terminal, tmp_path: Path) -> None:
    catalog = tmp_path / "cat"
    until(lambda: spooled(catalog) > 0, "the recording begins")
    os.close(terminal.theirs)
    os.close(terminal.ours)
    size = spooled(catalog)
    until(lambda: spooled(catalog) > size + 200_000, "the recording goes on")
    assert terminal.end() == 0
    assert all(verdict.sound for verdict in verify(catalog))
    assert segments(catalog) == []
