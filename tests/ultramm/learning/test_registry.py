"""Which models there are, and which of them trades."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from stored_models import keep

from ultramm.errors import DataError
from ultramm.inference.stored import read_model
from ultramm.learning.registry import Promotion, Registry


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def promote(registry: Registry, name: str, how: str = "promoted") -> None:
    registry.promote(Promotion(name="toy", id=name, when="2026-01-01T00:00:00+00:00", how=how))


def test_the_same_model_twice_is_one(registry: Registry) -> None:
    keep(registry.folder, promoted=False)
    keep(registry.folder, promoted=False, rows=3)
    assert [each.rows for each in registry.models()] == [3]
    assert len(list(registry.folder.iterdir())) == 1


def test_by_its_name_the_one_of_the_latest_data_is_meant(registry: Registry) -> None:
    keep(registry.folder, last_ns=20)
    newer = keep(registry.folder, slope=2.0, last_ns=99)
    assert registry.about("toy") == newer
    assert registry.path("toy") == registry.folder / newer.id
    assert [each.last_ns for each in registry.models()] == [99, 20]


def test_one_that_is_not_there_is_named_with_those_that_are(registry: Registry) -> None:
    with pytest.raises(DataError, match="no model toy; there are: none"):
        registry.path("toy")
    about = keep(registry.folder)
    with pytest.raises(DataError, match=f"no model tay; there are: {about.id}"):
        registry.path("tay")


def test_a_damaged_one_hides_no_other(registry: Registry) -> None:
    keep(registry.folder)
    bad = registry.folder / "bad"
    bad.mkdir()
    (bad / "about.json").write_text("{")
    assert [each.name for each in registry.models()] == ["toy"]
    with pytest.raises(DataError, match=r"about.json: .*train the model anew"):
        read_model(bad, 1)


def test_a_damaged_one_is_told_by_its_name(registry: Registry) -> None:
    about = keep(registry.folder)
    path = registry.folder / about.id / "about.json"
    path.write_text(path.read_text()[:200])
    with pytest.raises(DataError, match=r"about.json: .*train the model anew"):
        registry.about(about.id)


def test_a_copy_is_no_model_and_nothing_is_deleted_for_it(registry: Registry) -> None:
    made = [keep(registry.folder, slope=float(age), last_ns=9 - age, promoted=False).id for age in range(3)]
    shutil.copytree(registry.folder / made[0], registry.folder / f"{made[0]}-backup")
    assert [each.id for each in registry.models("toy")] == made
    assert registry.prune("toy", 2) == made[2:]
    assert [each.id for each in registry.models("toy")] == made[:2]


@pytest.mark.parametrize("name", ["", "/", "**", "../..", "x" * 400, "/tmp/x"])
def test_whatever_is_asked_for_that_is_not_there_is_one_line(registry: Registry, name: str) -> None:
    keep(registry.folder)
    with pytest.raises(DataError, match="no model"):
        registry.about(name)
    with pytest.raises(DataError, match="no model"):
        registry.prune(name, 1)


def test_one_model_is_no_name_of_many(registry: Registry) -> None:
    with pytest.raises(DataError, match="is one model; state the name that many have"):
        registry.prune(keep(registry.folder).id, 1)


def test_a_folder_that_cannot_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(DataError, match="models: cannot be read: Permission denied; check permissions"):
        Registry(tmp_path / "models").models()
    monkeypatch.undo()
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        Registry(tmp_path / ("x" * 300)).models()


def test_what_begins_with_a_rollback_has_nothing_to_roll_back(registry: Registry) -> None:
    promote(registry, "", "rolled back")
    assert registry.proven("toy") == []
    with pytest.raises(DataError, match="nothing to roll back"):
        registry.before("toy")


def test_a_model_waits_in_the_shadow_until_it_is_promoted(registry: Registry) -> None:
    assert registry.trading("toy") == registry.waiting("toy") == ""
    first = keep(registry.folder, promoted=False)
    assert (registry.trading("toy"), registry.waiting("toy")) == ("", first.id)
    promote(registry, first.id)
    assert (registry.trading("toy"), registry.waiting("toy")) == (first.id, "")
    second = keep(registry.folder, slope=2.0, last_ns=5, promoted=False)
    assert (registry.trading("toy"), registry.waiting("toy")) == (first.id, second.id)


def test_old_models_are_deleted_but_not_what_traded_or_waits(registry: Registry) -> None:
    made = [keep(registry.folder, slope=float(age), last_ns=100 - age, promoted=False).id for age in range(6)]
    keep(registry.folder, slope=9.0, name="other", last_ns=1, promoted=False)
    promote(registry, made[4])
    assert registry.prune("toy", 2) == [made[2], made[3], made[5]]
    assert [each.id for each in registry.models("toy")] == [made[0], made[1], made[4]]
    assert registry.prune("toy", 1) == [made[1]]
    assert registry.prune("toy", 1) == []
    assert (registry.trading("toy"), registry.waiting("toy")) == (made[4], made[0])
    assert len(registry.models("other")) == 1


def test_what_was_promoted_is_rolled_back_step_by_step(registry: Registry) -> None:
    with pytest.raises(DataError, match="there is nothing to roll back"):
        registry.before("toy")
    for each in ("a", "b", "c"):
        promote(registry, each)
    for expected in ("b", "a", ""):
        assert registry.before("toy") == expected
        promote(registry, expected, "rolled back")
        assert registry.trading("toy") == expected
    with pytest.raises(DataError, match="nothing to roll back"):
        registry.before("toy")
    promote(registry, "d")
    assert (registry.trading("toy"), registry.before("toy")) == ("d", "")
    assert [each.how for each in registry.promotions("toy")] == ["promoted"] * 3 + ["rolled back"] * 3 + ["promoted"]
    assert registry.promotions("other") == []


def test_what_is_promoted_twice_is_rolled_back_at_once(registry: Registry) -> None:
    for each in ("a", "b", "b"):
        promote(registry, each)
    assert registry.before("toy") == "a"


def test_of_the_same_data_the_one_that_was_trained_last_is_meant(registry: Registry) -> None:
    for number, slope in enumerate((3.0, 1.0, 2.0)):
        about = keep(registry.folder, slope=slope, last_ns=7, promoted=False)
        os.utime(registry.folder / about.id / "about.json", ns=(number, number))
        assert registry.about("toy").id == about.id
    promote(registry, about.id)
    # What is older than what trades does not come back into the shadow.
    assert registry.waiting("toy") == ""


def test_training_anew_mends_what_was_damaged(registry: Registry) -> None:
    about = keep(registry.folder)
    (registry.folder / about.id / "model.json").write_text("{}")
    keep(registry.folder, promoted=False)
    assert read_model(registry.folder / about.id, 1).about == about


def test_a_line_that_broke_off_is_none_and_takes_no_other_with_it(registry: Registry) -> None:
    promote(registry, "a")
    path = registry.folder / "promotions.jsonl"
    path.write_bytes(path.read_bytes() + b'{"name":"toy","id')
    assert registry.trading("toy") == "a"
    promote(registry, "b")
    assert [each.id for each in registry.promotions("toy")] == ["a", "b"]


def test_a_line_that_is_none_is_named(registry: Registry) -> None:
    promote(registry, "a")
    path = registry.folder / "promotions.jsonl"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(DataError, match=r"promotions\.jsonl:2: .*; take the line out"):
        registry.trading("toy")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        keep(tmp_path / "file" / "models")


def test_a_file_that_cannot_be_read_is_named(registry: Registry) -> None:
    registry.folder.mkdir()
    (registry.folder / "promotions.jsonl").mkdir()
    with pytest.raises(DataError, match=r"promotions\.jsonl: cannot be read"):
        registry.trading("toy")
