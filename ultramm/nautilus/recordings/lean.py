"""QuantConnect LEAN zips of shares, futures, CFDs and currency pairs: quotes and trades, ticks or bars, a day a file.

Rows are of one day, in milliseconds since local midnight; the file's name says day, symbol, expiry and what it holds.

- Shares (``DAY_SYMBOL_Quote_Tick.csv``, ``..._Trade_Tick.csv``): prices in 1/10,000 dollar, New York time. A quote row
  is one side of one exchange and replaces that side of that exchange; the book is the sum over exchanges, by price. A
  new quote that locks or crosses older ones of other exchanges removes them: they are late. Kept is the regular
  session of the exchange's calendar; suspicious rows, and trades that were only reported (exchange D), are dropped.
- CFDs and currency pairs (``DAY_SYMBOL_tick_quote.csv``): both sides at once, in UTC, without sizes; `DEALER_SIZE` lots
  are taken to stand there.
- Futures (``DAY_SYMBOL_tick_trade_EXPIRY.csv``, ``..._tick_quote_...``, ``..._minute_quote_...``): New York time.
- Bars of quotes (``second``, ``minute``, ``hour``) are taken for their close, at their end: nobody knew it before. Bars
  of trades stay bars: nobody knows the trades in them.
"""

from __future__ import annotations

import heapq
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ultramm.errors import DataError
from ultramm.nautilus.recordings.importing import Account, Progress
from ultramm.nautilus.recordings.instruments import known_instrument
from ultramm.nautilus.recordings.lean_rows import row_converter

_MONTHS = "FGHJKMNQUVXZ"
_LENGTHS_NS = {"tick": 0, "second": 1_000_000_000, "minute": 60_000_000_000, "hour": 3_600_000_000_000}

_DEFAULT_IDS = {"ibm": "IBM.NYSE", "xauusd": "XAUUSD.OANDA"}
_NAME = re.compile(r"(?P<day>\d{8})_(?P<symbol>[a-z0-9]+?)_(?P<what>(?:[a-z]+_)*[a-z]+)(?:_(?P<expiry>\d{6}))?\.csv")


class _Part(msgspec.Struct, frozen=True):
    """One csv in a zip."""

    file: Path
    name: str
    day: datetime
    symbol: str
    resolution: str
    quotes: bool
    expiry: str
    bytes: int

    @property
    def length_ns(self) -> int:
        """Of a bar, nanoseconds; 0 of ticks."""
        return _LENGTHS_NS[self.resolution]

    @property
    def kind(self) -> str:
        """Of its rows, as `ultramm.nautilus.recordings.lean_rows` calls them."""
        return f"{'bar' if self.length_ns else 'tick'} {'quote' if self.quotes else 'trade'}"


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
        length_ns = next((part.length_ns for part in self._parts if part.kind == "bar trade"), 0)
        converter = row_converter(self.instrument, account, length_ns)
        total, done = sum(part.bytes for part in self._parts), 0
        streams = [self._rows(part, converter.zone) for part in self._parts]
        for ts_ns, fields, part, number in heapq.merge(*streams, key=itemgetter(0)):
            account.rows += 1
            account.first_ns = account.first_ns or ts_ns
            account.last_ns = ts_ns
            try:
                yield from converter.row(ts_ns, fields, part.kind)
            except ValueError as error:
                raise _damaged(part, number, str(error)) from error
            done += sum(map(len, fields)) + len(fields)
            if account.rows % 1_000 == 0:
                progress(done, total)
        progress(total, total)

    def _rows(self, part: _Part, zone: ZoneInfo) -> Iterator[tuple[int, list[str], _Part, int]]:
        midnight_ns = round(part.day.replace(tzinfo=zone).timestamp()) * 1_000_000_000
        shift_ns = part.length_ns
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
        what = set(match["what"].split("_"))
        resolutions = what & set(_LENGTHS_NS)
        if len(resolutions) != 1 or len(what & {"quote", "trade"}) != 1:
            raise DataError(f"{file}: {entry.filename}: is not of quotes or trades by tick, second, minute or hour")
        quotes, expiry = "quote" in what, match["expiry"] or ""
        parts.append(
            _Part(file, entry.filename, day, match["symbol"], resolutions.pop(), quotes, expiry, entry.file_size)
        )
    return parts


def _symbol(part: _Part) -> str:
    """``IBM``; of a future with its month: ``GCZ3``."""
    month = f"{_MONTHS[int(part.expiry[4:]) - 1]}{part.expiry[3]}" if part.expiry else ""
    return part.symbol.upper() + month


def _damaged(part: _Part, number: int, what: str) -> DataError:
    return DataError(f"{part.file}: {part.name} line {number}: {what}; repair or remove the line")
