"""The figures of a run against answers worked out by hand."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ultramm.analytics.report.metrics import Metric, metrics, plain, sharpe
from ultramm.market import Side

S = 1_000_000_000
START_NS = 1_700_000_000 * S


def found(played: Any, end_s: float) -> dict[str, Metric]:
    trace = played.end(end_s)
    end_ns = START_NS + round(end_s * S)
    return {m.name: m for m in metrics(played.score.score(end_ns), trace, START_NS, end_ns)}


def round_trip(session: Any) -> Any:
    """Bought at 99 with the mid at 100, sold at 102 with the mid at 101; a fee of 0.25 each."""
    played = session()
    played.mid(0.0, 100.0, spread=2.0)
    played.fill(1.0, Side.BUY, 99.0, 1.0, 0.25)
    played.mid(2.0, 101.0, spread=2.0)
    played.fill(3.0, Side.SELL, 102.0, 1.0, 0.25)
    return played


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("P&L", 2.5),
        ("Realised", 2.5),
        ("Spread capture", 2.0),
        ("Inventory P&L", 1.0),
        ("Fees", -0.5),
        ("Identity residual", 0.0),
        ("Largest drawdown", 0.0),
        ("P&L per volume", 1e4 * 2.5 / 201),
        ("Fills", 2),
        ("Passive fills", 2),
        ("Volume", 201.0),
        ("Capture per fill", 1e4 * (1 / 99 + 1 / 102) / 2),
        ("Markout 1 s", 1e4 * (2 / 99 + 1 / 102) / 2),  # a second after the first fill the mid had just moved
        ("Inventory at the end", 0.0),
        ("Largest long", 1.0),
        ("Largest short", 0.0),
        ("Mean size of inventory", 2 / 10),
        ("Market's spread", 1e4 * (2 * 2 / 100 + 8 * 2 / 101) / 10),
    ],
)
def test_known_answers(session: Any, name: str, value: float) -> None:
    played = round_trip(session)
    played.mid(9.0, 101.5, spread=2.0)
    played.mid(9.0, 101.0, spread=2.0)
    metric = found(played, 10.0)[name]
    assert metric.value == pytest.approx(value, rel=1e-9)


def test_a_run_without_anything_has_figures_or_none_and_never_nan(session: Any) -> None:
    played = session()
    played.mid(0.0, 100.0)
    for metric in found(played, 5.0).values():
        assert metric.value is None or math.isfinite(metric.value), metric.name
    assert found(played, 5.0)["Markout 1 s"].value is None


def test_every_figure_has_its_own_name_a_unit_and_a_definition(session: Any) -> None:
    played = round_trip(session)
    trace = played.end(10.0)
    listed = metrics(played.score.score(START_NS + 10 * S), trace, START_NS, START_NS + 10 * S)
    assert len({metric.name for metric in listed}) == len(listed) > 35
    assert all(metric.unit and metric.definition.endswith(".") for metric in listed)


def test_every_figure_is_defined_in_the_documentation(session: Any) -> None:
    page = (Path(__file__).parents[4] / "docs" / "metrics.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in page.splitlines() if line.startswith("| ")]
    defined = {name for row in rows for name in row.split("; ")}
    names = {re.sub(r"Markout [\d.]+ s", "Markout h s", name) for name in found(round_trip(session), 10.0)}
    assert {re.sub(r"per [\d.]+ s$", "per step", name) for name in names} <= defined


def test_a_sharpe_ratio_is_the_mean_over_the_deviation() -> None:
    assert sharpe(np.array([1.0, 2.0, 3.0])) == pytest.approx(2.0)
    assert sharpe(np.array([1.0, 1.0])) is None
    assert sharpe(np.array([1.0])) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),  # noqa: RUF001
        (0.0, "0"),
        (-0.0, "0"),
        (871.0, "871"),
        (-1262.36, "−1,262.36"),  # noqa: RUF001
        (0.410385, "0.410"),
        (-0.07494, "−0.075"),  # noqa: RUF001
        (0.00123, "0.00123"),
        (5.13e-15, "5.13e−15"),  # noqa: RUF001
        (28360712.5, "28,360,712.50"),
    ],
)
def test_numbers_for_people(value: float | None, text: str) -> None:
    assert plain(value) == text
