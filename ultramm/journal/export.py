"""A journal as Parquet files: one a kind of record, and one of what each maker was at each status."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ultramm.journal.records import Entry, Record, Status
from ultramm.journal.store import Journal, kind_of
from ultramm.maker import MakerStatus

_ROWS_AT_ONCE = 5_000
_COLUMNS = {str: pa.string(), float: pa.float64(), int: pa.int64(), bool: pa.bool_()}
_HEAD: list[tuple[str, Any]] = [
    ("sequence", pa.int64()),
    ("run", pa.string()),
    ("ts", pa.timestamp("ns", tz="UTC")),
]
MAKERS = "maker"
_MAKER: dict[str, tuple[Any, Callable[[MakerStatus], Any]]] = {
    "strategy": (pa.string(), lambda maker: maker.score.strategy),
    "instrument": (pa.string(), lambda maker: maker.score.instrument),
    "state": (pa.string(), lambda maker: maker.state),
    "mid": (pa.float64(), lambda maker: maker.score.last_mid),
    "fair": (pa.float64(), lambda maker: maker.fair),
    "bid": (pa.float64(), lambda maker: maker.bid.orders[0].price if maker.bid.orders else None),
    "ask": (pa.float64(), lambda maker: maker.ask.orders[0].price if maker.ask.orders else None),
    "position": (pa.float64(), lambda maker: maker.score.inventory.last),
    "pnl": (pa.float64(), lambda maker: maker.score.pnl.total),
    "spread_capture": (pa.float64(), lambda maker: maker.score.pnl.spread_capture),
    "inventory_pnl": (pa.float64(), lambda maker: maker.score.pnl.inventory),
    "fees": (pa.float64(), lambda maker: maker.score.pnl.fees),
    "currency": (pa.string(), lambda maker: maker.score.pnl.currency),
    "drawdown": (pa.float64(), lambda maker: maker.score.drawdown.current),
    "fills": (pa.int64(), lambda maker: maker.score.fills),
    "volume": (pa.float64(), lambda maker: maker.score.volume),
    "uptime": (pa.float64(), lambda maker: maker.score.quoting.uptime),
}


def export(
    journal: Journal, folder: Path, *, run: str | None = None, on_read: Callable[[int], None] = lambda _: None
) -> dict[str, int]:
    """Write ``KIND.parquet`` for each kind that there is; gives the rows of each.

    Text, numbers and truth values are columns; what has parts of its own is a column of JSON.

    Parameters
    ----------
    folder : Path
        Made if it is not there; files in it are replaced.
    run : str, optional
        Only this one.
    on_read : callable
        Called with the sequence number that was read last.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tables: dict[str, _Table] = {}
    try:
        for entries in _batches(journal):
            for entry in entries:
                if run is None or entry.run == run:
                    _add(tables, folder, entry)
            for table in tables.values():
                table.flush()
            on_read(entries[-1].sequence)
    finally:
        for table in tables.values():
            table.close()
    return {kind: table.count for kind, table in sorted(tables.items())}


def _batches(journal: Journal) -> Iterator[list[Entry]]:
    after = 0
    while entries := journal.read(after=after, limit=_ROWS_AT_ONCE):
        yield entries
        after = entries[-1].sequence


def _add(tables: dict[str, _Table], folder: Path, entry: Entry) -> None:
    record, kind = entry.record, kind_of(entry.record)
    head = [entry.sequence, entry.run, entry.ts_ns]
    if kind not in tables:
        tables[kind] = _Table(folder, kind, list(_columns(type(record)).items()))
    tables[kind].add([*head, *(_cell(record, name, of) for name, of in _columns(type(record)).items())])
    if isinstance(record, Status):
        if MAKERS not in tables:
            tables[MAKERS] = _Table(folder, MAKERS, [(name, of) for name, (of, _) in _MAKER.items()])
        for maker in record.makers:
            tables[MAKERS].add([*head, *(value(maker) for _, value in _MAKER.values())])


class _Table:
    """A file that is being written, under another name until it is whole."""

    def __init__(self, folder: Path, kind: str, columns: list[tuple[str, Any]]) -> None:
        self._path = folder / f"{kind}.parquet"
        self._being_written = folder / f".{kind}.parquet.new"
        self._schema = pa.schema([*_HEAD, *columns])
        self._writer = pq.ParquetWriter(self._being_written, self._schema, compression="zstd")
        self._rows: list[list[Any]] = []
        self.count = 0

    def add(self, row: list[Any]) -> None:
        self._rows.append(row)
        self.count += 1

    def flush(self) -> None:
        if self._rows:
            columns = [
                pa.array(column, of.type)
                for column, of in zip(zip(*self._rows, strict=True), self._schema, strict=True)
            ]
            self._writer.write_batch(pa.record_batch(columns, schema=self._schema))
            self._rows = []

    def close(self) -> None:
        self.flush()
        self._writer.close()
        self._being_written.replace(self._path)


def _columns(record: type) -> dict[str, Any]:
    """Name and Arrow's type of each field of a record."""
    if record not in _known:
        hints = typing.get_type_hints(record)
        _known[record] = {name: _column(hints[name]) for name in record.__struct_fields__}  # type: ignore[attr-defined]
    return _known[record]


_known: dict[type, dict[str, Any]] = {}


def _column(hint: Any) -> Any:
    if isinstance(hint, types.UnionType):
        (hint,) = [each for each in get_args(hint) if each is not type(None)] or [str]
    return _COLUMNS.get(hint, pa.string())


def _cell(record: Record, name: str, of: Any) -> Any:
    value = getattr(record, name)
    if of == pa.string() and value is not None and not isinstance(value, str):
        return msgspec.json.encode(value).decode()
    return value
