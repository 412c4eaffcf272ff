"""A model that is kept: what it was, or a clear line why not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from stored_models import about_model, about_part, familiar

from ultramm.errors import DataError
from ultramm.features.regime import Regimes
from ultramm.inference.exported import Linear
from ultramm.inference.stored import Content, Golden, ModelAbout, PartAbout, encoded, read_model, sha256
from ultramm.learning.registry import Registry

FEATURES = ("queue_imbalance", "weighted_mid_bps")
NUMBERS = Linear(coefficients=(0.5, -0.25), intercept=0.1)
CONTENT = Content(parts={"move": NUMBERS})


def about(content: Content = CONTENT, part: dict[str, Any] | None = None, **changes: Any) -> ModelAbout:
    golden = (Golden(row=(1.0, 2.0), value=0.1), Golden(row=(2.0, 0.0), value=1.1))
    given = {"golden": golden} | (part or {})
    made = about_part(NUMBERS, given.pop("features", FEATURES), **given)
    return about_model(content, changes.pop("parts", {"move": made}), **changes)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def test_what_is_kept_is_found_and_gives_what_it_gave(registry: Registry) -> None:
    folder = registry.add(about(), encoded(CONTENT))
    assert registry.path("toy") == registry.path(about().id) == folder
    stored = read_model(folder, 1)
    assert stored.about == about()
    assert stored.predict["move"]([1.0, 2.0]) == pytest.approx(0.1)
    assert sorted(each.name for each in folder.iterdir()) == ["about.json", "model.json"]


def broken(folder: Path, file: str, change: Any) -> None:
    path = folder / file
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


MORE: PartAbout = about_part(Linear(coefficients=(1.0,), intercept=0.0), ("queue_imbalance",))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"features_version": 2}, r"about.json: is of features version 2, this is version 1; train the model anew"),
        ({"part": {"golden": ()}}, r"about.json: part move has no golden rows"),
        ({"part": {"golden": (Golden(row=(1.0,), value=0.1),)}}, r"move.golden\[0\] is of 1 features"),
        (
            {"part": {"golden": (Golden(row=(1.0, 2.0), value=0.1000001),)}},
            r"model.json: gives 0.1 for move.golden\[0\]",
        ),
        (
            {"part": {"features": (*FEATURES, "one"), "golden": (Golden(row=(1.0, 2.0, 3.0), value=0.1),)}},
            r"model.json: part move takes 2 features, not 3; train the model anew",
        ),
        ({"model_sha256": "0" * 64}, r"model.json: is not what was trained: its hash differs"),
        ({"familiar": familiar(FEATURES[:1])}, r"about.json: familiar: its figures do not fit together"),
        ({"parts": {"move": MORE, "volatility": MORE}}, r"model.json: has parts move, not as stated"),
    ],
)
def test_what_does_not_fit_is_refused(registry: Registry, changes: dict[str, Any], why: str) -> None:
    folder = registry.add(about(**changes), encoded(CONTENT))
    with pytest.raises(DataError, match=why) as refused:
        read_model(folder, 1)
    assert "\n" not in str(refused.value)


def test_a_changed_coefficient_is_found_by_its_hash(registry: Registry) -> None:
    folder = registry.add(about(), encoded(CONTENT))
    broken(folder, "model.json", lambda document: document["parts"]["move"].update(intercept=0.10001))
    with pytest.raises(DataError, match="its hash differs"):
        read_model(folder, 1)


def test_numbers_that_are_none_are_refused_though_the_hash_is_right(registry: Registry) -> None:
    for content, why in (
        (b'{"parts":{"move":{"type":"linear","coefficients":[1e999,0.0],"intercept":0.0}}}', "model.json"),
        (
            b'{"parts":{"move":{"type":"linear","coefficients":["a"],"intercept":0.0}}}',
            "model.json: Expected `float`",
        ),
        (b'{"parts":{"move":{"type":"pickle"}}}', "model.json: Invalid value 'pickle'"),
        (b'{"parts":{}}', "has parts none"),
        (b"not json", "model.json: "),
    ):
        folder = registry.add(about(model_sha256=sha256(content)), content)
        with pytest.raises(DataError, match=why):
            read_model(folder, 1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"stay_calm": 1.0}, "probabilities between 0 and 1"),
        ({"restless": 0.5}, "the second larger"),
        ({"restless": float("inf")}, "model.json"),
    ],
)
def test_regimes_that_are_none_are_refused(registry: Registry, changes: dict[str, float], why: str) -> None:
    regimes = Regimes(**({"stay_calm": 0.9, "stay_restless": 0.9, "calm": 1.0, "restless": 2.0} | changes))
    content = Content(parts=CONTENT.parts, regimes=regimes)
    folder = registry.add(about(content), encoded(content))
    with pytest.raises(DataError, match=why):
        read_model(folder, 1)


@pytest.mark.parametrize("file", ["about.json", "model.json"])
def test_a_file_that_is_not_there_is_named(registry: Registry, file: str) -> None:
    folder = registry.add(about(), encoded(CONTENT))
    (folder / file).unlink()
    with pytest.raises(DataError, match=f"{file}: cannot be read"):
        read_model(folder, 1)


def test_it_is_plain_json(registry: Registry) -> None:
    folder = registry.add(about(), encoded(CONTENT))
    numbers = {"type": "linear", "coefficients": [0.5, -0.25], "intercept": 0.1, "link": "identity"}
    assert json.loads((folder / "model.json").read_bytes()) == {"parts": {"move": numbers}, "regimes": None}
