"""``ultramm model``: a market is played, a model trained, kept, listed and shown; the same again under a seed."""

from __future__ import annotations

import json
import re
import time
from contextlib import chdir, closing
from pathlib import Path
from typing import Any

import pytest
from stored_models import keep
from toy_market import toy_market

from ultramm.cli.model import run
from ultramm.config.retrain import RetrainParams
from ultramm.errors import ConfigError
from ultramm.journal.records import FillEvent
from ultramm.journal.sqlite import SqliteJournal
from ultramm.learning.dataset import load_dataset
from ultramm.learning.registry import Registry
from ultramm.market import Side
from ultramm.nautilus.retrain import Retraining

pytestmark = pytest.mark.integration

PROOF = {
    "strategy": {"use": "ai-market-maker", "keep": ["order_size", "max_position"]},
    "against": {"use": "glft", "keep": ["order_size", "max_position"]},
    "set": ["venues.SIM.params.duration_s=90"],
    "seeds": 2,
}
TRAINING = {"name": "toy", "market": "market.yaml", "instrument": "BTCUSDT.SIM", "horizons_s": [1], "horizon_s": 1}


@pytest.fixture
def training(tmp_path: Path) -> Path:
    (tmp_path / "market.yaml").write_text(json.dumps(toy_market()))
    (tmp_path / "toy.yaml").write_text(json.dumps(TRAINING))
    return tmp_path / "toy.yaml"


def test_a_model_is_trained_kept_listed_and_shown_and_again_it_is_the_same(
    ultramm: Any, training: Path, tmp_path: Path
) -> None:
    done = ultramm("model", "train", "toy.yaml", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    moves = made["results"]["move"]
    assert [each["horizon_s"] for each in moves] == [1, 1, 1]
    assert {each["candidate"] for each in moves} == {"queue imbalance", "ridge, own market", "trees"}
    again = json.loads(ultramm("model", "train", "toy.yaml", "--json").stdout)
    assert again == made
    (listed,) = json.loads(ultramm("model", "list", "--json").stdout)
    assert listed["model_sha256"] == made["about"]["model_sha256"]
    assert listed["id"] == Path(made["folder"]).name
    shown = ultramm("model", "show", "toy")
    assert shown.returncode == 0, shown.stderr
    assert "toy, move: on what was not seen" in shown.stdout
    assert "part move" in shown.stdout
    # Each training is a trial, also one that found nothing new.
    trials = (tmp_path / "data" / "models" / "trials.jsonl").read_text().splitlines()
    assert len(trials) == 2 * sum(map(len, made["results"].values()))
    (tmp_path / "data" / "models" / listed["id"] / "model.json").write_text("{}")
    refused = ultramm("model", "show", "toy")
    assert refused.returncode != 0
    assert "its hash differs" in refused.stderr


def test_a_node_learns_from_its_own_recording_and_its_own_fills(ultramm: Any, tmp_path: Path) -> None:
    """Ten times as fast as in life, so what is foretold is a tenth as far ahead."""
    node = toy_market(mode="paper")
    node["venues"]["SIM"]["params"] = {"preset": "wide", "pace": 10}
    node |= {"recorder": {"catalog": "rec", "rotate_s": 5}, "journal": {"to": "sqlite:///own.db"}}
    (tmp_path / "node.yaml").write_text(json.dumps(node))
    done = ultramm("node", "start", "node.yaml", "--duration", "15s")
    assert done.returncode == 0, done.stderr
    market = toy_market()
    market["venues"]["SIM"] |= {"adapter": "replay", "params": {"catalog": "rec"}}
    (tmp_path / "market.yaml").write_text(json.dumps(market))
    wanted = {"horizons_s": [0.1], "horizon_s": 0.1, "every_s": 0.02, "latency_s": 0.005, "estimators": ["ridge"]}
    (tmp_path / "toy.yaml").write_text(json.dumps(TRAINING | wanted | {"journals": ["sqlite:///own.db"]}))
    done = ultramm("model", "train", "toy.yaml", "--dataset", "sets/toy.npz", "--json")
    assert done.returncode == 0, done.stderr
    about = json.loads(done.stdout)["about"]
    fills = [each for each in fills_of(tmp_path / "own.db") if each.maker]
    assert about["own_fills"] == len(fills) > 3
    assert any(each.endswith("own.db") for each in about["data"])
    kept = load_dataset(tmp_path / "sets" / "toy.npz")
    assert len(kept.row_ns) == about["rows"]
    assert [Side(side).name for side in kept.own_sides.astype(int)] == [each.side for each in fills]
    # The service that trains beside a node does the same.
    (tmp_path / "toy.yaml").write_text((tmp_path / "toy.yaml").read_text().replace("toy", "beside"))
    said: list[str] = []
    with chdir(tmp_path):
        Retraining(RetrainParams(config="toy.yaml", last_h=1.0), said.append).look(time.time(), None)
    model = f"beside-{about['model_sha256'][:10]}"
    assert [each.partition(": move")[0] for each in said] == [f"retrain: {model} of {about['rows']:,} rows"]


def fills_of(path: Path) -> list[FillEvent]:
    with closing(SqliteJournal(path)) as journal:
        return [entry.record for entry in journal.read(kind="fill") if isinstance(entry.record, FillEvent)]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"seed": -1}, "toy.yaml: seed"),
        ({"latency_s": 1e10}, "toy.yaml: latency_s"),
        ({"horizons_s": [1e12]}, "toy.yaml: horizons_s"),
        ({"estimators": ["market-maker"]}, "toy: estimators[0]: no plugin named 'market-maker'"),
        ({"proof": PROOF | {"against": {"use": "nope"}}}, "toy.yaml: proof.against: "),
        ({"proof": PROOF | {"strategy": {"use": "ai-market-maker"}}}, "toy.yaml: proof.strategy: "),
    ],
)
def test_what_cannot_be_is_said_before_a_market_is_played(
    training: Path, change: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(training.parent)
    Path("market.yaml").write_text(json.dumps(toy_market(86_400)))  # which nobody waits for
    Path("toy.yaml").write_text(json.dumps(TRAINING | {"proof": PROOF} | change))
    with pytest.raises(ConfigError, match=re.escape(why)):
        run(Path("toy.yaml"))


def test_what_cannot_be_read_is_rolled_back_to_and_said(ultramm: Any, tmp_path: Path) -> None:
    made = [keep(tmp_path / "data" / "models", slope=1.0 + age) for age in range(2)]
    (tmp_path / "data" / "models" / made[0].id / "model.json").unlink()
    done = ultramm("model", "rollback", "toy")
    assert done.returncode == 1
    assert f"{made[0].id} is to trade, but quotes are made without a model: " in done.stderr
    assert Registry(tmp_path / "data" / "models").trading("toy") == made[0].id


def test_a_list_shows_also_what_says_little_of_itself(ultramm: Any, tmp_path: Path) -> None:
    about = keep(tmp_path / "data" / "models")
    done = ultramm("model", "list")
    assert done.returncode == 0, done.stderr
    assert about.id in done.stdout
    assert "not known" in done.stdout


def test_a_backtest_without_its_model_says_so(ultramm: Any, tmp_path: Path) -> None:
    params = {"model": "nope", "order_size": 0.01, "max_position": 0.1}
    (tmp_path / "market.yaml").write_text(json.dumps(toy_market(20, use="ai-market-maker", params=params)))
    done = ultramm("backtest", "run", "market.yaml")
    assert done.returncode == 0, done.stderr
    assert "mm on BTCUSDT.SIM: data/models: no model nope; there are: none" in done.stdout


def test_the_same_journal_twice_is_refused(ultramm: Any, training: Path, tmp_path: Path) -> None:
    SqliteJournal(tmp_path / "own.db", create=True).close()
    training.write_text(json.dumps(TRAINING | {"journals": ["sqlite:///own.db", "own.db"]}))
    done = ultramm("model", "train", "toy.yaml")
    assert done.returncode != 0
    assert "is named twice in journals" in done.stderr


def test_a_journal_that_is_not_there_is_one_line(ultramm: Any, training: Path) -> None:
    training.write_text(json.dumps(TRAINING | {"journals": ["sqlite:///nowhere.db"]}))
    done = ultramm("model", "train", "toy.yaml")
    assert done.returncode != 0
    assert "nowhere.db" in done.stderr
    assert done.stderr.count("\n") == 1


def test_old_models_are_deleted_by_name(ultramm: Any, tmp_path: Path) -> None:
    made = [keep(tmp_path / "data" / "models", slope=float(age), last_ns=9 - age, promoted=False) for age in range(3)]
    done = ultramm("model", "prune", "toy", "--leave", "1")
    assert done.stdout.split() == ["toy:", "deleted", f"{made[1].id},", made[2].id]
    assert ultramm("model", "prune", "toy").stdout == "toy: nothing to delete\n"
    wrong = ultramm("model", "prune", "tay")
    assert wrong.returncode == 2
    assert f"no model tay; there are: {made[0].id}" in wrong.stderr


def test_a_wrong_file_is_refused_in_one_line(ultramm: Any, training: Path) -> None:
    training.write_text(json.dumps(TRAINING | {"leader": "BTCUSDT.SIM"}))
    done = ultramm("model", "train", "toy.yaml")
    assert done.returncode == 2
    assert "toy.yaml: leader: BTCUSDT.SIM is the instrument itself" in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_a_model_the_list_says_what_to_do(ultramm: Any) -> None:
    assert "train one: ultramm model train CONFIG" in ultramm("model", "list").stdout
    assert json.loads(ultramm("model", "list", "--json").stdout) == []


def proven(training: Path, **changes: Any) -> None:
    training.write_text(json.dumps(TRAINING | {"proof": PROOF | changes, "estimators": ["ridge"]}))


def test_a_model_that_shows_too_little_stays_in_the_shadow_until_somebody_answers_for_it(
    ultramm: Any, training: Path, tmp_path: Path
) -> None:
    proven(training)
    assert ultramm("model", "train", "toy.yaml").returncode == 0
    refused = ultramm("model", "promote", "toy.yaml", "--json", "--runs", "runs.jsonl")
    assert refused.returncode == 1, refused.stderr
    made = json.loads(refused.stdout)
    assert (made["promotion"], made["evidence"]["runs"]) == ("", 2)
    assert any("too little was seen" in each or "utility" in each for each in made["lacking"])
    assert [each["how"] for each in made["evidence"]["harder"]] == ["half as much latency again"]
    assert "in the shadow" in ultramm("model", "list").stdout
    # What was played is not played again.
    played = (tmp_path / "runs.jsonl").read_text()
    done = ultramm("model", "promote", "toy.yaml", "--accept", "to see it trade", "--runs", "runs.jsonl")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "runs.jsonl").read_text() == played
    assert f"{made['id']}: it trades all the same: to see it trade" in done.stdout
    assert "trades" in ultramm("model", "list").stdout
    kept = json.loads((tmp_path / "data/models/promotions.jsonl").read_text())
    assert (kept["how"], kept["reason"], kept["evidence"]) == ("accepted", "to see it trade", made["evidence"])
    back = ultramm("model", "rollback", "toy", "--reason", "enough")
    assert (back.returncode, back.stdout) == (0, "toy: none trades any more\n")
    again = ultramm("model", "rollback", "toy")
    assert again.returncode != 0
    assert "nothing to roll back" in again.stderr


def test_one_command_trains_validates_promotes_and_trades_and_again_it_is_the_same(
    ultramm: Any, training: Path, tmp_path: Path
) -> None:
    proven(training, accept="a minute is no evidence")
    done = ultramm("model", "run", "toy.yaml", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["promoted"]["promotion"] == "accepted"
    assert made["promoted"]["id"] == Path(made["trained"]["folder"]).name
    assert made["traded"]["seed"] == 103
    assert made["traded"]["fills"] > 0
    (tmp_path / "data" / "models" / "promotions.jsonl").unlink()
    shown = ultramm("model", "run", "toy.yaml")
    assert "toy: traded, seed 103" in shown.stdout
    assert f"{made['traded']['pnl']:+,.4f} USDT" in shown.stdout
    assert f"{made['promoted']['id']}: it trades all the same: a minute is no evidence" in shown.stdout


def test_without_a_proof_nothing_is_promoted(ultramm: Any, training: Path) -> None:
    done = ultramm("model", "promote", "toy.yaml")
    assert done.returncode == 2
    assert "toy.yaml: proof: is needed to promote" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_model_that_was_not_promoted_is_for_backtests(ultramm: Any, tmp_path: Path) -> None:
    params = {"order_size": 0.01, "max_position": 0.1, "model": "toy", "unproven": True}
    (tmp_path / "market.yaml").write_text(json.dumps(toy_market(use="ai-market-maker", params=params)))
    done = ultramm("config", "check", "market.yaml", "--set", "mode=paper")
    assert done.returncode == 2
    assert "strategies[0].params: unproven: true is of backtests; promote the model" in done.stderr
