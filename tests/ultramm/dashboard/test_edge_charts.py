"""Edge and fills by depth, as they are drawn."""

from __future__ import annotations

import math

import msgspec
import pytest
from journal_records import busy_maker

from ultramm.dashboard.edge_charts import EdgeCharts
from ultramm.maker import EdgeStatus, MakerStatus

BIDS = (
    EdgeStatus(depth_bps=1.0, fills_per_s=0.5, edge_bps=-0.4, error_bps=0.1),
    EdgeStatus(depth_bps=2.0, fills_per_s=0.1, edge_bps=0.6, error_bps=None),
    EdgeStatus(depth_bps=4.0, fills_per_s=0.0, edge_bps=None, error_bps=None),
)
ASKS = (EdgeStatus(depth_bps=1.0, fills_per_s=0.25, edge_bps=0.2, error_bps=0.2),)


def maker(**changes: object) -> MakerStatus:
    return msgspec.structs.replace(
        busy_maker().status(61_000_000_000), **({"bid_edges": BIDS, "ask_edges": ASKS} | changes)
    )


def data(charts: EdgeCharts, chart: int, name: str, kind: str) -> list[dict[str, list[float]]]:
    """What the renderers of one kind show, in their order."""
    return [
        {key: list(values) for key, values in renderer.data_source.data.items()}
        for renderer in charts.charts[chart].figure.renderers
        if type(renderer.glyph).__name__ == kind and renderer.glyph.y == name
    ]


def test_a_depth_that_was_reached_is_a_point_with_its_error() -> None:
    charts = EdgeCharts()
    charts.show(maker())
    bids, asks = data(charts, 0, "edge", "Scatter")
    assert (bids["depth"], bids["edge"]) == ([1.0, 2.0], [-0.4, 0.6])
    assert (bids["low"][0], bids["high"][0]) == pytest.approx((-0.5, -0.3))
    assert math.isnan(bids["low"][1])
    assert (asks["depth"], asks["rate"]) == ([1.0], [15.0])
    # Beside each other, so that neither hides the other's error.
    assert bids["x"][0] < asks["x"][0]


def test_everything_that_is_drawn_is_within_the_ranges() -> None:
    charts = EdgeCharts()
    charts.show(maker())
    edge, rate = (chart.figure for chart in charts.charts)
    assert edge.y_range.start < -0.5 < 0.6 < edge.y_range.end
    assert rate.y_range.start < 6.0 < 30.0 < rate.y_range.end
    assert edge.x_range.start < 1.0 < 2.0 < edge.x_range.end


def test_the_fit_is_the_exponential_that_the_strategy_tells_of() -> None:
    charts = EdgeCharts()
    charts.show(maker(effects={"bid_arrivals_per_s": 0.8, "kappa_per_bps": 0.7}))
    bids, asks = data(charts, 1, "rate", "Line")
    assert bids["x"][0] == 0.0
    assert bids["rate"][0] == pytest.approx(48.0)
    assert bids["rate"][-1] == pytest.approx(48.0 * math.exp(-0.7 * bids["x"][-1]))
    assert asks["rate"] == []


def test_before_anything_was_reached_there_is_nothing_to_show() -> None:
    assert not EdgeCharts.can_show(maker(bid_edges=BIDS[2:], ask_edges=()))
    assert EdgeCharts.can_show(maker())
