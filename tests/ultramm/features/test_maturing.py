"""What matures sees the mid of its horizon, and none later."""

from __future__ import annotations

import math

from ultramm.features.maturing import Maturing

S = 1_000_000_000


def test_the_mid_at_the_horizon_and_none_later() -> None:
    moves = Maturing[str](1.0)
    list(moves.on_mid(0, 100.0))
    moves.add(0, "a")
    assert list(moves.on_mid(S, 101.0)) == []  # stands from the horizon on: it counts
    moves.add(S, "b")
    assert list(moves.on_mid(S + 1, 102.0)) == [("a", 101.0)]
    assert moves.due_ns == 2 * S
    assert list(moves.on_mid(10 * S, 103.0)) == [("b", 102.0)]
    assert moves.due_ns == math.inf
    assert len(moves) == 0


def test_what_is_added_too_late_or_without_a_mid_is_dropped() -> None:
    moves = Maturing[str](1.0)
    moves.add(0, "before any mid")
    assert list(moves.on_mid(5 * S, 100.0)) == []
    moves.add(2 * S, "late")
    assert list(moves.on_mid(6 * S, 101.0)) == []


def test_a_missing_mid_leaves_the_one_before() -> None:
    moves = Maturing[str](1.0)
    list(moves.on_mid(0, 100.0))
    moves.add(0, "a")
    list(moves.on_mid(S // 2, math.nan))
    assert list(moves.on_mid(3 * S, math.nan)) == [("a", 100.0)]


def test_what_falls_due_in_an_interruption_is_dropped_and_what_comes_later_is_not() -> None:
    moves = Maturing[str](horizon_s=1.0)
    list(moves.on_mid(0, 100.0))
    moves.add(0, "lost")
    moves.interrupted()
    assert list(moves.on_mid(5 * S, 200.0)) == []
    moves.add(5 * S, "seen")
    assert list(moves.on_mid(7 * S, 300.0)) == [("seen", 200.0)]
