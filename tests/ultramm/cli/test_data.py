"""Data in and out of catalogs, by the command."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from waiting import until

from ultramm.cli.data import Kind
from ultramm.nautilus.catalog.read import holdings, load
from ultramm.nautilus.recordings.kinds import KINDS
from ultramm_adapters.replay.params import ReplayParams

pytestmark = pytest.mark.integration

SHARED = Path(__file__).parents[4] / "shared" / "data"
CAPTURE = SHARED / "crypto" / "spot_ethusdt_20240808.gz"
recordings = pytest.mark.skipif(not SHARED.is_dir(), reason="no recordings in ../shared/data")


def one_line(done: Any) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    line: str = lines[0]
    return line


@recordings
def test_import_lists_and_repeats_without_change(ultramm: Any) -> None:
    first = ultramm("data", "import", "binance", str(CAPTURE), "--catalog", "cat", "--json")
    assert first.returncode == 0, first.stderr
    summary = json.loads(first.stdout)
    assert summary["instrument_id"] == "ETHUSDT.BINANCE"
    assert summary["kept"]["trades"] == 6106
    again = json.loads(ultramm("data", "import", "binance", str(CAPTURE), "--catalog", "cat", "--json").stdout)
    assert again["already_imported"] is True
    held = {item["kind"]: item["rows"] for item in json.loads(ultramm("data", "list", "cat", "--json").stdout)}
    assert held == {kind: summary["kept"][kind] for kind in ("deltas", "quotes", "trades")}
    table = ultramm("data", "list", "cat").stdout
    assert "ETHUSDT.BINANCE" in table
    assert "6,106" in table


@recordings
def test_a_truncated_capture_is_named_and_leaves_nothing(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "short.gz").write_bytes(CAPTURE.read_bytes()[:200_000])
    assert "short.gz" in one_line(ultramm("data", "import", "binance", "short.gz", "--catalog", "cat"))
    assert not (tmp_path / "cat").exists()


def test_a_corrupt_capture_is_named_with_its_line(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.gz").write_bytes(gzip.compress(b"1723161256172216566 {not json\n"))
    line = one_line(ultramm("data", "import", "binance", "bad.gz", "--catalog", "cat"))
    assert "bad.gz" in line
    assert "line 1" in line


def test_a_missing_capture_is_named(ultramm: Any) -> None:
    assert "nowhere.gz: no such file" in one_line(ultramm("data", "import", "binance", "nowhere.gz", "--catalog", "c"))


def test_a_folder_that_is_no_catalog_and_an_empty_one(ultramm: Any, tmp_path: Path) -> None:
    assert "nowhere" in one_line(ultramm("data", "list", "nowhere"))
    (tmp_path / "catalog" / "data").mkdir(parents=True)
    done = ultramm("data", "list", "catalog")
    assert done.returncode == 0
    assert "empty" in done.stdout


def test_synth_is_the_same_for_the_same_seed(ultramm: Any, tmp_path: Path) -> None:
    def make(name: str, seed: int) -> dict[str, bytes]:
        done = ultramm(
            "data", "synth", "--catalog", name, "--seed", str(seed), "--duration", "30s", "--preset", "tight"
        )
        assert done.returncode == 0, done.stderr
        files = (tmp_path / name).rglob("*.parquet")
        return {str(file.relative_to(tmp_path / name)): file.read_bytes() for file in files}

    first = make("a", 1)
    assert first
    assert make("b", 1) == first
    assert make("c", 2) != first
    again = ultramm(
        "data", "synth", "--catalog", "a", "--seed", "1", "--duration", "30s", "--preset", "tight", "--json"
    )
    assert json.loads(again.stdout)["already_imported"] is True


def test_synth_refuses_a_name_without_a_quote_currency(ultramm: Any) -> None:
    assert "QUOTE" in one_line(
        ultramm("data", "synth", "--catalog", "c", "--instrument", "XYZ.SIM", "--duration", "1s")
    )


def test_every_kind_that_can_be_imported_is_offered_by_command_and_configuration(ultramm: Any) -> None:
    offered = ultramm("data", "import", "--help").stdout
    replayed = get_args(get_type_hints(ReplayParams)["kind"])
    assert all(kind in offered for kind in KINDS)
    assert set(replayed) == set(KINDS) == {kind.value for kind in Kind}


def test_verify_says_whether_a_catalog_is_sound_and_fails_when_it_is_not(ultramm: Any, tmp_path: Path) -> None:
    ultramm("data", "synth", "--catalog", "c", "--preset", "benign", "--duration", "20s")
    sound = ultramm("data", "verify", "c")
    assert sound.returncode == 0, sound.stderr
    assert "BTCUSDT.SIM: sound" in sound.stdout
    (trades,) = (tmp_path / "c" / "data" / "trade_tick").rglob("*.parquet")
    trades.unlink()
    damaged = ultramm("data", "verify", "c", "--json")
    assert damaged.returncode == 1
    assert damaged.stderr.strip() == "ultramm: c: BTCUSDT.SIM: not sound; import into a new catalog"
    (verdict,) = json.loads(damaged.stdout)
    assert verdict["sound"] is False
    assert verdict["miscounted"]["trades"][1] == 0


# -- imports that are killed -----------------------------------------------------------------------------------------

GOLD = [
    "lean",
    *(str(SHARED / "futures" / f"lean_gc_{what}.zip") for what in ("tick_20131007_trade", "minute_20131007_quote")),
    "--instrument=GCZ3.XCEC",
]
DYING = """
import pathlib, time
from ultramm.cli.main import main
rename, moved = pathlib.Path.rename, []
def move_two_and_wait(self, target):
    if self.suffix == ".parquet":
        if len(moved) == 2:
            print("half moved", flush=True)
            time.sleep(600)
        moved.append(self)
    return rename(self, target)
pathlib.Path.rename = move_two_and_wait
main()
"""


def content(catalog: Path) -> dict[str, bytes]:
    """The files of a catalog but for the lock."""
    files = {str(file.relative_to(catalog)): file for file in catalog.rglob("*") if file.is_file()}
    return {name: file.read_bytes() for name, file in files.items() if not name.startswith(".")}


@pytest.fixture
def with_market(ultramm: Any, tmp_path: Path) -> Callable[[str], Path]:
    """A catalog that has something else already."""

    def make(name: str) -> Path:
        done = ultramm("data", "synth", "--catalog", name, "--preset", "tight", "--duration", "10s")
        assert done.returncode == 0, done.stderr
        return tmp_path / name

    return make


@recordings
def test_an_import_killed_at_any_moment_leaves_the_catalog_and_is_done_by_the_next(
    ultramm: Any, start: Any, with_market: Callable[[str], Path], tmp_path: Path
) -> None:
    undisturbed, catalog = with_market("undisturbed"), with_market("catalog")
    began = time.monotonic()
    ultramm("data", "import", *GOLD, "--catalog", "undisturbed")
    took_s = time.monotonic() - began
    before, after, held = content(catalog), holdings(undisturbed), holdings(catalog)
    chance = random.Random(7)
    left: set[Path] = set()  # by those that were killed
    for wait in (0.0, *(chance.random() for _ in range(5))):
        process = start("data", "import", *GOLD, "--catalog", "catalog")
        until(lambda left=left: set(tmp_path.glob(".catalog.import-*")) - left, "an import that has begun")
        left = set(tmp_path.glob(".catalog.import-*"))
        time.sleep(wait * took_s / 2)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        # All or nothing is seen: a slow machine may kill it as it moves in, or when it has done its work.
        assert holdings(catalog) in (held, after)
        if content(catalog) != before:
            break
    assert left
    done = ultramm("data", "import", *GOLD, "--catalog", "catalog")
    assert done.returncode == 0, done.stderr
    assert content(catalog) == content(undisturbed)
    assert [path.name for path in tmp_path.glob(".*.import-*")] == []


@recordings
def test_an_import_killed_while_it_moves_in_is_not_seen_and_is_done_by_the_next(
    ultramm: Any, with_market: Callable[[str], Path], tmp_path: Path
) -> None:
    undisturbed, catalog = with_market("undisturbed"), with_market("catalog")
    ultramm("data", "import", *GOLD, "--catalog", "undisturbed")
    before, held = content(catalog), holdings(catalog)
    command = [sys.executable, "-c", DYING, "data", "import", *GOLD, "--catalog", "catalog"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert any(b"half moved" in line for line in process.stdout)
        os.kill(process.pid, signal.SIGKILL)
    assert len(content(catalog)) == len(before) + 2
    assert holdings(catalog) == held
    assert list(load(catalog, ["BTCUSDT.SIM"])) == list(load(undisturbed, ["BTCUSDT.SIM"]))
    done = ultramm("data", "import", *GOLD, "--catalog", "catalog")
    assert done.returncode == 0, done.stderr
    assert content(catalog) == content(undisturbed)
