"""QuantConnect LEAN zips: ticks of shares, futures and CFDs, quotes and trades, one trading day a file.

Rows are of one day, in milliseconds since local midnight; the file's name says day, symbol, expiry and what it holds.

- Shares (``DAY_SYMBOL_Quote_Tick.csv``, ``..._Trade_Tick.csv``): prices in 1/10,000 dollar, New York time. A quote row
  is one side of one exchange and replaces that side of that exchange; the book is the sum over exchanges, by price. A
  new quote that locks or crosses older ones of other exchanges removes them: they are late. Kept is the regular
  session, 9:30 to 16:00; suspicious rows, and trades that were only reported (exchange D), are dropped.
- CFDs (``DAY_SYMBOL_tick_quote.csv``): both sides at once, without sizes, in UTC; `CFD_SIZE` ounces are taken to stand
  there.
- Futures (``DAY_SYMBOL_tick_trade_EXPIRY.csv``, ``DAY_SYMBOL_minute_quote_EXPIRY.csv``): New York time. A quote bar is
  taken for its close, at the end of its minute: nobody knew it before.
"""

from __future__ import annotations

import heapq
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import msgspec
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.instruments import Cfd, Equity

from ultramm.errors import DataError
from ultramm.nautilus.instruments import known_instrument
from ultramm.nautilus.level_one import LevelOne
from ultramm.nautilus.recording import Account, Progress

CFD_SIZE = "100"

_NEW_YORK, _UTC = ZoneInfo("America/New_York"), ZoneInfo("UTC")
_OPEN, _CLOSE = timedelta(hours=9, minutes=30), timedelta(hours=16)
_MONTHS = "FGHJKMNQUVXZ"
_MINUTE_NS = 60_000_000_000
_REPORTED_ONLY = "D"


_DEFAULT_IDS = {"ibm": "IBM.NYSE", "xauusd": "XAUUSD.OANDA"}
_NAME = re.compile(r"(?P<day>\d{8})_(?P<symbol>[a-z0-9]+?)_(?P<what>(?:[a-z]+_)*[a-z]+)(?:_(?P<expiry>\d{6}))?\.csv")


class _Part(msgspec.Struct, frozen=True):
    """One csv in a zip."""

    file: Path
    name: str
    day: datetime
    symbol: str
    what: frozenset[str]
    expiry: str
    bytes: int


class LeanRecording:
    """Zips of one instrument and one or more days, quotes and trades together.

    Parameters
    ----------
    files : sequence of Path
        The zips.
    instrument_id : str, optional
        Needed for a future, where it says which expiry: ``GCZ3.XCEC``. By default IBM.NYSE, XAUUSD.OANDA.

    Raises
    ------
    DataError
        A file is no such zip, or the files are not of one known instrument.
    """

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        parts = [part for file in files for part in _parts(Path(file))]
        if not parts:
            raise DataError("no file was given; name at least one zip")
        first = parts[0]
        if len({part.symbol for part in parts}) > 1:
            raise DataError(f"{first.file}: is of {first.symbol}, other files are not; import one instrument at a time")
        instrument_id = instrument_id or _DEFAULT_IDS.get(first.symbol)
        if instrument_id is None:
            raise DataError(f"{first.file}: say of which instrument with --instrument, such as GCZ3.XCEC")
        self.instrument = known_instrument(instrument_id)
        self._parts = [part for part in parts if _symbol(part) == self.instrument.id.symbol.value]
        if not self._parts:
            has = ", ".join(sorted({_symbol(part) for part in parts}))
            raise DataError(f"{first.file}: has nothing of {instrument_id}, but of {has}")
        self.files = sorted({part.file for part in self._parts})
        self.product = f"LEAN {type(self.instrument).__name__}"

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        converter = _converter(self.instrument, account)
        total, done = sum(part.bytes for part in self._parts), 0
        streams = [self._rows(part, converter.zone) for part in self._parts]
        for ts_ns, fields, part, number in heapq.merge(*streams, key=itemgetter(0)):
            account.rows += 1
            account.first_ns = account.first_ns or ts_ns
            account.last_ns = ts_ns
            try:
                _check_columns(fields, converter.columns["quote" if "quote" in part.what else "trade"])
                yield from converter.row(ts_ns, fields, part)
            except ValueError as error:
                raise _damaged(part, number, str(error)) from error
            done += sum(map(len, fields)) + len(fields)
            if account.rows % 1_000 == 0:
                progress(done, total)
        progress(total, total)

    def _rows(self, part: _Part, zone: ZoneInfo) -> Iterator[tuple[int, list[str], _Part, int]]:
        midnight_ns = round(part.day.replace(tzinfo=zone).timestamp()) * 1_000_000_000
        shift_ns = _MINUTE_NS if "minute" in part.what else 0
        with zipfile.ZipFile(part.file) as archive, archive.open(part.name) as raw:
            number, last_ns = 0, 0
            try:
                for line in io.TextIOWrapper(raw, encoding="ascii"):
                    number += 1
                    fields = line.rstrip().split(",")
                    ts_ns = midnight_ns + round(float(fields[0]) * 1_000_000) + shift_ns
                    if ts_ns < last_ns:
                        raise ValueError("goes back in time")
                    last_ns = ts_ns
                    yield ts_ns, fields, part, number
            except (ValueError, zipfile.BadZipFile, zlib.error, EOFError) as error:
                raise _damaged(part, number, str(error)) from error


def _parts(file: Path) -> list[_Part]:
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{file}: is no readable zip ({error}); get it again") from error
    parts = []
    for entry in entries:
        match = _NAME.fullmatch(entry.filename.lower())
        if match is None:
            raise DataError(f"{file}: {entry.filename}: is no name of LEAN's; tick and minute files can be imported")
        day = datetime.strptime(match["day"], "%Y%m%d")
        what = frozenset(match["what"].split("_"))
        expiry = match["expiry"] or ""
        parts.append(_Part(file, entry.filename, day, match["symbol"], what, expiry, entry.file_size))
    return parts


def _symbol(part: _Part) -> str:
    """``IBM``; of a future with its month: ``GCZ3``."""
    month = f"{_MONTHS[int(part.expiry[4:]) - 1]}{part.expiry[3]}" if part.expiry else ""
    return part.symbol.upper() + month


def _check_columns(fields: list[str], expected: int) -> None:
    if len(fields) != expected:
        raise ValueError(f"has {len(fields)} columns, not {expected}")


def _damaged(part: _Part, number: int, what: str) -> DataError:
    return DataError(f"{part.file}: {part.name} line {number}: {what}; repair or remove the line")


def _converter(instrument: Any, account: Account) -> _Converter:
    kinds: dict[type, type[_Converter]] = {Equity: _Shares, Cfd: _Dealer}
    return kinds.get(type(instrument), _Futures)(instrument, account)


class _Converter(LevelOne):
    """Rows of one kind of instrument to Nautilus data."""

    zone = _NEW_YORK
    columns: ClassVar[dict[str, int]] = {"quote": 8, "trade": 6}

    def row(self, ts_ns: int, fields: list[str], part: _Part) -> Iterator[Any]:
        raise NotImplementedError


class _Shares(_Converter):
    """Quotes of each exchange, one side a row."""

    def __init__(self, instrument: Any, account: Account) -> None:
        super().__init__(instrument, account)
        self._quoted: dict[Any, dict[str, int]] = {OrderSide.BUY: {}, OrderSide.SELL: {}}

    def row(self, ts_ns: int, fields: list[str], part: _Part) -> Iterator[Any]:
        clock = datetime.fromtimestamp(ts_ns // 1_000_000_000, self.zone)
        since_midnight = timedelta(hours=clock.hour, minutes=clock.minute)
        if not _OPEN <= since_midnight < _CLOSE:
            self.account.dropped["outside the regular session"] += 1
        elif fields[-1] != "0":
            self.account.dropped["suspicious"] += 1
        elif "quote" in part.what:
            yield from self._quote(ts_ns, fields)
        elif fields[3] == _REPORTED_ONLY:
            self.account.dropped["trade off exchange"] += 1
        else:
            yield from self.trade(ts_ns, ts_ns, _dollars(fields[1]), fields[2])

    def _quote(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        bid, bid_size, ask, ask_size, exchange = fields[1:6]
        if (bid == "0") == (ask == "0"):
            self.account.dropped["quote without one side"] += 1
            return
        side, price, size = (OrderSide.SELL, ask, ask_size) if bid == "0" else (OrderSide.BUY, bid, bid_size)
        raw_price, raw_size = self.prices[_dollars(price)], self.sizes[size]
        if raw_price <= 0 or raw_size < 0:
            self.account.dropped["quote off the grid"] += 1
            return
        key = f"{exchange}{side}"
        if raw_size == 0:
            self._quoted[side].pop(key, None)
            self.book.remove(key)
        else:
            self._remove_late(side, raw_price)
            self._quoted[side][key] = raw_price
            self.book.put(key, side, raw_price, raw_size)
        yield from self.deltas(ts_ns, ts_ns)

    def _remove_late(self, side: Any, price: int) -> None:
        """Quotes on the other side that this one locks or crosses."""
        buys = side == OrderSide.BUY
        others = self._quoted[OrderSide.SELL if buys else OrderSide.BUY]
        for key in [key for key, other in others.items() if (price >= other if buys else price <= other)]:
            del others[key]
            self.book.remove(key)
            self.account.mended["late quote of another exchange removed"] += 1


class _Dealer(_Converter):
    """Bid and ask of one dealer, without sizes."""

    zone = _UTC
    columns: ClassVar[dict[str, int]] = {"quote": 3, "trade": 3}

    def row(self, ts_ns: int, fields: list[str], part: _Part) -> Iterator[Any]:
        yield from self.both_sides(ts_ns, ts_ns, fields[1], CFD_SIZE, fields[2], CFD_SIZE)


class _Futures(_Converter):
    """Trades by tick, quotes by minute."""

    columns: ClassVar[dict[str, int]] = {"quote": 11, "trade": 6}

    def row(self, ts_ns: int, fields: list[str], part: _Part) -> Iterator[Any]:
        if "trade" in part.what:
            yield from self.trade(ts_ns, ts_ns, fields[1], fields[2])
        elif fields[4] and fields[9]:
            yield from self.both_sides(ts_ns, ts_ns, fields[4], fields[5], fields[9], fields[10])
        else:
            self.account.dropped["quote without one side"] += 1


def _dollars(text: str) -> str:
    """LEAN's ten-thousandths as decimal text."""
    whole = text.zfill(5)
    return f"{whole[:-4]}.{whole[-4:]}"
