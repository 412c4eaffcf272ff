"""The charts of one maker, in Bokeh, and a document of them as JSON that is the same each time."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from bokeh.document import Document
from bokeh.models import (
    ColumnDataSource,
    CrosshairTool,
    CustomJSHover,
    DatetimeTickFormatter,
    FixedTicker,
    HoverTool,
    NumeralTickFormatter,
    PanTool,
    Range1d,
    ResetTool,
    SaveTool,
    Span,
    WheelZoomTool,
    Whisker,
    BoxZoomTool,
)
from bokeh.plotting import figure

from ultramm.analytics.report.series import Floats, stacked, thinned
from ultramm.analytics.report.trace import CURVE_S, Trace
from ultramm.analytics.report.uncertainty import Z95
from ultramm.market import Side

# Stand-ins that the page replaces by the colours of its light or dark scheme: a canvas knows no CSS.
INK, MUTED, GRID, PAPER = "#000001", "#000002", "#000003", "#000004"
BUY, SELL = "#1aa37a", "#e4572e"
CAPTURE, INVENTORY, FEES = "#4a90d9", "#a275d6", "#d3a02c"

_SHOWN_FILLS = 3_000


class Legend(msgspec.Struct, frozen=True):
    """What a colour stands for; `mark` is "line", "area", "up", "down" or "dash"."""

    text: str
    colour: str
    mark: str = "line"


class Chart(msgspec.Struct, frozen=True):
    """A figure with what is written around it."""

    name: str
    title: str
    explanation: str
    legend: tuple[Legend, ...]
    figure: Any
    height: int
    wide: bool = True


def charts(trace: Trace, currency: str, precision: int, fills_shown: int = _SHOWN_FILLS) -> list[Chart]:
    """Every chart of one maker; those over time share their x axis."""
    time = _Time(trace)
    return [
        _price(trace, time, precision, fills_shown),
        _inventory(trace, time),
        _pnl(time, currency),
        _drawdown(time, currency),
        _spread(time),
        _volatility(time),
        _markout(trace),
        _fill_ratio(trace),
        _waits(trace),
    ]


# -- the parts that charts share -------------------------------------------------------------------------------


class _Time:
    """The rows of a trace as one data source, and the x axis and the crosshair that all its charts share."""

    def __init__(self, trace: Trace) -> None:
        series = trace.series
        times = series.times_ns() / 1e6
        names = ["mid", "mid_low", "mid_high", "bid", "ask", "position", "position_low", "position_high"]
        names += ["capture", "inventory", "fees", "total", "drawdown", "sigma_bps"]
        columns: dict[str, Floats] = {name: series.column(name) for name in names}
        columns["spread_bps"] = trace.spread_bps()
        columns["under"] = 0.0 - columns.pop("drawdown")
        parts = ("capture", "inventory", "fees")
        for part, (low, high) in zip(parts, stacked([columns[part] for part in parts]), strict=True):
            columns[f"{part}_low"], columns[f"{part}_high"] = low, high
        data = {"t": times} | {name: values.astype(np.float32) for name, values in columns.items()}
        self.source = ColumnDataSource(data)
        self.step_s = series.step_ns / 1e9
        self.first, self.last = (float(times[0]), float(times[-1])) if len(times) else (0.0, 1.0)
        margin = 0.01 * (self.last - self.first) or 1.0
        self.range = Range1d(self.first - margin, self.last + margin, bounds=(self.first - margin, self.last + margin))
        self.crosshair = Span(dimension="height", line_color=MUTED, line_dash="dotted", line_width=1)

    def figure(self, name: str, height: int, label: str, tick_format: str) -> Any:
        plot = _figure(name, height, "time, UTC", label, x_axis_type="datetime", x_range=self.range, window_axis="x")
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


def _figure(name: str, height: int, x_label: str, y_label: str, **kwargs: Any) -> Any:
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
        min_border_left=74,
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


# A value that is missing, such as a quote on a side where we have none, is a dash; {n} asks for n digits.
_NUMBER = """
if (!Number.isFinite(value)) return "–";
const digits = Number(format);
return value.toLocaleString("en-US", {minimumFractionDigits: digits, maximumFractionDigits: digits});
"""


def _hover(rows: Sequence[tuple[str, str]], renderers: list[Any], *, times: str = "", mode: str = "mouse") -> HoverTool:
    """Tooltips of ``(label, "@column{digits}")``; `times` is the column shown as a time."""
    names = re.findall(r"@(\w+)\{\d+\}", " ".join(text for _, text in rows))
    formatters: dict[str, Any] = {f"@{name}": CustomJSHover(code=_NUMBER) for name in names}
    shown = list(rows)
    if times:
        formatters[f"@{times}"] = "datetime"
        shown.insert(0, ("time", f"@{times}{{%F %T.%3N}}"))
    lines = "".join(
        f'<div style="display:flex;justify-content:space-between;gap:16px"><span style="color:{MUTED}">{label}</span>'
        f'<span style="font-variant-numeric:tabular-nums">{text}</span></div>'
        for label, text in shown
    )
    content = f'<div style="font:12px/1.5 system-ui,sans-serif;color:{INK};padding:2px 4px">{lines}</div>'
    return HoverTool(
        tooltips=content, formatters=formatters, renderers=renderers, mode=mode, point_policy="follow_mouse"
    )


def _digits(values: Floats) -> int:
    """Decimals that show four significant figures of the largest value."""
    finite = values[np.isfinite(values)]
    largest = float(np.abs(finite).max()) if len(finite) else 0.0
    return 2 if largest == 0 else max(0, min(10, 3 - math.floor(math.log10(largest))))


def _numeral(digits: int) -> str:
    return "0,0" + ("." + "0" * digits if digits else "")


# -- over time -------------------------------------------------------------------------------------------------


def _price(trace: Trace, time: _Time, precision: int, limit: int) -> Chart:
    plot = time.figure("price", 380, "price", _numeral(precision))
    source = time.source
    plot.varea_step(
        x="t", y1="mid_low", y2="mid_high", source=source, step_mode="after", fill_color=MUTED, fill_alpha=0.25
    )
    for name, colour in (("bid", BUY), ("ask", SELL)):
        plot.step(x="t", y=name, source=source, mode="after", line_color=colour, line_width=1.3, line_alpha=0.9)
    mid = plot.step(x="t", y="mid", source=source, mode="after", line_color=INK, line_width=1.2)
    rows = [("mid", f"@mid{{{precision + 1}}}"), ("our bid", f"@bid{{{precision}}}")]
    rows += [("our ask", f"@ask{{{precision}}}"), ("spread, bps", "@spread_bps{3}")]
    plot.add_tools(_hover(rows, [mid], times="t", mode="vline"))
    shown = thinned(len(trace.fills), limit)
    legend = [Legend("mid", INK), Legend("our best bid", BUY), Legend("our best ask", SELL)]
    for side, marker, colour in ((Side.BUY, "triangle", BUY), (Side.SELL, "inverted_triangle", SELL)):
        fills = [trace.fills[i] for i in shown if trace.fills[i].fill.side is side]
        renderer = plot.scatter(
            x="t", y="price", source=_fills(fills), marker=marker, size=9, fill_color=colour, line_color=PAPER
        )
        verb = "bought" if side is Side.BUY else "sold"
        rows = [(verb, "@size"), ("price", f"@price{{{precision}}}"), ("capture, bps", "@capture{3}")]
        rows += [("fee", "@fee{4}"), ("inventory after", "@position")]
        plot.add_tools(_hover(rows, [renderer], times="t"))
        legend.append(Legend(verb, colour, "up" if side is Side.BUY else "down"))
    few = f" {len(shown):,} of {len(trace.fills):,} fills are drawn." if len(shown) < len(trace.fills) else ""
    text = f"Where the market was, where we stood, and what traded. A point is the end of {time.step_s:g} s.{few}"
    return Chart("price", "Price, quotes and fills", text, tuple(legend), plot, 380)


def _fills(fills: list[Any]) -> ColumnDataSource:
    def column(values: list[float]) -> Any:
        return np.array(values, dtype=np.float32)

    return ColumnDataSource(
        {
            "t": np.array([f.fill.ts_ns / 1e6 for f in fills]),
            "price": column([f.fill.price for f in fills]),
            "size": column([f.fill.size for f in fills]),
            "fee": column([f.fill.fee for f in fills]),
            "position": column([f.position for f in fills]),
            "capture": column([1e4 * f.fill.side * (f.mid - f.fill.price) / f.fill.price for f in fills]),
        }
    )


def _inventory(trace: Trace, time: _Time) -> Chart:
    digits = trace.score.instrument.size_precision
    plot = time.figure("inventory", 200, "inventory, size", _numeral(digits))
    plot.varea_step(
        x="t",
        y1="position_low",
        y2="position_high",
        source=time.source,
        step_mode="after",
        fill_color=INVENTORY,
        fill_alpha=0.3,
    )
    line = plot.step(x="t", y="position", source=time.source, mode="after", line_color=INVENTORY, line_width=1.5)
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    legend = [Legend("inventory", INVENTORY)]
    text = "Signed position after each fill; it should come back to zero, and not rest at a limit."
    if math.isfinite(trace.max_position):
        for limit in (trace.max_position, -trace.max_position):
            plot.add_layout(Span(location=limit, dimension="width", line_color=SELL, line_dash="dashed", line_width=1))
        room = 1.12 * trace.max_position
        plot.y_range = Range1d(-room, room)
        legend.append(Legend("limit", SELL, "dash"))
    rows = [("inventory", f"@position{{{digits}}}"), ("lowest", f"@position_low{{{digits}}}")]
    rows.append(("highest", f"@position_high{{{digits}}}"))
    plot.add_tools(_hover(rows, [line], times="t", mode="vline"))
    return Chart("inventory", "Inventory", text, tuple(legend), plot, 200)


def _pnl(time: _Time, currency: str) -> Chart:
    data = time.source.data
    digits = _digits(np.concatenate([data[name] for name in ("capture", "inventory", "fees", "total")]))
    plot = time.figure("pnl", 300, f"P&L, {currency}", _numeral(digits))
    parts = (("capture", "spread capture", CAPTURE), ("inventory", "inventory", INVENTORY), ("fees", "fees", FEES))
    for name, _, colour in parts:
        plot.varea_step(
            x="t",
            y1=f"{name}_low",
            y2=f"{name}_high",
            source=time.source,
            step_mode="after",
            fill_color=colour,
            fill_alpha=0.55,
        )
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    line = plot.step(x="t", y="total", source=time.source, mode="after", line_color=INK, line_width=2)
    rows = [("P&L", f"@total{{{digits}}}"), *((text, f"@{name}{{{digits}}}") for name, text, _ in parts)]
    plot.add_tools(_hover(rows, [line], times="t", mode="vline"))
    legend = (Legend("P&L", INK), *(Legend(text, colour, "area") for _, text, colour in parts))
    explanation = "Where the money came from: gains are stacked above zero, losses below, and the line is their sum."
    return Chart("pnl", "P&L and its parts", explanation, legend, plot, 300)


def _drawdown(time: _Time, currency: str) -> Chart:
    digits = _digits(time.source.data["under"])
    plot = time.figure("drawdown", 170, f"drawdown, {currency}", _numeral(digits))
    plot.varea_step(x="t", y1="under", y2=0, source=time.source, step_mode="after", fill_color=SELL, fill_alpha=0.3)
    line = plot.step(x="t", y="under", source=time.source, mode="after", line_color=SELL, line_width=1.2)
    plot.add_tools(_hover([("below the peak", f"@under{{{digits}}}")], [line], times="t", mode="vline"))
    text = "How far the P&L is below its highest so far; the deepest point within each step is drawn."
    return Chart("drawdown", "Drawdown", text, (Legend("below the peak", SELL, "area"),), plot, 170)


def _spread(time: _Time) -> Chart:
    plot = time.figure("spread", 170, "spread, bps", _numeral(_digits(time.source.data["spread_bps"])))
    line = plot.step(x="t", y="spread_bps", source=time.source, mode="after", line_color=CAPTURE, line_width=1.2)
    plot.add_tools(_hover([("spread, bps", "@spread_bps{4}")], [line], times="t", mode="vline"))
    text = "Best ask less best bid of the market over its mid, averaged over the time of each step."
    return Chart("spread", "The market's spread", text, (Legend("spread", CAPTURE),), plot, 170)


def _volatility(time: _Time) -> Chart:
    plot = time.figure("volatility", 170, "volatility, bps/√s", _numeral(_digits(time.source.data["sigma_bps"])))
    line = plot.step(x="t", y="sigma_bps", source=time.source, mode="after", line_color=FEES, line_width=1.4)
    plot.add_tools(_hover([("bps/√s", "@sigma_bps{4}")], [line], times="t", mode="vline"))
    text = "Of the mid sampled each second, exponentially weighted over 30 s: what a quote risks while it rests."
    return Chart("volatility", "The market's volatility", text, (Legend("volatility", FEES),), plot, 170)


# -- distributions ---------------------------------------------------------------------------------------------


def _markout(trace: Trace) -> Chart:
    plot = _figure("markout", 300, "time after the fill, s", "markout, bps", x_axis_type="log")
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    capture = trace.capture_bps()
    if capture is not None:
        plot.add_layout(Span(location=capture.value, dimension="width", line_color=CAPTURE, line_dash="dashed"))
    # Beside each other, not on top.
    for side, name, colour, shift in (
        (None, "all", INK, 1.0),
        (Side.BUY, "bought", BUY, 0.94),
        (Side.SELL, "sold", SELL, 1.065),
    ):
        found = [(horizon, trace.markout(horizon, side)) for horizon in CURVE_S]
        means = [(horizon * shift, horizon, mean) for horizon, mean in found if mean is not None]
        errors = [math.nan if mean.standard_error is None else Z95 * mean.standard_error for _, _, mean in means]
        values = [mean.value for _, _, mean in means]
        source = ColumnDataSource(
            {
                "x": np.array([x for x, _, _ in means]),
                "horizon": [f"{horizon:g} s" for _, horizon, _ in means],
                "mean": np.array(values),
                "error": np.array(errors),
                "low": np.array(values) - np.array(errors),
                "high": np.array(values) + np.array(errors),
                "fills": np.array([mean.count for _, _, mean in means]),
                "clusters": np.array([mean.clusters for _, _, mean in means]),
            }
        )
        width, alpha = (2.0, 1.0) if side is None else (1.2, 0.75)
        plot.line(x="x", y="mean", source=source, line_color=colour, line_width=width, line_alpha=alpha)
        whisker = Whisker(
            base="x", lower="low", upper="high", source=source, line_color=colour, line_width=width, line_alpha=alpha
        )
        whisker.upper_head.size = whisker.lower_head.size = 6
        whisker.upper_head.line_color = whisker.lower_head.line_color = colour
        plot.add_layout(whisker)
        points = plot.scatter(x="x", y="mean", source=source, size=6, color=colour, alpha=alpha)
        rows = [("after", "@horizon"), (f"markout, {name}", "@mean{3}"), ("± 1.96 SE", "@error{3}")]
        plot.add_tools(_hover([*rows, ("fills", "@fills{0}"), ("clusters", "@clusters{0}")], [points]))
    plot.xaxis.ticker = FixedTicker(ticks=[0.1, 0.3, 1, 3, 10, 30, 100, 300])
    plot.xaxis.formatter = NumeralTickFormatter(format="0.[0]")
    legend = (Legend("all", INK), Legend("bought", BUY), Legend("sold", SELL), Legend("at the fill", CAPTURE, "dash"))
    text = "What fills were worth later, against the mid; below zero the market moved against them (adverse selection)."
    return Chart("markout", "Markout", text, legend, plot, 300, wide=False)


def _fill_ratio(trace: Trace) -> Chart:
    ratios = trace.lives.fill_ratios()
    labels = [f"{ratio.from_bps:g} – {ratio.to_bps:g}" for ratio in ratios]
    intervals = [ratio.interval for ratio in ratios]
    source = ColumnDataSource(
        {
            "range": labels,
            "from": np.array([ratio.from_bps for ratio in ratios]),
            "to": np.array([ratio.to_bps for ratio in ratios]),
            "middle": np.array([(ratio.from_bps + ratio.to_bps) / 2 for ratio in ratios]),
            "share": np.array([100 * ratio.share for ratio in ratios]),
            "low": np.array([100 * low for low, _ in intervals]),
            "high": np.array([100 * high for _, high in intervals]),
            "accepted": np.array([ratio.accepted for ratio in ratios]),
            "filled": np.array([ratio.filled for ratio in ratios]),
        }
    )
    plot = _figure("fill-ratio", 300, "distance from the mid when sent, bps", "filled, %")
    bars = plot.quad(
        left="from",
        right="to",
        top="share",
        bottom=0,
        source=source,
        fill_color=CAPTURE,
        fill_alpha=0.6,
        line_color=PAPER,
    )
    whisker = Whisker(base="middle", lower="low", upper="high", source=source, line_color=INK)
    whisker.upper_head.size = whisker.lower_head.size = 6
    whisker.upper_head.line_color = whisker.lower_head.line_color = INK
    plot.add_layout(whisker)
    plot.text(
        x="middle",
        y="high",
        text="accepted",
        source=source,
        text_color=MUTED,
        text_align="center",
        text_baseline="bottom",
        text_font_size="11px",
        y_offset=-3,
    )
    plot.y_range.start = 0
    rows = [
        ("bps from the mid", "@range"),
        ("accepted", "@accepted{0}"),
        ("filled", "@filled{0}"),
        ("share, %", "@share{1}"),
    ]
    plot.add_tools(_hover([*rows, ("95 % from", "@low{1}"), ("to", "@high{1}")], [bars]))
    legend = (Legend("filled, with Wilson's 95 % interval", CAPTURE, "area"),)
    text = "Of the orders placed that far from the mid, how many traded. The number above is how many there were."
    return Chart("fill-ratio", "Fill ratio by distance", text, legend, plot, 300, wide=False)


def _waits(trace: Trace) -> Chart:
    lives = trace.lives
    plot = _figure("waits", 300, "time since accepted, s", "share of orders, %", x_axis_type="log")
    legend = []
    for histogram, name, colour in ((lives.until_fill, "filled", BUY), (lives.until_cancel, "cancelled", MUTED)):
        seconds, shares = histogram.shares()
        source = ColumnDataSource({"x": seconds, "share": 100 * shares})
        line = plot.step(x="x", y="share", source=source, mode="after", line_color=colour, line_width=2)
        rows = [(f"{name} within, s", "@x{3}"), ("share, %", "@share{1}")]
        plot.add_tools(_hover(rows, [line]))
        median = histogram.quantile(0.5)
        middle = "" if median is None else f", median {median:.2g} s"
        legend.append(Legend(f"{name} ({histogram.count:,}{middle})", colour))
    plot.y_range = Range1d(0, 102)
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0.[000]")
    text = "How long orders waited for their first fill; of those without one, how long they stood until their cancel."
    return Chart("waits", "Time in the queue", text, tuple(legend), plot, 300, wide=False)


# -- as JSON ---------------------------------------------------------------------------------------------------


def document_json(shown: Sequence[Chart]) -> tuple[dict[str, Any], dict[str, str]]:
    """A document of the charts, and the id of each chart's root; ids count from 1, whatever was drawn before."""
    document = Document()
    for chart in shown:
        document.add_root(chart.figure)
    plain: dict[str, Any] = document.to_json(deferred=False)  # type: ignore[assignment]
    ids: dict[str, str] = {}
    renamed = _renamed(plain, ids)
    return renamed, {chart.name: ids[chart.figure.id] for chart in shown}


def _renamed(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: ids.setdefault(item, f"m{len(ids) + 1}") if key == "id" else _renamed(item, ids)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_renamed(item, ids) for item in value]
    return value
