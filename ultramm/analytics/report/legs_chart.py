"""P&L of makers that belong together, leg by leg."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bokeh.models import ColumnDataSource, Span

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
from ultramm.analytics.report.trace import Trace

_COLOURS = (CAPTURE, SELL, INVENTORY, FEES, BUY, MARKET)


def legs_chart(traces: Sequence[tuple[str, Trace]], currency: str) -> Chart:
    """Each leg's P&L over time, and their sum.

    Parameters
    ----------
    traces : sequence of (str, Trace)
        By the leg's name, of one settlement currency.
    currency : str
        That one.
    """
    ends = np.unique(np.concatenate([trace.series.times_ns() for _, trace in traces]))
    legs = [trace.series.at(ends, "total", 0.0) for _, trace in traces]
    total = np.sum(legs, axis=0)
    values = np.concatenate([total, *legs])
    time = TimeAxis(ends / 1e6)
    plot = time.figure("legs", 300, f"P&L, {currency}", ticks_of(values))
    plot.add_layout(Span(location=0, dimension="width", line_color=MUTED, line_width=1))
    data = {"t": ends / 1e6, "total": total.astype(np.float32)}
    data |= {f"leg{place}": leg.astype(np.float32) for place, leg in enumerate(legs)}
    source = ColumnDataSource(data)
    legend, digits = [Legend("together", INK)], digits_of(values)
    rows = [("together", f"@total{{{digits}}}")]
    for place, (name, _) in enumerate(traces):
        colour = _COLOURS[place % len(_COLOURS)]
        plot.step(x="t", y=f"leg{place}", source=source, mode="after", line_color=colour, line_width=1.2)
        legend.append(Legend(name, colour))
        rows.append((name, f"@leg{place}{{{digits}}}"))
    line = plot.step(x="t", y="total", source=source, mode="after", line_color=INK, line_width=2)
    plot.add_tools(hover(rows, [line], times="t", mode="vline"))
    text = "One leg's loss is the other's gain; what is left is what the strategy earns."
    return Chart("legs", "P&L by leg", text, tuple(legend), plot, 300)
