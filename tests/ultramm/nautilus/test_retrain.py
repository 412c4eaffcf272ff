"""Beside a node a model is trained anew, held in its shadow, and promoted once it has shown enough."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from toy_market import toy_market

from ultramm.config.retrain import RetrainParams
from ultramm.inference.state import ModelState
from ultramm.journal.records import Status
from ultramm.learning.registry import Registry
from ultramm.maker import MakerStatus
from ultramm.nautilus.retrain import Retraining, Shadow

pytestmark = pytest.mark.integration

QUOTES = {"keep": ["order_size", "max_position"]}
TRAINING: dict[str, Any] = {
    "name": "toy",
    "market": "market.json",
    "instrument": "BTCUSDT.SIM",
    "horizons_s": [1],
    "horizon_s": 1,
    "estimators": ["ridge"],
    "proof": {
        "strategy": {"use": "ai-market-maker", **QUOTES},
        "against": {"use": "glft", **QUOTES},
        "set": ["venues.SIM.params.duration_s=30"],
        "seeds": 1,
    },
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("market.json").write_text(json.dumps(toy_market()))
    Path("toy.json").write_text(json.dumps(TRAINING))


def status(model: str, weight: float, *, trades: bool = False) -> Status:
    """A node that has one model at work."""
    state = ModelState(id=model, trades=trades, weights={"move": weight}, outcomes=9, doubt="")
    maker = msgspec.convert({"models": [msgspec.to_builtins(state)], **PLAIN}, MakerStatus)
    return Status(state="running", makers=(maker,), books=(), balances={})


PLAIN: dict[str, Any] = {}


@pytest.fixture(scope="module", autouse=True)
def plain() -> None:
    from ultramm.analytics.scorecard import Scorecard
    from ultramm.market import Instrument

    btc = Instrument(
        id="BTCUSDT.SIM",
        tick_size=5.0,
        lot_size=0.01,
        price_precision=1,
        size_precision=2,
        quote_currency="USDT",
        settlement_currency="USDT",
    )
    side = {"orders": [], "reason": "waits"}
    score = msgspec.to_builtins(Scorecard("ai", btc).score(0))
    PLAIN.update(state="running", bid=side, ask=side, fair=None, reservation_price=None, score=score)


def test_time_in_the_shadow_is_of_one_model_and_of_nodes_that_say_so() -> None:
    shadow = Shadow()
    for weight in (0.2, 0.4):
        shadow.seen("a", status("a", weight), 60.0)
    assert (shadow.seconds, shadow.weight) == (120.0, pytest.approx(0.3))
    shadow.seen("a", None, 60.0)
    shadow.seen("a", status("a", 0.9, trades=True), 60.0)
    shadow.seen("a", status("b", 0.9), 60.0)
    assert shadow.seconds == 120.0
    shadow.seen("b", status("b", 0.9), 60.0)
    assert (shadow.id, shadow.seconds) == ("b", 60.0)


def test_a_model_is_trained_when_it_is_due_and_proven_after_its_time_in_the_shadow() -> None:
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json", every_h=1.0, shadow_h=2 / 60), said.append)
    registry = Registry(Path("data/models"))
    retraining.look(1_000.0, None)
    model = registry.waiting("toy")
    assert said == [f"retrain: {model} of {registry.about('toy').rows:,} rows: move"]
    retraining.look(1_060.0, status(model, 0.5))
    assert len(said) == 1
    # Believed for two minutes: it is proven, and half a minute of one seed is no evidence.
    retraining.look(1_120.0, status(model, 0.5))
    assert said[-1].startswith(f"retrain: {model}: stays in the shadow: ")
    assert registry.trading("toy") == ""
    # What was refused is not tried again; an hour later there may be another.
    retraining.look(1_180.0, status(model, 0.5))
    retraining.look(1_000.0 + 3_600.0, None)
    assert len(said) == 3


def test_what_waits_is_not_replaced_before_its_time_but_not_for_ever_either() -> None:
    """Trained every minute, held in the shadow for three: it is proven, and what is never believed makes room."""
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json", every_h=1 / 60, shadow_h=3 / 60), said.append)
    retraining.look(0.0, None)
    model = Registry(Path("data/models")).waiting("toy")
    for minute in range(1, 3):
        retraining.look(60.0 * minute, status(model, 0.9))
    assert len(said) == 1
    retraining.look(180.0, status(model, 0.9))
    assert said[1].startswith(f"retrain: {model}: stays in the shadow: ")
    assert said[2].startswith("retrain: toy-")  # the next training was due

    unbelieved: list[str] = []
    other = Retraining(RetrainParams(config="toy.json", every_h=1 / 60, shadow_h=3 / 60), unbelieved.append)
    for minute in range(8):
        other.look(60.0 * minute, status(model, 0.0))
    assert len(unbelieved) == 2


def test_a_proof_that_fails_holds_no_training_up() -> None:
    Path("toy.json").write_text(json.dumps({key: each for key, each in TRAINING.items() if key != "proof"}))
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json", every_h=1.0, shadow_h=0.0), said.append)
    for hour in range(3):
        for minute in (0.0, 60.0, 120.0):
            retraining.look(3_600.0 * hour + minute, None)
    # The same market is the same model: proven once, trained three times.
    assert sum("rows: move" in each for each in said) == 3
    assert sum("proof: is needed to promote" in each for each in said) == 1


def test_a_file_that_is_being_written_is_waited_for() -> None:
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json"), said.append)
    whole = Path("toy.json").read_text()
    Path("toy.json").write_text(whole[: len(whole) // 2])
    retraining.look(0.0, None)
    assert said[0].startswith("retrain: toy.json: ")
    Path("toy.json").write_text(whole)
    retraining.look(60.0, None)
    assert said[1].startswith("retrain: toy-")


def test_one_that_is_not_believed_is_not_proven() -> None:
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json", shadow_h=1 / 60), said.append)
    retraining.look(0.0, None)
    model = Registry(Path("data/models")).waiting("toy")
    for minute in range(1, 5):
        retraining.look(60.0 * minute, status(model, 0.05))
    assert len(said) == 1


def test_it_is_promoted_where_somebody_answers_for_it() -> None:
    wanted = TRAINING | {"proof": TRAINING["proof"] | {"accept": "a toy"}}
    Path("toy.json").write_text(json.dumps(wanted))
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json", shadow_h=0.0), said.append)
    for second in (0.0, 60.0):
        retraining.look(second, None)
    registry = Registry(Path("data/models"))
    assert said[-1] == f"retrain: {registry.trading('toy')}: accepted"
    assert registry.trading("toy") == registry.about("toy").id


def test_what_cannot_be_learned_from_yet_is_said_and_tried_again() -> None:
    Path("market.json").write_text(json.dumps(toy_market(5)))
    said: list[str] = []
    retraining = Retraining(RetrainParams(config="toy.json", every_h=1.0), said.append)
    retraining.look(0.0, None)
    assert "rows are too few" in said[0]
    Path("market.json").write_text(json.dumps(toy_market()))
    retraining.look(3_600.0, None)
    assert said[1].startswith("retrain: toy-")
