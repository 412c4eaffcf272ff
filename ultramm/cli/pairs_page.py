"""The page of a scan: what is left between the prices of each pair that was chosen."""

from __future__ import annotations

from html import escape

import msgspec
import numpy as np
from bokeh.models import ColumnDataSource, Span

from ultramm.analytics.report.figures import CAPTURE, INK, MUTED, Chart, Legend, TimeAxis, digits_of, hover, ticks_of
from ultramm.analytics.report.page import Section, moment, page
from ultramm.analytics.report.series import thinned
from ultramm.selection.pairs import Pair
from ultramm.selection.prices import Prices
from ultramm.selection.study import Study

_POINTS = 4_000
_SHOWN = 12


def pairs_page(found: Study, prices: Prices, configuration: str) -> str:
    """The page, one chart for each of the first dozen that were chosen."""
    axis = TimeAxis(prices.times / 1e6)
    shown = found.chosen[:_SHOWN]
    charts = [_residual(index, pair, prices, axis, found.filters.held_out) for index, pair in enumerate(shown)]
    subtitle = f"{moment(found.first_ns)} to {moment(found.last_ns)} UTC · {found.bars:,} bars of {found.step_s:g} s"
    head = f"<p>{len(found.chosen)} of {len(found.pairs)} pairs were chosen.</p>{_table(found)}"
    filters = escape(msgspec.json.format(msgspec.json.encode(found.filters)).decode())
    tail = f"<details><summary>filters, by {escape(configuration)}</summary><pre>{filters}</pre></details>"
    return page(found.name, subtitle, [Section("pairs", head, charts, "")], tail)


def _residual(index: int, pair: Pair, prices: Prices, axis: TimeAxis, held_out: float) -> Chart:
    test = pair.test
    assert test is not None
    residual = np.log(prices.closes[pair.y]) - test.alpha - test.beta * np.log(prices.closes[pair.x])
    bps, times = 1e4 * residual, prices.times / 1e6
    name, title = f"residual-{index}", f"{pair.y} less {test.beta:.4g} times {pair.x}"
    plot = axis.figure(name, 260, "residual, bps", ticks_of(bps))
    deviation, mean = 1e4 * pair.deviation, float(np.mean(bps[: round(len(bps) * (1.0 - held_out))]))
    for level, dash in ((mean, "solid"), (mean - deviation, "dashed"), (mean + deviation, "dashed")):
        plot.add_layout(Span(location=level, dimension="width", line_color=MUTED, line_dash=dash, line_width=1))
    begins = float(times[round(len(times) * (1.0 - held_out))])
    plot.add_layout(Span(location=begins, dimension="height", line_color=CAPTURE, line_width=1))
    kept = thinned(len(times), _POINTS)
    source = ColumnDataSource({"t": times[kept], "residual": bps[kept].astype(np.float32)})
    line = plot.line(x="t", y="residual", source=source, line_color=INK, line_width=1.2)
    plot.add_tools(hover([("residual", f"@residual{{{digits_of(bps)}}}")], [line], times="t"))
    text = (
        f"Half-life {pair.half_life_bars:.3g} bars, {pair.half_life_low:.3g} to {pair.half_life_high:.3g} in 95 of 100 "
        f"cases; dashed: one deviation, {deviation:.3g} bps. After the upright line it is on what was held out."
    )
    return Chart(name, title, text, (Legend("residual", INK),), plot, 260)


def _table(found: Study) -> str:
    rows = "".join(
        f"<tr><td>{escape(pair.y)} / {escape(pair.x)}</td><td class='n'>{pair.correlation:.2f}</td>"
        f"<td class='n'>{'' if pair.test is None else format(pair.test.beta, '.4g')}</td>"
        f"<td class='n'>{'' if pair.test is None else format(pair.p_adjusted, '.2g')}</td>"
        f"<td>{escape(pair.reason or 'chosen')}</td></tr>"
        for pair in found.pairs
    )
    figures = "".join(f"<th class='n'>{name}</th>" for name in ("correlation", "beta", "p, all counted"))
    head = f"<tr><th>y / x</th>{figures}<th></th></tr>"
    return f"<div class='scroll'><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
