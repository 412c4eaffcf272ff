"""A proof is played on what a model has not learned from, and knows which model it was of."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from stored_models import keep
from toy_market import toy_market

from ultramm.config.model import read_model_config
from ultramm.errors import ConfigError, DataError
from ultramm.inference.stored import ModelAbout
from ultramm.learning.registry import Promotion, Registry
from ultramm.nautilus.contest import Contest
from ultramm.nautilus.prove import promote, proof_runs, trading_run

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
        proof_runs(config, config.proof, kept(market_seed=5))
    runs = proof_runs(config := wanted(DRAWN, {"first_seed": 6}), config.proof, kept(market_seed=5))
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


@pytest.mark.parametrize("start", ["2024-01-02T01:00:00+02:00", "2024-01-01T23:59:59Z"])
def test_where_a_recording_begins_is_meant_in_its_own_time_zone(start: str) -> None:
    early = wanted(RECORDED, {"set": [f"venues.SIM.params.start={start}"]})
    with pytest.raises(ConfigError, match="is before 2024-01-02"):
        proof_runs(early, early.proof, kept())
    late = wanted(RECORDED, {"set": ["venues.SIM.params.start=2024-01-01T23:00:00-02:00"]})
    assert len(proof_runs(late, late.proof, kept())[""]) == 1


@pytest.mark.parametrize("start", ["foo", "5"])
def test_what_is_no_time_is_refused(start: str) -> None:
    wrong = wanted(RECORDED, {"set": [f"venues.SIM.params.start={start}"]})
    with pytest.raises(ConfigError, match=r"proof.set: venues.SIM.params.start: .* is no time; write such as"):
        proof_runs(wrong, wrong.proof, kept())


def test_a_seed_that_was_learned_from_is_not_traded_on_either() -> None:
    config = wanted(DRAWN, {"first_seed": 3})
    assert trading_run(config, kept(market_seed=5)).loaded.config.seed == 6
    assert trading_run(config, kept(market_seed=9)).loaded.config.seed == 5


def test_only_a_model_that_is_what_was_trained_is_promoted() -> None:
    config, about = wanted(DRAWN), kept()
    model = Path("data/models") / about.id / "model.json"
    whole = model.read_text()
    model.write_text(whole + " ")
    with pytest.raises(DataError, match="its hash differs"):
        promote(Path("toy.json"), config, about.id, "because")
    model.write_text(whole)
    other = kept(instrument="ETHUSDT.SIM", slope=2.0)
    with pytest.raises(
        ConfigError, match=r"is not of the name toy and BTCUSDT.SIM, but of ETHUSDT.SIM; state one with"
    ):
        promote(Path("toy.json"), config, other.id, "because")
    assert Registry(Path("data/models")).promotions("toy") == []


def test_what_people_did_while_a_proof_was_played_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    config, about = wanted(DRAWN), kept()
    registry = Registry(Path("data/models"))
    real = Contest.play

    def meanwhile(self: Contest, *args: Any) -> Any:
        registry.promote(Promotion(name="toy", id=about.id, when="", how="promoted"))
        registry.promote(Promotion(name="toy", id="", when="", how="rolled back"))
        return real(self, *args)

    monkeypatch.setattr(Contest, "play", meanwhile)
    made = promote(Path("toy.json"), config, about.id, "because", waiting=True)
    assert made.promotion == ""
    assert "another was promoted, trained or rolled back meanwhile" in made.lacking
    assert registry.trading("toy") == ""


def test_what_is_deleted_while_its_proof_is_played_is_not_promoted(monkeypatch: pytest.MonkeyPatch) -> None:
    config, about = wanted(DRAWN), kept()
    real = Contest.play

    def meanwhile(self: Contest, *args: Any) -> Any:
        played = real(self, *args)
        shutil.rmtree(Path("data/models") / about.id)
        return played

    monkeypatch.setattr(Contest, "play", meanwhile)
    with pytest.raises(DataError, match="cannot be read"):
        promote(Path("toy.json"), config, about.id, "because")
    assert Registry(Path("data/models")).trading("toy") == ""


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
