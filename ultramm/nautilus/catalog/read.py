"""Reading a Nautilus Parquet catalog: what it holds, and its data as one stream in bounded memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nautilus_trader.model.data import BarType, OrderBookDelta, OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.enums import BookAction, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.serialization.arrow.serializer import ArrowSerializer

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import MANIFEST, Manifest

Kind = Literal["deltas", "trades", "quotes", "bars"]
Streamed = Literal["trades", "deltas", "quotes"]
FOLDERS: dict[Kind, str] = {
    "deltas": "order_book_deltas",
    "trades": "trade_tick",
    "quotes": "quote_tick",
    "bars": "bar",
}
_TYPES: dict[Streamed, Any] = {"deltas": OrderBookDelta, "trades": TradeTick, "quotes": QuoteTick}
_AT_EQUAL_TIMES: tuple[Streamed, ...] = ("trades", "deltas", "quotes")
_ROWS = 5_000  # decoded at a time
_END_OF_TIME = 2**63 - 1


class Holding(msgspec.Struct, frozen=True):
    """What a catalog has of one kind for one instrument (bars: one bar type).

    `rows` counts single levels for deltas; `first_ns` and `last_ns` are the range of ``ts_init``.
    """

    instrument_id: str
    kind: Kind
    rows: int
    first_ns: int
    last_ns: int


def holdings(catalog: Path) -> list[Holding]:
    """What a catalog holds, from the metadata of its files.

    Raises
    ------
    DataError
        The directory is no catalog, or a file in it is no Parquet.
    """
    root = _root(catalog)
    found = [
        holding
        for kind, folder in FOLDERS.items()
        for directory in sorted((root / "data" / folder).glob("*/"))
        if (holding := _holding(kind, _files(root, directory))) is not None
    ]
    return sorted(found, key=lambda holding: (holding.instrument_id, holding.kind))


def load_instruments(catalog: Path, instrument_ids: Sequence[str]) -> list[Any]:
    """The instruments of a catalog, in the order asked for.

    Raises
    ------
    DataError
        The directory is no catalog, or has no definition of one of them.
    """
    root = _root(catalog)
    try:
        known = {instrument.id.value: instrument for instrument in ParquetDataCatalog(root).instruments()}
    except pa.ArrowException as error:
        raise DataError(f"{catalog}: an instrument cannot be read ({_line(error)}); import it again") from error
    for instrument_id in instrument_ids:
        if instrument_id not in known:
            held = ", ".join(sorted(known)) or "none"
            raise DataError(f"catalog {catalog} has no instrument {instrument_id}; it holds {held}")
    return [known[instrument_id] for instrument_id in instrument_ids]


def load(
    catalog: Path,
    instrument_ids: Sequence[str],
    *,
    start_ns: int | None = None,
    end_ns: int | None = None,
    kinds: Sequence[Streamed] = ("trades", "deltas"),
) -> Iterator[Any]:
    """Stream the data of some instruments in order of ``ts_init``, a few thousand rows in memory at a time.

    At equal times trades come before deltas and deltas before quotes, then the instruments in the order
    given; within one kind and instrument the order is that of arrival. Trades come first because a book
    update shows what they left, and because a simulated queue must see the trade before the level that it
    emptied.

    Parameters
    ----------
    catalog : Path
    instrument_ids : sequence of str
    start_ns, end_ns : int, optional
        Range of ``ts_init``, both ends included. Where deltas lie before `start_ns`, the first batch of an
        instrument is the book as it was then: a snapshot with ``ts_init`` of `start_ns`.
    kinds : sequence of {"trades", "deltas", "quotes"}

    Yields
    ------
    OrderBookDeltas, TradeTick or QuoteTick
        Deltas as batches that end with ``F_LAST``, or where the time changes.

    Raises
    ------
    DataError
        As `load_instruments`, at the call; while streaming, for a file that cannot be read.
    """
    instruments = load_instruments(catalog, instrument_ids)
    root = _root(catalog)
    streams: list[Iterator[Any]] = []
    for kind in sorted(set(kinds), key=_AT_EQUAL_TIMES.index):
        for instrument in instruments:
            # As Nautilus names directories: EUR/USD.SIM is in EURUSD.SIM.
            files = _files(root, root / "data" / FOLDERS[kind] / instrument.id.value.replace("/", ""))
            if kind == "deltas":
                streams.append(_batches(files, instrument.id, start_ns, end_ns))
            else:
                streams.append(_objects(files, kind, start_ns, end_ns))
    return heapq.merge(*streams, key=attrgetter("ts_init"))


def bar_times(catalog: Path, instrument_id: str) -> Iterator[int]:
    """When each bar of an instrument ended, nanoseconds since the epoch, bar type by bar type in the order of files."""
    for folder in sorted((_root(catalog) / "data" / FOLDERS["bars"]).glob("*/")):
        if _instrument_of("bars", {}, folder.name) == instrument_id:
            for table in _tables(sorted(folder.glob("*.parquet")), None, None):
                yield from table["ts_init"].to_pylist()


def _root(catalog: Path) -> Path:
    root = Path(catalog).resolve()
    if not root.is_dir():
        raise DataError(f"{catalog}: there is no such directory; import captures into it first")
    if not (root / "data").is_dir() and not (root / MANIFEST).exists() and any(root.iterdir()):
        raise DataError(f"{catalog}: is no catalog, it has no 'data' directory; give the catalog's own directory")
    return root


def _files(root: Path, directory: Path) -> list[Path]:
    """The files in a directory of a catalog, without those of an import that is moving in, or was killed at it."""
    pending = {root / name for name in Manifest.read(root).pending}
    return sorted(file for file in directory.glob("*.parquet") if file not in pending)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _open(file: Path) -> Any:
    try:
        return pq.ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file}: cannot be read ({_line(error)}); import the captures again") from error


def _time_range(parquet: Any) -> tuple[int, int]:
    groups = [parquet.metadata.row_group(i) for i in range(parquet.metadata.num_row_groups)]
    column = parquet.schema_arrow.get_field_index("ts_init")
    statistics = [group.column(column).statistics for group in groups]
    if all(each is not None and each.has_min_max for each in statistics):
        return min(each.min for each in statistics), max(each.max for each in statistics)
    span = pc.min_max(parquet.read(["ts_init"])["ts_init"]).as_py()
    return span["min"], span["max"]


def _holding(kind: Kind, files: list[Path]) -> Holding | None:
    rows, ranges, name = 0, [], ""
    for file in files:
        with _open(file) as parquet:
            if parquet.metadata.num_rows:
                rows += parquet.metadata.num_rows
                ranges.append(_time_range(parquet))
                name = _instrument_of(kind, parquet.schema_arrow.metadata or {}, file.parent.name)
    if not ranges:
        return None
    return Holding(name, kind, rows, min(first for first, _ in ranges), max(last for _, last in ranges))


def _instrument_of(kind: Kind, metadata: dict[bytes, bytes], directory: str) -> str:
    if kind == "bars":
        bar_type = BarType.from_str(metadata.get(b"bar_type", directory.encode()).decode())
        return str(bar_type.instrument_id.value)
    return metadata.get(b"instrument_id", directory.encode()).decode()


def _tables(files: list[Path], start_ns: int | None, end_ns: int | None) -> Iterator[Any]:
    """The rows of files in their order and within a range, some thousand at a time."""
    first, last = start_ns or 0, _END_OF_TIME if end_ns is None else end_ns
    for file in files:
        with _open(file) as parquet:
            if not parquet.metadata.num_rows:
                continue
            file_first, file_last = _time_range(parquet)
            if file_last < first or file_first > last:
                continue
            for batch in parquet.iter_batches(_ROWS):
                table = pa.Table.from_batches([batch])
                if file_first < first or file_last > last:
                    times = table["ts_init"]
                    table = table.filter(pc.and_(pc.greater_equal(times, first), pc.less_equal(times, last)))
                if table.num_rows:
                    yield table


def _objects(files: list[Path], kind: Streamed, start_ns: int | None, end_ns: int | None) -> Iterator[Any]:
    data_type = _TYPES[kind]
    for table in _tables(files, start_ns, end_ns):
        yield from data_type.from_pyo3_list(ArrowSerializer.deserialize(data_type, table))


def _batches(files: list[Path], instrument_id: InstrumentId, start_ns: int | None, end_ns: int | None) -> Iterator[Any]:
    if start_ns is not None and (book := _book_before(files, instrument_id, start_ns)) is not None:
        yield book
    batch: list[Any] = []
    for delta in _objects(files, "deltas", start_ns, end_ns):
        if batch and delta.ts_init != batch[-1].ts_init:
            yield OrderBookDeltas(instrument_id, batch)
            batch = []
        batch.append(delta)
        if delta.flags & RecordFlag.F_LAST:
            yield OrderBookDeltas(instrument_id, batch)
            batch = []
    if batch:
        yield OrderBookDeltas(instrument_id, batch)


def _book_before(files: list[Path], instrument_id: InstrumentId, start_ns: int) -> Any | None:
    """The book that the deltas before a time leave, as a snapshot at that time; None without such deltas."""
    levels: dict[tuple[int, int | bytes], tuple[bytes, bytes]] = {}
    row: dict[str, Any] = {}
    schema: dict[bytes, bytes] = {}
    for table in _tables(files, None, start_ns - 1):
        schema = table.schema.metadata
        for row in table.to_pylist():
            key = row["side"], row["order_id"] or row["price"]
            if row["action"] == BookAction.CLEAR:
                levels.clear()
            elif row["action"] == BookAction.DELETE:
                levels.pop(key, None)
            else:
                levels[key] = row["price"], row["size"]
    if not row:
        return None
    precisions = int(schema[b"price_precision"]), int(schema[b"size_precision"])
    orders = [(BookAction.CLEAR, OrderSide.NO_ORDER_SIDE, 0, 0, 0)]
    for (side, name), (price_bytes, size_bytes) in levels.items():
        raw = int.from_bytes(price_bytes, "little", signed=True), int.from_bytes(size_bytes, "little")
        orders.append((BookAction.ADD, OrderSide(side), *raw, name if isinstance(name, int) else 0))
    deltas = [
        OrderBookDelta.from_raw(
            instrument_id,
            action,
            side,
            price,
            precisions[0],
            size,
            precisions[1],
            order_id,
            RecordFlag.F_SNAPSHOT | (RecordFlag.F_LAST if index == len(orders) - 1 else 0),
            row["sequence"],
            row["ts_event"],
            start_ns,
        )
        for index, (action, side, price, size, order_id) in enumerate(orders)
    ]
    return OrderBookDeltas(instrument_id, deltas)
