"""The command line as a whole: what it imports, and how it complains."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ultramm import __version__

HEAVY = ("nautilus_trader", "panel", "sklearn", "statsmodels", "pandas", "numpy", "scipy", "bokeh")


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["node", "--help"],
        ["node", "start", "--help"],
        ["backtest", "run", "--help"],
        ["backtest", "compare", "--help"],
        ["data", "import", "--help"],
        ["plugins", "list"],
        ["plugins", "list", "--json"],
        ["plugins", "show", "market-maker"],
        ["config", "schema"],
        ["config", "show"],
        ["config", "check"],
    ],
    ids=" ".join,
)
def test_help_and_listings_import_nothing_heavy(args: list[str], tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from ultramm.cli.main import main\n"
        f"sys.argv = ['ultramm', *{args!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    code = end.code\n"
        f"print('HEAVY', code, sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False
    )
    assert done.stdout.splitlines()[-1] == "HEAVY 0 []", done.stdout + done.stderr


def test_version_is_the_packages(ultramm: Any) -> None:
    assert ultramm("--version").stdout.strip() == f"ultramm {__version__}"


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an input error: exit code 2, nothing on standard output, no traceback."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


MINIMAL = """
mode: backtest
name: x
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT]
    paper: {starting_balances: [1000 USDT]}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, half_spread_bps: 5, max_position: 0.1}
"""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("order_size", "ordr_size"), "strategies[0].params.ordr_size: unknown key; did you mean order_size?"),
        (("0.01", "much"), "strategies[0].params.order_size: expected `float`, got `str`"),
        (("[1000 USDT]", "[1000 USDT], latency_ms: -1"), "venues.SIM.paper.latency_ms: expected `float` >= 0.0"),
        (("x\n", "${NO_SUCH_NAME}\n"), "name: environment variable NO_SUCH_NAME is not set; export NO_SUCH_NAME=..."),
        (("market-maker", "market-taker"), "strategies[0].use: no strategy named 'market-taker'; did you mean"),
        (("synthetic", "sintetic"), "venues.SIM.adapter: no adapter named 'sintetic'; did you mean synthetic?"),
        (("BTCUSDT.SIM", "BTCUSD.SIM"), "strategies[0].instruments[0]: unknown instrument BTCUSD.SIM; did you mean"),
        (("[BTCUSDT]", "[BTC]"), "strategies[0].instruments[0]: unknown instrument BTCUSDT.SIM"),
        (("1000 USDT", "a fortune"), "starting_balances[0]: 'a fortune' is no amount"),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else None,
)
def test_wrong_configuration_is_one_line_with_file_key_and_remedy(
    ultramm: Any, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(MINIMAL.replace(*change, 1))
    line = complaint(ultramm("backtest", "run", "wrong.yaml"))
    assert "wrong.yaml" in line
    assert says in line


def test_live_needs_to_be_said_twice(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "live.yaml").write_text(MINIMAL.replace("mode: backtest", "mode: live"))
    assert "mode: live trades real money; say so on the command line too, with --live" in complaint(
        ultramm("node", "start", "live.yaml")
    )
    (tmp_path / "paper.yaml").write_text(MINIMAL.replace("mode: backtest", "mode: paper"))
    assert "--live needs mode: live in the file" in complaint(ultramm("node", "start", "paper.yaml", "--live"))
    assert "takes no live orders" in complaint(ultramm("node", "start", "live.yaml", "--live"))


def test_a_node_does_not_run_a_backtest(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "b.yaml").write_text(MINIMAL)
    assert "ultramm backtest run b.yaml" in complaint(ultramm("node", "start", "b.yaml"))


def test_a_taken_port_is_named_before_anything_runs(ultramm: Any, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = complaint(ultramm("node", "start", "--set", f"dashboard.port={port}"))
    assert f"dashboard.port: port {port} on 127.0.0.1 cannot be had" in line
    assert not (tmp_path / "data").exists()


def test_a_journal_that_cannot_be_made_is_named(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    to = f"journal.to=sqlite:///{tmp_path}/file/journal.db"
    line = complaint(ultramm("node", "start", "--no-dashboard", "--set", to))
    assert "cannot write the journal" in line


def test_status_without_a_journal_says_what_to_do(ultramm: Any) -> None:
    assert "no journal here; start a node first" in complaint(ultramm("node", "status"))


@pytest.mark.parametrize("text", ["0s", "soon", "-5", "5 parsecs"])
def test_a_duration_that_is_none_is_refused(ultramm: Any, text: str) -> None:
    assert "--duration" in complaint(ultramm("node", "start", "--no-dashboard", f"--duration={text}"))


def test_a_missing_configuration_is_named(ultramm: Any) -> None:
    assert "nowhere.yaml: cannot read the configuration" in complaint(ultramm("backtest", "run", "nowhere.yaml"))


def test_an_unknown_command_exits_with_2(ultramm: Any) -> None:
    done = ultramm("node", "fly")
    assert done.returncode == 2
    assert "No such command" in done.stderr
    assert "Traceback" not in done.stderr


def test_init_writes_a_file_that_checks_and_is_not_overwritten(ultramm: Any, tmp_path: Path) -> None:
    assert ultramm("config", "init", "mine.yaml").returncode == 0
    done = ultramm("config", "check", "mine.yaml")
    assert done.returncode == 0
    assert "mine.yaml: good (paper; strategies: mm-btc)" in done.stdout
    assert "exists already" in complaint(ultramm("config", "init", "mine.yaml"))


def test_show_masks_what_came_from_the_environment(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MINIMAL.replace("name: x", "name: ${SECRET_NAME}"))
    done = ultramm("config", "show", "a.yaml", "--json", SECRET_NAME="hush")
    assert json.loads(done.stdout)["name"] == "****"
    assert "hush" not in done.stdout


def test_plugins_are_listed_with_their_distribution(ultramm: Any) -> None:
    listed = json.loads(ultramm("plugins", "list", "--json").stdout)
    found = {(item["kind"], item["name"], item["distribution"]) for item in listed}
    assert {("strategy", "market-maker", "ultramm"), ("adapter", "synthetic", "ultramm")} <= found
    shown = json.loads(ultramm("plugins", "show", "market-maker", "--json").stdout)
    assert {"order_size", "half_spread_bps", "max_position"} <= {p["name"] for p in shown["parameters"]}
    assert "no plugin named 'nobody'; installed: " in complaint(ultramm("plugins", "show", "nobody"))
