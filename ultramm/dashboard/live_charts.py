"""The charts of the report, alive: drawn once for a session, and given new data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeGuard

from bokeh.models import ColumnDataSource, HoverTool, Range1d, Span

from ultramm.analytics.report.charts import charts
from ultramm.analytics.report.figures import BUY, GRID, INK, MUTED, PAPER, SELL, new_figure
from ultramm.journal.records import BookView
from ultramm.journal.traced import MakerReplay
from ultramm.maker import MakerStatus

# A canvas knows no CSS: colours that can be read on light and on dark.
_COLOURS = {INK: "#5b8fd0", MUTED: "#8390a3", GRID: "#8390a340", PAPER: "#8390a3"}
_FILLS_SHOWN = 400


class LiveCharts:
    """The charts of one maker in one session.

    Parameters
    ----------
    replay : MakerReplay
        Its trace, which goes on.
    currency : str
        Of its P&L.
    """

    def __init__(self, replay: MakerReplay, currency: str) -> None:
        self._trace, self._effects = replay.trace, replay.trace.effects.names
        drawn = charts(replay.trace, currency, replay.instrument.price_precision, _FILLS_SHOWN)
        self.charts = {chart.name: chart for chart in drawn}
        for chart in drawn:
            recolour(chart.figure)

    @property
    def outdated(self) -> bool:
        """Whether the maker has told of something since that has no place in them."""
        return self._trace.effects.names != self._effects

    def refresh(self, names: Iterable[str]) -> None:
        """Show the trace as it is now, in the charts of these names; the time goes on in all of them."""
        for name in dict.fromkeys(("price", *names)):
            self.charts[name].update()


def recolour(figure: Any) -> None:
    """Give a figure of the report colours that can be read on light and on dark."""
    for model in figure.references():
        for name, value in model.properties_with_values(include_defaults=False).items():
            if isinstance(value, str) and value in _COLOURS:
                setattr(model, name, _COLOURS[value])
            elif getattr(value, "value", None) in _COLOURS:
                setattr(model, name, _COLOURS[value.value])
            elif isinstance(value, str) and name == "tooltips":
                setattr(model, name, _readable(value))
    for tool in figure.tools:
        if isinstance(getattr(tool, "tooltips", None), str):
            tool.tooltips = _readable(tool.tooltips)


def _readable(tooltip: str) -> str:
    return tooltip.replace(f"color:{INK}", "color:var(--ink)").replace(f"color:{MUTED}", "color:var(--muted)")


class BookChart:
    """The book by price: what others have up to each price, and where ours stand, with what is ahead of them."""

    def __init__(self) -> None:
        # Ranges are ours: one that follows its data would have none before the first, and shake with each later one.
        self._across, self._up = Range1d(0.0, 1.0), Range1d(0.0, 1.0)
        ranges = {"x_range": self._across, "y_range": self._up}
        self.figure = new_figure("book", 300, "price", "size up to here", **ranges)
        self._depth = {side: ColumnDataSource({"x": [], "y": []}) for side in ("bid", "ask")}
        self._ours = ColumnDataSource({"x": [], "y": [], "size": [], "colour": [], "text": []})
        self._fair = Span(dimension="height", line_color=INK, line_dash="dashed", line_width=1.5)
        for side, colour in (("bid", BUY), ("ask", SELL)):
            source = self._depth[side]
            mode = "after" if side == "ask" else "before"
            self.figure.varea_step(
                x="x", y1=0, y2="y", source=source, step_mode=mode, fill_color=colour, fill_alpha=0.25
            )
            self.figure.step(x="x", y="y", source=source, mode=mode, line_color=colour, line_width=1.5)
        self.figure.segment(
            x0="x", x1="x", y0=0, y1="y", source=self._ours, line_color="colour", line_width=3, line_alpha=0.9
        )
        points = self.figure.scatter(x="x", y="y", source=self._ours, size=10, fill_color="colour", line_color=PAPER)
        self.figure.add_tools(
            HoverTool(
                renderers=[points], tooltips=[("price", "@x{0,0.[0000]}"), ("size", "@size{0.[0000]}"), ("", "@text")]
            )
        )
        self.figure.add_layout(self._fair)
        recolour(self.figure)

    @staticmethod
    def can_show(book: BookView | None) -> TypeGuard[BookView]:
        """Whether there is something on both sides: Bokeh never ends drawing steps of no points."""
        return book is not None and bool(book.bids) and bool(book.asks)

    def show(self, book: BookView, maker: MakerStatus) -> None:
        """Draw the book and our orders as they are; to be called before it is put on a page."""
        self._fit(book)
        for side, levels in (("bid", book.bids), ("ask", book.asks)):
            xs, ys, total = [], [], 0.0
            for price, size in levels:
                total += size
                xs.append(price)
                ys.append(total)
            if side == "bid":
                xs.reverse()
                ys.reverse()
            self._depth[side].data = {"x": xs, "y": ys}
        rows = [(order, BUY, book.bids) for order in maker.bid.orders]
        rows += [(order, SELL, book.asks) for order in maker.ask.orders]
        self._ours.data = {
            "x": [order.price for order, _, _ in rows],
            "y": [_height(order.price, levels) for order, _, levels in rows],
            "size": [order.size for order, _, _ in rows],
            "colour": [colour for _, colour, _ in rows],
            "text": ["" if order.ahead is None else f"{order.ahead:.4g} ahead in its queue" for order, _, _ in rows],
        }
        self._fair.location = maker.fair if maker.fair is not None else math.nan

    def _fit(self, book: BookView) -> None:
        """Move the ranges where the book leaves them, or has become small in them."""
        prices = [price for price, _ in (*book.bids, *book.asks)]
        if not prices:
            return
        low, high = min(prices), max(prices)
        margin = 0.06 * (high - low) or 1e-4 * abs(high)
        start, end = self._across.start, self._across.end
        if low < start or high > end or high - low < 0.6 * (end - start):
            self._across.update(start=low - margin, end=high + margin)
        most = max(sum(size for _, size in levels) for levels in (book.bids, book.asks))
        if most > self._up.end or most < 0.5 * self._up.end:
            self._up.end = 1.2 * most or 1.0


def _height(price: float, levels: tuple[tuple[float, float], ...]) -> float:
    """What others have up to a price, the same measure as the curve beside it."""
    if not levels:
        return 1.0
    best = levels[0][0]
    toward = 1 if levels[-1][0] >= best else -1
    total = sum(size for at, size in levels if toward * (at - price) <= 1e-12)
    return total or 0.5 * levels[0][1]
