"""A model that is kept: what it was, or a clear line why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ultramm.errors import DataError
from ultramm.inference.exported import Linear
from ultramm.inference.stored import Golden, ModelAbout, read_model, sha256
from ultramm.learning.registry import Registry, encoded

MODEL = Linear(coefficients=(0.5, -0.25), intercept=0.1)
FEATURES = ("queue_imbalance", "weighted_mid_bps")


def about(model: Linear = MODEL, **changes: Any) -> ModelAbout:
    given: dict[str, Any] = {
        "name": "toy",
        "kind": "ridge, own market",
        "instrument": "BTCUSDT.SIM",
        "leader": None,
        "features": FEATURES,
        "features_version": 1,
        "horizon_s": 1.0,
        "latency_s": 0.05,
        "first_ns": 10,
        "last_ns": 20,
        "rows": 2,
        "data": {},
        "seed": 0,
        "libraries": {"ultramm": "1"},
        "validation": [],
        "deviation_bps": 0.5,
        "golden": (Golden(row=(1.0, 2.0), value=0.1), Golden(row=(2.0, 0.0), value=1.1)),
        "model_sha256": sha256(encoded(model)),
    }
    return ModelAbout(**(given | changes))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_what_is_kept_is_found_and_gives_what_it_gave(registry: Registry) -> None:
    folder = registry.add(about(), encoded(MODEL))
    assert registry.path("toy") == registry.path(about().id) == folder
    stored = read_model(folder, 1)
    assert stored.about == about()
    assert stored.predict([1.0, 2.0]) == pytest.approx(0.1)
    assert sorted(each.name for each in folder.iterdir()) == ["about.json", "model.json"]


def test_the_same_model_twice_is_one(registry: Registry) -> None:
    assert registry.add(about(), encoded(MODEL)) == registry.add(about(rows=3), encoded(MODEL))
    assert [each.rows for each in registry.models()] == [3]
    assert [each.name for each in registry.folder.iterdir()] == [about().id]


def test_by_its_name_the_one_of_the_latest_data_is_meant(registry: Registry) -> None:
    other = Linear(coefficients=(0.5, -0.25), intercept=0.2)
    golden = (Golden(row=(0.0, 0.0), value=0.2),)
    registry.add(about(), encoded(MODEL))
    newer = registry.add(about(other, last_ns=99, golden=golden), encoded(other))
    assert registry.path("toy") == newer
    assert [each.last_ns for each in registry.models()] == [99, 20]


def test_one_that_is_not_there_is_named_with_those_that_are(registry: Registry) -> None:
    with pytest.raises(DataError, match="no model toy; there are: none"):
        registry.path("toy")
    registry.add(about(), encoded(MODEL))
    with pytest.raises(DataError, match=f"no model tay; there are: {about().id}"):
        registry.path("tay")


def broken(folder: Path, file: str, change: Any) -> None:
    path = folder / file
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"features_version": 2}, r"about.json: is of features version 2, this is version 1; train the model anew"),
        ({"golden": ()}, r"about.json: has no golden rows"),
        ({"golden": (Golden(row=(1.0,), value=0.1),)}, r"golden\[0\] is of 1 features"),
        ({"golden": (Golden(row=(1.0, 2.0), value=0.1000001),)}, r"model.json: gives 0.1 for golden\[0\]"),
        ({"features": (*FEATURES, "one_more"), "golden": (Golden(row=(1.0, 2.0, 3.0), value=0.1),)}, r"model.json"),
        ({"model_sha256": "0" * 64}, r"model.json: is not what was trained: its hash differs"),
    ],
)
def test_what_does_not_fit_is_refused(registry: Registry, changes: dict[str, Any], why: str) -> None:
    folder = registry.add(about(**changes), encoded(MODEL))
    with pytest.raises(DataError, match=why) as refused:
        read_model(folder, 1)
    assert "\n" not in str(refused.value)


def test_a_changed_coefficient_is_found_by_its_hash(registry: Registry) -> None:
    folder = registry.add(about(), encoded(MODEL))
    broken(folder, "model.json", lambda document: document.update(intercept=0.10001))
    with pytest.raises(DataError, match="its hash differs"):
        read_model(folder, 1)


def test_numbers_that_are_none_are_refused_though_the_hash_is_right(registry: Registry) -> None:
    for content, why in (
        (b'{"type":"linear","coefficients":[1e999,0.0],"intercept":0.0}', "model.json"),
        (b'{"type":"linear","coefficients":["a"],"intercept":0.0}', "model.json: Expected `float`"),
        (b'{"type":"pickle"}', "model.json: Invalid value 'pickle'"),
        (b"not json", "model.json: "),
    ):
        folder = registry.add(about(model_sha256=sha256(content)), content)
        with pytest.raises(DataError, match=why):
            read_model(folder, 1)


@pytest.mark.parametrize("file", ["about.json", "model.json"])
def test_a_file_that_is_not_there_is_named(registry: Registry, file: str) -> None:
    folder = registry.add(about(), encoded(MODEL))
    (folder / file).unlink()
    with pytest.raises(DataError, match=f"{file}: cannot be read"):
        read_model(folder, 1)


def test_a_damaged_one_hides_no_other(registry: Registry) -> None:
    registry.add(about(), encoded(MODEL))
    bad = registry.folder / "bad"
    bad.mkdir()
    (bad / "about.json").write_text("{")
    assert [each.name for each in registry.models()] == ["toy"]
    with pytest.raises(DataError, match=r"about.json: .*train the model anew"):
        read_model(bad, 1)


def test_it_is_plain_json(registry: Registry) -> None:
    folder = registry.add(about(), encoded(MODEL))
    plain = {"type": "linear", "coefficients": [0.5, -0.25], "intercept": 0.1}
    assert json.loads((folder / "model.json").read_bytes()) == plain
