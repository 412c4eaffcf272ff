"""Level-1 quotes in Parquet: a time, bid, bid size, ask and ask size a row.

Times are milliseconds since the epoch in the column or index ``timestamp``; prices and sizes are the columns
``bidPrice0, bidQuantity0, askPrice0, askQuantity0`` or ``bid_price, bid_size, ask_price, ask_size``; further levels are
left alone. Where the two sides are updated apart, a row may be locked or crossed until the second side follows: it is
dropped, and so is a row with one side empty.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ultramm.errors import DataError
from ultramm.nautilus.recordings.importing import Account, Progress
from ultramm.nautilus.recordings.instruments import known_instrument
from ultramm.nautilus.recordings.level_one import LevelOne

_TIME = "timestamp"
_COLUMNS = (
    ("bidPrice0", "bidQuantity0", "askPrice0", "askQuantity0"),
    ("bid_price", "bid_size", "ask_price", "ask_size"),
)
_BATCH_ROWS = 20_000
_NS_PER_MS = 1_000_000


class QuotesRecording:
    """Files of one instrument, read in the order of their first rows.

    Parameters
    ----------
    files : sequence of Path
        The Parquet files.
    instrument_id : str
        Which instrument: the files do not say.

    Raises
    ------
    DataError
        A file holds no quotes, or the instrument is not known.
    """

    product = "level-1 quotes"

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        if not files:
            raise DataError("no file was given; name at least one Parquet file")
        if instrument_id is None:
            raise DataError(f"{files[0]}: does not say of which instrument; say it with --instrument")
        self.instrument = known_instrument(instrument_id)
        self._columns = {Path(file): _columns(Path(file)) for file in files}
        self.files = sorted(self._columns, key=_first_ms)

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        converter = LevelOne(self.instrument, account)
        total, before = sum(file.stat().st_size for file in self.files), 0
        for file in self.files:
            for batch, share in _batches(file, [_TIME, *self._columns[file]]):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield from self._row(converter, row, file)
                progress(before + round(share * file.stat().st_size), total)
            before += file.stat().st_size

    def _row(self, converter: LevelOne, row: tuple[Any, ...], file: Path) -> Iterator[Any]:
        account = converter.account
        account.rows += 1
        ms, *quote = row
        ts_ns = ms * _NS_PER_MS
        if ts_ns < account.last_ns:
            account.dropped["row back in time"] += 1
            return
        account.first_ns = account.first_ns or ts_ns
        account.last_ns = ts_ns
        if any(value is None or math.isnan(value) for value in quote):
            account.dropped["quote without one side"] += 1
            return
        try:
            yield from converter.both_sides(ts_ns, ts_ns, *map(_decimal, quote))
        except ValueError as error:
            raise DataError(f"{file}: row {account.rows}: {error}; repair or remove the row") from error


def _decimal(value: float) -> str:
    """What was meant by a float: 1.1873500000000001 is 1.18735."""
    return format(value, ".12g")


def _columns(file: Path) -> tuple[str, ...]:
    try:
        names = set(pq.read_schema(file).names)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: is no readable Parquet file ({error}); get it again") from error
    for columns in _COLUMNS:
        if names.issuperset((_TIME, *columns)):
            return columns
    raise DataError(f"{file}: has no columns {_TIME}, {', '.join(_COLUMNS[0])}; rename them")


def _first_ms(file: Path) -> int:
    for batch, _ in _batches(file, [_TIME]):
        first: int = batch.column(0)[0].as_py()
        return first
    raise DataError(f"{file}: holds no row; leave it out")


def _batches(file: Path, columns: list[str]) -> Iterator[tuple[Any, float]]:
    """Batches of rows, and the share of the file that is done with them."""
    done = 0
    try:
        with pq.ParquetFile(file) as parquet:
            rows = parquet.metadata.num_rows
            for batch in parquet.iter_batches(_BATCH_ROWS, columns=columns):
                done += batch.num_rows
                yield batch.select(columns), done / rows
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{file}: is damaged ({error}); get it again") from error
