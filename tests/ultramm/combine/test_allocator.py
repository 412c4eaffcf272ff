import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.combine.allocator import Allocator
from ultramm.combine.blend import Bounds

LOOSE = Bounds(floor=0.05, cap=0.9, turnover_per_h=100.0)


def play(allocator: Allocator, rows) -> None:
    for row in rows:
        allocator.update(dict(zip("abc", row, strict=False)))


def test_at_first_all_are_equal() -> None:
    assert Allocator(("a", "b", "c")).weights == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3})


def test_what_earns_gets_more_and_what_loses_less() -> None:
    rng = np.random.default_rng(1)
    allocator = Allocator(("a", "b", "c"), bounds=LOOSE)
    play(allocator, rng.normal([1.0, 0.0, -1.0], 1.0, size=(400, 3)))
    assert allocator.weights["a"] > allocator.weights["b"] > allocator.weights["c"]
    assert allocator.weights["a"] > 0.5


def test_what_varies_more_gets_less_where_both_earn_nothing() -> None:
    rng = np.random.default_rng(2)
    allocator = Allocator(("a", "b"), bounds=LOOSE, switching=False)
    play(allocator, rng.normal(0.0, [1.0, 4.0], size=(400, 2)))
    assert allocator.weights["a"] > 0.55


def test_where_the_best_changes_it_follows() -> None:
    rng = np.random.default_rng(3)
    allocator = Allocator(("a", "b"), bounds=LOOSE)
    play(allocator, rng.normal([1.0, -1.0], 1.0, size=(200, 2)))
    assert allocator.weights["a"] > 0.6
    play(allocator, rng.normal([-1.0, 1.0], 1.0, size=(60, 2)))
    assert allocator.weights["b"] > 0.6


@given(st.integers(0, 1_000), st.lists(st.sampled_from(["update", "add", "remove"]), max_size=60))
def test_whoever_comes_and_goes_weights_add_up_and_keep_to_the_turnover(seed, events) -> None:
    rng, number = np.random.default_rng(seed), 3
    allocator, names = Allocator(("m0", "m1", "m2"), bounds=Bounds(turnover_per_h=0.6)), ["m0", "m1", "m2"]
    for event in events:
        before = dict(allocator.weights)
        if event == "update":
            allocator.update({name: float(rng.normal()) for name in names})
            gained = sum(max(0.0, allocator.weights[name] - before[name]) for name in names)
            assert gained <= 0.05 + 1e-9
        elif event == "add":
            names.append(f"m{number}")
            allocator.add(names[-1])
            number += 1
            assert allocator.weights[names[-1]] == pytest.approx(1.0 / len(names))
        elif len(names) > 1:
            allocator.remove(names.pop(0))
        assert set(allocator.weights) == set(names)
        assert sum(allocator.weights.values()) == pytest.approx(1.0)
        assert min(allocator.weights.values()) >= 0.0


def test_old_weights_stay_as_they_were_for_whoever_holds_them() -> None:
    allocator = Allocator(("a", "b"))
    held = allocator.weights
    copy = dict(held)
    play(allocator, np.random.default_rng(1).normal([1.0, -1.0], 1.0, size=(50, 2)))
    assert held == copy
    assert allocator.weights != copy


def test_with_nobody_there_is_nothing_to_do() -> None:
    allocator = Allocator(("a",))
    allocator.remove("a")
    allocator.update({"a": 1.0})
    assert allocator.weights == {}
    allocator.add("b")
    assert allocator.weights == {"b": 1.0}
