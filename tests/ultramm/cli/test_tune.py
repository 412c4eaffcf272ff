"""``ultramm backtest tune``: candidates meet on the same seeds, what is found is held against the start on others."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from toy_market import toy_market

from ultramm.config.search import read_search_config
from ultramm.errors import ConfigError

pytestmark = pytest.mark.integration

SEARCH: dict[str, Any] = {
    "market": "market.yaml",
    "strategy": {"use": "market-maker", "keep": ["order_size", "max_position"], "params": {"refresh_ms": 500}},
    "search": {"half_spread_bps": {"least": 0.5, "most": 8, "start": 6}, "skew": {"least": 0, "most": 1, "start": 0.5}},
    "generations": 2,
    "candidates": 4,
    "seeds": 1,
    "unseen_seeds": 2,
}


@pytest.fixture
def wanted(tmp_path: Path) -> Path:
    (tmp_path / "market.yaml").write_text(json.dumps(toy_market(30)))
    (tmp_path / "search.yaml").write_text(json.dumps(SEARCH))
    return tmp_path / "search.yaml"


def test_a_search_repeats_and_goes_on_where_it_stopped(ultramm: Any, wanted: Path, tmp_path: Path) -> None:
    done = ultramm("backtest", "tune", "search.yaml", "--json", "--runs", "runs.jsonl")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["start"] == {"half_spread_bps": 6.0, "skew": 0.5}
    assert set(made["found"]) == {"half_spread_bps", "skew"}
    assert (made["tried"], made["evidence"]["trials"], len(made["generations"])) == (8, 8, 2)
    assert made["evidence"]["runs"] == 2
    lines = (tmp_path / "runs.jsonl").read_text().splitlines()
    assert len(lines) == 2 * 4 + 2 * 2
    # As if it had been stopped in the middle.
    (tmp_path / "runs.jsonl").write_text("\n".join(lines[:5]) + "\n")
    again = ultramm("backtest", "tune", "search.yaml", "--runs", "runs.jsonl")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "runs.jsonl").read_text().splitlines() == lines
    assert "on unseen seeds, against the start" in again.stdout
    assert f"half_spread_bps: {made['found']['half_spread_bps']}" in again.stdout


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"search": {}}, "search.yaml: search"),
        ({"search": {"skew": {"least": 1, "most": 0, "start": 0}}}, "are not in order"),
        ({"search": {"skwe": {"least": 0, "most": 1, "start": 0}}}, "skwe"),
        ({"unseen_first_seed": 201}, "unseen_first_seed: these seeds are among those that are searched on"),
        ({"market": "none.yaml"}, "none.yaml"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(ultramm: Any, wanted: Path, change: dict[str, Any], why: str) -> None:
    wanted.write_text(json.dumps(SEARCH | change))
    done = ultramm("backtest", "tune", "search.yaml")
    assert done.returncode == 2, done.stdout
    assert why in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seed": -3}, "search.yaml: seed: "),
        ({"half_spread_bps": {"least": -5, "most": 8, "start": 0.5}}, "search.yaml: search.half_spread_bps: "),
        ({"refresh_ms": {"least": -1, "most": 3, "start": 1}}, "search.yaml: search.refresh_ms: "),
    ],
)
def test_ranges_are_tried_at_their_ends_before_anything_is_played(
    wanted: Path, change: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(wanted.parent)
    changed = SEARCH | change if "seed" in change else SEARCH | {"search": SEARCH["search"] | change}
    wanted.write_text(json.dumps(changed))
    with pytest.raises(ConfigError, match=re.escape(why)):
        read_search_config(Path("search.yaml"))
