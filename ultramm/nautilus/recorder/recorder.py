"""The recorder: takes market events on the event loop, and writes them into a catalog from threads of its own.

One thread puts what came into the spool a few times a second; another makes Parquet of the spool at each rotation.
Neither is ever waited for: events that find the queue full are counted, and a disk that fails ends the recording and
nothing else.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from nautilus_trader.core import nautilus_pyo3
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick

from ultramm.errors import DataError, UltrammError
from ultramm.nautilus.recorder.publish import (
    Publication,
    define,
    disk_problem,
    last_ns,
    publish,
    publish_left,
    writing,
)
from ultramm.nautilus.recorder.spool import Frame, Part, Spool, alone_on, spool_folder

FLUSH_S = 0.25
_CAPACITY = 100_000  # events waiting
_ROTATE_ROWS = 5_000_000
# Rows are encoded some at a time: the interpreter's lock is held meanwhile, and a quote may be waiting for it.
_ENCODE_ROWS = 500

_ENCODERS: dict[Any, tuple[str, Any]] = {
    OrderBookDelta: ("deltas", nautilus_pyo3.book_deltas_to_arrow_record_batch_bytes),
    TradeTick: ("trades", nautilus_pyo3.trades_to_arrow_record_batch_bytes),
    QuoteTick: ("quotes", nautilus_pyo3.quotes_to_arrow_record_batch_bytes),
}


class RecorderStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a recording goes.

    Parameters
    ----------
    events, rows : int
        Safe on the disk, of this run; a batch of deltas is one event and several rows.
    size_bytes : int
        Of the Parquet files of this run and of the spool.
    rotated_s : float
        Seconds since the last rotation, or since the beginning.
    dropped : int
        Events that found the queue full.
    problem : str or None
        Why nothing is recorded any more.
    """

    events: int
    rows: int
    size_bytes: int
    rotated_s: float
    dropped: int
    problem: str | None


class Recorder:
    """Records the markets of some instruments into a catalog.

    Parameters
    ----------
    catalog : Path
        Folder; made when it is not there.
    instruments : sequence
        Nautilus instruments.
    rotate_s : float
        Seconds of recording in a Parquet file.
    rotate_rows : int
        Rows in a segment of the spool at which it is rotated before that time.
    capacity : int
        Events that may wait for the disk.
    """

    def __init__(
        self,
        catalog: Path,
        instruments: Sequence[Any],
        *,
        rotate_s: float = 900.0,
        rotate_rows: int = _ROTATE_ROWS,
        capacity: int = _CAPACITY,
    ) -> None:
        self.catalog = catalog
        self.instruments = list(instruments)
        self.problem: str | None = None
        self.recovered: Publication | None = None
        self._rotate_s = rotate_s
        self._rotate_rows = rotate_rows
        self._capacity = capacity
        self._queue: deque[Any] = deque()
        self._dropped: Counter[str] = Counter()
        self._dropped_spooled: Counter[str] = Counter()
        self._published = Publication()
        self._alone = contextlib.ExitStack()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._work, name="recorder", daemon=True)
        self._publisher = ThreadPoolExecutor(1, thread_name_prefix="recorder publish")
        self._segments: SegmentWriter | None = None

    def start(self) -> None:
        """Take the catalog, bring in what an interrupted recording left there, and begin.

        Raises
        ------
        DataError
            Another recorder has the catalog, or it has data that do not go together with what would be recorded.
        RunError
            The disk does not take it.
        """
        if self.catalog.exists() and not self.catalog.is_dir():
            raise DataError(f"{self.catalog}: is no directory; give the directory of a catalog")
        with contextlib.ExitStack() as undo, writing(self.catalog):
            spool_folder(self.catalog).mkdir(parents=True, exist_ok=True)
            undo.enter_context(alone_on(self.catalog))
            self.recovered = publish_left(self.catalog)
            define(self.catalog, self.instruments)
            self._check_past()
            self._segments = SegmentWriter(
                spool_folder(self.catalog),
                self.instruments,
                self._hand_over,
                rotate_s=self._rotate_s,
                rotate_rows=self._rotate_rows,
            )
            self._alone = undo.pop_all()
        self._writer.start()

    def _check_past(self) -> None:
        for instrument in self.instruments:
            end_ns = last_ns(self.catalog, instrument.id.value)
            if end_ns > time.time_ns():
                ahead_s = (end_ns - time.time_ns()) * 1e-9
                raise DataError(
                    f"{self.catalog}: has data of {instrument.id.value} of up to {ahead_s:,.0f} s from now; "
                    "set the clock, or give another catalog"
                )

    def put(self, event: Any) -> bool:
        """Take one event; never blocks. False when it is not recorded."""
        if self.problem is not None:
            return False
        if len(self._queue) >= self._capacity:
            self._dropped[event.instrument_id.value] += 1
            return False
        self._queue.append(event)
        return True

    def fail(self, problem: str) -> None:
        """End the recording, but not whoever feeds it; the first problem counts."""
        self.problem = self.problem or problem
        self._queue.clear()

    def status(self) -> RecorderStatus:
        segments, published = self._segments, self._published
        assert segments is not None
        return RecorderStatus(
            events=segments.events,
            rows=segments.rows,
            size_bytes=published.size_bytes + segments.spooled_bytes,
            rotated_s=segments.age_s,
            dropped=self._dropped.total(),
            problem=self.problem,
        )

    def close(self) -> Publication:
        """Write and publish what is left, and let go of the catalog; what this run brought into it."""
        if self._segments is not None:
            self._closing.set()
            self._writer.join()
            self._publisher.shutdown()
        self._alone.close()
        return msgspec.structs.replace(self._published, dropped=self._dropped.total())

    # -- the writer's thread -----------------------------------------------------------------------------------

    def _work(self) -> None:
        segments = self._segments
        assert segments is not None
        try:
            while not self._closing.wait(FLUSH_S):
                self._flush(segments)
            self._flush(segments)
        except BaseException as error:  # a panic in the kernel's encoder is no Exception
            self._give_up(error)
        with contextlib.suppress(OSError):
            segments.close()

    def _flush(self, segments: SegmentWriter) -> None:
        events: list[Any] = []
        with contextlib.suppress(IndexError):  # `fail` may empty it meanwhile
            events.extend(self._queue.popleft() for _ in range(len(self._queue)))
        dropped = Counter(dict(self._dropped)) - self._dropped_spooled
        segments.write(events, dict(dropped))
        self._dropped_spooled += dropped

    def _give_up(self, error: BaseException) -> None:
        known = isinstance(error, OSError | pa.ArrowException)
        what = disk_problem(self.catalog, error) if known else f"{type(error).__name__}: {error}"
        self.fail(str(error) if isinstance(error, UltrammError) else what)

    # -- the publisher's thread --------------------------------------------------------------------------------

    def _hand_over(self, segment: Path) -> None:
        self._publisher.submit(self._publish, segment)

    def _publish(self, segment: Path) -> None:
        if self.problem is not None:
            return  # segments come in one after the other: this one waits for `data recover`
        try:
            self._published += publish(self.catalog, segment)
        except BaseException as error:
            self._give_up(error)


class SegmentWriter:
    """Writes events into the spool, a segment after the other.

    A segment ends where time moves on, so that files of the catalog, which must not share a time, never part events
    of one moment.

    Parameters
    ----------
    folder : Path
        Of the spool.
    hand_over : callable
        Takes a segment that is complete.
    clock : callable
        Seconds; when to rotate.
    """

    def __init__(
        self,
        folder: Path,
        instruments: Sequence[Any],
        hand_over: Callable[[Path], None],
        *,
        rotate_s: float,
        rotate_rows: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.events = self.rows = 0
        self._folder = folder
        self._schemas = {instrument.id.value: _metadata(instrument) for instrument in instruments}
        self._hand_over = hand_over
        self._rotate_s = rotate_s
        self._rotate_rows = rotate_rows
        self._clock = clock
        self._session = f"{time.time_ns():020d}"
        self._number = 0
        self._last_ns = 0
        self._open()

    @property
    def spooled_bytes(self) -> int:
        return self._spool.size

    @property
    def age_s(self) -> float:
        """Seconds since the last rotation."""
        return self._clock() - self._opened_s

    def write(self, events: Sequence[Any], dropped: dict[str, int]) -> None:
        """Append events and wait until the disk has them.

        Raises
        ------
        OSError
            They are not recorded; what came before is.
        """
        end = self._end_of_segment(events) if self._is_due() else None
        if end is None:
            self._append(events, dropped)
            return
        self._append(events[:end], dropped)
        self._rotate()
        self._append(events[end:], {})

    def close(self) -> None:
        """End the last segment."""
        self._spool.close()
        self._hand_over(self._spool.path)

    def _is_due(self) -> bool:
        return self._segment_rows > 0 and (self.age_s >= self._rotate_s or self._segment_rows >= self._rotate_rows)

    def _end_of_segment(self, events: Sequence[Any]) -> int | None:
        """How many events still belong to this segment: up to where time moves on, None when it does not."""
        last_ns = self._last_ns
        for index, event in enumerate(events):
            if event.ts_init > last_ns:
                return index
        return None

    def _open(self) -> None:
        self._number += 1
        self._spool = Spool(self._folder / f"{self._session}-{self._number:06d}.spool")
        self._segment_rows = 0
        self._opened_s = self._clock()

    def _rotate(self) -> None:
        full = self._spool
        self._open()
        full.close()
        self._hand_over(full.path)

    def _append(self, events: Sequence[Any], dropped: dict[str, int]) -> None:
        if not events and not dropped:
            return
        parts, rows = [], 0
        for data_type, instrument_id, chunk, data in _grouped(events):
            parts.append(self._encoded(data_type, instrument_id, chunk, data))
            rows += len(data)
        self._spool.append(Frame(parts, dropped))
        self.events += len(events)
        self.rows += rows
        self._segment_rows += rows
        self._last_ns = max([self._last_ns, *(event.ts_init for event in events)])

    def _encoded(self, data_type: Any, instrument_id: str, events: int, data: list[Any]) -> Part:
        kind, encode = _ENCODERS[data_type]
        table = pa.ipc.open_stream(encode(data_type.to_pyo3_list(data))).read_all()
        sink = pa.BufferOutputStream()
        # The encoder takes the precisions from the data, where a CLEAR by itself has none.
        with pa.ipc.new_stream(sink, table.schema.with_metadata(self._schemas[instrument_id])) as stream:
            stream.write_table(table.replace_schema_metadata(self._schemas[instrument_id]))
        return Part(kind, instrument_id, events, sink.getvalue().to_pybytes())  # type: ignore[arg-type]


def _grouped(events: Sequence[Any]) -> Iterator[tuple[Any, str, int, list[Any]]]:
    """Type, instrument, number of events and rows, some hundred rows at a time; in order within each."""
    groups: dict[tuple[Any, str], tuple[int, list[Any]]] = {}
    for event in events:
        deltas = event.deltas if isinstance(event, OrderBookDeltas) else None
        key = OrderBookDelta if deltas is not None else type(event), event.instrument_id.value
        count, rows = groups.pop(key, (0, []))
        rows.extend(deltas if deltas is not None else (event,))
        if len(rows) >= _ENCODE_ROWS:
            yield *key, count + 1, rows
        else:
            groups[key] = count + 1, rows
    for key, (count, rows) in groups.items():
        yield *key, count, rows


def _metadata(instrument: Any) -> dict[str, str]:
    return {
        "instrument_id": instrument.id.value,
        "price_precision": str(instrument.price_precision),
        "size_precision": str(instrument.size_precision),
    }
