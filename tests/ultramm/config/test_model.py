"""The file of a training: what is wrong in it is named by its key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from toy_market import toy_market

from ultramm.config.model import read_model_config
from ultramm.errors import ConfigError

TRAINING = {"name": "toy", "market": "market.json", "instrument": "BTCUSDT.SIM", "horizons_s": [1], "horizon_s": 1}


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("market.json").write_text(json.dumps(toy_market(mode="paper")))
    Path("toy.json").write_text(json.dumps(TRAINING))
    return Path("toy.json")


def test_the_market_is_played_whatever_its_mode(training: Path) -> None:
    config, market = read_model_config(training, ["seed=9"])
    assert (config.name, config.horizons_s, config.leader) == ("toy", (1.0,), None)
    assert (market.config.mode, market.config.seed) == ("backtest", 9)


PROOF: dict[str, Any] = {"strategy": {"use": "ai-market-maker"}, "against": {"use": "glft"}}


def test_what_is_set_is_of_the_training_and_a_proof_has_its_own(training: Path) -> None:
    more = {"set": ["seed=7"], "proof": PROOF | {"set": ["seed=8"], "seeds": 3}}
    training.write_text(json.dumps(TRAINING | more))
    config, market = read_model_config(training)
    assert market.config.seed == 7
    assert config.proof is not None
    assert (config.proof.set, config.proof.seeds, config.proof.first_seed) == (["seed=8"], 3, 101)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"proof": {}}, "proof"),
        ({"proof": PROOF | {"seeds": 0}}, "proof.seeds"),
        ({"proof": PROOF | {"agaisnt": 1}}, "agaisnt"),
        ({"estimators": []}, "estimators"),
        ({"instrument": "BTCUSDT.NO"}, "toy.json: instrument: market.json has no BTCUSDT.NO; there are BTCUSDT.SIM"),
        ({"leader": "ETHUSDT.SIM"}, "toy.json: leader: market.json has no ETHUSDT.SIM; there are BTCUSDT.SIM"),
        ({"leader": "BTCUSDT.SIM"}, "toy.json: leader: BTCUSDT.SIM is the instrument itself"),
        ({"horizon_s": 3}, "toy.json: horizon_s: 3 is not among horizons_s: 1"),
        ({"horizons_s": []}, "horizons_s"),
        ({"folds": 0}, "folds"),
        ({"name": "No Name"}, "name"),
        ({"market": "none.json"}, "none.json"),
        ({"horizons": 1}, "horizons"),
    ],
)
def test_what_is_wrong_is_named(training: Path, change: dict[str, Any], why: str) -> None:
    training.write_text(json.dumps(TRAINING | change))
    with pytest.raises(ConfigError) as refused:
        read_model_config(training)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)
