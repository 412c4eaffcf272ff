"""Parts of the page as HTML. Whatever comes from a journal is escaped here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

import yaml

from ultramm.analytics.attribution import PnL
from ultramm.analytics.report.figures import INK, MUTED, Chart
from ultramm.analytics.report.metrics import plain
from ultramm.analytics.reporting import Reported
from ultramm.dashboard.follow import Follower
from ultramm.journal.records import (
    AlertEvent,
    CommandEvent,
    CustodyEvent,
    Entry,
    FillEvent,
    GapEvent,
    GuardEvent,
    HaltEvent,
    MemoryEvent,
    OrderEvent,
    RecordingEvent,
    RunEnded,
    RunStarted,
    Status,
)
from ultramm.maker import MakerStatus, SideStatus
from ultramm.quoting.decision import name_and_unit

STALE_S = 5.0
_DASH = "–"  # noqa: RUF001
_LEAST_MONEY = 1e-10


def wrapped(html: str, *, stale: bool = False) -> str:
    """HTML in the page's style; of what is stale, figures are seen to be."""
    return f"<div class='umm{' stale' if stale else ''}'>{html}</div>"


def is_stale(follower: Follower, now_ns: int) -> bool:
    """Whether a run that has not ended has said nothing for long."""
    return follower.ended is None and now_ns - follower.status_ns > STALE_S * 1e9


# -- the head ----------------------------------------------------------------------------------------------------


def head(follower: Follower, now_ns: int | None = None) -> str:
    """Mode, health and age; venues; and what does not work."""
    now_ns = time.time_ns() if now_ns is None else now_ns
    status, started = follower.status, follower.started
    if status is None or started is None:
        return "<h1>ultramm</h1><p class='dim'>No node has reported yet.</p>"
    mode = started.mode
    parts = [
        f"<h1>{escape(started.name)} <span class='badge {escape(mode)}'>{escape(mode.upper())}</span>",
        _health(follower, status, now_ns),
        *(_venue(venue.venue, venue.state, venue.detail) for venue in status.venues),
        "</h1>",
        f"<p class='dim'>{escape(follower.run)} · as of {_moment(follower.status_ns)} UTC · "
        f"{status.market_events:,} market events{_latency(status.makers)}</p>",
    ]
    if status.recording:
        style = "why" if "stopped" in status.recording else "dim"
        parts.append(f"<p class='{style}'>{escape(status.recording)}</p>")
    return "".join(parts)


def no_journal(problem: str) -> str:
    """The head of a page without a journal."""
    return f"<h1>ultramm <span class='badge bad'>no journal</span></h1><p class='why'>{escape(problem)}</p>"


def _health(follower: Follower, status: Status, now_ns: int) -> str:
    if follower.ended is not None:
        return f"<span class='badge quiet'>ended: {escape(follower.ended.reason)}</span>"
    if is_stale(follower, now_ns):
        return f"<span class='badge bad'>silent for {(now_ns - follower.status_ns) / 1e9:,.0f} s</span>"
    good = "good" if status.state == "running" else "bad"
    return f"<span class='badge {good}'>{escape(status.state)}</span>"


def _venue(name: str, state: str, detail: str) -> str:
    style = {"connected": "good", "in doubt": "bad"}.get(state, "quiet")
    return f"<span class='badge {style}' title='{escape(detail)}'>{escape(name)} {escape(state)}</span>"


def _latency(makers: Sequence[MakerStatus]) -> str:
    known = [maker.latency for maker in makers if maker.latency is not None]
    if not known:
        return ""
    p50, p99 = max(each.p50_us for each in known), max(each.p99_us for each in known)
    return f" · tick to order p50 {p50:,.0f} µs, p99 {p99:,.0f} µs"


# -- one maker ---------------------------------------------------------------------------------------------------


def cards(maker: MakerStatus) -> str:
    """Its figures at a glance, each with its unit."""
    score, pnl = maker.score, maker.score.pnl
    markout = next((each for each in score.markouts if each.horizon_s == 1.0), None)
    uptime, drawdown = score.quoting.uptime, score.drawdown
    shown = [
        _earned("P&L", pnl.total, pnl.currency),
        _earned("realised", pnl.realised, pnl.currency),
        _earned("spread capture", pnl.spread_capture, pnl.currency),
        _earned("inventory P&L", pnl.inventory, pnl.currency),
        _earned("fees", 0.0 - pnl.fees, pnl.currency),
        _position(maker),
        _card("fills", f"{score.fills:,}", f"{score.maker_fills:,} passive"),
        _markout(markout.mean_bps if markout else None, markout.standard_error_bps if markout else None),
        _card("both sides quoted", _percent(uptime), "of the time"),
        _card("drawdown", plain(drawdown.current), f"at most {plain(drawdown.largest)} {pnl.currency}"),
    ]
    return f"<div class='cards'>{''.join(shown)}</div>"


def _earned(name: str, value: float | None, currency: str) -> str:
    """Money, green or red."""
    return _card(name, _DASH if value is None else _signed(value), currency, value)


def _card(name: str, value: str, note: str, sign: float | None = None) -> str:
    mood = "" if sign is None or abs(sign) < _LEAST_MONEY else " gain" if sign > 0 else " loss"
    return (
        f"<div class='card{mood}'><span>{escape(name)}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>"
    )


def _position(maker: MakerStatus) -> str:
    position, limit = maker.score.inventory.last, maker.max_position
    note, bar = "size", ""
    if limit:
        share = max(-1.0, min(1.0, position / limit))
        left = 50.0 + min(0.0, 50.0 * share)
        bar = f"<div class='bar'><i style='left:{left:.1f}%;width:{abs(50.0 * share):.1f}%'></i></div>"
        note = f"of {limit:.6g} allowed"
    return f"<div class='card'><span>position</span><b>{position:.6g}</b>{bar}<small>{escape(note)}</small></div>"


def _markout(mean: float | None, error: float | None) -> str:
    note = "bps" if error is None else f"± {error:.2f} bps"
    return _card("markout 1 s", _DASH if mean is None else f"{mean:+.2f}", note, mean)


def quotes(maker: MakerStatus) -> str:
    """What it quotes, or in words why not; who stopped it."""
    halts = "".join(
        f"<p class='why'>halted by {escape(source)}: {escape(reason)}</p>" for source, reason in maker.halts.items()
    )
    careful = maker.caution and not maker.halts
    caution = f"<p class='why'>careful: {escape(maker.caution)}</p>" if careful else ""
    sides = f"<div class='two'>{_side('bid', 'buy', maker.bid)}{_side('ask', 'sell', maker.ask)}</div>"
    fair = f"<p class='dim'>fair value {_number(maker.fair)} · reservation price {_number(maker.reservation_price)}</p>"
    return f"<h3>Quotes</h3>{halts}{caution}{sides}{fair}"


def stops(maker: MakerStatus) -> str:
    """How far each limit has come that would stop it."""
    rows = [[escape(name), escape(text)] for name, text in maker.stops.items()]
    if maker.foregone is not None:
        cost = f"{_number(maker.foregone)} {escape(maker.score.pnl.currency)} of the spread at most"
        rows.append(["foregone to guards", cost])
    return f"<h3>Stops</h3>{_table(('limit', 'so far'), rows, 'None is set.')}"


def models(maker: MakerStatus) -> str:
    """How far each learned model is believed, and why not."""
    rows = [
        [
            f"{escape(model.id)} {'' if model.trades else '(in the shadow)'}",
            ", ".join(f"{escape(part)} {100 * weight:.0f} %" for part, weight in model.weights.items()),
            f"{model.outcomes:,}",
            escape(model.doubt),
        ]
        for model in maker.models
    ]
    return f"<h3>Models</h3>{_table(('model', 'believed', '>outcomes', 'doubt'), rows, 'None is at work.')}"


def _side(name: str, style: str, side: SideStatus) -> str:
    if not side.orders:
        return f"<div><b class='{style}'>{name}</b><p class='why'>not quoted: {escape(side.reason or '')}</p></div>"
    rows = "".join(
        f"<tr><td class='n {style}'>{order.price:.10g}</td><td class='n'>{order.size:.10g}</td>"
        f"<td class='n'>{_DASH if order.ahead is None else f'{order.ahead:.4g}'}</td></tr>"
        for order in side.orders
    )
    heads = f"<tr><th class='n'>{name}</th><th class='n'>size</th><th class='n'>ahead in queue</th></tr>"
    return f"<div><table>{heads}{rows}</table></div>"


def effects(maker: MakerStatus) -> str:
    """What moves its quotes: volatility, toxicity, skew and the rest, each with its unit."""
    rows = []
    for effect, value in maker.effects.items():
        name, unit = name_and_unit(effect)
        shown = _DASH if value is None else f"{value:+.3f}"
        rows.append(f"<tr><td>{escape(name)}</td><td class='n'>{shown}</td><td class='dim'>{escape(unit)}</td></tr>")
    return f"<h3>What moves the quotes</h3><table>{''.join(rows)}</table>"


def edges(maker: MakerStatus) -> str:
    """What virtual quotes earned at each depth that was reached."""
    rows = []
    for bid, ask in zip(maker.bid_edges, maker.ask_edges, strict=True):
        if bid.edge_bps is not None or ask.edge_bps is not None:
            cells = "".join(
                f"<td class='n'>{_with_error(each.edge_bps, each.error_bps)}</td>"
                f"<td class='n'>{60 * each.fills_per_s:.2f}</td>"
                for each in (bid, ask)
            )
            rows.append(f"<tr><td class='n'>{bid.depth_bps:.2f}</td>{cells}</tr>")
    if not rows:
        return "<p class='dim'>This strategy does not judge depths by virtual quotes, or has not seen enough.</p>"
    names = ("depth, bps", "bids earn, bps", "a minute", "asks earn, bps", "a minute")
    heads = "".join(f"<th class='n'>{name}</th>" for name in names)
    note = "<p class='dim'>Virtual quotes, before fees, with one standard error.</p>"
    return f"<table><tr>{heads}</tr>{''.join(rows)}</table>{note}"


def chart_head(chart: Chart) -> str:
    """Title, explanation and legend of a chart."""
    legend = "".join(
        f"<span><i class='{entry.mark}' style='--c:{_colour(entry.colour)}'></i>{escape(entry.text)}</span>"
        for entry in chart.legend
    )
    return f"<h3 title='{escape(chart.explanation)}'>{escape(chart.title)}</h3><div class='legend'>{legend}</div>"


def _colour(colour: str) -> str:
    return {INK: "#5b8fd0", MUTED: "var(--muted)"}.get(colour, colour)


# -- what happened -----------------------------------------------------------------------------------------------


def fills(entries: Iterable[Entry]) -> str:
    """The blotter, newest first."""
    rows = []
    for entry in entries:
        fill = entry.record
        if isinstance(fill, FillEvent):
            side = "buy" if fill.side == "BUY" else "sell"
            sign = 1 if fill.side == "BUY" else -1
            captured = None if fill.mid is None else 1e4 * sign * (fill.mid - fill.price) / fill.price
            rows.append(
                [
                    _moment(entry.ts_ns),
                    escape(fill.strategy),
                    escape(fill.instrument),
                    f"<span class='{side}'>{escape(fill.side)}</span>",
                    f"{fill.size:.10g}",
                    f"{fill.price:.10g}",
                    _DASH if captured is None else f"{captured:+.2f}",
                    f"{fill.fee:.6g}",
                    f"{fill.position:.10g}",
                ]
            )
    names = ("UTC", "strategy", "instrument", "side", ">size", ">price", ">capture, bps", ">fee", ">position after")
    return _table(names, rows, "No fills yet.")


def orders(follower: Follower) -> str:
    """Those at the venues with their places in the queue, and what happened to orders before, newest first."""
    return f"<h3>At the venues</h3>{_resting(follower.status)}<h3>What happened</h3>{_order_events(follower.orders)}"


def _resting(status: Status | None) -> str:
    rows = []
    for maker in () if status is None else status.makers:
        for name, style, side in (("BUY", "buy", maker.bid), ("SELL", "sell", maker.ask)):
            for order in side.orders:
                away = None if maker.fair is None else 1e4 * abs(order.price - maker.fair) / maker.fair
                rows.append(
                    [
                        escape(maker.score.strategy),
                        escape(maker.score.instrument),
                        f"<span class='{style}'>{name}</span>",
                        f"{order.size:.10g}",
                        f"{order.price:.10g}",
                        _DASH if away is None else f"{away:.2f}",
                        _DASH if order.ahead is None else f"{order.ahead:.4g}",
                    ]
                )
    names = ("strategy", "instrument", "side", ">size", ">price", ">from fair, bps", ">ahead in queue, size")
    return _table(names, rows, "None.")


def _order_events(entries: Iterable[Entry]) -> str:
    rows = [
        [
            _moment(entry.ts_ns),
            escape(order.strategy),
            escape(order.order_id),
            escape(order.event),
            escape(order.side),
            f"{order.size:.10g}" if order.size else "",
            f"{order.price:.10g}" if order.price else "",
            escape(order.reason),
        ]
        for entry in entries
        if isinstance(order := entry.record, OrderEvent)
    ]
    names = ("UTC", "strategy", "order", "event", "side", ">size", ">price", "why")
    return _table(names, rows, "No orders yet.")


def happenings(entries: Iterable[Entry]) -> str:
    """Halts, commands, doubts and all else, newest first."""
    rows = [[_moment(entry.ts_ns), *map(escape, _in_words(entry))] for entry in entries]
    return _table(("UTC", "what", "who", "in words"), rows, "Nothing yet.")


def _in_words(entry: Entry) -> tuple[str, str, str]:
    match entry.record:
        case HaltEvent() as halt:
            return ("halt" if halt.active else "released", f"{halt.strategy} by {halt.source}", halt.reason)
        case GuardEvent() as guard:
            what = "held back" if guard.active else "let go"
            return (f"{guard.side.lower()} side {what}", f"{guard.strategy} by {guard.guard}", guard.reason)
        case CommandEvent() as command:
            return (f"command {command.verb}", command.origin, command.reply)
        case CustodyEvent() as custody:
            return (custody.event, custody.venue, custody.detail)
        case RecordingEvent() as recording:
            return (f"recording {recording.event}", recording.catalog, recording.reason)
        case MemoryEvent() as memory:
            return (f"memory {memory.event}", f"{memory.strategy} {memory.instrument}".strip(), memory.reason)
        case GapEvent() as journal:
            return (f"journal {journal.event}", "", journal.detail)
        case RunStarted() as started:
            return ("started", started.name, f"{started.mode}, version {started.version}, process {started.pid}")
        case RunEnded() as ended:
            left = "not known" if ended.open_orders is None else f"{ended.open_orders}"
            return ("ended", "", f"{ended.reason}; open orders: {left}")
    return (type(entry.record).__name__, "", "")


def alerts(told: Iterable[AlertEvent]) -> str:
    """What people were told, newest first."""
    rows = [
        [
            _moment(alert.ts_ns),
            f"<span class='{'bad-text' if alert.severity == 'critical' else ''}'>{escape(alert.severity)}</span>",
            escape(alert.title),
            escape(alert.body).replace("\n", "<br>"),
        ]
        for alert in told
    ]
    return _table(("UTC", "severity", "title", "told"), rows, "Nobody was told anything.")


def configuration(follower: Follower) -> str:
    """The run's configuration, secrets masked."""
    if follower.started is None:
        return ""
    text = yaml.safe_dump(follower.started.configuration, sort_keys=False)
    return f"<pre>{escape(text)}</pre>"


def answer(text: str, *, bad: bool = False) -> str:
    """What came of a button."""
    return f"<p class='{'bad-text' if bad else 'dim'}'>{escape(text)}</p>"


def balances(status: Status) -> str:
    """What the accounts hold."""
    rows = [[escape(name), escape(amount)] for name, amount in status.balances.items()]
    return "<h3>Balances</h3>" + _table(("account", ">total"), rows, "None.")


def makers(status: Status) -> str:
    """All makers beside each other, by strategy and venue, and their sum in the reporting currency."""
    rows = []
    for maker in status.makers:
        score, pnl = maker.score, maker.score.pnl
        rows.append(
            [
                escape(score.strategy),
                escape(score.instrument),
                escape(maker.state),
                f"{score.inventory.last:.6g}",
                f"{score.fills:,}",
                *_money(pnl),
                escape(pnl.currency),
            ]
        )
    if (total := status.reported) is not None:
        rows.append(["<b>all together</b>", "", "", "", "", *_money(total), escape(total.currency)])
    heads = ("strategy", "instrument", "state", ">position", ">fills")
    money = (">P&amp;L", ">realised", ">capture", ">inventory", ">fees", "in")
    return "<h3>All makers</h3>" + _table((*heads, *money), rows, "None.")


def _money(pnl: PnL | Reported) -> list[str]:
    realised = _DASH if pnl.realised is None else _signed(pnl.realised)
    return [_signed(pnl.total), realised, _signed(pnl.spread_capture), _signed(pnl.inventory), _signed(0.0 - pnl.fees)]


def _table(names: Sequence[str], rows: Sequence[Sequence[str]], nothing: str) -> str:
    if not rows:
        return f"<p class='dim'>{nothing}</p>"
    right = [name.startswith(">") for name in names]
    heads = "".join(
        f"<th class='{'n' if is_right else ''}'>{name.lstrip('>')}</th>"
        for name, is_right in zip(names, right, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td class='{'n' if is_right else ''}'>{cell}</td>" for cell, is_right in zip(row, right, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<div class='scroll'><table><tr>{heads}</tr>{body}</table></div>"


def everything(follower: Follower) -> str:
    """All that a page would show, without its charts."""
    parts = [head(follower)]
    if follower.status is not None:
        for maker in follower.status.makers:
            parts += [cards(maker), quotes(maker), effects(maker), models(maker), stops(maker), edges(maker)]
        parts += [balances(follower.status), makers(follower.status)]
    parts += [fills(follower.fills), orders(follower), happenings(follower.happenings)]
    parts += [alerts(follower.alerts()), configuration(follower)]
    return wrapped("".join(parts))


def _moment(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%m-%d %H:%M:%S.%f")[:-3]


def _signed(value: float) -> str:
    """Money with its sign; below all that is ever paid it is the rounding of a difference."""
    if abs(value) < _LEAST_MONEY:
        return "0"
    return f"+{plain(value)}" if value > 0 else plain(value)


def _percent(share: float | None) -> str:
    return _DASH if share is None else f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return _DASH if value is None else f"{value:.10g}"


def _with_error(value: float | None, error: float | None) -> str:
    if value is None:
        return _DASH
    return f"{value:+.2f}" + ("" if error is None else f" ± {error:.2f}")
