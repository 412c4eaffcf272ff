"""Figures in the style of the page, and a document of them as JSON that is the same each time."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import msgspec
import numpy as np
from bokeh.document import Document
from bokeh.models import (
    BoxZoomTool,
    CrosshairTool,
    CustomJSHover,
    DatetimeTickFormatter,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    Span,
    WheelZoomTool,
)
from bokeh.plotting import figure

from ultramm.analytics.report.series import Floats

# Stand-ins that the page replaces by the colours of its light or dark scheme: a canvas knows no CSS.
INK, MUTED, GRID, PAPER = "#000001", "#000002", "#000003", "#000004"
BUY, SELL = "#1aa37a", "#e4572e"
CAPTURE, INVENTORY, FEES = "#4a90d9", "#a275d6", "#d3a02c"
MARKET = "#7188ab"


class Legend(msgspec.Struct, frozen=True):
    """What a colour stands for; `mark` is "line", "area", "up", "down" or "dash"."""

    text: str
    colour: str
    mark: str = "line"


class Chart(msgspec.Struct, frozen=True):
    """A figure with what is written around it; `update` draws it of what its trace has become since."""

    name: str
    title: str
    explanation: str
    legend: tuple[Legend, ...]
    figure: Any
    height: int
    wide: bool = True
    update: Callable[[], None] = lambda: None


def new_figure(name: str, height: int, x_label: str, y_label: str, **kwargs: Any) -> Any:
    """An empty figure in the style of the page."""
    zoom = BoxZoomTool(dimensions="width")
    plot = figure(
        name=name,
        height=height,
        sizing_mode="stretch_width",
        tools=[zoom, PanTool(dimensions="width"), WheelZoomTool(dimensions="width"), ResetTool(), SaveTool()],
        active_drag=zoom,
        active_scroll=None,
        toolbar_location="above",
        x_axis_label=x_label,
        y_axis_label=y_label,
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        min_border_left=60,
        min_border_top=8,
        min_border_right=14,
        **kwargs,
    )
    plot.toolbar.logo = None
    plot.toolbar.autohide = True
    plot.grid.grid_line_color = GRID
    for axis in plot.axis:
        axis.axis_line_color = axis.major_tick_line_color = GRID
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = MUTED
        axis.major_label_text_font_size = axis.axis_label_text_font_size = "12px"
        axis.axis_label_text_font_style = "normal"
        axis.major_label_text_font = axis.axis_label_text_font = "system-ui, sans-serif"
    plot.xgrid.grid_line_color = None
    plot.xaxis.ticker.desired_num_ticks = 6
    plot.yaxis.ticker.desired_num_ticks = max(3, height // 55)
    return plot


def with_some_range(plot: Any, known: Callable[[], bool]) -> Callable[[], None]:
    """Without a value Bokeh finds no range, and would not even draw the axes; gives what finds one later."""
    found = plot.y_range

    def update() -> None:
        there = known()
        if there != (plot.y_range is found):
            plot.y_range = found if there else Range1d(0, 1)

    update()
    return update


# A value that is missing, such as a quote on a side where we have none, is a dash; {n} asks for n digits.
_NUMBER = """
if (!Number.isFinite(value)) return "\u2013";
const digits = Number(format);
return value.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
"""


def hover(rows: Sequence[tuple[str, str]], renderers: list[Any], *, times: str = "", mode: str = "mouse") -> HoverTool:
    """Tooltips of ``(label, "@column{digits}")``; `times` is the column shown as a time."""
    names = re.findall(r"@(\w+)\{\d+\}", " ".join(text for _, text in rows))
    formatters: dict[str, Any] = {f"@{name}": CustomJSHover(code=_NUMBER) for name in names}
    shown = list(rows)
    if times:
        formatters[f"@{times}"] = "datetime"
        shown.insert(0, ("time", f"@{times}{{%F %T.%3N}}"))
    lines = "".join(
        '<div style="display:flex;justify-content:space-between;gap:16px">'
        f'<span style="color:{MUTED}">{escape(label)}</span>'
        f'<span style="font-variant-numeric:tabular-nums">{text}</span></div>'
        for label, text in shown
    )
    content = f'<div style="font:12px/1.5 system-ui,sans-serif;color:{INK};padding:2px 4px">{lines}</div>'
    return HoverTool(
        tooltips=content, formatters=formatters, renderers=renderers, mode=mode, point_policy="follow_mouse"
    )


def digits_of(values: Floats) -> int:
    """Decimals that show four significant figures of the largest value."""
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if len(finite) else 0.0
    return 2 if largest == 0 else max(0, min(10, 3 - math.floor(math.log10(largest))))


def fixed(digits: int) -> str:
    """Tick labels with so many decimals."""
    return "0,0" + ("." + "0" * digits if digits else "")


def ticks_of(values: Floats) -> str:
    """Short tick labels for these values: no more decimals than there are, and 500k for 500,000."""
    finite = values[np.isfinite(values)]
    if len(finite) and np.abs(finite).max() >= 1e5:
        return "0.[00]a"
    digits = digits_of(values)
    return "0,0" + (f".[{'0' * digits}]" if digits else "")


class TimeAxis:
    """The x axis that charts over time share, and a crosshair that shows in all of them.

    Parameters
    ----------
    times : array
        When there is something to draw, milliseconds since the epoch, ascending.
    widest : int
        Characters of the widest label of the charts' other axes.
    """

    def __init__(self, times: Floats, widest: int = 8) -> None:
        self._left = max(92, 36 + 7 * widest)
        self.opens_inside = False
        self.range = Range1d()
        self.show(times)
        self.crosshair = Span(dimension="height", line_color=MUTED, line_dash="dotted", line_width=1)

    def show(self, times: Floats) -> None:
        """Show all the time there is; it opens where most happened when that is a small part, as of a night session."""
        first, last = (float(times[0]), float(times[-1])) if len(times) else (0.0, 1.0)
        margin = 0.01 * (last - first) or 1.0
        all_time = (first - margin, last + margin)
        low, high = (float(time) for time in np.quantile(times, [0.01, 0.99])) if len(times) else all_time
        start, end = all_time
        if 3 * (high - low) < last - first:
            self.opens_inside = True
            margin = 0.03 * (high - low)
            start, end = low - margin, min(high + margin, end)
        self.range.update(start=start, end=end, bounds=all_time, reset_start=all_time[0], reset_end=all_time[1])

    def figure(self, name: str, height: int, label: str, tick_format: str) -> Any:
        """An empty figure on this axis."""
        plot = new_figure(name, height, "time, UTC", label, x_axis_type="datetime", x_range=self.range, window_axis="x")
        plot.min_border_left = self._left  # the same for all, so that one moment is in one place
        plot.xaxis.formatter = DatetimeTickFormatter(
            microseconds="%H:%M:%S.%f",
            milliseconds="%H:%M:%S.%3N",
            seconds="%H:%M:%S",
            minsec="%H:%M:%S",
            minutes="%H:%M",
            hourmin="%H:%M",
            hours="%H:%M",
            days="%d %b",
            months="%b %Y",
        )
        plot.yaxis.formatter = NumeralTickFormatter(format=tick_format)
        plot.add_tools(CrosshairTool(overlay=self.crosshair))
        return plot


# -- as JSON ---------------------------------------------------------------------------------------------------


def document_json(shown: Sequence[Chart]) -> tuple[dict[str, Any], dict[str, str]]:
    """A document of the charts, and the id of each chart's root; ids count from 1, whatever was drawn before."""
    document = Document()
    for chart in shown:
        document.add_root(chart.figure)
    plain: dict[str, Any] = document.to_json(deferred=False)
    ids: dict[str, str] = {}
    renamed = _renamed(plain, ids)
    return renamed, {chart.name: ids[chart.figure.id] for chart in shown}


def _renamed(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: ids.setdefault(item, f"m{len(ids) + 1}") if key == "id" else _renamed(item, ids)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_renamed(item, ids) for item in value]
    return value
