"""Charts: what they hold, and that the page's JSON does not depend on what was drawn before."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from bokeh.models import HoverTool, Range1d, Span

from ultramm.analytics.report.charts import _decades, charts
from ultramm.analytics.report.figures import Chart, document_json
from ultramm.market import Side


def trace(session: Any, fills: int = 40) -> Any:
    played = session()
    played.mid(0.0, 100.0)
    for place in range(fills):
        side = Side.BUY if place % 2 else Side.SELL
        played.fill(place + 0.1, side, 100.0 - side * 0.5, 0.05, 0.01)
        played.mid(place + 0.5, 100.0 + (place % 5) / 2)
    return played.end(fills + 1)


def drawn(session: Any, **options: Any) -> dict[str, Chart]:
    return {chart.name: chart for chart in charts(trace(session), "USD", 1, **options)}


def sources(chart: Chart) -> list[Any]:
    return [renderer.data_source.data for renderer in chart.figure.renderers]


NAMES = ["price", "inventory", "pnl", "drawdown", "spread", "volatility", "markout", "fill-ratio", "waits"]


def test_there_is_a_chart_of_everything(session: Any) -> None:
    assert list(drawn(session)) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_axis_says_its_unit(session: Any, name: str) -> None:
    chart = drawn(session)[name]
    assert chart.title
    assert chart.explanation
    assert chart.figure.xaxis.axis_label
    assert chart.figure.yaxis.axis_label
    units = ("UTC", ", s", "bps", "%", "USD", "size", "price")
    for axis in (chart.figure.xaxis, chart.figure.yaxis):
        assert any(unit in axis.axis_label for unit in units), axis.axis_label


def test_charts_over_time_share_their_axis(session: Any) -> None:
    found = drawn(session)
    ranges = {id(found[name].figure.x_range) for name in NAMES[:6]}
    assert len(ranges) == 1
    assert all(found[name].figure.window_axis == "x" for name in NAMES[:6])


def test_tooltips_show_a_missing_quote_as_a_dash(session: Any) -> None:
    tips = [tool for chart in drawn(session).values() for tool in chart.figure.select(HoverTool)]
    assert tips
    for tool in tips:
        asked = {part.split("{")[0] for part in tool.tooltips.split("@")[1:] if "{" in part.split("<")[0]}
        assert asked <= {name.lstrip("@") for name in tool.formatters}


def test_the_stack_is_in_the_data_and_its_ends_are_the_parts(session: Any) -> None:
    data = sources(drawn(session)["pnl"])[0]
    for part in ("capture", "inventory", "fees"):
        assert data[f"{part}_high"] - data[f"{part}_low"] == pytest.approx(np.abs(data[part]), abs=1e-5)
    assert data["fees_high"].max() <= 0  # paid: below zero all the way


def test_the_parts_are_stacked_in_single_precision_and_times_in_double(session: Any) -> None:
    data = sources(drawn(session)["price"])[0]
    assert data["t"].dtype == np.float64
    assert data["mid"].dtype == np.float32


def test_a_row_is_drawn_over_its_own_step_and_the_last_one_to_its_end(session: Any) -> None:
    played = session()
    played.mid(0.0, 100.0)
    played.mid(0.3, 101.0)
    played.mid(0.6, 99.0)
    ended = played.end(0.75)
    data = sources(next(iter(charts(ended, "USD", 1))))[0]
    seconds = data["t"] / 1e3 - 1_700_000_000
    assert seconds == pytest.approx([0.0, 0.25, 0.5, 0.625, 0.75], abs=1e-6)
    assert data["mid_low"].tolist() == [100.0, 100.0, 99.0, 99.0, 99.0]
    assert data["mid_high"].tolist() == [100.0, 101.0, 101.0, 99.0, 99.0]


@pytest.mark.parametrize(("low", "high"), [(7e-4, 140.0), (7e-5, 1.4e5), (0.7, 1.4), (3.0, 4.0)])
def test_ticks_of_a_log_axis_are_few_powers_of_ten(low: float, high: float) -> None:
    ticks = _decades(low, high)
    assert 1 <= len(ticks) <= 6
    assert all(low <= tick <= high for tick in ticks)


def test_fills_that_are_left_out_are_told(session: Any) -> None:
    chart = drawn(session, fills_shown=10)["price"]
    assert "10 of 40 fills are drawn" in chart.explanation
    shown = [data for data in sources(chart) if "capture" in data and "mid" not in data]
    assert sum(len(data["t"]) for data in shown) == 10


def test_error_bars_hold_their_means(session: Any) -> None:
    for name, middle in (("markout", "mean"), ("fill-ratio", "share")):
        for data in sources(drawn(session)[name]):
            assert (data["low"] <= data[middle]).all()
            assert (data[middle] <= data["high"]).all()


def test_a_trace_of_nothing_can_be_drawn(session: Any) -> None:
    empty = session().end(1.0)
    document, roots = document_json(charts(empty, "USD", 1))
    assert list(roots) == NAMES
    assert "NaN" not in json.dumps(document)


def test_ids_do_not_depend_on_what_was_drawn_before(session: Any) -> None:
    first = json.dumps(document_json(list(drawn(session).values())))
    document_json(list(drawn(session, fills_shown=3).values()))
    assert json.dumps(document_json(list(drawn(session).values()))) == first


def test_markouts_of_too_few_moments_are_not_drawn_but_said_to_be_missing(session: Any) -> None:
    found = {chart.name: chart for chart in charts(trace(session, fills=20), "USD", 1)}
    assert "Too few fills" in found["markout"].explanation
    assert all(len(data["mean"]) == 0 for data in sources(found["markout"]))
    assert "Too few fills" not in drawn(session)["pnl"].explanation


def shown(chart: Chart) -> list[Any]:
    """Everything of a figure that follows its trace."""
    figure = chart.figure
    spans = [each for each in figure.center if isinstance(each, Span)]
    ranges = [each for each in (figure.x_range, figure.y_range) if isinstance(each, Range1d)]
    return [
        [{name: list(values) for name, values in data.items()} for data in sources(chart)],
        [(each.start, each.end, each.bounds) for each in ranges],
        [(span.location, span.visible) for span in spans],
        list(getattr(figure.xaxis.ticker, "ticks", [])),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_chart_that_is_brought_up_to_date_is_one_that_is_drawn_anew(session: Any, name: str) -> None:
    played = session()
    played.mid(0.0, 100.0)
    early = {chart.name: chart for chart in charts(played.trace, "USD", 1)}
    for place in range(60):
        side = Side.BUY if place % 3 else Side.SELL
        played.fill(place + 0.1, side, 100.0 - side * 0.5, 0.05, 0.01)
        played.mid(place + 0.5, 100.0 + (place % 5) / 2)
    trace = played.end(300.0)
    for chart in early.values():
        chart.update()
    late = {chart.name: chart for chart in charts(trace, "USD", 1)}
    assert json.dumps(shown(early[name]), default=str) == json.dumps(shown(late[name]), default=str)
