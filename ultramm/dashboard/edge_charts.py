"""What the strategy believes of its market, against what it saw: edge and fills by depth."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, Range1d, Span, Whisker

from ultramm.analytics.report.figures import BUY, MUTED, PAPER, SELL, Chart, Legend, hover, new_figure
from ultramm.dashboard.live_charts import recolour
from ultramm.maker import EdgeStatus, MakerStatus

_CURVE_POINTS = 60
_SIDES = (("bid", "bids", BUY), ("ask", "asks", SELL))


class EdgeCharts:
    """Two charts of one maker, brought up to date with each status."""

    def __init__(self) -> None:
        self._across, self._edge_up, self._rate_up = Range1d(0.0, 1.0), Range1d(-1.0, 1.0), Range1d(0.1, 10.0)
        self._points = {side: ColumnDataSource(_rows([])) for side, _, _ in _SIDES}
        self._fits = {side: ColumnDataSource({"x": [], "rate": []}) for side, _, _ in _SIDES}
        self.charts = (self._edge(), self._intensity())
        for chart in self.charts:
            recolour(chart.figure)

    @staticmethod
    def can_show(maker: MakerStatus) -> bool:
        """Whether a depth was reached yet, by a strategy that looks."""
        return any(point.fills_per_s > 0.0 for point in (*maker.bid_edges, *maker.ask_edges))

    def _edge(self) -> Chart:
        plot = new_figure("edge", 300, "depth, bps", "edge of a fill, bps", x_range=self._across, y_range=self._edge_up)
        plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
        for side, name, colour in _SIDES:
            source = self._points[side]
            plot.line(x="x", y="edge", source=source, line_color=colour, line_width=1.5)
            points = plot.scatter(x="x", y="edge", source=source, size=7, fill_color=colour, line_color=PAPER)
            bars = Whisker(base="x", lower="low", upper="high", source=source, line_color=colour)
            for head in (bars.upper_head, bars.lower_head):
                head.size, head.line_color = 6, colour
            plot.add_layout(bars)
            rows = [(f"{name}, bps", "@depth{2}"), ("edge, bps", "@edge{3}"), ("± SE, bps", "@error{3}")]
            plot.add_tools(hover(rows, [points]))
        text = "What virtual quotes at each depth earned before fees, with one standard error; below zero: picked off."
        return Chart(
            "edge", "Edge by depth", text, tuple(Legend(name, colour) for _, name, colour in _SIDES), plot, 300
        )

    def _intensity(self) -> Chart:
        plot = new_figure(
            "intensity", 300, "depth, bps", "fills a minute", x_range=self._across, y_range=self._rate_up,
            y_axis_type="log",
        )  # fmt: skip
        legend = []
        for side, name, colour in _SIDES:
            points = plot.scatter(
                x="x", y="rate", source=self._points[side], size=7, fill_color=colour, line_color=PAPER
            )
            plot.line(x="x", y="rate", source=self._fits[side], line_color=colour, line_width=1.5, line_dash="dashed")
            plot.add_tools(hover([(f"{name}, bps", "@depth{2}"), ("fills a minute", "@rate{2}")], [points]))
            legend += [Legend(f"{name}, seen", colour, "up"), Legend("fitted", colour, "dash")]
        text = (
            "How often a quote at each depth would have been filled, and the exponential that the strategy quotes by."
        )
        return Chart("intensity", "Fills by depth", text, tuple(legend), plot, 300)

    def show(self, maker: MakerStatus) -> None:
        """Draw what the maker believes now."""
        edges, rates, depths = [0.0], [], [0.0]
        for shift, (side, _, _) in zip((-1.0, 1.0), _SIDES, strict=True):
            points = [point for point in getattr(maker, f"{side}_edges") if point.fills_per_s > 0.0]
            # Beside each other, not on top.
            step = 0.004 * shift * max((point.depth_bps for point in points), default=0.0)
            self._points[side].data = rows = _rows(points, step)
            edges += [value for name in ("low", "high", "edge") for value in rows[name] if math.isfinite(value)]
            rates += rows["rate"]
            depths += rows["depth"]
        for side, _, _ in _SIDES:
            self._fits[side].data = _fit(maker, side, max(depths))
        room = 0.1 * (max(edges) - min(edges)) or 1.0
        self._across.update(start=-0.03 * max(depths), end=1.05 * max(depths) or 1.0)
        self._edge_up.update(start=min(edges) - room, end=max(edges) + room)
        if rates:
            self._rate_up.update(start=0.5 * min(rates), end=2.0 * max(rates))


def _rows(points: Sequence[EdgeStatus], shift: float = 0.0) -> dict[str, list[float]]:
    edges = [math.nan if point.edge_bps is None else point.edge_bps for point in points]
    errors = [math.nan if point.error_bps is None else point.error_bps for point in points]
    return {
        "x": [point.depth_bps + shift for point in points],
        "depth": [point.depth_bps for point in points],
        "rate": [60.0 * point.fills_per_s for point in points],
        "edge": edges,
        "error": errors,
        "low": [edge - error for edge, error in zip(edges, errors, strict=True)],
        "high": [edge + error for edge, error in zip(edges, errors, strict=True)],
    }


def _fit(maker: MakerStatus, side: str, furthest: float) -> dict[str, list[float]]:
    """``A exp(-kappa depth)`` where the strategy tells of both."""
    arrivals, kappa = maker.effects.get(f"{side}_arrivals_per_s"), maker.effects.get("kappa_per_bps")
    if arrivals is None or kappa is None:
        return {"x": [], "rate": []}
    depths = np.linspace(0.0, furthest, _CURVE_POINTS)
    return {"x": depths.tolist(), "rate": (60.0 * arrivals * np.exp(-kappa * depths)).tolist()}
