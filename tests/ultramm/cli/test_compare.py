"""``ultramm backtest compare``: columns, differences, refusals, and its page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ultramm.cli.compare import _labels, _variants
from ultramm.errors import UserError

CONFIG = """
mode: backtest
name: synthetic
seed: 7
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: benign, pace: 4, duration_s: 40}
    paper: {starting_balances: [100000 USDT, 2 BTC], latency_ms: 5}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 1, refresh_ms: 200}
"""
HALF_SPREAD = "strategies.0.params.half_spread_bps"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "base.yaml"
    path.write_text(CONFIG)
    return path


# -- columns ---------------------------------------------------------------------------------------------------


def test_columns_are_named_by_their_files() -> None:
    assert _labels([Path("a/x.yaml"), Path("b/y.yaml")]) == ["x", "y"]
    assert _labels([Path("a/x.yaml"), Path("b/x.yaml"), Path("y.yaml")]) == ["x #1", "x #2", "y"]


def test_variants_are_named_by_their_values() -> None:
    path = Path("x.yaml")
    assert _variants([path], "a.b.c=0.5, 1") == [("c=0.5", path, ["a.b.c=0.5"]), ("c=1", path, ["a.b.c=1"])]


@pytest.mark.parametrize(
    ("configs", "vary", "says"),
    [
        (1, None, "takes two configurations or more"),
        (2, "a=1,2", "takes one configuration, not 2"),
        (1, "a=1", "write KEY=A,B,..."),
        (1, "a=1,,2", "write KEY=A,B,..."),
        (1, "=1,2", "write KEY=A,B,..."),
        (1, "a", "write KEY=A,B,..."),
        (1, "a=1,2,1", "1 is given twice"),
    ],
)
def test_what_cannot_be_compared_is_refused(configs: int, vary: str | None, says: str) -> None:
    with pytest.raises(UserError, match=says.replace(".", r"\.")):
        _variants([Path("x.yaml")] * configs, vary)


# -- the command -----------------------------------------------------------------------------------------------


def compared(ultramm: Any, *args: str) -> dict[str, Any]:
    done = ultramm("backtest", "compare", *args, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures(run: dict[str, Any]) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in run["metrics"]}


@pytest.mark.integration
def test_a_configuration_less_itself_is_exactly_nothing(ultramm: Any, config: Path) -> None:
    found = compared(ultramm, "base.yaml", "base.yaml")
    (paired,) = found["differences"]
    assert (paired["total"], paired["standard_error"], paired["t"]) == (0.0, 0.0, None)
    assert [run["label"] for run in found["runs"]] == ["base #1", "base #2"]
    assert figures(found["runs"][0]) == figures(found["runs"][1])


@pytest.mark.integration
def test_the_difference_is_that_of_the_pnl_and_each_column_that_of_its_run(ultramm: Any, config: Path) -> None:
    found = compared(ultramm, "base.yaml", "--vary", f"{HALF_SPREAD}=1,2,4")
    columns = [figures(run) for run in found["runs"]]
    assert [run["label"] for run in found["runs"]] == [f"half_spread_bps={value}" for value in (1, 2, 4)]
    for column, paired in zip(columns[1:], found["differences"], strict=True):
        assert paired["total"] == pytest.approx(column["P&L"] - columns[0]["P&L"])
        assert paired["standard_error"] > 0
        assert paired["t"] == pytest.approx(paired["total"] / paired["standard_error"])
        assert paired["step_s"] == 1
    alone = json.loads(ultramm("backtest", "run", "base.yaml", "--json", "--set", f"{HALF_SPREAD}=2").stdout)
    assert columns[1]["P&L"] == alone["pnl"]["total"]
    assert columns[1]["Fills"] == alone["fills"]
    assert columns[1]["Max drawdown"] == alone["drawdown"]["largest"]


@pytest.mark.integration
def test_a_bucket_sets_the_step_and_set_holds_for_every_run(ultramm: Any, config: Path) -> None:
    found = compared(
        ultramm,
        "base.yaml",
        "--vary",
        f"{HALF_SPREAD}=1,2",
        "--bucket",
        "5s",
        "--set",
        "venues.SIM.params.duration_s=20",
    )
    (paired,) = found["differences"]
    assert paired["step_s"] == 5
    assert 4 <= paired["steps"] <= 5
    assert paired["standard_error"] is None  # too few


@pytest.mark.integration
def test_another_market_is_shown_without_a_difference_and_with_the_reason(
    ultramm: Any, config: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.yaml").write_text(CONFIG.replace("seed: 7", "seed: 8"))
    found = compared(ultramm, "base.yaml", "other.yaml")
    assert found["differences"] == []
    assert len(found["not_paired"]) == 1
    done = ultramm("backtest", "compare", "base.yaml", "other.yaml")
    assert "No difference is shown: base and other" in done.stdout


@pytest.mark.integration
def test_the_table_has_a_column_for_each_run(ultramm: Any, config: Path) -> None:
    done = ultramm("backtest", "compare", "base.yaml", "--vary", f"{HALF_SPREAD}=1,2")
    assert done.returncode == 0, done.stderr
    for text in ("half_spread_bps=1", "half_spread_bps=2", "P&L, USDT", "Uptime", "t statistic", "steps of 1 s"):
        assert text in done.stdout


@pytest.mark.integration
@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["base.yaml"], "takes two configurations"),
        (["base.yaml", "nowhere.yaml"], "nowhere.yaml: cannot read the configuration"),
        (["base.yaml", "--vary", f"{HALF_SPREAD}=1,much"], "half_spread_bps: expected `float`"),
        (["base.yaml", "--vary", "strategies.7.x=1,2"], "7 is no position in a list of 1"),
        (["base.yaml", "base.yaml", "--bucket", "0.5s"], "whole seconds"),
        (["base.yaml", "base.yaml", "--bucket", "soon"], "--bucket"),
        (["base.yaml", "base.yaml", "--report", "no/where.html"], "there is no folder no"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(ultramm: Any, config: Path, args: list[str], says: str) -> None:
    done = ultramm("backtest", "compare", *args)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert says in done.stderr


@pytest.mark.integration
def test_its_page_is_the_same_to_the_byte_and_a_browser_draws_it(
    ultramm: Any, config: Path, tmp_path: Path, opened: Any
) -> None:
    args = ["backtest", "compare", "base.yaml", "--vary", f"{HALF_SPREAD}=1,2", "--report"]
    for name, seed in (("a.html", "1"), ("b.html", "99")):
        assert ultramm(*args, name, PYTHONHASHSEED=seed).returncode == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert (tmp_path / "a.html").stat().st_size < 3_000_000
    with opened(tmp_path / "a.html") as tab:
        assert tab.locator(".chart").count() == 2
