"""Databento's files (DBN) -> book of price levels, and trades.

Schemas: ``mbo`` (every order), ``mbp-10`` and ``mbp-1`` (the best levels), of which one makes the book; ``trades`` and
``tbbo`` (trades alone), which go before the trades in the book's files, so that none counts twice; ``definition``,
which states the instrument. Files of one schema are read one behind the other, those of several together by time.

Times are those of the records: ``ts_init`` is ts_recv, ``ts_event`` the exchange's. Deltas of a batch have both of its
last record.

Actions: A adds an order, M replaces its price and size, C takes its size off (the order ends at zero), R clears the
book, T is a trade, of the side of its aggressor. F is the resting order's side of the same trade: it is kept in count
but changes nothing, since a C or M of that order follows. Records of levels say what the book is, whatever the action.

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

import heapq
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import databento_dbn as dbn
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import FIXED_PRECISION

from ultramm.errors import DataError
from ultramm.nautilus.recordings.databento_file import DbnFile, defined_instrument, records, survey
from ultramm.nautilus.recordings.importing import Account, Progress
from ultramm.nautilus.recordings.instruments import known_instrument
from ultramm.nautilus.recordings.order_levels import OrderLevels

_BOOKS, _TRADES = ("mbo", "mbp-10", "mbp-1"), ("trades", "tbbo")
_PRICE_STEP = 10 ** (FIXED_PRECISION - 9)  # DBN's prices are in 1e-9
_ONE = 10**FIXED_PRECISION
_SIDES = {"B": OrderSide.BUY, "A": OrderSide.SELL}
_AGGRESSORS = {"B": AggressorSide.BUYER, "A": AggressorSide.SELLER, "N": AggressorSide.NO_AGGRESSOR}


class _Item(NamedTuple):
    """A record of a stream, or None where a file begins."""

    ts_recv: int
    of_book: bool
    record: Any


class DatabentoRecording:
    """Files of one instrument.

    Parameters
    ----------
    files : sequence of Path
        The DBN files.
    instrument_id : str or Instrument, optional
        By default what the files say, at the venue of their definition or, of what is known, XCME.

    Raises
    ------
    DataError
        A file is no such DBN, the files do not go together, or the instrument is not known.
    """

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        if not files:
            raise DataError("no file was given; name at least one DBN file")
        found = sorted((survey(Path(file)) for file in files), key=lambda file: file.first_ns)
        data = [file for file in found if file.schema != "definition"]
        definitions = [file for file in found if file.schema == "definition"]
        if not data:
            raise DataError(f"{found[0].path}: defines instruments, and holds no market data; give both together")
        self.files = [file.path for file in found]
        self._books = [file for file in data if file.schema in _BOOKS]
        self._trades = [file for file in data if file.schema in _TRADES]
        schemas = sorted({file.schema for file in self._books})
        if len(schemas) > 1:
            raise DataError(f"{self._books[0].path}: the book is told by {' and by '.join(schemas)}; give files of one")
        self._orders = schemas == ["mbo"]
        self.instrument = _instrument(instrument_id, data, definitions)
        _check_symbols(data, self.instrument.id.symbol.value)
        self.product = "Databento orders" if self._orders else f"Databento {', '.join(schemas or ['trades'])}"

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        converter = (_Orders if self._orders else _Levels)(self.instrument, account, trades=not self._trades)
        done, total = dict.fromkeys(self.files, 0), sum(file.stat().st_size for file in self.files)

        def report(file: Path, stored: int) -> None:
            done[file] = stored
            progress(sum(done.values()), total)

        streams = [_stream(self._trades, report, of_book=False), _stream(self._books, report, of_book=True)]
        # At equal times trades first: the book shows what they left.
        for item in heapq.merge(*streams, key=lambda item: (item.ts_recv, item.of_book)):
            if item.record is None:
                converter.begin_file()
            elif item.of_book:
                yield from converter.feed(item.record)
            else:
                yield from converter.feed_trade(item.record)
        yield from converter.end()
        progress(total, total)


def _stream(files: Sequence[DbnFile], report: Callable[[Path, int], None], *, of_book: bool) -> Iterator[_Item]:
    for file in files:
        told = 0
        yield _Item(file.first_ns, of_book, None)
        for record, stored in records(file):
            if stored != told:
                told = stored
                report(file.path, stored)
            yield _Item(record.ts_recv, of_book, record)


class _Converter:
    """Records to book deltas and trades; subclasses know what a record makes of the book."""

    def __init__(self, instrument: Any, account: Account, *, trades: bool) -> None:
        self._instrument = instrument
        self._account = account
        self._with_trades = trades
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
        """A record of the book's own files."""
        account = self._account
        account.rows += 1
        snapshot = bool(record.flags & dbn.F_SNAPSHOT)
        if self._in_snapshot and not snapshot:
            yield from self.end()
        cause = self._refusal(record)
        if cause:
            account.dropped[cause] += 1
        else:
            self._note_time(record)
            if snapshot and not self._in_snapshot:
                self._book.clear()
            self._note_start(snapshot)
            self._in_snapshot = snapshot
            self._last = record.ts_event, record.ts_recv
            if str(record.action) == "T" and self._with_trades:
                yield self._trade(record)
            self._apply(record)
        # The last of a batch ends it even when it is dropped itself.
        if record.flags & dbn.F_LAST:
            yield from self.end()

    def feed_trade(self, record: Any) -> Iterator[Any]:
        """A record of a file of trades."""
        self._account.rows += 1
        cause = self._untold(record) or self._unpriced(record)
        if cause:
            self._account.dropped[cause] += 1
            return
        self._note_time(record)
        yield self._trade(record)

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

    def _note_time(self, record: Any) -> None:
        self._account.first_ns = self._account.first_ns or record.ts_recv
        self._account.last_ns = record.ts_recv

    def _note_start(self, snapshot: bool) -> None:
        if not self._started:
            self._started = True
            self._account.starts_incomplete = self._incomplete(snapshot)

    def _incomplete(self, snapshot: bool) -> bool:
        raise NotImplementedError

    def _refusal(self, record: Any) -> str:
        """Why a record is dropped; empty when it is not."""
        raise NotImplementedError

    def _apply(self, record: Any) -> None:
        raise NotImplementedError

    def _untold(self, record: Any) -> str:
        """Why a record cannot be believed at all."""
        if record.ts_recv < self._account.last_ns:
            return "record back in time"
        if self._contract is None:
            self._contract = record.instrument_id
        if record.instrument_id != self._contract:
            return "record of another instrument"
        return "" if str(record.action) in "ACMTFR" else "record without a known action"

    def _unpriced(self, record: Any) -> str:
        """Why price or size of a record cannot be used."""
        if record.price == dbn.UNDEF_PRICE or record.price <= 0:
            return "price undefined or not positive"
        if record.price % self._tick:
            return "price off the grid"
        return self._unsized(record)

    @staticmethod
    def _unsized(record: Any) -> str:
        return "record without a size" if record.size <= 0 or record.size == dbn.UNDEF_ORDER_SIZE else ""

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


class _Orders(_Converter):
    """Each record is of one order."""

    def _incomplete(self, snapshot: bool) -> bool:
        return not snapshot

    def _refusal(self, record: Any) -> str:
        action = str(record.action)
        cause = self._untold(record)
        if cause or action in "RF":
            return cause
        if action == "C":
            cause = self._unsized(record)
            known = cause or self._book.get(record.order_id) is not None
            return cause if known else "cancellation of an unknown order"
        cause = self._unpriced(record)
        if not cause and action in "AM" and str(record.side) not in _SIDES:
            return "order without a side"
        return cause

    def _apply(self, record: Any) -> None:
        action = str(record.action)
        if action == "C":
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


class _Levels(_Converter):
    """Each record has the best levels as they are."""

    def _incomplete(self, snapshot: bool) -> bool:
        return False

    def _refusal(self, record: Any) -> str:
        cause = self._untold(record)
        if not cause and str(record.action) == "T":
            cause = self._unpriced(record)
        prices = [
            price for level in record.levels for price in (level.bid_px, level.ask_px) if price != dbn.UNDEF_PRICE
        ]
        if not cause and any(price <= 0 or price % self._tick for price in prices):
            return "price off the grid"
        return cause

    def _apply(self, record: Any) -> None:
        found: dict[tuple[Any, int], int] = {}
        for level in record.levels:
            for side, price, size in (
                (OrderSide.BUY, level.bid_px, level.bid_sz),
                (OrderSide.SELL, level.ask_px, level.ask_sz),
            ):
                if price != dbn.UNDEF_PRICE and size:
                    found[side, price * _PRICE_STEP] = size * _ONE
        self._book.become(found)


def _instrument(stated: Any, data: Sequence[DbnFile], definitions: Sequence[DbnFile]) -> Any:
    first = data[0]
    symbol = stated.rpartition(".")[0] if isinstance(stated, str) else "".join(first.symbols[:1])
    if definitions and (stated is None or isinstance(stated, str)):
        return defined_instrument(definitions[-1], symbol, stated.rpartition(".")[2] if stated else None)
    return known_instrument(stated or f"{symbol}.XCME")


def _check_symbols(data: Sequence[DbnFile], symbol: str) -> None:
    for file in data:
        if file.symbols != [symbol]:
            names = ", ".join(file.symbols)
            raise DataError(f"{file.path}: is of {names}, not of {symbol} alone; get one instrument a file")
