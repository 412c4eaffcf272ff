"""Series that stay small, and stacks with negative parts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.report.series import BoundedSeries, stacked, thinned

RULES = {"last": "last", "low": "min", "high": "max", "total": "sum"}


def series(limit: int = 8, step_ns: int = 10) -> BoundedSeries:
    return BoundedSeries(RULES, step_ns, limit)  # type: ignore[arg-type]


def filled(values: list[float], limit: int = 8, step_ns: int = 10) -> BoundedSeries:
    """Values at 10, 20, 30 and so on."""
    made = series(limit, step_ns)
    for place, value in enumerate(values, 1):
        made.put(place * 10, value, value, value, value)
    return made


def test_keeps_every_row_while_there_is_room() -> None:
    made = filled([3.0, 1.0, 2.0])
    assert made.times_ns().tolist() == [10, 20, 30]
    assert made.column("last").tolist() == [3.0, 1.0, 2.0]


def test_samples_of_one_step_are_merged_by_their_rule() -> None:
    made = series()
    for ts_ns, value in ((1, 2.0), (5, -1.0), (10, 1.0)):
        made.put(ts_ns, value, value, value, value)
    assert len(made) == 1
    assert made.times_ns().tolist() == [10]
    assert [made.column(name)[0] for name in RULES] == [1.0, -1.0, 2.0, 2.0]


def test_a_row_ends_its_step_and_the_next_nanosecond_begins_another() -> None:
    made = series()
    made.put(10, 1.0, 1.0, 1.0, 1.0)
    made.put(11, 2.0, 2.0, 2.0, 2.0)
    assert made.times_ns().tolist() == [10, 20]


def test_doubles_its_step_when_full() -> None:
    made = filled([float(value) for value in range(17)])
    assert made.step_ns == 20
    assert made.times_ns().tolist() == [20, 40, 60, 80, 100, 120, 140, 160, 180]
    assert made.column("last").tolist() == [1, 3, 5, 7, 9, 11, 13, 15, 16]
    assert made.column("low").tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert made.column("total").tolist() == [1, 5, 9, 13, 17, 21, 25, 29, 16]


def test_a_nan_stays_the_last_value_but_no_extreme() -> None:
    made = series()
    made.put(1, 1.0, 1.0, 1.0, 1.0)
    made.put(2, math.nan, math.nan, math.nan, 0.0)
    assert math.isnan(made.column("last")[0])
    assert made.column("low")[0] == made.column("high")[0] == 1.0


@given(
    st.lists(st.tuples(st.integers(1, 10_000), st.floats(-1e6, 1e6)), min_size=1, max_size=300),
    st.integers(1, 20),
)
def test_bounded_and_true_whatever_comes(steps: list[tuple[int, float]], limit: int) -> None:
    made = series(limit)
    ts_ns = 0
    for gap_ns, value in steps:
        ts_ns += gap_ns
        made.put(ts_ns, value, value, value, value)
    values = [value for _, value in steps]
    assert 1 <= len(made) <= 2 * limit
    assert made.column("last")[-1] == values[-1]
    assert made.column("low").min() == min(values)
    assert made.column("high").max() == max(values)
    assert made.column("total").sum() == pytest.approx(sum(values), abs=1e-6)
    assert (np.diff(made.times_ns()) > 0).all()
    assert ts_ns <= made.times_ns()[-1] < ts_ns + made.step_ns
    assert made.step_ns % 10 == 0


def test_what_came_before_the_doubling_is_as_if_it_had_been_coarse_from_the_start() -> None:
    values = [math.sin(place) for place in range(50)]
    fine, coarse = filled(values, limit=8), filled(values, limit=100, step_ns=40)
    assert fine.step_ns == 40
    for name in ("last", "low", "high"):
        assert fine.column(name).tolist() == coarse.column(name).tolist()
    assert fine.column("total") == pytest.approx(coarse.column("total"))


def test_read_as_a_step_function() -> None:
    made = filled([3.0, 1.0])
    times = np.array([0, 9, 10, 15, 20, 1000])
    assert made.at(times, "last", before=-7.0).tolist() == [-7.0, -7.0, 3.0, 3.0, 1.0, 1.0]


@pytest.mark.parametrize(("count", "limit"), [(0, 5), (3, 5), (5, 5), (6, 5), (1000, 7)])
def test_thinning_keeps_the_ends_and_the_limit(count: int, limit: int) -> None:
    kept = thinned(count, limit)
    assert len(kept) == min(count, limit)
    if count:
        assert (kept[0], kept[-1]) == (0, count - 1)
    assert len(set(kept.tolist())) == len(kept)


def test_positive_parts_stack_up_and_negative_ones_down() -> None:
    capture, inventory, fees = (np.array(values) for values in ([2.0, 2.0, -1.0], [-3.0, 1.0, -2.0], [-1.0, -1.0, 4.0]))
    edges = [list(zip(low, high, strict=True)) for low, high in stacked([capture, inventory, fees])]
    assert edges[0] == [(0.0, 2.0), (0.0, 2.0), (-1.0, 0.0)]
    assert edges[1] == [(-3.0, 0.0), (2.0, 3.0), (-3.0, -1.0)]
    assert edges[2] == [(-4.0, -3.0), (-1.0, 0.0), (0.0, 4.0)]


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4), min_size=1, max_size=5))
def test_a_stack_has_the_height_of_its_parts_and_no_overlap(rows: list[list[float]]) -> None:
    parts = [np.array(row) for row in rows]
    edges = stacked(parts)
    for part, (low, high) in zip(parts, edges, strict=True):
        assert high - low == pytest.approx(np.abs(part), abs=1e-9)
    top = np.max([high for _, high in edges], axis=0)
    bottom = np.min([low for low, _ in edges], axis=0)
    assert top + bottom == pytest.approx(np.sum(parts, axis=0), abs=1e-9)
    assert top - bottom == pytest.approx(np.sum(np.abs(parts), axis=0), abs=1e-9)
