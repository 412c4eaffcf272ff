"""A backtest that is watched for its report; one that is not pays nothing for it."""

from __future__ import annotations

from typing import Any

from ultramm.analytics.report.trace import SECOND_NS, Trace
from ultramm.journal.records import FillEvent, OrderEvent, Record
from ultramm.journal.traced import tell
from ultramm.maker import Maker
from ultramm.nautilus.backtest import Collector
from ultramm.nautilus.shell import MakerShell

# Points of all series together, so that a page of many instruments stays small.
_ROWS = 2_400
_LEAST_ROWS = 300


class Tracer(Collector):
    """Keeps a trace of each maker, beside what every result needs.

    Parameters
    ----------
    makers : int
        How many there will be: they share the points that a page has room for.
    bucket_s : int, optional
        Step of the P&L kept for comparisons, seconds; by default one that gives 1,000 to 2,000 of them.
    """

    def __init__(self, makers: int = 1, bucket_s: int | None = None) -> None:
        super().__init__()
        self.shell = _TracedShell
        self.traces: dict[tuple[str, str], Trace] = {}
        self._makers: dict[tuple[str, str], Maker] = {}
        self._rows = max(_ROWS // max(makers, 1), _LEAST_ROWS)
        self._bucket_s = bucket_s

    def watch(self, maker: Maker) -> Trace:
        """Begin the trace of a maker."""
        key = (maker.name, maker.instrument.id)
        buckets = {} if self._bucket_s is None else {"bucket_ns": self._bucket_s * SECOND_NS, "bucket_rows": 50_000}
        self._makers[key] = maker
        self.traces[key] = Trace(
            maker.score,
            maker.best_quotes,
            maker.max_position,
            rows=self._rows,
            effects=maker.effects,
            covers=maker.covers,
            **buckets,
        )
        return self.traces[key]

    def __call__(self, ts_ns: int, record: Record) -> None:
        super().__call__(ts_ns, record)
        if isinstance(record, FillEvent | OrderEvent):
            tell(self.traces[record.strategy, record.instrument], ts_ns, record)

    def finish(self, last_ns: int) -> None:
        for key, trace in self.traces.items():
            trace.finish(last_ns, self._makers[key].book)


class _TracedShell(MakerShell):
    """Shows its maker to the tracer before each event that may change it."""

    _trace: Trace

    def on_start(self) -> None:
        super().on_start()
        assert isinstance(self._record, Tracer)
        self._trace = self._record.watch(self.maker)

    def on_order_book_deltas(self, deltas: Any) -> None:
        self._trace.until(deltas.ts_init, self.maker.book)
        super().on_order_book_deltas(deltas)

    def on_order_filled(self, event: Any) -> None:
        self._trace.until(event.ts_init, self.maker.book)
        super().on_order_filled(event)
