"""A proof is played on what a model has not learned from, and knows which model it was of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stored_models import keep
from toy_market import toy_market

from ultramm.config.model import read_model_config
from ultramm.errors import ConfigError
from ultramm.inference.stored import ModelAbout
from ultramm.learning.registry import Promotion, Registry
from ultramm.nautilus.prove import proof_runs, trading_run

QUOTES = {"keep": ["order_size", "max_position"]}
PROOF: dict[str, Any] = {
    "strategy": {"use": "ai-market-maker", **QUOTES},
    "against": {"use": "glft", **QUOTES},
    "seeds": 2,
}
# 2024-01-02 00:00 UTC
LEARNED_NS = 1_704_153_600_000_000_000


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wanted(adapter: dict[str, Any], proof: dict[str, Any] | None = None, **paper: Any) -> Any:
    market = toy_market()
    venue = market["venues"]["SIM"]
    venue.update(adapter)
    venue["paper"].update(paper)
    Path("market.json").write_text(json.dumps(market))
    training = {"name": "toy", "market": "market.json", "instrument": "BTCUSDT.SIM", "horizons_s": [1], "horizon_s": 1}
    Path("toy.json").write_text(json.dumps(training | {"proof": PROOF | (proof or {})}))
    return read_model_config(Path("toy.json"))[0]


def kept(**changes: Any) -> ModelAbout:
    return keep(Path("data/models"), promoted=False, last_ns=LEARNED_NS, latency_s=0.05, **changes)


DRAWN = {"adapter": "synthetic", "params": {"duration_s": 30}}
RECORDED = {"adapter": "replay", "params": {"catalog": "catalog"}}


def test_seeds_that_were_learned_from_are_refused() -> None:
    config = wanted(DRAWN, {"first_seed": 4})
    with pytest.raises(ConfigError, match=r"proof\.first_seed: seed 5 is what model toy-\w+ has learned from"):
        proof_runs(config, config.proof, kept())
    runs = proof_runs(config := wanted(DRAWN, {"first_seed": 6}), config.proof, kept())
    assert [ours.loaded.config.seed for ours, _ in runs[""]] == [6, 7]


def test_recordings_begin_behind_what_was_learned_from() -> None:
    config = wanted(RECORDED)
    ((ours, theirs),) = proof_runs(config, config.proof, kept())[""]
    for entry in (ours, theirs):
        assert entry.loaded.config.venues["SIM"].params["start"] == "2024-01-02T00:00:03.050"
    late = wanted(RECORDED, {"set": ["venues.SIM.params.start=2024-01-03T00:00:00"]})
    ((ours, _),) = proof_runs(late, late.proof, kept())[""]
    assert ours.loaded.config.venues["SIM"].params["start"] == "2024-01-03T00:00:00"
    early = wanted(RECORDED, {"set": ["venues.SIM.params.start=2024-01-01T00:00:00"]})
    with pytest.raises(ConfigError, match=r"venues\.SIM\.params\.start is before 2024-01-02 .*; leave it out"):
        proof_runs(early, early.proof, kept())


def test_what_is_harder_is_harder_also_at_a_venue_without_latency() -> None:
    for given, slower in ({}, 75.0), ({"latency_ms": 100}, 150.0):
        config = wanted(DRAWN, None, **given)
        runs = proof_runs(config, config.proof, kept())
        assert list(runs) == ["", "half as much latency again"]
        ours, theirs = runs["half as much latency again"][0]
        for entry in (ours, theirs):
            paper = entry.loaded.config.venues["SIM"].paper
            assert paper is not None
            assert paper.latency_ms == slower
    config = wanted(DRAWN, None, queue="probabilistic")
    assert "the pessimistic queue" in proof_runs(config, config.proof, kept())


def test_a_run_by_a_name_is_another_once_another_model_trades() -> None:
    config, first = wanted(DRAWN), kept()
    before = trading_run(config, first).key
    Registry(Path("data/models")).promote(Promotion(name="toy", id=first.id, when="", how="promoted"))
    promoted = trading_run(config, first).key
    assert promoted == trading_run(config, first).key
    assert promoted != before
    assert trading_run(config, first).loaded.config.seed == 103
