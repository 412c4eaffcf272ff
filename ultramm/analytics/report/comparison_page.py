"""The page of a comparison: P&L curves, differences with their bands, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
from bokeh.models import ColumnDataSource, Span

from ultramm.analytics.report.comparison import ComparedRun, Difference, difference, summary, why_not_paired
from ultramm.analytics.report.figures import (
    BUY,
    CAPTURE,
    FEES,
    INK,
    INVENTORY,
    MARKET,
    MUTED,
    SELL,
    Chart,
    Legend,
    TimeAxis,
    digits_of,
    hover,
    ticks_of,
)
from ultramm.analytics.report.metrics import plain
from ultramm.analytics.report.page import Section, duration, moment, page
from ultramm.analytics.report.series import Floats, thinned
from ultramm.analytics.report.uncertainty import Z95

_COLOURS = (INK, CAPTURE, SELL, BUY, INVENTORY, FEES, MARKET)
_POINTS = 2_000


def comparison_page(title: str, runs: Sequence[ComparedRun], command: str, configurations: Sequence[str]) -> str:
    """The page of several runs, the first of which the others are compared to."""
    base = runs[0]
    reasons = [why_not_paired(base, run) for run in runs[1:]]
    places = [place for place, reason in enumerate(reasons, 1) if reason is None]
    paired = [runs[place] for place in places]
    differences = [difference(base, run) for run in paired]
    drawn = [_curves(runs)] if len({c for run in runs for c in run.currencies}) == 1 else []
    if paired:
        drawn.append(_differences(base, paired, differences, [_colour(place) for place in places]))
    notes = "".join(f"<p class='note'>No difference is shown: {escape(reason)}.</p>" for reason in reasons if reason)
    section = Section(f"{len(runs)} runs", _table(runs, differences) + notes, drawn, "")
    span = f"{moment(base.first_ns)} to {moment(base.last_ns)} UTC · {duration(base.last_ns - base.first_ns)}"
    return page(title, f"Comparison of backtests · {span}", [section], _footer(runs, command, configurations))


def _colour(position: int) -> str:
    return _COLOURS[position % len(_COLOURS)]


def _curve(run: ComparedRun) -> tuple[Floats, Floats]:
    """Times in milliseconds, and the P&L at each of them."""
    pnl = run.pnl(run.step_ns)
    ends = (run.first_ns // run.step_ns + 1 + np.arange(len(pnl))) * run.step_ns / 1e6
    return ends, np.cumsum(pnl)


def _curves(runs: Sequence[ComparedRun]) -> Chart:
    curves = [_curve(run) for run in runs]
    axis = TimeAxis(np.sort(np.concatenate([times for times, _ in curves])))
    currency = next(iter(runs[0].currencies))
    values = np.concatenate([pnl for _, pnl in curves])
    digits = digits_of(values)
    plot = axis.figure("curves", 360, f"P&L, {currency}", ticks_of(values))
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    legend = []
    for index, (run, (times, pnl)) in enumerate(zip(runs, curves, strict=True)):
        colour = _colour(index)
        shown = thinned(len(times), _POINTS)
        source = ColumnDataSource({"t": times[shown], "pnl": pnl[shown].astype(np.float32)})
        line = plot.step(x="t", y="pnl", source=source, mode="after", line_color=colour, line_width=1.8)
        rows = [(escape(run.label), f"@pnl{{{digits}}}")]
        plot.add_tools(hover(rows, [line], times="t"))
        legend.append(Legend(run.label, colour))
    return Chart("curves", "P&L", "Of each run, inventory valued at the mid.", tuple(legend), plot, 360)


def _differences(
    base: ComparedRun, paired: Sequence[ComparedRun], differences: Sequence[Difference], colours: Sequence[str]
) -> Chart:
    curves = [_difference_curve(base, run, found) for run, found in zip(paired, differences, strict=True)]
    axis = TimeAxis(curves[0][0])
    values = np.concatenate([curve for _, curve, _ in curves])
    digits = digits_of(values)
    name = f"difference, {differences[0].currency}"
    plot = axis.figure("differences", 320, name, ticks_of(values))
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    legend = []
    for run, (times, curve, half), colour in zip(paired, curves, colours, strict=True):
        data = {"t": times, "difference": curve, "low": curve - half, "high": curve + half, "half": half}
        source = ColumnDataSource(
            {key: values.astype(np.float32) if key != "t" else values for key, values in data.items()}
        )
        plot.varea_step(
            x="t", y1="low", y2="high", source=source, step_mode="after", fill_color=colour, fill_alpha=0.15
        )
        line = plot.step(x="t", y="difference", source=source, mode="after", line_color=colour, line_width=1.8)
        rows = [(escape(run.label), f"@difference{{{digits}}}"), ("± 1.96 SE", f"@half{{{digits}}}")]
        plot.add_tools(hover(rows, [line], times="t"))
        legend.append(Legend(f"{run.label} less {base.label}", colour))
    text = "P&L since the start less that of the first run. Where the band holds zero, the difference may be chance."
    return Chart("differences", "Difference", text, tuple(legend), plot, 320)


def _difference_curve(base: ComparedRun, run: ComparedRun, found: Difference) -> tuple[Floats, Floats, Floats]:
    """Times, the difference so far, and half its band: the error of the total, grown with the root of time."""
    step_ns = round(found.step_s * 1e9)
    paired = run.pnl(step_ns) - base.pnl(step_ns)
    shown = thinned(len(paired), _POINTS)
    ends = (base.first_ns // step_ns + 1 + np.arange(len(paired))) * step_ns / 1e6
    half = Z95 * (found.standard_error or 0.0) * np.sqrt((1 + np.arange(len(paired))) / len(paired))
    return ends[shown], np.cumsum(paired)[shown], half[shown]


def _table(runs: Sequence[ComparedRun], differences: Sequence[Difference]) -> str:
    columns = [summary(run) for run in runs]
    head = "".join(f"<th class='n'>{escape(run.label)}</th>" for run in runs)
    rows = []
    for metrics in zip(*columns, strict=True):
        name = f"{escape(metrics[0].name)} <small class='dim'>{escape(metrics[0].unit)}</small>"
        rows.append((name, [_plus_minus(metric.value, metric.error) for metric in metrics]))
    found = {item.label: item for item in differences}
    if found:
        items = [found.get(run.label) for run in runs]
        base = escape(runs[0].label)
        rows.append(
            (
                f"<b>P&amp;L less {base}</b>",
                ["" if d is None else _plus_minus(d.total, d.standard_error) for d in items],
            )
        )
        rows.append(("t statistic", ["" if d is None else plain(d.t) for d in items]))
        rows.append(("steps", ["" if d is None else f"{d.steps:,} of {d.step_s:g} s" for d in items]))
    body = "".join(
        f"<tr><th>{name}</th>{''.join(f'<td class=n>{cell}</td>' for cell in cells)}</tr>" for name, cells in rows
    )
    return (
        "<div class='panel'><h3>Side by side</h3><p class='dim'>± is a standard error: of markouts by clusters of "
        "10 s, of differences by Newey and West.</p>"
        f"<div class='scroll'><table><thead><tr><th></th>{head}</tr></thead>{body}</table></div></div>"
    )


def _plus_minus(value: float | None, error: float | None) -> str:
    return plain(value) + ("" if error is None else f" <small>± {plain(error)}</small>")


def _footer(runs: Sequence[ComparedRun], command: str, configurations: Sequence[str]) -> str:
    files = {name: sha256 for run in runs for name, sha256 in run.data.items()}
    rows = [("command", command), *sorted(files.items())]
    table = "".join(f"<tr><th>{escape(name)}</th><td><code>{escape(value)}</code></td></tr>" for name, value in rows)
    details = "".join(
        f"<details><summary>Configuration of {escape(run.label)}</summary><pre>{escape(text)}</pre></details>"
        for run, text in zip(runs, configurations, strict=True)
    )
    facts = f"<div class='scroll'><table class='facts'>{table}</table></div>"
    return f"<div class='panel'><h3>The runs</h3>{facts}{details}</div>"
