"""``ultramm backtest compare --strategies``: standings, seeds, processes, and resuming."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ultramm.nautilus.contest import common_step_ns

MARKET = """
mode: backtest
name: synthetic
seed: 7
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: wide, tick_bps: 1, duration_s: 60}
    paper: {starting_balances: [100000 USDT, 2 BTC], latency_ms: 5}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 1, refresh_ms: 200, skew: 2}
"""
STRATEGIES = """
plain: {use: market-maker, keep: [order_size, max_position, refresh_ms], params: {half_spread_bps: 1, skew: 0}}
leaning: {use: market-maker, keep: [order_size, max_position, refresh_ms, skew], params: {half_spread_bps: 1}}
"""
COMPARE = ("backtest", "compare", "market.yaml", "--strategies", "strategies.yaml")

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> Path:
    (tmp_path / "market.yaml").write_text(MARKET)
    (tmp_path / "strategies.yaml").write_text(STRATEGIES)
    return tmp_path


def found(ultramm: Any, *args: str) -> dict[str, Any]:
    done = ultramm(*COMPARE, *args, "--json")
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_each_run_is_what_the_same_configuration_gives_alone(ultramm: Any) -> None:
    first, second = found(ultramm)["runs"]
    alone = json.loads(ultramm("backtest", "run", "market.yaml", "--json").stdout)
    assert (second["strategy"], second["pnl"], second["fills"]) == ("leaning", alone["pnl"]["total"], alone["fills"])
    assert first["pnl"] != second["pnl"]


def test_seeds_in_two_processes_are_those_of_one_after_the_other(ultramm: Any) -> None:
    one = found(ultramm, "--seeds", "3")
    assert found(ultramm, "--seeds", "3", "--jobs", "2") == one
    assert [run["seed"] for run in one["runs"]] == [7, 8, 9, 7, 8, 9]
    assert len({run["pnl"] for run in one["runs"][:3]}) == 3
    plain, leaning = one["standings"]
    pairs = [b["pnl"] - a["pnl"] for a, b in zip(one["runs"][:3], one["runs"][3:], strict=True)]
    assert plain["difference"] is None
    assert leaning["difference"] == pytest.approx(sum(pairs) / 3)


def test_finished_runs_are_not_played_again(ultramm: Any, files: Path) -> None:
    runs = files / "runs.jsonl"
    whole = found(ultramm, "--seeds", "2", "--runs", "runs.jsonl")
    lines = runs.read_text().splitlines(keepends=True)
    assert len(lines) == 4

    # One was lost with its end, as when the machine stopped: it alone is played again.
    runs.write_text("".join(lines[:3]) + lines[3][:50])
    assert found(ultramm, "--seeds", "2", "--runs", "runs.jsonl") == whole
    assert sorted(runs.read_text().splitlines(keepends=True)) == sorted(lines)

    # A marked result shows that it is read and not played.
    marked = [line.replace('"fills":', '"fills":1000000') for line in lines]
    runs.write_text("".join(marked))
    assert all(run["fills"] >= 1_000_000 for run in found(ultramm, "--seeds", "2", "--runs", "runs.jsonl")["runs"])

    # Another configuration is another run.
    other = found(ultramm, "--seeds", "2", "--runs", "runs.jsonl", "--set", "venues.SIM.params.duration_s=30")
    assert all(run["fills"] < 1_000_000 for run in other["runs"])


def test_values_of_a_key_are_markets(ultramm: Any) -> None:
    result = found(ultramm, "--vary", "venues.SIM.params.preset=wide,tight")
    assert [(row["market"], row["strategy"]) for row in result["standings"]] == [
        ("wide", "plain"),
        ("wide", "leaning"),
        ("tight", "plain"),
        ("tight", "leaning"),
    ]


@pytest.mark.parametrize("span_s", [60, 5_400, 86_400, 126_000])
def test_steps_are_the_same_whatever_a_trace_kept(span_s: int) -> None:
    """A quoting strategy's trace may have doubled its step eight times, an idle one's not once."""
    second_ns, span_ns = 10**9, span_s * 10**9
    kept = [second_ns * 2**doubled for doubled in range(9) if span_ns / (second_ns * 2**doubled) > 1_000] or [second_ns]
    (step_ns,) = {common_step_ns(step_ns, span_ns) for step_ns in kept}
    assert span_ns / step_ns <= 1_000


def test_tables_for_people_and_for_pages(ultramm: Any) -> None:
    done = ultramm(*COMPARE, "--seeds", "2")
    assert "market: USDT, 2 runs of 1.0 minutes" in done.stdout
    assert "less the first" in done.stdout
    page = ultramm(*COMPARE, "--seeds", "2", "--markdown").stdout.splitlines()
    assert page[0] == "**market: USDT, 2 runs of 1.0 minutes**"
    assert page[2].startswith("| strategy | P&L | less the first | t | fills |")
    assert {line.count("|") for line in page[2:6]} == {9}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((*COMPARE, "--report", "x.html"), "leave --report and --bucket out"),
        ((*COMPARE[:3], "market.yaml", "--seeds", "2"), "go with --strategies"),
        ((*COMPARE[:4], "missing.yaml"), "missing.yaml: cannot read"),
        ((*COMPARE, "--set", "strategies.0.instruments=[X.SIM]"), "market.yaml"),
        ((*COMPARE, "--runs", "market.yaml"), "holds no finished runs"),
        ((*COMPARE, "--runs", "no/such/folder.jsonl"), "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(ultramm: Any, args: tuple[str, ...], says: str) -> None:
    done = ultramm(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
