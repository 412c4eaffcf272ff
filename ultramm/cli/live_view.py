"""What a node shows while it runs: a live page on a terminal, plain lines elsewhere."""

from __future__ import annotations

import queue
import threading
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

from ultramm.cli.output import in_words, number, percent
from ultramm.inference.state import ModelState
from ultramm.journal.records import BookView, FillEvent, GuardEvent, HaltEvent, Record, RecordingEvent, Status
from ultramm.maker import MakerStatus, Resting, SideStatus
from ultramm.quoting.decision import name_and_unit

_PLAIN_INTERVAL_S = 5.0
_BOOK_ROWS = 6
_SHOWN = FillEvent, GuardEvent, HaltEvent, RecordingEvent
_WAITING = 1_000  # of a view that shows nothing any more


class View(Protocol):
    """Something that shows a node's life."""

    def on_status(self, status: Status) -> None: ...
    def on_record(self, record: Record) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Background:
    """Shows a view from a thread of its own: a terminal that stops reading must not stop the trading.

    Of the statuses only the latest is shown, and of what happens nothing more than can wait. A view that breaks is
    dropped, the node goes on.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._items: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._latest: Status | None = None
        self._thread = threading.Thread(target=self._work, name="view", daemon=True)

    def on_status(self, status: Status) -> None:
        waiting = self._latest is not None
        self._latest = status
        if not waiting:
            self._items.put(status)

    def on_record(self, record: Record) -> None:
        if isinstance(record, _SHOWN) and self._items.qsize() < _WAITING:
            self._items.put(record)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._items.put(None)
        self._thread.join(timeout=2.0)

    def _work(self) -> None:
        try:
            with self._view as view:
                while (item := self._items.get()) is not None:
                    if isinstance(item, Status):
                        latest, self._latest = self._latest or item, None
                        view.on_status(latest)
                    else:
                        view.on_record(item)
        except (OSError, ValueError):
            return  # the terminal is gone


class PlainView:
    """One line every few seconds and for each halt or news of the recording; first quotes and ends at once."""

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
        elif isinstance(record, GuardEvent):
            print(f"{_now()} {record.strategy}: {_of_guard(record)}", flush=True)
        elif isinstance(record, RecordingEvent):
            print(f"{_now()} recording {record.event}: {record.reason or record.catalog}", flush=True)


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
    if status.reported is not None:
        parts.append(Text(in_words(status.reported)))
    balances = ", ".join(f"{name}: {amount}" for name, amount in status.balances.items())
    parts.append(Text(f"{status.state} · {status.market_events:,} market events · {balances}", style="dim"))
    if status.recording:
        parts.append(Text(status.recording, style="red" if "stopped" in status.recording else "dim"))
    return Panel(Group(*parts), title=title, title_align="left")


def _book_table(book: BookView, maker: MakerStatus) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("ours", "size", "bid", "ask", "size", "ours"):
        table.add_column(name, justify="right")
    ours = {order.price: order.size for order in (*maker.bid.orders, *maker.ask.orders)}
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
        Text(f"{mine:.10g}" if mine else "", style=f"bold {style}"),
        Text(f"{size:.10g}"),
        Text(f"{price:.10g}", style=f"bold {style}" if mine else style),
    ]


def _maker_table(maker: MakerStatus) -> Table:
    score, pnl = maker.score, maker.score.pnl
    table = Table.grid(padding=(0, 2))
    rows = [
        ("bid", _side(maker.bid, "green")),
        ("ask", _side(maker.ask, "red")),
        ("fair", Text("unknown" if maker.fair is None else f"{maker.fair:.10g}")),
        ("inventory", Text(f"{score.inventory.last:.10g}")),
        (
            "P&L",
            Text(f"{pnl.total:+,.4f} {pnl.currency}", style="bold green" if pnl.total >= 0 else "bold red"),
        ),
        (
            "",
            Text(f"capture {pnl.spread_capture:+,.4f}  inventory {pnl.inventory:+,.4f}  fees {0 - pnl.fees:+,.4f}"),
        ),
        ("fills", Text(f"{score.fills:,}")),
        ("markout 1 s", Text(f"{number(score.markout_bps(1.0), 3)} bps")),
        ("uptime", Text(f"{percent(score.quoting.uptime)} both sides")),
        *([("careful", Text(maker.caution, style="yellow"))] if maker.caution else []),
        *[("model" if each.trades else "in the shadow", _model(each)) for each in maker.models],
        *[(name, Text(text, style="dim")) for name, text in maker.stops.items()],
        *([] if maker.foregone is None else [("foregone to guards", Text(number(maker.foregone, 4), style="dim"))]),
        *[_effect(name, value) for name, value in maker.effects.items()],
    ]
    for name, value in rows:
        table.add_row(Text(name, style="dim"), value)
    return table


def _model(model: ModelState) -> Text:
    weights = ", ".join(f"{part} {100 * weight:.0f} %" for part, weight in model.weights.items())
    return Text(
        f"{model.id}: {weights}" + (f"; {model.doubt}" if model.doubt else ""), style="yellow" if model.doubt else ""
    )


def _effect(effect: str, value: float | None) -> tuple[str, Text]:
    name, unit = name_and_unit(effect)
    return name, Text(f"{number(value, 3)} {unit}", style="dim")


def _side(side: SideStatus, style: str) -> Text:
    if not side.orders:
        return Text(f"not quoted: {side.reason}", style="yellow")
    return Text("  ".join(_resting(order) for order in side.orders), style=style)


def _resting(order: Resting) -> str:
    behind = "" if order.ahead is None else f" ({order.ahead:.4g} ahead)"
    return f"{order.size:.10g} @ {order.price:.10g}{behind}"


def _fills_table(fills: list[FillEvent]) -> Table:
    table = Table(box=None, pad_edge=False, title="last fills", title_justify="left", title_style="dim")
    for fill in fills:
        style = "green" if fill.side == "BUY" else "red"
        traded = f"{fill.size:.10g} @ {fill.price:.10g}"
        table.add_row(Text(fill.side, style=style), traded, f"position {fill.position:.10g}")
    return table


def _line(maker: MakerStatus) -> str:
    score = maker.score
    return (
        f"{score.strategy} {score.instrument}: bid {_words(maker.bid)} | ask {_words(maker.ask)} | "
        f"position {score.inventory.last:.10g} | fills {score.fills} | P&L {score.pnl.total:+.4f} {score.pnl.currency}"
    )


def _words(side: SideStatus) -> str:
    if not side.orders:
        return f"not quoted ({side.reason})"
    first = side.orders[0]
    more = f" +{len(side.orders) - 1}" if len(side.orders) > 1 else ""
    return f"{first.size:.10g} @ {first.price:.10g}{more}"


def _of_guard(guard: GuardEvent) -> str:
    side = f"{guard.side.lower()} side"
    return f"{side} held back by {guard.guard}: {guard.reason}" if guard.active else f"{side} let go by {guard.guard}"


def _now() -> str:
    return datetime.now(UTC).strftime("%H:%M:%S")
