"""From a dataset to a model of parts: what is there is kept, what is not is left out, all of it repeats."""

from __future__ import annotations

import json
import math
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ultramm.errors import ConfigError
from ultramm.features.alpha import OWN
from ultramm.inference.stored import read_model
from ultramm.learning.dataset import About, Dataset
from ultramm.learning.registry import Registry
from ultramm.learning.release import Release, release
from ultramm.learning.train import Plan, candidates

S = 1_000_000_000
NO_GAP = np.array([], dtype=np.int64)
ABOUT = About(instrument="X.SIM", leader=None, features=OWN, features_version=1, code="1", data={"tape": "ab"}, seed=3)


def dataset(seconds: int = 3_600, seed: int = 1, leans: float = 1.0) -> Dataset:
    """The first feature tells of the next second's move, and of who trades; calm and restless minutes follow each
    other as if by a clock."""
    rng = np.random.default_rng(seed)
    count = 10 * seconds
    times = (np.arange(count) + 10) * S // 10
    lean = np.repeat(rng.normal(size=count // 50), 50)
    rows = rng.normal(size=(count, len(OWN)))
    rows[:, 0] = lean
    restless = (np.arange(count) // 3_000) % 2 == 1
    steps = rng.normal(0.0, 0.3e-4, count) * np.where(restless, 3.0, 1.0)
    steps[1:] += 0.6e-5 * leans * lean[:-1]
    mids = 100.0 * np.exp(np.cumsum(steps))
    traded = np.flatnonzero(rng.random(count) < 0.2 * np.exp(0.5 * leans * np.abs(lean)))
    sides = np.where(rng.random(len(traded)) < 1.0 / (1.0 + np.exp(-2.0 * leans * lean[traded])), 1.0, -1.0)
    return Dataset(
        about=ABOUT,
        row_ns=times,
        rows=rows,
        touch_ns=times,
        mids=mids,
        trade_ns=times[traded] + S // 20,
        prices=mids[traded] * (1.0 + 1e-5 * sides),
        sides=sides,
        gap_ns=NO_GAP,
    )


def released(folder: Path, of: Dataset, **changes: object) -> Release:
    plan = msgspec.structs.replace(Plan(latency_s=0.0, estimators=("ridge", "poisson")), **changes)
    return release("toy", of, (1.0, 5.0), 1.0, plan, Registry(folder))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Release]:
    folder = tmp_path_factory.mktemp("models")
    return folder, released(folder, dataset())


def test_all_parts_are_there_and_are_read_as_they_were_fitted(made: tuple[Path, Release]) -> None:
    _, release_ = made
    stored = read_model(Path(release_.folder), 1)
    assert list(stored.about.parts) == ["move", "volatility", "adverse", "arrivals"]
    assert {part: results[0].candidate for part, results in release_.results.items()} == {
        "move": "queue imbalance",
        "volatility": "ridge",
        "adverse": "ridge",
        "arrivals": "poisson",
    }
    for part, results in release_.results.items():
        assert max(each.explained.low for each in results) > 0.0, part
    of = stored.predict
    up, down = [2.0] + [0.0] * (len(OWN) - 1), [-2.0] + [0.0] * (len(OWN) - 1)
    own = [up[: len(stored.about.parts["move"].features)], down[: len(stored.about.parts["move"].features)]]
    assert of["move"](own[0]) > 0.1 > -0.1 > of["move"](own[1])
    # A bid is filled by who sells, which they do where it leans down, and then it loses.
    assert of["adverse"](down) > of["adverse"](up)
    assert of["arrivals"](down) > 1.0 > of["arrivals"](up)


def test_its_market_has_two_regimes(made: tuple[Path, Release]) -> None:
    regimes = read_model(Path(made[1].folder), 1).content.regimes
    assert regimes is not None
    assert regimes.restless == pytest.approx(3.0 * regimes.calm, rel=0.35)


def test_what_it_learned_from_is_familiar(made: tuple[Path, Release]) -> None:
    about = made[1].about
    familiar = about.familiar
    assert familiar.features == about.parts["move"].features
    assert familiar.watched[0] == "queue_imbalance"
    assert all(sum(shares) == pytest.approx(1.0, abs=1e-3) for shares in familiar.shares)
    assert all(len(shares) == len(edges) + 1 for shares, edges in zip(familiar.shares, familiar.edges, strict=True))
    assert about.overfitting is not None


def test_a_training_repeats_to_the_byte(made: tuple[Path, Release], tmp_path: Path) -> None:
    again = released(tmp_path, dataset())
    for file in ("about.json", "model.json"):
        assert (Path(again.folder) / file).read_bytes() == (Path(made[1].folder) / file).read_bytes()


def test_all_that_was_tried_is_written_down_once(made: tuple[Path, Release], tmp_path: Path) -> None:
    for _ in range(2):
        released(tmp_path, dataset(600))
    registry = Registry(tmp_path)
    results = released(tmp_path, dataset(600)).results
    assert registry.trials("toy") == sum(map(len, results.values()))
    assert registry.trials("other") == 0
    lines = (tmp_path / "trials.jsonl").read_text().splitlines()
    # Of ten minutes there are too few rows of volatility to learn from.
    assert {json.loads(line)["part"] for line in lines} == {"move", "adverse", "arrivals"}


@pytest.mark.parametrize("change", [{"leans": 0.0}, {"shuffled": True}], ids=["nothing there", "shuffled"])
def test_parts_that_surely_explain_nothing_are_left_out(tmp_path: Path, change: dict[str, object]) -> None:
    of = dataset(leans=0.0) if "leans" in change else dataset()
    kept = released(tmp_path, of, shuffled=bool(change.get("shuffled")), seed=1)
    assert "adverse" not in kept.about.parts
    assert "arrivals" not in kept.about.parts
    if "shuffled" in change:
        assert list(kept.about.parts) == ["move"]
    assert max(each.explained.value for each in kept.results["move"]) < 0.01


def test_what_cannot_learn_is_named() -> None:
    with pytest.raises(ConfigError, match="plugin trend does not learn"):
        candidates("move", False, Plan(estimators=("trend",)))


def test_a_move_that_nobody_can_learn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="move: none of poisson can learn it"):
        released(tmp_path, dataset(300), estimators=("poisson",))


def test_numbers_are_plain(made: tuple[Path, Release]) -> None:
    content = json.loads((Path(made[1].folder) / "model.json").read_bytes())

    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            return [leaf for each in value.values() for leaf in leaves(each)]
        return [leaf for each in value for leaf in leaves(each)] if isinstance(value, list) else [value]

    assert all(
        isinstance(leaf, float | int) and math.isfinite(leaf) for leaf in leaves(content) if not isinstance(leaf, str)
    )
