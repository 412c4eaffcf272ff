"""A backtest that is watched for its report; one that is not pays nothing for it."""

from __future__ import annotations

import math
from typing import Any

from ultramm.analytics.report.trace import SECOND_NS, Trace
from ultramm.journal.records import FillEvent, OrderEvent, Record
from ultramm.maker import Maker
from ultramm.market import Fill, Side
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
        self.traces[key] = Trace(maker.score, maker.best_quotes, maker.max_position, rows=self._rows, **buckets)
        return self.traces[key]

    def __call__(self, ts_ns: int, record: Record) -> None:
        super().__call__(ts_ns, record)
        if isinstance(record, FillEvent):
            self.traces[record.strategy, record.instrument].on_fill(*_fill(ts_ns, record))
        # What leaves at market has no place in a queue.
        elif isinstance(record, OrderEvent) and not (record.event == "sent" and record.reason):
            side = Side[record.side] if record.side else None
            trace = self.traces[record.strategy, record.instrument]
            trace.on_order(ts_ns, record.order_id, record.event, side, record.price)

    def finish(self, last_ns: int) -> None:
        for key, trace in self.traces.items():
            trace.finish(last_ns, self._makers[key].book)


def _fill(ts_ns: int, record: FillEvent) -> tuple[Fill, float, float]:
    fill = Fill(ts_ns, record.order_id, Side[record.side], record.price, record.size, record.fee, record.maker)
    return fill, math.nan if record.mid is None else record.mid, record.position


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
