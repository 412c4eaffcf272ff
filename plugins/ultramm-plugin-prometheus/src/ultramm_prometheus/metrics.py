"""A node's last status as metrics: read from its journal at each scrape."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ultramm.errors import DataError
from ultramm.journal.records import Entry, RunStarted, Status
from ultramm.journal.store import Journal
from ultramm.maker import MakerStatus
from ultramm.quoting.decision import name_and_unit

_SILENT_S = 5.0
_MAKER = ("strategy", "instrument", "venue")

Row = tuple[Sequence[str], float]
Rows = Iterable[Row]


class JournalCollector(Collector):
    """The metrics of the latest run of a journal.

    Parameters
    ----------
    open_journal : callable
        Opens the journal to be read; done again after it could not be read.
    """

    def __init__(self, open_journal: Callable[[], Journal]) -> None:
        self._open = open_journal
        self._journal: Journal | None = None
        self._alone = threading.Lock()  # scrapes come on threads of their own

    def describe(self) -> Iterable[Metric]:
        """None are promised: a registry would else read the journal to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of them; of a journal that cannot be read just that."""
        try:
            with self._alone:
                started, ended, status = self._read()
        except DataError:
            yield _gauge("journal_readable", "1 if the journal can be read.", (), [((), 0.0)])
            return
        yield _gauge("journal_readable", "1 if the journal can be read.", (), [((), 1.0)])
        if started is None or not isinstance(started.record, RunStarted):
            return
        of_node = (started.record.name, started.record.mode, started.record.version, started.run)
        yield _gauge("node_info", "The node.", ("name", "mode", "version", "run"), [(of_node, 1.0)])
        if status is None or not isinstance(status.record, Status) or status.run != started.run:
            yield _gauge("up", "1 if the node reports.", (), [((), 0.0)])
            return
        age_s = (time.time_ns() - status.ts_ns) / 1e9
        up = age_s < _SILENT_S and (ended is None or ended.run != started.run)
        yield _gauge("up", "1 if the node reports.", (), [((), float(up))])
        yield _gauge("status_age_seconds", "Since the node's last status.", (), [((), age_s)])
        yield from node_metrics(status.record)

    def _read(self) -> tuple[Entry | None, Entry | None, Entry | None]:
        try:
            self._journal = journal = self._journal or self._open()
            started, ended, status = (
                next(iter(journal.last(kind)), None) for kind in ("run-started", "run-ended", "status")
            )
        except DataError:
            if self._journal is not None:
                self._journal.close()
                self._journal = None
            raise
        return started, ended, status


def node_metrics(status: Status) -> Iterator[Metric]:
    """What one status says."""
    makers = [((maker.score.strategy, *_split(maker.score.instrument)), maker) for maker in status.makers]

    def each(value: Callable[[MakerStatus], float | None]) -> Rows:
        return [(labels, known) for labels, maker in makers if (known := value(maker)) is not None]

    def parts(values: Callable[[MakerStatus], dict[str, float | None]]) -> Rows:
        return [
            ((*labels, part), known)
            for labels, maker in makers
            for part, known in values(maker).items()
            if known is not None
        ]

    yield _counter("market_events", "Events of the market seen.", (), [((), float(status.market_events))])
    states = [((venue.venue, venue.state), 1.0) for venue in status.venues]
    yield _gauge("venue_state", "How it stands with a venue.", ("venue", "state"), states)
    pnl = [
        ((*labels, maker.score.pnl.currency, part), value)
        for labels, maker in makers
        for part, value in _pnl(maker).items()
    ]
    yield _gauge("pnl", "P&L and its parts, in settlement currency.", (*_MAKER, "currency", "part"), pnl)
    yield _gauge("position", "Signed inventory, size.", _MAKER, each(lambda maker: maker.score.inventory.last))
    yield _gauge("max_position", "Largest inventory allowed, size.", _MAKER, each(lambda maker: maker.max_position))
    yield _counter("fills", "Executions of our orders.", _MAKER, each(lambda maker: maker.score.fills))
    yield _counter("passive_fills", "Fills in which we rested.", _MAKER, each(lambda maker: maker.score.maker_fills))
    yield _counter("volume", "Traded notional.", _MAKER, each(lambda maker: maker.score.volume))
    yield _counter("orders", "Orders by what came of them.", (*_MAKER, "event"), parts(_orders))
    yield _gauge("quoted_ratio", "Share of the time with an open order.", (*_MAKER, "side"), parts(_uptime))
    yield _gauge("drawdown", "Fall of the P&L from its peak.", (*_MAKER, "which"), parts(_drawdown))
    yield _gauge("markout_bps", "Mean markout of the fills.", (*_MAKER, "horizon_s"), parts(_markouts))
    yield _gauge("resting_orders", "Orders at the venue.", (*_MAKER, "side"), parts(_resting))
    yield _gauge("halted", "1 for each that stops it from quoting.", (*_MAKER, "source"), parts(_halts))
    yield _gauge("tick_to_order_seconds", "Of the last minute or two.", (*_MAKER, "quantile"), parts(_latency))
    yield _gauge("effect", "What moves the quotes.", (*_MAKER, "name", "unit"), _effects(makers))


def _pnl(maker: MakerStatus) -> dict[str, float]:
    pnl = maker.score.pnl
    found = {"total": pnl.total, "spread capture": pnl.spread_capture, "inventory": pnl.inventory, "fees": -pnl.fees}
    return found if pnl.realised is None else found | {"realised": pnl.realised}


def _orders(maker: MakerStatus) -> dict[str, float | None]:
    names = ("submitted", "accepted", "rejected", "cancelled", "filled")
    return {name: getattr(maker.score.quoting, f"orders_{name}") for name in names}


def _uptime(maker: MakerStatus) -> dict[str, float | None]:
    quoting = maker.score.quoting
    return {"both": quoting.uptime, "bid": quoting.bid_uptime, "ask": quoting.ask_uptime}


def _drawdown(maker: MakerStatus) -> dict[str, float | None]:
    return {"current": maker.score.drawdown.current, "largest": maker.score.drawdown.largest}


def _markouts(maker: MakerStatus) -> dict[str, float | None]:
    return {f"{markout.horizon_s:g}": markout.mean_bps for markout in maker.score.markouts}


def _resting(maker: MakerStatus) -> dict[str, float | None]:
    return {"bid": float(len(maker.bid.orders)), "ask": float(len(maker.ask.orders))}


def _halts(maker: MakerStatus) -> dict[str, float | None]:
    return dict.fromkeys(maker.halts, 1.0)


def _latency(maker: MakerStatus) -> dict[str, float | None]:
    latency = maker.latency
    return {} if latency is None else {"0.5": latency.p50_us / 1e6, "0.99": latency.p99_us / 1e6}


def _effects(makers: Iterable[tuple[Sequence[str], MakerStatus]]) -> Rows:
    return [
        ((*labels, *name_and_unit(effect)), value)
        for labels, maker in makers
        for effect, value in maker.effects.items()
        if value is not None
    ]


def _split(instrument: str) -> tuple[str, str]:
    return instrument, instrument.rpartition(".")[2]


def _gauge(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    return _filled(GaugeMetricFamily(f"ultramm_{name}", text, labels=labels), rows)


def _counter(name: str, text: str, labels: Sequence[str], rows: Rows) -> Metric:
    return _filled(CounterMetricFamily(f"ultramm_{name}", text, labels=labels), rows)


def _filled(family: GaugeMetricFamily | CounterMetricFamily, rows: Rows) -> Metric:
    for labels, value in rows:
        family.add_metric(labels, float(value))
    return family
