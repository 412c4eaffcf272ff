"""Databento's market-by-order files (DBN), plain or zstd -> book of price levels, and trades.

Times are those of the records: ``ts_init`` is ts_recv, ``ts_event`` the exchange's. Deltas of a batch have both of its
last record.

Actions: A adds an order, M replaces its price and size, C takes its size off (the order ends at zero), R clears the
book, T is a trade, of the side of its aggressor. F is the resting order's side of the same trade: it is kept in count
but changes nothing, since a C or M of that order follows.

Batches end at a record with F_LAST; a snapshot ends with its last record too, since not every file flags it. A snapshot
begins with each run of F_SNAPSHOT records and at a new file, and replaces the book. What a file leaves unfinished at
its end is no batch: it goes into the next one.

Dropped as a whole: a record back in time; of another instrument; of a price that is undefined, off the grid or not
positive; without side or size; a cancellation of an unknown order. A trade without aggressor has none in the data.
Mended: an order added twice is replaced; a change of an unknown order adds it; a cancellation of more than is there
takes what is there.

Before the opening, orders cross and do not trade. While they do, the book is held as it was: a batch that would leave
it crossed is counted as crossed and not emitted; the first that leaves it uncrossed has all changes since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import databento_dbn as dbn
import pyarrow as pa
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import FIXED_PRECISION

from ultramm.errors import DataError
from ultramm.nautilus.instruments import known_instrument
from ultramm.nautilus.order_levels import OrderLevels
from ultramm.nautilus.recording import Account, Progress

_CHUNK_BYTES = 64 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_PRICE_STEP = 10 ** (FIXED_PRECISION - 9)  # DBN's prices are in 1e-9
_ONE = 10**FIXED_PRECISION
_SIDES = {"B": OrderSide.BUY, "A": OrderSide.SELL}
_AGGRESSORS = {"B": AggressorSide.BUYER, "A": AggressorSide.SELLER, "N": AggressorSide.NO_AGGRESSOR}


class DatabentoRecording:
    """Files of one instrument, read one behind the other in order of their first records.

    Parameters
    ----------
    files : sequence of Path
        The DBN files.
    instrument_id : str, optional
        One that is known, by default ESH4.XCME.

    Raises
    ------
    DataError
        A file is no such DBN, or the instrument is not known or another one.
    """

    product = "Databento orders"

    def __init__(self, files: Sequence[Path], instrument_id: str | None = None) -> None:
        if not files:
            raise DataError("no file was given; name at least one DBN file")
        self.instrument = known_instrument(instrument_id or "ESH4.XCME")
        firsts = {Path(file): self._first_ns(Path(file)) for file in files}
        self.files = sorted(firsts, key=lambda file: firsts[file])

    def _first_ns(self, file: Path) -> int:
        for record, _ in self._records(file):
            return int(record.ts_recv)
        raise DataError(f"{file}: holds no record; leave it out")

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        converter = _Converter(self.instrument, account)
        total, before = sum(file.stat().st_size for file in self.files), 0
        for file in self.files:
            converter.begin_file()
            done = 0
            for record, stored in self._records(file):
                if stored != done:
                    progress(before + stored, total)
                    done = stored
                yield from converter.feed(record)
            before += file.stat().st_size
            progress(before, total)
        yield from converter.end()

    def _records(self, file: Path) -> Iterator[tuple[Any, int]]:
        """Market-by-order records, and the stored bytes read so far."""
        decoder, number, symbol = dbn.DBNDecoder(), 0, self.instrument.id.symbol.value
        try:
            with file.open("rb") as stored, _unpacked(stored) as source:
                while chunk := source.read(_CHUNK_BYTES):
                    decoder.write(chunk)
                    for record in decoder.decode():
                        if isinstance(record, dbn.Metadata):
                            _check(record, symbol, file)
                            continue
                        number += 1
                        if not isinstance(record, dbn.MBOMsg):
                            raise ValueError(f"is a {type(record).__name__}")
                        yield record, stored.tell()
        except (OSError, ValueError, dbn.DBNError) as error:
            if number == 0:
                raise DataError(f"{file}: is no readable DBN file ({error}); get it again") from error
            raise DataError(f"{file}: row {number + 1}: is damaged or cut off ({error}); get it again") from error
        if decoder.buffer():
            raise DataError(f"{file}: row {number + 1}: is cut off; get it again")


class _Converter:
    """Records to book deltas and trades."""

    def __init__(self, instrument: Any, account: Account) -> None:
        self._instrument = instrument
        self._account = account
        self._book = OrderLevels(instrument)
        self._tick = instrument.price_increment.raw // _PRICE_STEP
        self._contract: int | None = None
        self._trades = 0
        self._in_snapshot = False
        self._started = False
        self._last: Any = None

    def begin_file(self) -> None:
        self._in_snapshot = False

    def feed(self, record: Any) -> Iterator[Any]:
        account = self._account
        account.rows += 1
        snapshot = bool(record.flags & dbn.F_SNAPSHOT)
        if self._in_snapshot and not snapshot:
            yield from self.end()
        cause = self._refusal(record)
        if cause:
            account.dropped[cause] += 1
        else:
            account.first_ns = account.first_ns or record.ts_recv
            account.last_ns = record.ts_recv
            if snapshot and not self._in_snapshot:
                self._book.clear()
            self._note_start(snapshot)
            self._in_snapshot = snapshot
            self._last = record.ts_event, record.ts_recv
            yield from self._apply(record)
        # The last of a batch ends it even when it is dropped itself.
        if record.flags & dbn.F_LAST:
            yield from self.end()

    def end(self) -> Iterator[Any]:
        """The end of a batch."""
        if self._last is None:
            return
        if self._book.crossed:
            self._account.crossed_batches += 1
        else:
            deltas = self._book.batch(*self._last)
            self._account.batches += bool(deltas)
            yield from deltas
        self._last = None

    def _note_start(self, snapshot: bool) -> None:
        if not self._started:
            self._started = True
            self._account.starts_incomplete = not snapshot

    def _refusal(self, record: Any) -> str:
        """Why a record is dropped; empty when it is not."""
        if record.ts_recv < self._account.last_ns:
            return "record back in time"
        if self._contract is None:
            self._contract = record.instrument_id
        if record.instrument_id != self._contract:
            return "record of another instrument"
        action = str(record.action)
        if action == "R":
            return ""
        if action not in "ACMTF":
            return "record without a known action"
        if action == "F":
            return ""
        if action != "C" and (record.price == dbn.UNDEF_PRICE or record.price <= 0):
            return "price undefined or not positive"
        if action != "C" and record.price % self._tick:
            return "price off the grid"
        if action in "AM" and str(record.side) not in _SIDES:
            return "order without a side"
        if record.size <= 0 or record.size == dbn.UNDEF_ORDER_SIZE:
            return "record without a size"
        if action == "C" and self._book.get(record.order_id) is None:
            return "cancellation of an unknown order"
        return ""

    def _apply(self, record: Any) -> Iterator[Any]:
        action = str(record.action)
        if action == "T":
            yield self._trade(record)
        elif action == "C":
            self._cancel(record)
        elif action == "R":
            self._book.clear()
        elif action in "AM":
            known = self._book.get(record.order_id) is not None
            if known and action == "A":
                self._account.mended["order added twice replaced"] += 1
            elif not known and action == "M":
                self._account.mended["order first seen by its change"] += 1
            price, size = record.price * _PRICE_STEP, record.size * _ONE
            self._book.put(record.order_id, _SIDES[str(record.side)], price, size)

    def _cancel(self, record: Any) -> None:
        known = self._book.get(record.order_id)
        if known is None:
            return
        side, price, size = known
        rest = size - record.size * _ONE
        if rest < 0:
            self._account.mended["cancellation of more than the order"] += 1
        if rest > 0:
            self._book.put(record.order_id, side, price, rest)
        else:
            self._book.remove(record.order_id)

    def _trade(self, record: Any) -> Any:
        self._trades += 1
        return TradeTick.from_raw(
            self._instrument.id,
            record.price * _PRICE_STEP,
            self._instrument.price_precision,
            record.size * _ONE,
            self._instrument.size_precision,
            _AGGRESSORS.get(str(record.side), AggressorSide.NO_AGGRESSOR),
            TradeId(str(self._trades)),
            record.ts_event,
            record.ts_recv,
        )


def _check(metadata: Any, symbol: str, file: Path) -> None:
    if metadata.schema != "mbo":
        raise DataError(f"{file}: is DBN of schema {metadata.schema}, not mbo; get market-by-order data")
    names = sorted(metadata.mappings)
    if names != [symbol]:
        raise DataError(f"{file}: is of {', '.join(names)}, not of {symbol} alone; get one instrument a file")


def _unpacked(stored: Any) -> Any:
    magic = stored.read(4)
    stored.seek(0)
    return pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd") if magic == _ZSTD_MAGIC else stored
