"""What a node shows while it runs: a live page on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ultramm.cli.output import number, percent
from ultramm.journal.records import BookView, FillEvent, HaltEvent, Record, Status
from ultramm.maker import MakerStatus, SideStatus

_PLAIN_INTERVAL_S = 5.0
_BOOK_ROWS = 6


class View(Protocol):
    """Something that shows a node's life."""

    def on_status(self, status: Status) -> None: ...
    def on_record(self, record: Record) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class PlainView:
    """One line every few seconds and for each halt; first quotes and ends at once."""

    def __init__(self) -> None:
        self._next_s = 0.0
        self._quoted = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to put back."""

    def on_status(self, status: Status) -> None:
        quoted = all(maker.bid.orders and maker.ask.orders for maker in status.makers)
        first = quoted and not self._quoted
        self._quoted = self._quoted or quoted
        if first:
            print(f"{_now()} quoting on both sides", flush=True)
        if first or time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + _PLAIN_INTERVAL_S
            for maker in status.makers:
                print(f"{_now()} {_line(maker)}", flush=True)

    def on_record(self, record: Record) -> None:
        if isinstance(record, HaltEvent):
            what = f"halted by {record.source}: {record.reason}" if record.active else f"released by {record.source}"
            print(f"{_now()} {record.strategy}: {what}", flush=True)


class LiveView:
    """Book, quotes, inventory, P&L and reasons on a terminal, a few times a second."""

    def __init__(self, console: Console, title: str) -> None:
        self._title = title
        self._fills: list[FillEvent] = []
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def on_status(self, status: Status) -> None:
        self._live.update(render(status, self._title, self._fills), refresh=True)

    def on_record(self, record: Record) -> None:
        if isinstance(record, FillEvent):
            self._fills = [record, *self._fills[:4]]


def render(status: Record, title: str, fills: list[FillEvent] | None = None) -> RenderableType:
    """A status as a page: a panel a maker, and its book."""
    if not isinstance(status, Status):
        return Text("no status")
    books = {book.instrument: book for book in status.books}
    parts: list[RenderableType] = []
    for maker in status.makers:
        sections: list[RenderableType] = [_maker_table(maker)]
        if maker.score.instrument in books:
            sections.insert(0, _book_table(books[maker.score.instrument], maker))
        head = f"{maker.score.strategy} · {maker.score.instrument} · {maker.state}"
        parts.append(Panel(Columns(sections, padding=(0, 3)), title=head, title_align="left"))
    if fills:
        parts.append(_fills_table(fills))
    balances = ", ".join(f"{name}: {amount}" for name, amount in status.balances.items())
    parts.append(Text(f"{status.state} · {status.market_events:,} market events · {balances}", style="dim"))
    return Panel(Group(*parts), title=title, title_align="left")


def _book_table(book: BookView, maker: MakerStatus) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("ours", "size", "bid", "ask", "size", "ours"):
        table.add_column(name, justify="right")
    ours = dict(maker.bid.orders) | dict(maker.ask.orders)
    for row in range(_BOOK_ROWS):
        bid = book.bids[row] if row < len(book.bids) else None
        ask = book.asks[row] if row < len(book.asks) else None
        table.add_row(*_level(bid, ours, "green"), *reversed(_level(ask, ours, "red")))
    return table


def _level(level: tuple[float, float] | None, ours: dict[float, float], style: str) -> list[Text]:
    if level is None:
        return [Text(""), Text(""), Text("")]
    price, size = level
    mine = ours.get(price)
    return [
        Text(f"{mine:g}" if mine else "", style=f"bold {style}"),
        Text(f"{size:g}"),
        Text(f"{price:g}", style=f"bold {style}" if mine else style),
    ]


def _maker_table(maker: MakerStatus) -> Table:
    score, pnl = maker.score, maker.score.pnl
    table = Table.grid(padding=(0, 2))
    one_second = next((m for m in score.markouts if m.horizon_s == 1.0), None)
    rows = [
        ("bid", _side(maker.bid, "green")),
        ("ask", _side(maker.ask, "red")),
        ("fair", Text(number(maker.fair, 2))),
        ("inventory", Text(f"{score.inventory.last:g}")),
        (
            "P&L",
            Text(f"{pnl.total:+,.4f} {pnl.currency}", style="bold green" if pnl.total >= 0 else "bold red"),
        ),
        (
            "",
            Text(f"capture {pnl.spread_capture:+,.4f}  inventory {pnl.inventory:+,.4f}  fees {0 - pnl.fees:+,.4f}"),
        ),
        ("fills", Text(f"{score.fills:,}")),
        ("markout 1 s", Text(f"{number(one_second.mean_bps if one_second else None, 3)} bps")),
        ("uptime", Text(f"{percent(score.quoting.uptime)} both sides")),
    ]
    for name, value in rows:
        table.add_row(Text(name, style="dim"), value)
    return table


def _side(side: SideStatus, style: str) -> Text:
    if not side.orders:
        return Text(f"not quoted: {side.reason}", style="yellow")
    return Text("  ".join(f"{size:g} @ {price:g}" for price, size in side.orders), style=style)


def _fills_table(fills: list[FillEvent]) -> Table:
    table = Table(box=None, pad_edge=False, title="last fills", title_justify="left", title_style="dim")
    for fill in fills:
        style = "green" if fill.side == "BUY" else "red"
        table.add_row(Text(fill.side, style=style), f"{fill.size:g} @ {fill.price:g}", f"position {fill.position:g}")
    return table


def _line(maker: MakerStatus) -> str:
    score = maker.score
    return (
        f"{score.strategy} {score.instrument}: bid {_words(maker.bid)} | ask {_words(maker.ask)} | "
        f"position {score.inventory.last:g} | fills {score.fills} | P&L {score.pnl.total:+.4f} {score.pnl.currency}"
    )


def _words(side: SideStatus) -> str:
    if not side.orders:
        return f"not quoted ({side.reason})"
    price, size = side.orders[0]
    more = f" +{len(side.orders) - 1}" if len(side.orders) > 1 else ""
    return f"{size:g} @ {price:g}{more}"


def _now() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S")
