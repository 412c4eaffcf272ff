"""The charts of one maker, in Bokeh."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource, FixedTicker, NumeralTickFormatter, Range1d, Span, Whisker

from ultramm.analytics.report.effect_charts import effect_charts
from ultramm.analytics.report.figures import (
    BUY,
    CAPTURE,
    FEES,
    INK,
    INVENTORY,
    MARKET,
    MUTED,
    PAPER,
    SELL,
    Chart,
    Legend,
    TimeAxis,
    digits_of,
    fixed,
    hover,
    new_figure,
    ticks_of,
    with_some_range,
)
from ultramm.analytics.report.lives import LogHistogram
from ultramm.analytics.report.series import Floats, stacked, thinned
from ultramm.analytics.report.trace import CURVE_S, Trace
from ultramm.analytics.report.uncertainty import Z95
from ultramm.market import Side

_SHOWN_FILLS = 3_000


def charts(trace: Trace, currency: str, precision: int, fills_shown: int = _SHOWN_FILLS) -> list[Chart]:
    """Every chart of one maker; those over time share their x axis, which `Chart.update` of the first brings on."""
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
        *effect_charts(trace, time),
    ]


class _Time(TimeAxis):
    """The rows of a trace as one data source, on one axis."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        columns = self._columns()
        digits = trace.score.instrument.price_precision
        widest = max((len(f"{mid:,.{digits}f}") for mid in columns["mid"]), default=8)
        super().__init__(columns["t"], widest)
        self.source = ColumnDataSource(columns)
        self.step_s = trace.series.step_ns / 1e9

    def update(self) -> None:
        """Bring rows and axis to what the trace has become."""
        columns = self._columns()
        self.show(columns["t"])
        self.source.data = columns

    def _columns(self) -> dict[str, Floats]:
        series = self._trace.series
        names = ["mid", "mid_low", "mid_high", "bid", "ask", "position", "position_low", "position_high"]
        names += ["capture", "inventory", "fees", "total", "drawdown", "sigma_bps"]
        columns: dict[str, Floats] = {name: series.column(name) for name in names}
        columns["spread_bps"] = self._trace.spread_bps()
        columns["under"] = 0.0 - columns.pop("drawdown")
        parts = ("capture", "inventory", "fees")
        for part, (low, high) in zip(parts, stacked([columns[part] for part in parts]), strict=True):
            columns[f"{part}_low"], columns[f"{part}_high"] = low, high
        # Bokeh writes NaN into a tooltip without asking its formatter; infinity it leaves to it.
        for name in ("bid", "ask", "spread_bps", "sigma_bps"):
            columns[f"{name}_tip"] = np.where(np.isnan(columns[name]), np.inf, columns[name])
        # A row is drawn from where its step begins, and the last one to its end.
        ends = series.times_ns()
        times = np.append(ends - series.step_ns, ends[-1:]) / 1e6
        # Single precision is plenty for a picture, and half the size.
        return {"t": times} | {
            name: np.append(values, values[-1:]).astype(np.float32) for name, values in columns.items()
        }


# -- over time -------------------------------------------------------------------------------------------------


def _price(trace: Trace, time: _Time, precision: int, limit: int) -> Chart:
    plot = time.figure("price", 380, "price", fixed(precision))
    source = time.source
    plot.varea_step(
        x="t", y1="mid_low", y2="mid_high", source=source, step_mode="after", fill_color=MUTED, fill_alpha=0.25
    )
    for name, colour in (("bid", BUY), ("ask", SELL)):
        plot.step(x="t", y=name, source=source, mode="after", line_color=colour, line_width=1.3, line_alpha=0.9)
    mid = plot.step(x="t", y="mid", source=source, mode="after", line_color=INK, line_width=1.2)
    rows = [("mid", f"@mid{{{precision + 1}}}"), ("our bid", f"@bid_tip{{{precision}}}")]
    rows += [("our ask", f"@ask_tip{{{precision}}}"), ("spread, bps", "@spread_bps_tip{3}")]
    plot.add_tools(hover(rows, [mid], times="t", mode="vline"))
    shown = thinned(len(trace.fills), limit)
    sizes = trace.score.instrument.size_precision
    legend = [Legend("mid", INK), Legend("our best bid", BUY), Legend("our best ask", SELL)]
    traded = {side: ColumnDataSource(_fills(trace, side, limit)) for side in Side}
    for side, marker, colour in ((Side.BUY, "triangle", BUY), (Side.SELL, "inverted_triangle", SELL)):
        renderer = plot.scatter(
            x="t",
            y="price",
            source=traded[side],
            marker=marker,
            size=8 if len(trace.fills) <= 500 else 6,
            fill_color=colour,
            line_color=PAPER,
            line_width=0.5,
        )
        verb = "bought" if side is Side.BUY else "sold"
        rows = [(verb, f"@size{{{sizes}}}"), ("price", f"@price{{{precision}}}"), ("capture, bps", "@capture{3}")]
        rows += [("fee", "@fee{4}"), ("inventory after", f"@position{{{sizes}}}")]
        plot.add_tools(hover(rows, [renderer], times="t"))
        legend.append(Legend(verb, colour, "up" if side is Side.BUY else "down"))
    few = f" {len(shown):,} of {len(trace.fills):,} fills are drawn." if len(shown) < len(trace.fills) else ""
    inside = " It opens where most happened; reset shows all." if time.opens_inside else ""
    text = f"Where the market was, where we stood, and what traded, in steps of {time.step_s:g} s.{few}{inside}"

    def update() -> None:
        time.update()
        for side, source in traded.items():
            source.data = _fills(trace, side, limit)

    return Chart("price", "Price, quotes and fills", text, tuple(legend), plot, 380, update=update)


def _fills(trace: Trace, side: Side, limit: int) -> dict[str, Floats]:
    """Those of one side, thinned together with the other's."""
    shown = (trace.fills[place] for place in thinned(len(trace.fills), limit))
    fills = [each for each in shown if each.fill.side is side]

    def column(values: list[float]) -> Any:
        return np.array(values, dtype=np.float32)

    return {
        "t": np.array([f.fill.ts_ns / 1e6 for f in fills]),
        "price": column([f.fill.price for f in fills]),
        "size": column([f.fill.size for f in fills]),
        "fee": column([f.fill.fee for f in fills]),
        "position": column([f.position for f in fills]),
        "capture": column([1e4 * f.fill.side * (f.mid - f.fill.price) / f.fill.price for f in fills]),
    }


def _shown_inventory(trace: Trace, time: _Time) -> Floats:
    """What the chart of the inventory has to make room for."""
    positions = np.concatenate([time.source.data["position_low"], time.source.data["position_high"]])
    return np.append(positions, trace.max_position)


def _inventory(trace: Trace, time: _Time) -> Chart:
    digits = trace.score.instrument.size_precision
    plot = time.figure("inventory", 200, "inventory, size", ticks_of(_shown_inventory(trace, time)))
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
    plot.add_tools(hover(rows, [line], times="t", mode="vline"))
    return Chart("inventory", "Inventory", text, tuple(legend), plot, 200)


def _pnl(time: _Time, currency: str) -> Chart:
    data = time.source.data
    values = np.concatenate([data[name] for name in ("capture", "inventory", "fees", "total")])
    digits = digits_of(values)
    plot = time.figure("pnl", 300, f"P&L, {currency}", ticks_of(values))
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
    plot.add_tools(hover(rows, [line], times="t", mode="vline"))
    legend = (Legend("P&L", INK), *(Legend(text, colour, "area") for _, text, colour in parts))
    explanation = "Where the money came from: gains are stacked above zero, losses below, and the line is their sum."
    return Chart("pnl", "P&L and its parts", explanation, legend, plot, 300)


def _drawdown(time: _Time, currency: str) -> Chart:
    digits = digits_of(time.source.data["under"])
    plot = time.figure("drawdown", 190, f"drawdown, {currency}", ticks_of(time.source.data["under"]))
    plot.varea_step(x="t", y1="under", y2=0, source=time.source, step_mode="after", fill_color=SELL, fill_alpha=0.3)
    line = plot.step(x="t", y="under", source=time.source, mode="after", line_color=SELL, line_width=1.2)
    plot.add_tools(hover([("below the peak", f"@under{{{digits}}}")], [line], times="t", mode="vline"))
    text = "How far the P&L is below its highest so far; the deepest point within each step is drawn."
    return Chart("drawdown", "Drawdown", text, (Legend("below the peak", SELL, "area"),), plot, 190)


def _spread(time: _Time) -> Chart:
    plot = time.figure("spread", 190, "spread, bps", ticks_of(time.source.data["spread_bps"]))
    line = plot.step(x="t", y="spread_bps", source=time.source, mode="after", line_color=MARKET, line_width=1.2)
    update = _with_some_range(plot, time, "spread_bps")
    plot.add_tools(hover([("spread, bps", "@spread_bps_tip{4}")], [line], times="t", mode="vline"))
    text = "Best ask less best bid of the market over its mid, averaged over the time of each step."
    return Chart("spread", "The market's spread", text, (Legend("spread", MARKET),), plot, 190, update=update)


def _with_some_range(plot: Any, time: _Time, column: str) -> Callable[[], None]:
    return with_some_range(plot, lambda: bool(np.isfinite(time.source.data[column]).any()))


def _volatility(time: _Time) -> Chart:
    plot = time.figure("volatility", 190, "volatility, bps/√s", ticks_of(time.source.data["sigma_bps"]))
    line = plot.step(x="t", y="sigma_bps", source=time.source, mode="after", line_color=MARKET, line_width=1.4)
    update = _with_some_range(plot, time, "sigma_bps")
    plot.add_tools(hover([("bps/√s", "@sigma_bps_tip{4}")], [line], times="t", mode="vline"))
    text = "Of the mid sampled each second, exponentially weighted over 30 s: what a quote risks while it rests."
    return Chart(
        "volatility", "The market's volatility", text, (Legend("volatility", MARKET),), plot, 190, update=update
    )


# -- distributions ---------------------------------------------------------------------------------------------


def _markout(trace: Trace) -> Chart:
    plot = new_figure("markout", 300, "time after the fill, s", "markout, bps", x_axis_type="log")
    plot.x_range, plot.y_range = Range1d(), Range1d()
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    at_fill = Span(location=0, dimension="width", line_color=CAPTURE, line_dash="dashed", visible=False)
    plot.add_layout(at_fill)
    plot.xaxis.ticker = FixedTicker(ticks=[0.1, 0.3, 1, 3, 10, 30, 100, 300])
    plot.xaxis.formatter = NumeralTickFormatter(format="0.[0]")
    # Beside each other, not on top; all fills last, over the others.
    curves = ((Side.BUY, "bought", BUY, 0.93), (Side.SELL, "sold", SELL, 1.075), (None, "all", INK, 1.0))
    sources = [_markout_curve(plot, side, name, colour) for side, name, colour, _ in curves]

    def update() -> None:
        seen = [0.0]
        capture = trace.capture_bps()
        if capture is not None:
            at_fill.update(location=capture.value, visible=True)
            seen.append(capture.value)
        for source, (side, _, _, shift) in zip(sources, curves, strict=True):
            source.data = points = _markout_points(trace, side, shift)
            # The errors of one side alone may be cut off: a few moments would flatten everything else.
            for name in ("mean",) if side is not None else ("low", "high"):
                seen += list(points[name])
        room = 0.06 * (max(seen) - min(seen)) or 1.0
        plot.y_range.update(start=min(seen) - room, end=max(seen) + room)
        plot.x_range.update(start=0.75 * CURVE_S[0], end=1.4 * max(points["x"], default=CURVE_S[-1]))

    update()
    legend = (Legend("all", INK), Legend("bought", BUY), Legend("sold", SELL), Legend("at the fill", CAPTURE, "dash"))
    text = "What fills were worth later, against the mid; below zero the market moved against them (adverse selection)."
    if not len(sources[-1].data["x"]):
        text += " Too few fills at too few moments to tell."
    return Chart("markout", "Markout", text, legend, plot, 300, wide=False, update=update)


def _markout_curve(plot: Any, side: Side | None, name: str, colour: str) -> ColumnDataSource:
    """Draw the markouts of a side with their errors, of what its source will have."""
    source = ColumnDataSource({})
    width, alpha = (2.0, 1.0) if side is None else (1.2, 0.7)
    plot.line(x="x", y="mean", source=source, line_color=colour, line_width=width, line_alpha=alpha)
    plot.add_layout(_whisker(source, "x", colour, width, alpha))
    points = plot.scatter(x="x", y="mean", source=source, size=6, color=colour, alpha=alpha)
    rows = [("after", "@horizon"), (f"markout, {name}", "@mean{3}"), ("± 1.96 SE", "@error{3}")]
    plot.add_tools(hover([*rows, ("fills", "@fills{0}"), ("clusters", "@clusters{0}")], [points]))
    return source


def _markout_points(trace: Trace, side: Side | None, shift: float) -> dict[str, Any]:
    """Of a side; times are multiplied by `shift`."""
    # Without an error a mean of a few moments would stand out as if it were known.
    found = [(horizon, trace.markout(horizon, side)) for horizon in CURVE_S]
    known = [(h, mean, Z95 * mean.standard_error) for h, mean in found if mean and mean.standard_error is not None]
    return {
        "x": np.array([horizon * shift for horizon, _, _ in known]),
        "horizon": [f"{horizon:g} s" for horizon, _, _ in known],
        "mean": np.array([mean.value for _, mean, _ in known]),
        "error": np.array([error for _, _, error in known]),
        "low": np.array([mean.value - error for _, mean, error in known]),
        "high": np.array([mean.value + error for _, mean, error in known]),
        "fills": np.array([mean.count for _, mean, _ in known]),
        "clusters": np.array([mean.clusters for _, mean, _ in known]),
    }


def _whisker(source: ColumnDataSource, base: str, colour: str, width: float = 1.0, alpha: float = 1.0) -> Whisker:
    """Error bars from column "low" to column "high"."""
    whisker = Whisker(
        base=base, lower="low", upper="high", source=source, line_color=colour, line_width=width, line_alpha=alpha
    )
    for head in (whisker.upper_head, whisker.lower_head):
        head.size, head.line_color, head.line_alpha = 6, colour, alpha
    return whisker


def _fill_ratios(trace: Trace) -> dict[str, Any]:
    ratios = trace.lives.fill_ratios()
    intervals = [ratio.interval for ratio in ratios]
    return {
        "range": [f"{ratio.from_bps:g} to {ratio.to_bps:g}" for ratio in ratios],
        "from": np.array([ratio.from_bps for ratio in ratios]),
        "to": np.array([ratio.to_bps for ratio in ratios]),
        "middle": np.array([(ratio.from_bps + ratio.to_bps) / 2 for ratio in ratios]),
        "share": np.array([100 * ratio.share for ratio in ratios]),
        "low": np.array([100 * low for low, _ in intervals]),
        "high": np.array([100 * high for _, high in intervals]),
        "accepted": np.array([ratio.accepted for ratio in ratios]),
        "count": [_short(ratio.accepted) for ratio in ratios],
        "filled": np.array([ratio.filled for ratio in ratios]),
    }


def _fill_ratio(trace: Trace) -> Chart:
    source = ColumnDataSource(_fill_ratios(trace))

    def update() -> None:
        source.data = _fill_ratios(trace)

    plot = new_figure("fill-ratio", 300, "distance from the mid when sent, bps", "filled, %")
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
    plot.add_layout(_whisker(source, "middle", INK))
    plot.text(
        x="middle",
        y="high",
        text="count",
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
    plot.add_tools(hover([*rows, ("95 % from", "@low{1}"), ("to", "@high{1}")], [bars]))
    legend = (Legend("filled, with Wilson's 95 % interval", CAPTURE, "area"),)
    text = "Of the orders placed that far from the mid, how many traded. The number above is how many there were."
    return Chart("fill-ratio", "Fill ratio by distance", text, legend, plot, 300, wide=False, update=update)


def _short(count: int) -> str:
    """A count that fits above a narrow bar."""
    return str(count) if count < 1000 else f"{count / 1e3:.1f}k" if count < 100_000 else f"{count / 1e6:.1f}M"


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten in a range, every so many that there are six at most; its middle where it holds none."""
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    if last < first:
        return [float(f"{math.sqrt(low * high):.2g}")]
    return [10.0**power for power in range(first, last + 1, (last - first) // 6 + 1)]


def _waits(trace: Trace) -> Chart:
    lives = trace.lives
    plot = new_figure("waits", 300, "time since accepted, s", "share of orders, %", x_axis_type="log")
    plot.x_range, plot.y_range = Range1d(), Range1d(0, 102)
    plot.xaxis.ticker = FixedTicker()
    plot.xaxis.formatter = NumeralTickFormatter(format="0.[0000]a")
    legend, sources = [], []
    for histogram, name, colour in ((lives.until_fill, "filled", BUY), (lives.until_cancel, "cancelled", MUTED)):
        source = ColumnDataSource(_waited(histogram))
        sources.append((histogram, source))
        line = plot.step(x="x", y="share", source=source, mode="after", line_color=colour, line_width=2)
        rows = [(f"{name} within, s", "@x{3}"), ("share, %", "@share{1}")]
        plot.add_tools(hover(rows, [line]))
        median = histogram.quantile(0.5)
        middle = "" if median is None else f", median {median:.2g} s"
        legend.append(Legend(f"{name} ({histogram.count:,}{middle})", colour))

    def update() -> None:
        seen: list[float] = []
        for histogram, source in sources:
            source.data = waited = _waited(histogram)
            seen += list(waited["x"])
        plot.x_range.update(start=0.7 * min(seen, default=1e-3), end=1.4 * max(seen, default=1e2))
        plot.xaxis.ticker.ticks = _decades(plot.x_range.start, plot.x_range.end)

    update()
    text = "How long orders waited for their first fill; of those without one, how long they stood until their cancel."
    return Chart("waits", "Time in the queue", text, tuple(legend), plot, 300, wide=False, update=update)


def _waited(histogram: LogHistogram) -> dict[str, Floats]:
    seconds, shares = histogram.shares()
    return {"x": seconds, "share": 100 * shares}
