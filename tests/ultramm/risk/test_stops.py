"""Losses and faults: what they come to, what is held against them, and that nothing opens again by itself."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.risk.drawdown import drawdown_probability
from ultramm.risk.stops import Allowed, Level, PnlVolatility, StopLimits, Stops

S = 1_000_000_000
MINUTE = 60 * S
DAY = 86_400 * S


def test_without_a_limit_nothing_stops_it() -> None:
    stops = Stops(StopLimits())
    assert stops.look(0, -1e12) is Level.NONE
    for _ in range(1_000):
        stops.on_rejected()
        stops.on_closed(-1.0)
    assert stops.look(1, -2e12) is Level.NONE
    assert (stops.reason, stops.status()) == ("", {})


@pytest.mark.parametrize("limits", [{"daily_loss": 100.0}, {"hard": Allowed(100.0)}], ids=["daily loss", "drawdown"])
def test_a_loss_runs_on_once_it_is_a_tenth_beyond_what_is_allowed(limits: dict[str, Any]) -> None:
    stops = Stops(StopLimits(**limits))
    stops.look(0, 0.0)
    assert stops.look(S, -105.0) is Level.STOP
    assert not stops.runs_on
    stops.look(2 * S, -111.0)
    assert stops.runs_on
    assert not Stops(StopLimits(losses_in_row=3)).runs_on


# -- the day -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "level"),
    [(59.9, Level.NONE), (60.0, Level.WIDEN), (79.9, Level.WIDEN), (80.0, Level.REDUCE), (100.0, Level.STOP)],
)
def test_a_daily_loss_makes_careful_then_small_then_stops(lost: float, level: Level) -> None:
    stops = Stops(StopLimits(daily_loss=100.0))
    stops.look(DAY, 500.0)
    assert stops.look(DAY + S, 500.0 - lost) is level
    assert bool(stops.reason) == (level is not Level.NONE)


def test_a_day_begins_at_midnight_with_what_there_was() -> None:
    stops = Stops(StopLimits(daily_loss=100.0))
    stops.look(0, 0.0)
    assert stops.look(DAY - S, -70.0) is Level.WIDEN
    assert stops.look(DAY, -70.0) is Level.NONE
    assert stops.look(DAY + S, -170.0) is Level.STOP
    assert stops.reason == "lost 100 today, 100 is allowed"


def test_what_recovers_is_free_again_but_not_after_a_stop() -> None:
    stops = Stops(StopLimits(daily_loss=100.0))
    stops.look(0, 0.0)
    assert [stops.look(S, pnl) for pnl in (-70.0, -85.0, -10.0)] == [Level.WIDEN, Level.REDUCE, Level.NONE]
    assert stops.look(2 * S, -100.0) is Level.STOP
    assert stops.look(3 * S, 1_000.0) is Level.STOP
    assert stops.look(3 * DAY, 1_000.0) is Level.STOP
    stops.arm()
    assert stops.look(3 * DAY + S, 1_000.0) is Level.NONE
    assert stops.look(3 * DAY + 2 * S, 901.0) is Level.REDUCE  # it counts from where it was armed
    assert stops.look(3 * DAY + 3 * S, 900.0) is Level.STOP


# -- the drawdown --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fallen", "level"),
    [(19.0, Level.NONE), (20.0, Level.WIDEN), (30.0, Level.REDUCE), (39.0, Level.REDUCE), (40.0, Level.STOP)],
)
def test_a_drawdown_is_from_the_highest(fallen: float, level: Level) -> None:
    stops = Stops(StopLimits(soft=Allowed(20.0), hard=Allowed(40.0)))
    stops.look(0, 0.0)
    stops.look(S, 100.0)
    assert stops.look(2 * S, 100.0 - fallen) is level


def test_a_drawdown_in_sigmas_holds_once_they_are_known() -> None:
    stops = Stops(StopLimits(hard=Allowed(1.0, in_sigmas=True)))
    assert stops.look(0, 0.0) is Level.NONE
    assert stops.look(S, -1e9) is Level.NONE
    assert "not known yet" in stops.status()["drawdown"]


def walk(seed: int, minutes: int, sigma_day: float = 1.0) -> np.ndarray:
    steps = np.random.default_rng(seed).standard_normal(minutes)
    return np.cumsum(steps) * sigma_day / math.sqrt(1440)


def test_the_volatility_of_a_walk_is_found() -> None:
    found = []
    for seed in range(40):
        volatility = PnlVolatility()
        for minute, pnl in enumerate(walk(seed, 1440, 7.0)):
            volatility.update(minute * MINUTE, float(pnl))
        found.append(volatility.day)
    assert np.mean(found) == pytest.approx(7.0, rel=0.02)
    assert np.std(found) < 0.25


def test_silence_between_two_looks_is_no_calm() -> None:
    each, rarely = PnlVolatility(), PnlVolatility()
    path = walk(1, 4_000)
    for minute, pnl in enumerate(path):
        each.update(minute * MINUTE, float(pnl))
        if minute % 5 == 0:
            rarely.update(minute * MINUTE, float(pnl))
    assert rarely.day == pytest.approx(each.day, rel=0.15)


def test_a_crash_does_not_raise_the_bar_that_it_is_held_to() -> None:
    stops = Stops(StopLimits(soft=Allowed(2.24, in_sigmas=True), hard=Allowed(3.48, in_sigmas=True)))
    for minute, pnl in enumerate(walk(5, 100)):
        stops.look(minute * MINUTE, float(pnl))
    before = stops.volatility.day
    assert stops.look(101 * MINUTE, -10.0) is Level.STOP
    assert stops.volatility.day < 1.1 * before


def test_false_alarms_are_as_rare_as_they_are_said_to_be() -> None:
    """Days of P&L without a drift, their volatility known from the day before."""
    days, soft, hard = 400, 1.5, 2.24
    alarms = {Level.WIDEN: 0, Level.STOP: 0}
    for seed in range(days):
        stops = Stops(StopLimits(soft=Allowed(soft, in_sigmas=True), hard=Allowed(hard, in_sigmas=True)))
        path = walk(seed, 2 * 1440)
        for minute in range(1440):
            stops.seen(minute * MINUTE, float(path[minute]))
        stops.arm()
        reached = max(stops.look(minute * MINUTE, float(path[minute])) for minute in range(1440, 2 * 1440))
        alarms[Level.WIDEN] += reached >= Level.WIDEN
        alarms[Level.STOP] += reached is Level.STOP
    for level, depth in ((Level.WIDEN, soft), (Level.STOP, hard)):
        # A look each minute misses the deepest point between two of them.
        expected = 1.0 - drawdown_probability(depth + 0.5826 / math.sqrt(1440))
        assert abs(alarms[level] / days - expected) < 3.5 * math.sqrt(expected * (1 - expected) / days)


# -- rows ----------------------------------------------------------------------------------------------------------


def test_losses_in_a_row_stop_it_and_a_gain_ends_the_row() -> None:
    stops = Stops(StopLimits(losses_in_row=3))
    for gain in (-1.0, -1.0, 0.5, -1.0, -1.0):
        stops.on_closed(gain)
    assert stops.look(0, 0.0) is Level.NONE
    stops.on_closed(-0.1)
    assert stops.look(0, 0.0) is Level.STOP
    assert stops.reason == "3 losses in a row, 3 are allowed"


def test_a_venue_that_takes_nothing_stops_it() -> None:
    stops = Stops(StopLimits(rejects_in_row=2))
    stops.on_rejected()
    stops.on_accepted()
    stops.on_rejected()
    assert stops.look(0, 0.0) is Level.NONE
    stops.on_rejected()
    assert stops.look(0, 0.0) is Level.STOP
    assert stops.status() == {"refused in a row": "2 of 2"}


# -- always --------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(0, 7_200), st.floats(-200.0, 200.0)), max_size=60),
    st.floats(1.0, 300.0),
    st.floats(1.0, 300.0),
)
def test_no_loss_beyond_a_limit_is_ever_looked_at_without_a_stop(
    looks: list[tuple[int, float]], daily: float, depth: float
) -> None:
    stops = Stops(StopLimits(daily_loss=daily, hard=Allowed(depth)))
    now_ns, peak, day, began, due = 0, -math.inf, -1, 0.0, False
    for seconds, pnl in looks:
        now_ns += seconds * S
        if now_ns // DAY != day:
            day, began = now_ns // DAY, pnl
        peak = max(peak, pnl)
        due = due or began - pnl >= daily or peak - pnl >= depth
        assert (stops.look(now_ns, pnl) is Level.STOP) == due
