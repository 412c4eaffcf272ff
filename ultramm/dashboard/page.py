"""The page as HTML: what the last status in the journal says."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from html import escape

from ultramm.errors import DataError
from ultramm.journal.records import BookView, FillEvent, RunStarted, Status
from ultramm.journal.store import Journal
from ultramm.maker import MakerStatus, SideStatus
from ultramm.quoting.decision import name_and_unit

_STALE_S = 5.0
_FILLS = 10
_STYLE = """
<style>
.umm {font: 15px/1.45 system-ui, sans-serif; max-width: 1100px; margin: 0 auto; color: #1c2430;}
.umm h1 {font-size: 20px; margin: 8px 0;} .umm h2 {font-size: 16px; margin: 18px 0 6px;}
.umm .badge {display: inline-block; padding: 1px 10px; border-radius: 10px; color: #fff; background: #3465a4;
  font-size: 13px; vertical-align: middle;}
.umm .badge.live, .umm .badge.stale {background: #b3261e;} .umm .badge.ok {background: #2e7d32;}
.umm .cards {display: flex; flex-wrap: wrap; gap: 10px;}
.umm .card {border: 1px solid #d7dde5; border-radius: 8px; padding: 8px 14px; min-width: 120px;}
.umm .card b {display: block; font-size: 18px; font-variant-numeric: tabular-nums;}
.umm .card span, .umm .dim {color: #667085; font-size: 13px;}
.umm .flex {display: flex; flex-wrap: wrap; gap: 32px;}
.umm table {border-collapse: collapse; font-variant-numeric: tabular-nums;}
.umm td, .umm th {padding: 1px 10px; text-align: right;} .umm th {color: #667085; font-weight: 500;}
.umm .bid {color: #2e7d32;} .umm .ask {color: #b3261e;} .umm .ours {font-weight: 700; background: #fff3cd;}
.umm .why {color: #9a6700;}
</style>
"""


def page(journal: Journal) -> str:
    """The whole page of a journal, as of now."""
    try:
        return _page(journal)
    except DataError as exc:
        return unreadable(exc)


def unreadable(exc: DataError) -> str:
    """The page of a journal that is not to be had."""
    head = "<h1>ultramm <span class='badge stale'>the journal cannot be read</span></h1>"
    return f"{_STYLE}<div class='umm'>{head}<p class='why'>{escape(str(exc))}</p></div>"


def _page(journal: Journal) -> str:
    statuses = journal.last("status")
    if not statuses or not isinstance(statuses[0].record, Status):
        return f"{_STYLE}<div class='umm'><h1>ultramm</h1><p>No node has reported yet.</p></div>"
    entry, status = statuses[0], statuses[0].record
    started = next((e.record for e in journal.last("run-started") if e.run == entry.run), None)
    mode = started.mode if isinstance(started, RunStarted) else "paper"
    fills = [e.record for e in journal.last("fill", _FILLS) if e.run == entry.run]
    books = {book.instrument: book for book in status.books}
    parts = [_head(entry.run, mode, status.state, entry.ts_ns)]
    shown = [fill for fill in fills if isinstance(fill, FillEvent)]
    parts += [_maker(maker, books.get(maker.score.instrument), shown) for maker in status.makers]
    if status.reported is not None:
        all_in_one = status.reported
        parts.append(f"<p>all together {all_in_one.total:+,.2f} {escape(all_in_one.currency)}</p>")
    balances = " · ".join(f"{escape(name)}: {escape(amount)}" for name, amount in status.balances.items())
    parts.append(f"<p class='dim'>{balances} · {status.market_events:,} market events</p>")
    if status.recording:
        style = "why" if "stopped" in status.recording else "dim"
        parts.append(f"<p class='{style}'>{escape(status.recording)}</p>")
    return f"{_STYLE}<div class='umm'>{''.join(parts)}</div>"


def _head(run: str, mode: str, state: str, ts_ns: int) -> str:
    age_s = (time.time_ns() - ts_ns) / 1e9
    when = datetime.fromtimestamp(ts_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    health = (
        f"<span class='badge ok'>{escape(state)}</span>"
        if age_s < _STALE_S
        else f"<span class='badge stale'>silent for {age_s:,.0f} s</span>"
    )
    return (
        f"<h1>ultramm <span class='badge {escape(mode)}'>{escape(mode.upper())}</span> {health}</h1>"
        f"<p class='dim'>{escape(run)} · as of {when}</p>"
    )


def _maker(maker: MakerStatus, book: BookView | None, fills: list[FillEvent]) -> str:
    score, pnl = maker.score, maker.score.pnl
    markout = score.markout_bps(1.0)
    uptime = score.quoting.uptime
    cards = [
        ("P&amp;L", f"{pnl.total:+,.4f} {pnl.currency}"),
        ("spread capture", f"{pnl.spread_capture:+,.4f}"),
        ("inventory P&amp;L", f"{pnl.inventory:+,.4f}"),
        ("fees", f"{0 - pnl.fees:+,.4f}"),
        ("position", f"{score.inventory.last:.10g}"),
        ("fills", f"{score.fills:,}"),
        ("markout 1 s", "–" if markout is None else f"{markout:+.2f} bps"),  # noqa: RUF001
        ("both sides quoted", "–" if uptime is None else f"{100 * uptime:.1f} %"),  # noqa: RUF001
        ("drawdown", f"{score.drawdown.largest:,.4f}"),
    ]
    shown = "".join(f"<div class='card'><span>{name}</span><b>{value}</b></div>" for name, value in cards)
    title = f"{escape(score.strategy)} · {escape(score.instrument)} · {escape(maker.state)}"
    quotes = f"<div>{_side('bid', maker.bid)}{_side('ask', maker.ask)}</div>"
    mine = _fills([fill for fill in fills if fill.strategy == score.strategy and fill.instrument == score.instrument])
    columns = f"<div class='flex'>{_book(book, maker)}{quotes}{_effects(maker)}{_edges(maker)}{mine}</div>"
    return f"<h2>{title}</h2><div class='cards'>{shown}</div>{columns}"


def _side(name: str, side: SideStatus) -> str:
    if not side.orders:
        return f"<h2>{name}</h2><p class='why'>not quoted: {escape(side.reason or '')}</p>"
    rows = "".join(
        f"<tr><td class='{name}'>{o.price:.10g}</td><td>{o.size:.10g}</td><td>{_size(o.ahead)}</td></tr>"
        for o in side.orders
    )
    return f"<h2>{name}</h2><table><tr><th>price</th><th>size</th><th>ahead in the queue</th></tr>{rows}</table>"


def _size(size: float | None) -> str:
    return "–" if size is None else f"{size:.4g}"  # noqa: RUF001


def _effects(maker: MakerStatus) -> str:
    """What moves the quotes."""
    if not maker.effects:
        return ""
    rows = []
    for effect, value in maker.effects.items():
        name, unit = name_and_unit(effect)
        rows.append(f"<tr><td>{escape(name)}</td><td>{_known(value)}</td><td>{escape(unit)}</td></tr>")
    return f"<div><h2>effects</h2><table>{''.join(rows)}</table></div>"


def _edges(maker: MakerStatus) -> str:
    """What virtual quotes earned at each depth that was reached."""
    rows = []
    for bid, ask in zip(maker.bid_edges, maker.ask_edges, strict=True):
        if bid.edge_bps is None and ask.edge_bps is None:
            continue
        cells = "".join(
            f"<td>{_known(e.edge_bps, e.error_bps)}</td><td>{60 * e.fills_per_s:.2f}</td>" for e in (bid, ask)
        )
        rows.append(f"<tr><td>{bid.depth_bps:.2f}</td>{cells}</tr>")
    if not rows:
        return ""
    head = (
        "<tr><th>depth, bps</th><th>bids earn, bps</th><th>a minute</th><th>asks earn, bps</th><th>a minute</th></tr>"
    )
    note = "<p class='dim'>virtual quotes, before fees, with one standard error</p>"
    return f"<div><h2>edge curve</h2><table>{head}{''.join(rows)}</table>{note}</div>"


def _known(value: float | None, error: float | None = None) -> str:
    if value is None:
        return "–"  # noqa: RUF001
    return f"{value:+.2f}" + ("" if error is None else f" ± {error:.2f}")


def _book(book: BookView | None, maker: MakerStatus) -> str:
    if book is None:
        return ""
    ours = {order.price for order in (*maker.bid.orders, *maker.ask.orders)}
    depth = max(len(book.bids), len(book.asks))
    rows = []
    for row in range(depth):
        bid = _level("bid", book.bids, row, ours)
        ask = _level("ask", book.asks, row, ours)
        rows.append(f"<tr>{bid[1]}{bid[0]}{ask[0]}{ask[1]}</tr>")
    spread = f"{book.mean_spread_bps:.2f} bps" if book.mean_spread_bps is not None else "–"  # noqa: RUF001
    sigma = f"{book.sigma:.4g} per √s" if book.sigma is not None else "–"  # noqa: RUF001
    head = "<tr><th>size</th><th>bid</th><th>ask</th><th>size</th></tr>"
    note = f"<p class='dim'>mean spread {spread} · volatility {sigma} · ours are marked</p>"
    return f"<div><h2>book</h2><table>{head}{''.join(rows)}</table>{note}</div>"


def _level(side: str, levels: tuple[tuple[float, float], ...], row: int, ours: set[float]) -> tuple[str, str]:
    if row >= len(levels):
        return "<td></td>", "<td></td>"
    price, size = levels[row]
    mark = " ours" if price in ours else ""
    return f"<td class='{side}{mark}'>{price:.10g}</td>", f"<td>{size:.10g}</td>"


def _fills(fills: list[FillEvent]) -> str:
    if not fills:
        return ""
    rows = "".join(
        f"<tr><td class='{'bid' if fill.side == 'BUY' else 'ask'}'>{escape(fill.side)}</td>"
        f"<td>{fill.size:.10g}</td><td>{fill.price:.10g}</td><td>{fill.position:.10g}</td></tr>"
        for fill in fills
    )
    head = "<tr><th>side</th><th>size</th><th>price</th><th>position after</th></tr>"
    return f"<div><h2>last fills</h2><table>{head}{rows}</table></div>"
