"""The report as one HTML file that needs nothing else and connects to nothing."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import Any

import msgspec
from bokeh.resources import Resources

from ultramm.analytics.queues import QueueComparison
from ultramm.analytics.report.charts import charts
from ultramm.analytics.report.effect_charts import in_words
from ultramm.analytics.report.effects import Effect
from ultramm.analytics.report.figures import INK, MUTED, Chart, Legend, document_json
from ultramm.analytics.report.legs import Together, together
from ultramm.analytics.report.legs_chart import legs_chart
from ultramm.analytics.report.metrics import Metric, metrics, plain
from ultramm.analytics.report.trace import Trace
from ultramm.analytics.scorecard import Score

# Fills drawn on a page, shared by its sections.
_SHOWN_FILLS = 6_000
_STYLE = Path(__file__).with_name("page.css")
_SCRIPT = Path(__file__).with_name("page.js")
# Bokeh compiles the formatters of tooltips, so scripts of this file may be evaluated; nothing may be fetched.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'"
)
_ROUND_TRIP = (
    "From the first fill of a position until it was closed or turned: what the strategy foretold as it opened, what "
    "came of it. Costs: the fees of all legs and what the hedge paid against the mid, of what the first leg was worth."
)


class RunFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was: all that is needed to run it again.

    Parameters
    ----------
    kind : str
        How it traded.
    command : str
        The command line that runs it.
    configuration : str
        As YAML, secrets masked.
    data : dict
        SHA-256 of each file by its name.
    """

    name: str
    version: str
    seed: int
    command: str
    configuration: str
    data: dict[str, str]
    first_ns: int
    last_ns: int
    market_events: int
    fills_sha256: str
    kind: str = "Backtest"


class Section(msgspec.Struct, frozen=True):
    """A part of a page with charts of its own: HTML before and after them."""

    title: str
    head: str
    charts: Sequence[Chart]
    tail: str


def report_page(facts: RunFacts, makers: Sequence[tuple[Score, Trace]], queues: Sequence[QueueComparison] = ()) -> str:
    """The report of a run: a section for each strategy and instrument; with `queues`, what of it the queue explains."""
    under = {(item.strategy, item.instrument): item for item in queues}
    limit = _SHOWN_FILLS // max(len(makers), 1)
    traces = {(score.strategy, score.instrument): trace for score, trace in makers}
    sections = [_together(group, traces) for group in together(makers)]
    for score, trace in makers:
        found = metrics(score, trace, facts.first_ns, facts.last_ns)
        drawn = charts(trace, score.pnl.currency, trace.score.instrument.price_precision, limit)
        title = f"{score.strategy} · {score.instrument}"
        head = _cards(score, found) + _queues(under.get((score.strategy, score.instrument)))
        sections.append(Section(title, head, drawn, _effects_table(trace.effects.summary()) + _metrics_table(found)))
    return page(facts.name, _subtitle(facts), sections, _facts(facts))


def page(title: str, subtitle: str, sections: Sequence[Section], footer: str) -> str:
    """A whole page; `subtitle` and `footer` are HTML."""
    documents, bodies, tabs = [], [], []
    for index, section in enumerate(sections):
        document, roots = document_json(section.charts)
        documents.append({"doc": document, "roots": {root: f"c{index}-{name}" for name, root in roots.items()}})
        bodies.append(_section(index, section))
        tabs.append(f'<button role="tab" data-tab="{index}">{escape(section.title)}</button>')
    several = f'<nav role="tablist">{"".join(tabs)}</nav>' if len(sections) > 1 else ""
    return "\n".join(
        [
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f'<link rel="icon" href="data:,"><title>{escape(title)} · ultramm</title>',
            f"<style>{_STYLE.read_text(encoding='utf-8')}</style>",
            *(f"<script>{script}</script>" for script in Resources(mode="inline", components=["bokeh"]).js_raw),
            "</head><body><main>",
            f"<header><h1>{escape(title)}</h1><p class='dim'>{subtitle}</p></header>",
            several,
            *bodies,
            f"<footer>{footer}</footer></main>",
            f'<script type="text/plain" id="documents">{packed(documents)}</script>',
            f"<script>{_SCRIPT.read_text(encoding='utf-8')}</script>",
            "</body></html>\n",
        ]
    )


def packed(value: Any) -> str:
    """JSON, compressed and as text that no markup can be made of: charts repeat themselves a lot."""
    plain_json = json.dumps(value, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(plain_json, mtime=0)).decode()


# -- parts of the page -----------------------------------------------------------------------------------------


def _section(index: int, section: Section) -> str:
    wide = [_chart(index, chart) for chart in section.charts if chart.wide]
    narrow = [_chart(index, chart) for chart in section.charts if not chart.wide]
    grid = f'<div class="grid">{"".join(narrow)}</div>' if narrow else ""
    title = f"<h2>{escape(section.title)}</h2>"
    return f'<section data-section="{index}">{title}{section.head}{"".join(wide)}{grid}{section.tail}</section>'


def _chart(index: int, chart: Chart) -> str:
    legend = "".join(_legend(entry) for entry in chart.legend)
    return (
        f'<figure class="panel"><figcaption><h3>{escape(chart.title)}</h3><p>{escape(chart.explanation)}</p>'
        f'<div class="legend">{legend}</div></figcaption>'
        f'<div class="chart" id="c{index}-{chart.name}" style="height:{chart.height}px"></div></figure>'
    )


def _legend(entry: Legend) -> str:
    # Stand-ins for the scheme's colours are the variables of the style sheet here.
    colour = {INK: "var(--ink)", MUTED: "var(--muted)"}.get(entry.colour, entry.colour)
    return f'<span><i class="{entry.mark}" style="--c:{colour}"></i>{escape(entry.text)}</span>'


def _together(group: Together, traces: Mapping[tuple[str, str], Trace]) -> Section:
    """Makers that belong together: by leg, as sums, by round trip."""
    heads = "".join(f"<th class='n'>{name}</th>" for name in ("P&amp;L", "capture", "inventory", "fees", "fills"))
    rows = [(f"{leg.strategy} · {leg.instrument}", leg.pnl, f"{leg.fills:,}") for leg in group.legs]
    rows += [("together", pnl, "") for pnl in group.totals.values()]
    body = "".join(
        f"<tr><th>{escape(name)}</th>"
        + "".join(
            f"<td class='n'>{_signed(value)}</td>"
            for value in (pnl.total, pnl.spread_capture, pnl.inventory, 0.0 - pnl.fees)
        )
        + f"<td class='n'>{fills}</td><td class='dim'>{escape(pnl.currency)}</td></tr>"
        for name, pnl, fills in rows
    )
    head = f"<div class='panel'><h3>By leg</h3><table><tr><th></th>{heads}<th></th></tr>{body}</table></div>"
    drawn = [
        legs_chart([(leg.strategy, traces[leg.strategy, leg.instrument]) for leg in legs], currency)
        for currency in group.totals
        if len(legs := [leg for leg in group.legs if leg.pnl.currency == currency]) > 1
    ]
    return Section(f"{group.name}, with hedge", head, drawn[:1], _round_trips(group))


def _round_trips(group: Together) -> str:
    if not group.estimates:
        return ""
    rows = "".join(
        f"<tr><th>{each.name}</th><td class='n'>{plain(each.foretold)}</td><td class='n'>{plain(each.seen)}"
        f"{'' if each.error is None else f' <small>± {plain(each.error)}</small>'}</td>"
        f"<td class='dim'>{each.unit}</td></tr>"
        for each in group.estimates
    )
    return (
        f"<div class='panel'><h3>Round trips: {len(group.trips):,}</h3><p class='dim'>{_ROUND_TRIP}</p>"
        "<table><tr><th></th><th class='n'>foretold</th><th class='n'>seen</th><th></th></tr>"
        f"{rows}</table></div>"
    )


def _queues(item: QueueComparison | None) -> str:
    """Both results and the verdict; a profit that only the kinder queue gives stands out."""
    if item is None:
        return ""
    rows = "".join(
        f"<tr><td>{name}</td><td class='n'>{plain(under.pnl)} {escape(item.currency)}</td>"
        f"<td class='n'>{under.fills:,}</td><td class='n'>{plain(under.markout_bps)}</td></tr>"
        for name, under in (("pessimistic", item.pessimistic), ("probabilistic", item.probabilistic))
    )
    head = (
        "<tr><th>queue</th><th class='n'>P&amp;L</th><th class='n'>fills</th><th class='n'>markout 5 s, bps</th></tr>"
    )
    mark = " class='warn'" if "only" in item.verdict or "alone" in item.verdict else ""
    return f"<div class='panel'><h3{mark}>It {escape(item.verdict)}</h3><table>{head}{rows}</table></div>"


def _cards(score: Score, found: Sequence[Metric]) -> str:
    by_name = {metric.name: metric for metric in found}
    markout = by_name["Markout 1 s"]
    error = f"± {markout.error:.3f} bps" if markout.error is not None else "bps"
    uptime = by_name["Uptime"].value
    capture = by_name["Capture per fill"].value
    currency = score.pnl.currency
    cards = [
        _card("P&L", _signed(score.pnl.total), currency, score.pnl.total),
        _card("Spread capture", _signed(score.pnl.spread_capture), currency, score.pnl.spread_capture),
        _card("Inventory P&L", _signed(score.pnl.inventory), currency, score.pnl.inventory),
        _card("Fees", _signed(0.0 - score.pnl.fees), currency, 0.0 - score.pnl.fees),
        _card("Fills", f"{score.fills:,}", "" if capture is None else f"{_signed(capture)} bps each"),
        _card("Markout 1 s", _signed(markout.value), error, markout.value),
        _card("Uptime", "–" if uptime is None else f"{uptime:.1f} %", "both sides"),  # noqa: RUF001
        _card("Max drawdown", plain(score.drawdown.largest), currency),
    ]
    return f'<div class="cards">{"".join(cards)}</div>'


def _card(name: str, value: str, note: str, sign: float | None = None) -> str:
    mood = "" if not sign else " gain" if sign > 0 else " loss"
    return f'<div class="card{mood}"><span>{escape(name)}</span><b>{value}</b><small>{escape(note)}</small></div>'


def _signed(value: float | None) -> str:
    return f"+{plain(value)}" if value is not None and value > 0 else plain(value)


def _metrics_table(found: Sequence[Metric]) -> str:
    rows = "".join(
        f"<tr><th>{escape(metric.name)}</th><td class='n'>{plain(metric.value)}"
        f"{'' if metric.error is None else f' <small>± {plain(metric.error)}</small>'}</td>"
        f"<td class='dim'>{escape(metric.unit)}</td><td class='why'>{escape(metric.definition)}</td></tr>"
        for metric in found
    )
    return (
        "<div class='panel'><h3>Every figure</h3><p class='dim'>± is a standard error that lets fills within 10 s, or "
        "within the horizon where that is longer, move together.</p>"
        f"<div class='scroll'><table class='metrics'>{rows}</table></div></div>"
    )


def _effects_table(effects: Sequence[Effect]) -> str:
    if not effects:
        return ""
    heads = "".join(f"<th class='n'>{name}</th>" for name in ("mean", "lowest", "highest", "at the end"))
    rows = "".join(
        f"<tr><th>{escape(each.name)}</th>"
        + "".join(f"<td class='n'>{plain(value)}</td>" for value in (each.mean, each.lowest, each.highest, each.last))
        + f"<td class='dim'>{escape(in_words(each.unit))}</td></tr>"
        for each in effects
    )
    return (
        "<div class='panel'><h3>What moved the quotes</h3><div class='scroll'>"
        f"<table><tr><th></th>{heads}<th></th></tr>{rows}</table></div></div>"
    )


def moment(ts_ns: int) -> str:
    """A time for people, UTC."""
    return datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def duration(span_ns: int) -> str:
    """A length of time for people."""
    minutes = span_ns / 60e9
    return f"{minutes:.1f} minutes" if minutes < 120 else f"{minutes / 60:.1f} hours"


def _subtitle(facts: RunFacts) -> str:
    span = f"{moment(facts.first_ns)} to {moment(facts.last_ns)} UTC · {duration(facts.last_ns - facts.first_ns)}"
    return f"{escape(facts.kind)} · {span} · {facts.market_events:,} market events"


def _facts(facts: RunFacts) -> str:
    rows = [
        ("command", f"<code>{escape(facts.command)}</code>"),
        ("version", f"ultramm {escape(facts.version)}"),
        ("seed", str(facts.seed)),
        ("first event", f"{moment(facts.first_ns)} UTC"),
        ("last event", f"{moment(facts.last_ns)} UTC"),
        ("market events", f"{facts.market_events:,}"),
        ("fills, SHA-256", f"<code>{facts.fills_sha256}</code>"),
    ]
    rows += [(escape(name), f"<code>{sha256}</code>") for name, sha256 in facts.data.items()]
    again = ""
    if facts.kind == "Backtest":
        again = (
            "<p class='dim'>What it takes to run it again: the same files, seed and version give the same report.</p>"
        )
        if not facts.data:
            rows.append(("data", "generated from the seed"))
    table = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    return (
        f"<div class='panel'><h3>The run</h3>{again}<div class='scroll'><table class='facts'>{table}</table></div>"
        f"<details><summary>Configuration</summary><pre>{escape(facts.configuration)}</pre></details></div>"
    )
