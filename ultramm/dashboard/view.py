"""One person's page: what it shows of a run, kept up to date, and the buttons."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import panel as pn

from ultramm.dashboard import parts
from ultramm.dashboard.edge_charts import EdgeCharts
from ultramm.dashboard.follow import Follower
from ultramm.dashboard.live_charts import BookChart, LiveCharts
from ultramm.dashboard.views import Guarded, views_of
from ultramm.errors import DataError
from ultramm.journal.records import Status
from ultramm.journal.store import Journal
from ultramm.journal.traced import MakerReplay
from ultramm.maker import MakerStatus

REFRESH_MS = 250
_CHARTS_S = 2.0
_READING_S = 0.15  # of each refresh, while there is a long run to read
_REPLY_S = 10.0
_STYLE, _PANEL, _TABS, _WIDGET, _TEMPLATE = (
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("style.css", "panel.css", "tabs.css", "widget.css", "page.html")
)
_OVER_TIME = ("price", "pnl", "inventory")
_ON_OVERVIEW = (*_OVER_TIME, "markout")
# Beside the overview: tabs that are one text each, and the rest of the charts.
_TEXTS: dict[str, Callable[[Follower], str]] = {
    "Fills": lambda follower: parts.fills(follower.fills),
    "Orders": parts.orders,
    "Events": lambda follower: parts.happenings(follower.happenings),
    "Alerts": lambda follower: parts.alerts(follower.alerts()),
    "Configuration": parts.configuration,
}
_EDGE = "Edge"  # of the maker that is shown
_TABS_SHOWN = ("Fills", "Orders", _EDGE, "Charts", "Events", "Alerts", "Configuration")
# What a word must confirm: it cannot be taken back.
_CONFIRMED = frozenset({"rearm", "flatten", "stop", "kill"})


class Session:
    """A page on journals.

    Parameters
    ----------
    journals : mapping of str to callable
        By name, what opens each to be read.
    may_act : bool
        Whether there are buttons.
    who : str
        Whose page it is, for the journal.
    """

    def __init__(self, journals: Mapping[str, Callable[[], Journal]], *, may_act: bool, who: str) -> None:
        self._journals = journals
        self._may_act = may_act
        self._who = who
        self._follower: Follower | None = None
        self._shown: dict[int, str] = {}
        self._charts_s = 0.0
        self._refreshed: tuple[str, ...] = ()
        self._updates = 0
        self._maker_key: tuple[str, str, str] | None = None
        self._charts: LiveCharts | None = None
        self._book: BookChart | None = None
        self._edge: EdgeCharts | None = None
        self._plugins: object = []
        self._views: list[Guarded] = []
        self._asked: tuple[int, str, float] | None = None
        self._make()

    # -- what there is ---------------------------------------------------------------------------------------

    def _make(self) -> None:
        self.head = _html()
        self._journal = pn.widgets.Select(
            options=list(self._journals), width=190, stylesheets=[_WIDGET], visible=len(self._journals) > 1
        )
        self._run = pn.widgets.Select(options={"latest run": ""}, width=230, stylesheets=[_WIDGET])
        self._maker = pn.widgets.Select(options=[], width=230, stylesheets=[_WIDGET], visible=False)
        self._journal.param.watch(lambda _: self._open(), "value")
        self._run.param.watch(lambda _: self._follow(), "value")
        self._told = _html()
        self.controls = pn.Column(
            pn.FlexBox(self._journal, self._run, self._maker, gap="8px"), *self._buttons(), self._told, margin=0
        )
        self._cards, self._quotes, self._effects, self._models, self._stops = (_html() for _ in range(5))
        self._balances, self._makers = _html(), _html()
        self._overview = pn.FlexBox(gap="12px", sizing_mode="stretch_width", styles={"margin-top": "12px"})
        self._all = _panel(self._makers)
        self._all.visible = False
        self._more, self._edges = (pn.FlexBox(gap="12px", sizing_mode="stretch_width") for _ in range(2))
        self._texts = {name: _html() for name in (*_TEXTS, _EDGE)}
        self._tabs = [
            ("Overview", pn.Column(self._cards, self._all, self._overview, sizing_mode="stretch_width", margin=0)),
            *[(name, self._tab(name)) for name in _TABS_SHOWN],
        ]
        self.body = pn.Tabs(
            *self._tabs,
            stylesheets=[_TABS],
            sizing_mode="stretch_width",
            dynamic=True,
            margin=0,
        )

    def _tab(self, name: str) -> Any:
        if name == "Charts":
            return self._more
        text = _panel(self._texts[name])
        return pn.Column(self._edges, text, sizing_mode="stretch_width", margin=0) if name == _EDGE else text

    def _buttons(self) -> list[Any]:
        if not self._may_act:
            return []
        self._confirm = pn.widgets.TextInput(
            placeholder="name, to confirm", width=160, stylesheets=[_WIDGET], css_classes=["umm-confirm"]
        )
        buttons = []
        for verb in ("pause", "resume", "rearm", "flatten", "stop", "kill"):
            button = pn.widgets.Button(
                name=verb.capitalize(), stylesheets=[_WIDGET], css_classes=[f"umm-{verb}"], margin=(4, 2)
            )
            button.on_click(lambda _, verb=verb: self._act(verb))
            buttons.append(button)
        return [pn.FlexBox(*buttons, self._confirm, gap="4px", align_items="center")]

    def page(self) -> Any:
        """The whole, as Panel serves it."""
        template = pn.Template(_TEMPLATE)
        template.add_variable("title", "ultramm")
        template.add_panel("head", self.head)
        template.add_panel("controls", self.controls)
        template.add_panel("body", self.body)
        return template

    # -- following -------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Another journal is chosen."""
        self.close()
        self._run.options = {"latest run": ""}
        self._run.value = ""
        self._follow()

    def _follow(self) -> None:
        """Another run is chosen: what was shown of the one before goes."""
        self.close()
        self._maker_key = None
        self.update()

    def close(self) -> None:
        """Let go of the journal."""
        if self._follower is not None:
            self._follower.journal.close()
            self._follower = None

    def update(self) -> None:
        """Show what is new."""
        self._updates += 1
        try:
            if self._follower is None:
                self._follower = Follower(self._journals[self._journal.value](), self._run.value or None)
            self._follower.poll(_READING_S)
            self._list_runs()
            self._hear_reply()
        except DataError as exc:
            # It is opened anew the next time: a Redis may be back, a file may be there.
            self.close()
            self._set(self.head, parts.no_journal(str(exc)))
            return
        self._show(self._follower)

    def _list_runs(self) -> None:
        follower = self._follower
        assert follower is not None
        options = {"latest run": ""}
        for run in follower.runs[:100]:
            options[run.run if run.ended_ns is None else f"{run.run} (ended)"] = run.run
        if options != self._run.options:
            self._run.options = options

    def _show(self, follower: Follower) -> None:
        now_ns = time.time_ns()
        stale = follower.status is not None and parts.is_stale(follower, now_ns)
        self._set(self.head, parts.head(follower, now_ns=now_ns))
        status = follower.status
        if status is not None and status.makers:
            self._show_maker(follower, self._chosen(status), status, stale)
        self._show_tab(follower, self.body.active)

    def _show_tab(self, follower: Follower, active: int) -> None:
        """What only the tab that is seen needs."""
        self._list_views(follower)
        if active >= len(self._tabs):
            self._views[active - len(self._tabs)].update(follower)
        elif (name := self._tabs[active][0]) in _TEXTS:
            self._set(self._texts[name], _TEXTS[name](follower))

    def _list_views(self, follower: Follower) -> None:
        """The tabs of plugins, made anew when another run has others."""
        configuration = follower.started.configuration if follower.started is not None else {}
        plugins = configuration.get("plugins") or []
        if plugins == self._plugins:
            return
        self._plugins = plugins
        self.body.active = min(self.body.active, len(self._tabs) - 1)
        self._views = views_of(configuration)
        self.body[:] = [*self._tabs, *[(view.title, view.pane) for view in self._views]]

    def _chosen(self, status: Status) -> MakerStatus:
        names = [f"{maker.score.strategy} {maker.score.instrument}" for maker in status.makers]
        if names != self._maker.options:
            self._maker.options = names
            self._maker.visible = len(names) > 1
        at = names.index(self._maker.value) if self._maker.value in names else 0
        return status.makers[at]

    def _show_maker(self, follower: Follower, maker: MakerStatus, status: Status, stale: bool) -> None:
        self._set(self._cards, parts.cards(maker), stale=stale)
        self._set(self._quotes, parts.quotes(maker), stale=stale)
        self._set(self._effects, parts.effects(maker), stale=stale)
        self._set(self._models, parts.models(maker), stale=stale)
        self._set(self._stops, parts.stops(maker), stale=stale)
        self._set(self._balances, parts.balances(status), stale=stale)
        self._all.visible = several = len(status.makers) > 1
        if several:
            self._set(self._makers, parts.makers(status), stale=stale)
        self._set(self._texts[_EDGE], parts.edges(maker))
        self._show_edges(maker)
        key = (follower.run, maker.score.strategy, maker.score.instrument)
        replay = follower.replay.makers.get(key[1:])
        if replay is not None and not (replay.can_be_drawn and self._updates > 1):
            replay = None  # charts take longest to make, and are not waited for before there is something to see
        book = next((each for each in status.books if each.instrument == maker.score.instrument), None)
        if not BookChart.can_show(book):
            return
        fresh = replay is not None and (self._charts is None or self._charts.outdated)
        if key != self._maker_key or fresh:
            self._maker_key = key
            self._book = BookChart()
            self._book.show(book, maker)
            self._draw(self._book, replay, maker)
        elif self._book is not None:
            self._book.show(book, maker)
        if not stale:
            self._refresh_charts()

    def _refresh_charts(self) -> None:
        """Those that are seen."""
        seen = self._seen()
        due = seen != self._refreshed or time.monotonic() - self._charts_s >= _CHARTS_S
        if self._charts is None or not seen or not due:
            return
        self._charts_s, self._refreshed = time.monotonic(), seen
        self._charts.refresh(seen)

    def _seen(self) -> tuple[str, ...]:
        active = self._tabs[self.body.active][0] if self.body.active < len(self._tabs) else ""
        if active == "Overview":
            return _ON_OVERVIEW
        every = self._charts.charts if self._charts is not None and active == "Charts" else ()
        return tuple(name for name in every if name not in _ON_OVERVIEW)

    def _show_edges(self, maker: MakerStatus) -> None:
        if not EdgeCharts.can_show(maker):
            self._edge, self._edges.objects = None, []
            return
        if self._edge is not None:
            self._edge.show(maker)
            return
        self._edge = EdgeCharts()
        self._edge.show(maker)
        self._edges.objects = [
            _chart(parts.chart_head(chart), chart.figure, "1 1 430px") for chart in self._edge.charts
        ]

    def _draw(self, book: BookChart, replay: MakerReplay | None, maker: MakerStatus) -> None:
        """Charts of another maker: what happens over time on the left, how it stands now on the right."""
        self._charts = None
        over_time, now = [], [_chart("<h3>Book and our orders</h3>", book.figure), _panel(self._quotes)]
        more = []
        if replay is not None:
            self._charts = LiveCharts(replay, maker.score.pnl.currency)
            self._charts_s = time.monotonic()
            charts = self._charts.charts
            over_time = [_chart(parts.chart_head(charts[name]), charts[name].figure) for name in _OVER_TIME]
            now.append(_chart(parts.chart_head(charts["markout"]), charts["markout"].figure))
            rest = [chart for name, chart in charts.items() if name not in _ON_OVERVIEW]
            more = [_chart(parts.chart_head(chart), chart.figure, "1 1 430px") for chart in rest]
        now += [_panel(self._effects)] if maker.effects else []
        now += [_panel(self._models)] if maker.models else []
        now += [_panel(self._stops)] if maker.stops else []
        now.append(_panel(self._balances))
        self._overview.objects = [_column(over_time, "2 1 520px"), _column(now, "1 1 340px")]
        self._more.objects = more

    def _set(self, pane: Any, html: str, *, stale: bool = False) -> None:
        """Send what has changed, and nothing else."""
        html = parts.wrapped(html, stale=stale)
        if self._shown.get(id(pane)) != html:
            self._shown[id(pane)] = html
            pane.object = html

    # -- acting ----------------------------------------------------------------------------------------------

    def _act(self, verb: str) -> None:
        follower = self._follower
        if follower is None or follower.started is None or not self._may_act:
            return
        if follower.ended is not None or parts.is_stale(follower, time.time_ns()):
            self._tell("no node is running on this journal", bad=True)
            return
        if verb in _CONFIRMED and self._confirm.value_input.strip() != follower.started.name:
            self._tell(f"to {verb}, type {follower.started.name} beside the buttons first", bad=True)
            return
        self._confirm.value = self._confirm.value_input = ""
        try:
            number = follower.journal.leave_command(verb, f"page {self._who}")
        except DataError as exc:
            self._tell(str(exc), bad=True)
            return
        self._asked = number, verb, time.monotonic()
        self._tell(f"{verb}: sent")

    def _hear_reply(self) -> None:
        if self._asked is None or self._follower is None:
            return
        number, verb, since = self._asked
        reply = self._follower.journal.reply_to(number)
        if reply is not None:
            self._asked = None
            self._tell(f"{verb}: {reply}")
        elif time.monotonic() - since > _REPLY_S:
            self._asked = None
            self._follower.journal.take_back(number)
            self._tell(f"the node did not answer {verb}; it is taken back", bad=True)

    def _tell(self, text: str, *, bad: bool = False) -> None:
        self._set(self._told, parts.answer(text, bad=bad))


def _html() -> Any:
    return pn.pane.HTML("", stylesheets=[_STYLE], sizing_mode="stretch_width", margin=0)


def _panel(pane: Any) -> Any:
    return pn.Column(pane, stylesheets=[_PANEL], sizing_mode="stretch_width", margin=0)


def _column(items: list[Any], flex: str) -> Any:
    return pn.Column(*items, styles={"flex": flex, "min-width": "0", "gap": "12px"}, margin=0)


def _chart(title: str, figure: Any, flex: str = "0 0 auto") -> Any:
    head = pn.pane.HTML(parts.wrapped(title), stylesheets=[_STYLE], sizing_mode="stretch_width", margin=0)
    figure.min_width = 0
    return pn.Column(
        head,
        pn.pane.Bokeh(figure, sizing_mode="stretch_width", margin=0),
        stylesheets=[_PANEL],
        styles={"flex": flex},
        sizing_mode="stretch_width",
        margin=0,
    )
