"""``ultramm model``: a market is played, a model trained, kept, listed and shown; the same again under a seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

MARKET = """
mode: backtest
name: toy
seed: 5
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT]
    params: {preset: wide, duration_s: 60}
    paper: {starting_balances: [100000 USDT, 2 BTC]}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM]
    params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 1}
"""
TRAINING = {"name": "toy", "market": "market.yaml", "instrument": "BTCUSDT.SIM", "horizons_s": [1], "horizon_s": 1}


@pytest.fixture
def training(tmp_path: Path) -> Path:
    (tmp_path / "market.yaml").write_text(MARKET)
    (tmp_path / "toy.yaml").write_text(json.dumps(TRAINING))
    return tmp_path / "toy.yaml"


def test_a_model_is_trained_kept_listed_and_shown_and_again_it_is_the_same(
    ultramm: Any, training: Path, tmp_path: Path
) -> None:
    done = ultramm("model", "train", "toy.yaml", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert [each["horizon_s"] for each in made["results"]] == [1, 1, 1]
    assert {each["candidate"] for each in made["results"]} == {"queue imbalance", "ridge, own market", "trees"}
    again = json.loads(ultramm("model", "train", "toy.yaml", "--json").stdout)
    assert again == made
    (listed,) = json.loads(ultramm("model", "list", "--json").stdout)
    assert listed["model_sha256"] == made["about"]["model_sha256"]
    assert listed["id"] == Path(made["folder"]).name
    shown = ultramm("model", "show", "toy")
    assert shown.returncode == 0, shown.stderr
    assert "on what was not seen" in shown.stdout
    # Each training is a trial, also one that found nothing new.
    trials = (tmp_path / "data" / "models" / "trials.jsonl").read_text().splitlines()
    assert len(trials) == 2 * len(made["results"])
    (tmp_path / "data" / "models" / listed["id"] / "model.json").write_text("{}")
    refused = ultramm("model", "show", "toy")
    assert refused.returncode != 0
    assert "its hash differs" in refused.stderr


def test_a_wrong_file_is_refused_in_one_line(ultramm: Any, training: Path) -> None:
    training.write_text(json.dumps(TRAINING | {"leader": "BTCUSDT.SIM"}))
    done = ultramm("model", "train", "toy.yaml")
    assert done.returncode == 2
    assert "toy.yaml: leader: BTCUSDT.SIM is the instrument itself" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_model_the_list_says_what_to_do(ultramm: Any) -> None:
    assert "train one: ultramm model train CONFIG" in ultramm("model", "list").stdout
    assert json.loads(ultramm("model", "list", "--json").stdout) == []
