"""Tardis' csv files, plain or gzip: incremental books, book snapshots, quotes, trades; what a file is, its header says.

Times are microseconds; ``ts_init`` is ``local_timestamp``, ``ts_event`` the exchange's. Several files of one instrument
may be given, of several kinds: they are read together in order of local time, trades before books at equal times. The
book comes from one kind: incremental before snapshots before quotes.

Rules: rows of one local time are one batch. An amount of zero takes the level away. The first row of a snapshot
empties the book. A level that locks or crosses older ones of the other side removes them: the message that should have
was lost. Dropped: rows back in time or off the grid; removals of a level that is not there; quotes with one side,
locked or crossed; trades told again (the same id among the last thousand).
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.identifiers import TradeId

from ultramm.errors import DataError
from ultramm.nautilus.recordings.csv_file import header, lines
from ultramm.nautilus.recordings.importing import Account, Progress
from ultramm.nautilus.recordings.instruments import known_instrument
from ultramm.nautilus.recordings.level_one import LevelOne

_COMMON = "exchange,symbol,timestamp,local_timestamp,"
_HEADERS = {
    "trades": "id,side,price,amount",
    "incremental": "is_snapshot,side,price,amount",
    "quotes": "ask_amount,ask_price,bid_price,bid_amount",
}
_SNAPSHOT = re.compile(r"asks\[0\]\.price,asks\[0\]\.amount,bids\[0\]\.price,bids\[0\]\.amount(,.*)?")
# At equal times in this order; of the kinds behind trades, the first that is there is the book.
_KINDS = ("trades", "incremental", "snapshots", "quotes")
_SIDES = {"bid": OrderSide.BUY, "ask": OrderSide.SELL}
_AGGRESSORS = {"buy": AggressorSide.BUYER, "sell": AggressorSide.SELLER, "unknown": AggressorSide.NO_AGGRESSOR}
_REMEMBERED_TRADES = 1_000
_NS_PER_US = 1_000


class _File(NamedTuple):
    path: Path
    kind: str
    columns: int
    symbol: str
    exchange: str


class _Row(NamedTuple):
    ts_init: int
    ts_event: int
    kind: str
    fields: list[str]
    file: _File
    number: int


class TardisRecording:
    """Files of one instrument.

    Parameters
    ----------
    files : sequence of Path
        The csv files.
    instrument_id : str or Instrument, optional
        By default ``SYMBOL.EXCHANGE`` as the files say.

    Raises
    ------
    DataError
        A file is no such csv, the files are of several instruments, or the instrument is not known.
    """

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        if not files:
            raise DataError("no file was given; name at least one csv")
        found = [_survey(Path(file)) for file in files]
        first = found[0]
        for file in found:
            if (file.symbol, file.exchange) != (first.symbol, first.exchange):
                raise DataError(f"{file.path}: is of {file.symbol}, others are of {first.symbol}; give one instrument")
        self.instrument = known_instrument(instrument_id or f"{first.symbol.upper()}.{first.exchange.upper()}")
        book = next((kind for kind in _KINDS[1:] if any(file.kind == kind for file in found)), None)
        self._files = [file for file in found if file.kind in ("trades", book)]
        self.files = [file.path for file in found]
        self.product = f"Tardis {', '.join(sorted({file.kind for file in self._files}))}"

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        converter = _Converter(self.instrument, account)
        done, total = dict.fromkeys(self.files, 0), sum(file.stat().st_size for file in self.files)

        def report(file: Path) -> Callable[[int], None]:
            def tell(stored: int) -> None:
                done[file] = stored
                progress(sum(done.values()), total)

            return tell

        streams = [
            _rows(file, account, report(file.path)) for file in sorted(self._files, key=lambda f: _KINDS.index(f.kind))
        ]
        merged = heapq.merge(*streams, key=lambda row: (row.ts_init, _KINDS.index(row.kind)))
        for ts_init, rows in groupby(merged, key=attrgetter("ts_init")):
            account.first_ns = account.first_ns or ts_init
            account.last_ns = ts_init
            for row in rows:
                try:
                    yield from converter.row(row)
                except ValueError as error:
                    raise _damaged(row.file.path, row.number, error) from error
            yield from converter.end()
        progress(total, total)


class _Converter(LevelOne):
    """Rows of all kinds to book deltas and trades."""

    def __init__(self, instrument: Any, account: Account) -> None:
        super().__init__(instrument, account)
        self._instrument = instrument
        self._snapshot_ns = -1
        self._pending: tuple[int, int] | None = None
        self._told: set[str] = set()
        self._told_in_order: deque[str] = deque()
        self._trade_count = 0

    def row(self, row: _Row) -> Iterator[Any]:
        fields = row.fields
        if row.kind == "trades":
            yield from self._told_trade(row, *fields)
        elif row.kind == "incremental":
            self._level(row, *fields)
        elif row.kind == "snapshots":
            self._snapshot(row)
        else:
            ask_size, ask, bid, bid_size = map(_plain, fields)
            yield from self.both_sides(
                row.ts_event, row.ts_init, bid or "0", bid_size or "0", ask or "0", ask_size or "0"
            )

    def end(self) -> Iterator[Any]:
        """The end of a batch."""
        if self._pending is not None:
            yield from self.deltas(*self._pending)
            self._pending = None

    def _level(self, row: _Row, is_snapshot: str, side: str, price: str, amount: str) -> None:
        if is_snapshot not in ("true", "false") or side not in _SIDES:
            raise ValueError(f"{is_snapshot[:40]!r}, {side[:40]!r} are no snapshot flag and side")
        if is_snapshot == "true" and self._snapshot_ns != row.ts_init:
            self._snapshot_ns = row.ts_init
            self.book.clear()
        self._put(_SIDES[side], price, amount)
        self._pending = row.ts_event, row.ts_init

    def _put(self, side: Any, price: str, amount: str) -> None:
        raw_price, raw_size = self.prices[_plain(price)], self.sizes[_plain(amount)]
        if raw_price <= 0 or raw_size < 0:
            self.account.dropped["row off the grid"] += 1
        elif raw_size == 0:
            if not self.book.remove((side, raw_price)):
                self.account.dropped["removal of a level that is not there"] += 1
        else:
            best = self.book.best(OrderSide.SELL if side == OrderSide.BUY else OrderSide.BUY)
            if best is not None and (raw_price >= best if side == OrderSide.BUY else raw_price <= best):
                for key in self.book.crossed_by(side, raw_price):
                    self.book.remove(key)
                    self.account.mended["stale level removed: crossed by a newer one"] += 1
            self.book.put((side, raw_price), side, raw_price, raw_size)

    def _snapshot(self, row: _Row) -> None:
        levels = [row.fields[index : index + 4] for index in range(0, len(row.fields), 4)]
        found: dict[tuple[Any, int], int] = {}
        for ask, ask_size, bid, bid_size in levels:
            for side, price, amount in ((OrderSide.SELL, ask, ask_size), (OrderSide.BUY, bid, bid_size)):
                if price and amount:  # empty where there are fewer levels
                    raw_price, raw_size = self.prices[_plain(price)], self.sizes[_plain(amount)]
                    if raw_price <= 0 or raw_size <= 0:
                        self.account.dropped["row off the grid"] += 1
                        return
                    found[side, raw_price] = raw_size
        bids, asks = ([price for of, price in found if of == side] for side in (OrderSide.BUY, OrderSide.SELL))
        if bids and asks and max(bids) >= min(asks):
            self.account.dropped["snapshot locked or crossed"] += 1
            return
        self.book.become(found)
        self._pending = row.ts_event, row.ts_init

    def _told_trade(self, row: _Row, trade_id: str, side: str, price: str, amount: str) -> Iterator[Any]:
        if side not in _AGGRESSORS:
            raise ValueError(f"{side[:40]!r} is no side of a trade")
        raw_price, raw_size = self.prices[_plain(price)], self.sizes[_plain(amount)]
        if trade_id and trade_id in self._told:
            self.account.dropped["trade repeated"] += 1
        elif raw_price <= 0 or raw_size <= 0:
            self.account.dropped["trade off the grid or without size"] += 1
        else:
            self._remember(trade_id)
            self._trade_count += 1
            yield TradeTick.from_raw(
                self._instrument.id,
                raw_price,
                self.prices.precision,
                raw_size,
                self.sizes.precision,
                _AGGRESSORS[side],
                TradeId(trade_id[:36] or str(self._trade_count)),
                row.ts_event,
                row.ts_init,
            )

    def _remember(self, trade_id: str) -> None:
        if not trade_id:
            return
        self._told.add(trade_id)
        self._told_in_order.append(trade_id)
        if len(self._told_in_order) > _REMEMBERED_TRADES:
            self._told.discard(self._told_in_order.popleft())


def _survey(path: Path) -> _File:
    first = header(path)
    rest = first.removeprefix(_COMMON)
    kind = next((kind for kind, names in _HEADERS.items() if rest == names), None)
    if kind is None and _SNAPSHOT.fullmatch(rest):
        kind = "snapshots"
    if kind is None or rest == first:
        raise DataError(f"{path}: is no csv of Tardis with a book, quotes or trades; its first line is {first[:80]}")
    for _, line in lines(path, lambda _done: None):
        exchange, _, symbol = line.partition(",")
        return _File(path, kind, first.count(",") + 1, symbol.partition(",")[0], exchange)
    raise DataError(f"{path}: holds no row; leave it out")


def _rows(file: _File, account: Account, report: Callable[[int], None]) -> Iterator[_Row]:
    last_ns = 0
    for number, line in lines(file.path, report):
        account.rows += 1
        exchange, symbol, *rest = line.split(",")
        try:
            if len(rest) + 2 != file.columns:
                raise ValueError(f"has {len(rest) + 2} columns, not {file.columns}")
            if (exchange, symbol) != (file.exchange, file.symbol):
                raise ValueError(f"is of {symbol[:40]}, the file of {file.symbol}")
            ts_event, ts_init = (int(text) * _NS_PER_US for text in rest[:2])
        except ValueError as error:
            raise _damaged(file.path, number, error) from error
        if ts_init < last_ns:
            account.dropped["row back in time"] += 1
            continue
        last_ns = ts_init
        yield _Row(ts_init, ts_event, file.kind, rest[2:], file, number)


def _plain(text: str) -> str:
    """Decimal text without an exponent."""
    return format(Decimal(text), "f") if "e" in text.lower() and text[0].isdecimal() else text


def _damaged(path: Path, number: int, error: Exception) -> DataError:
    return DataError(f"{path}: line {number}: {error}; repair or remove the line")
