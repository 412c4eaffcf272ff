"""What moved a maker's quotes, over time: a chart for each unit."""

from __future__ import annotations

import re

import numpy as np
from bokeh.models import ColumnDataSource

from ultramm.analytics.report.effects import EffectSeries
from ultramm.analytics.report.figures import (
    BUY,
    CAPTURE,
    FEES,
    INK,
    INVENTORY,
    MARKET,
    SELL,
    Chart,
    Legend,
    TimeAxis,
    digits_of,
    hover,
    ticks_of,
    with_some_range,
)
from ultramm.analytics.report.series import Floats
from ultramm.analytics.report.trace import Trace
from ultramm.quoting.decision import name_and_unit

_COLOURS = (INK, CAPTURE, SELL, BUY, INVENTORY, FEES, MARKET)
_PLAIN_UNITS = {"pct": "%", "x": "ratio", "sigma": "standard deviations"}
_EXPLANATION = "What the strategy said of its quotes with each decision; gaps are where it did not know."


def in_words(unit: str) -> str:
    """A unit for people."""
    return _PLAIN_UNITS.get(unit, unit)


def effect_charts(trace: Trace, time: TimeAxis) -> list[Chart]:
    """One for each unit that has an effect, in the order in which they were first told."""
    by_unit: dict[str, list[str]] = {}
    for name in trace.effects.names:
        by_unit.setdefault(name_and_unit(name)[1], []).append(name)
    return [_chart(trace.effects, time, unit, names) for unit, names in by_unit.items()]


def _chart(effects: EffectSeries, time: TimeAxis, unit: str, names: list[str]) -> Chart:
    sources = {name: ColumnDataSource(_rows(effects, name)) for name in names}
    values = np.concatenate([source.data["value"] for source in sources.values()])
    slug = "effects-" + (re.sub(r"[^a-z0-9]+", "-", unit.lower()).strip("-") or "plain")
    plot = time.figure(slug, 190, in_words(unit) or "value", ticks_of(values))
    legend, digits = [], digits_of(values)
    for place, (name, source) in enumerate(sources.items()):
        colour, text = _COLOURS[place % len(_COLOURS)], name_and_unit(name)[0]
        dash = "solid" if place < len(_COLOURS) else "dashed"
        line = plot.step(
            x="t", y="value", source=source, mode="after", line_color=colour, line_width=1.4, line_dash=dash
        )
        plot.add_tools(hover([(text, f"@tip{{{digits}}}")], [line], times="t", mode="vline" if place == 0 else "mouse"))
        legend.append(Legend(text, colour, "line" if dash == "solid" else "dash"))
    show = with_some_range(plot, lambda: any(np.isfinite(source.data["value"]).any() for source in sources.values()))

    def update() -> None:
        for name, source in sources.items():
            source.data = _rows(effects, name)
        show()

    title = f"What moved the quotes, {in_words(unit)}" if unit else "What moved the quotes"
    return Chart(slug, title, _EXPLANATION, tuple(legend), plot, 190, update=update)


def _rows(effects: EffectSeries, name: str) -> dict[str, Floats]:
    """A row is drawn from where its step begins, and the last one to its end."""
    series = effects[name]
    ends, values = series.times_ns(), series.column("value")
    values = np.append(values, values[-1:]).astype(np.float32)
    # Bokeh writes NaN into a tooltip without asking its formatter; infinity it leaves to it.
    tips = np.where(np.isnan(values), np.inf, values)
    return {"t": np.append(ends - series.step_ns, ends[-1:]) / 1e6, "value": values, "tip": tips}
