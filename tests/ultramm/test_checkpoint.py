"""What a strategy learnt, on disk: whole or not at all, and never more than objects of its own."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from ultramm import checkpoint
from ultramm.checkpoint import Checkpoint, Kept, Origin, Recalled
from ultramm.features.average import EwAverage
from ultramm.market import Side

S = 1_000_000_000
KEY = "mm BTCUSDT"


class Learner:
    """Has one of whatever strategies are made of."""

    def __init__(self) -> None:
        self.average = EwAverage(10.0)
        self.average.update(S, 1.5)
        self.grid = np.linspace(0.0, 1.0, 5)
        self.paused = {Side.BUY: 3, Side.SELL: 0}
        self.recent = deque([(1, 2.0), (2, 3.0)], maxlen=5)
        self.count = np.float64(7.0)
        self.seen = {1, 2}
        # Two names of one object stay one object.
        self.same = self.average


ORIGIN = Origin.of(Learner)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "node.checkpoint"


def saved(path: Path, strategy: Any, fills: int = 0, at_ns: int = 0) -> None:
    made = Checkpoint(path, 60.0)
    made.keep(KEY, ORIGIN, strategy, fills, at_ns)
    made.write(at_ns)


def recalled(path: Path, now_ns: int = 0, origin: Origin = ORIGIN) -> Recalled | str:
    return Checkpoint(path, 60.0).recall(KEY, origin, now_ns)


def test_a_strategy_comes_back_as_it_was_with_the_fills_that_it_knows(path: Path) -> None:
    before = Learner()
    saved(path, before, fills=3)
    found = recalled(path)
    assert isinstance(found, Recalled)
    assert found.fills == 3
    after = found.strategy
    assert type(after) is Learner
    assert after.average.value == before.average.value
    assert after.grid.tolist() == before.grid.tolist()
    assert (after.paused, after.recent, after.recent.maxlen) == (before.paused, before.recent, 5)
    assert (after.count, after.seen) == (before.count, before.seen)
    assert after.same is after.average


def test_without_a_file_or_an_entry_there_is_nothing_and_nothing_to_say(path: Path) -> None:
    assert recalled(path) == ""
    saved(path, Learner())
    assert Checkpoint(path, 60.0).recall("another", ORIGIN, 0) == ""


def test_what_is_too_old_is_left(path: Path) -> None:
    saved(path, Learner(), at_ns=10 * S)
    assert isinstance(recalled(path, 70 * S), Recalled)
    assert recalled(path, 71 * S) == "what it knew is 61 s old, 60 are allowed"


def test_what_an_earlier_run_kept_stays_until_it_is_kept_anew_forgotten_or_too_old(path: Path) -> None:
    saved(path, Learner(), fills=3)

    def second(now_ns: int, *, forget: bool = False) -> Recalled | str:
        made = Checkpoint(path, 60.0)
        if forget:
            assert made.forget(KEY) is True
            assert made.forget(KEY) is False
        made.keep("another", ORIGIN, Learner(), 0, now_ns)
        made.write(now_ns)
        return Checkpoint(path, 3600.0).recall(KEY, ORIGIN, now_ns)

    content = path.read_bytes()
    found = second(60 * S)
    assert isinstance(found, Recalled)
    assert found.fills == 3
    assert second(61 * S) == ""
    path.write_bytes(content)
    assert second(0, forget=True) == ""


def test_other_parameters_another_instrument_or_other_code_make_another_strategy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(path, Learner())
    changed = "its code, its parameters or its instrument have changed"
    assert recalled(path, origin=Origin.of(Learner, {"order_size": 2})) == changed
    assert Origin.of(Learner, {"a": 1, "b": 2}) == Origin.of(Learner, {"b": 2, "a": 1})
    assert Origin.of(Learner) == ORIGIN
    code = checkpoint._code
    monkeypatch.setattr(checkpoint, "_code", lambda package: code(package) + b"# changed")
    assert recalled(path, origin=Origin.of(Learner)) == changed


def test_the_mark_is_of_the_source_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "some_strategy"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "inner.py").write_text("A = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = checkpoint._code("some_strategy")
    checkpoint._code.cache_clear()
    assert checkpoint._code("some_strategy") == before
    checkpoint._code.cache_clear()
    (folder / "inner.py").write_text("A = 2\n")
    assert checkpoint._code("some_strategy") != before


@pytest.mark.parametrize("damage", [lambda data: data[:-5], lambda data: b"", lambda data: b"{}", lambda data: b"\xff"])
def test_a_damaged_file_is_said_and_left(path: Path, damage: Callable[[bytes], bytes]) -> None:
    saved(path, Learner())
    path.write_bytes(damage(path.read_bytes()))
    said = recalled(path)
    assert isinstance(said, str)
    assert said.startswith(f"{path} cannot be read: ")


class Runs:
    """Pickled, it calls something when it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (os.system, ("touch ran",)),
        (subprocess.Popen, (["touch", "ran"],)),
        (eval, ("1",)),
        (getattr, (Side, "BUY")),
        # Functions of ours are no classes either.
        (Origin.of, (Learner,)),
        (pickle.loads, (pickle.dumps(1),)),
    ],
)
def test_a_file_that_would_call_something_is_refused(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: Any, arguments: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = Kept(ORIGIN.mark, 0, 0, pickle.dumps(Runs(function, *arguments)))
    path.write_bytes(msgspec.msgpack.encode({KEY: kept}))
    said = recalled(path)
    assert isinstance(said, str)
    assert said.startswith("what was kept of it cannot be used: UnpicklingError: ")
    assert said.endswith("is no class of the strategy's")
    assert not (tmp_path / "ran").exists()


def test_a_class_that_a_module_of_ours_has_only_imported_is_not_ours(path: Path) -> None:
    # Two texts and the opcode that looks them up: the name leads through a module of ours to another package.
    texts = [bytes([0x8C, len(text)]) + text.encode() for text in ("ultramm.checkpoint", "pickle.Unpickler")]
    kept = Kept(ORIGIN.mark, 0, 0, b"\x80\x04" + b"".join(texts) + b"\x93.")
    path.write_bytes(msgspec.msgpack.encode({KEY: kept}))
    assert recalled(path) == (
        "what was kept of it cannot be used: UnpicklingError: "
        "ultramm.checkpoint.pickle.Unpickler is no class of the strategy's"
    )


class Holds:
    def __init__(self, what: Any) -> None:
        self.what = what


@pytest.mark.parametrize("what", [lambda: 0, os.system, subprocess.PIPE.__class__.bit_length])
def test_what_cannot_be_kept_or_read_back_is_said_when_it_is_kept(path: Path, what: Any) -> None:
    with pytest.raises((pickle.PicklingError, pickle.UnpicklingError, AttributeError, TypeError)):
        Checkpoint(path, 60.0).keep(KEY, ORIGIN, Holds(what), 0, 0)


def test_only_its_owner_can_read_it_and_a_failed_write_leaves_the_one_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(path, Learner(), fills=1)
    assert path.stat().st_mode & 0o777 == 0o600

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        saved(path, Learner(), fills=2)
    found = recalled(path)
    assert isinstance(found, Recalled)
    assert found.fills == 1
