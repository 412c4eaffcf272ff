"""Bars in csv, plain, gzip or xz -> Nautilus bars, for research: a bar is no book, and nobody's quotes fill on it.

Columns: a time, ``open, high, low, close, volume``; others are left alone. A column ``open_time`` says when the bar
began; ``close_time``, ``timestamp``, ``timestamp_utc`` or ``time`` when it ended. Times are ISO 8601, in UTC where they
do not say another zone, or whole seconds, milliseconds, microseconds or nanoseconds since the epoch. A bar counts from
its end: nobody knew it before.

How long a bar is, is the shortest distance between the first thousand; longer ones are gaps, and counted.

Dropped: a bar at or before the one before it; with a price off the grid or not above zero; whose high or low is not
the highest or lowest of its prices. Volumes are rounded to the instrument's lot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from nautilus_trader.model.data import Bar, BarSpecification, BarType
from nautilus_trader.model.enums import AggregationSource, BarAggregation, PriceType
from nautilus_trader.model.objects import Price, Quantity

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import Gap
from ultramm.nautilus.recordings.csv_file import header, lines
from ultramm.nautilus.recordings.grid import OFF_GRID, price_grid
from ultramm.nautilus.recordings.importing import Account, Progress
from ultramm.nautilus.recordings.instruments import known_instrument

_OPENS, _ENDS = ("open_time",), ("close_time", "timestamp", "timestamp_utc", "time")
_PRICES = ("open", "high", "low", "close")
_LOOKED_AT = 1_000
_MOST_GAPS = 1_000
_S = 1_000_000_000
_UNITS = (
    (86_400, BarAggregation.DAY),
    (3_600, BarAggregation.HOUR),
    (60, BarAggregation.MINUTE),
    (1, BarAggregation.SECOND),
)


class BarsRecording:
    """Files of one instrument's bars, read one behind the other in order of their first rows.

    Parameters
    ----------
    files : sequence of Path
        The csv files.
    instrument_id : str or Instrument
        Which instrument: the files do not say.

    Raises
    ------
    DataError
        A file is no such csv, the instrument is not known, or the bars are not of one length.
    """

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        if not files:
            raise DataError("no file was given; name at least one csv")
        if instrument_id is None:
            raise DataError(f"{files[0]}: does not say of which instrument; say it with --instrument")
        self.instrument = known_instrument(instrument_id)
        surveys = {Path(file): self._survey(Path(file)) for file in files}
        self.files = sorted(surveys, key=lambda file: surveys[file][0])
        lengths = {length_ns for _, length_ns in surveys.values()}
        if len(lengths) > 1:
            raise DataError(f"{self.files[0]}: its bars are of another length than other files'; import one at a time")
        self._length_ns = lengths.pop()
        self.bar_type = bar_type(self.instrument.id, self._length_ns)
        self.product = f"{self.bar_type.spec} bars"

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        prices = price_grid(self.instrument)
        total, before = sum(file.stat().st_size for file in self.files), 0
        for file in self.files:

            def report(done: int, before: int = before) -> None:
                progress(before + done, total)

            columns = _columns(file)
            for number, line in lines(file, report):
                account.rows += 1
                try:
                    bar = self._bar(_fields(line, columns), columns, prices, account)
                except ValueError as error:
                    raise DataError(f"{file}: line {number}: {error}; repair or remove the line") from error
                if bar is not None:
                    yield bar
            before += file.stat().st_size
            progress(before, total)

    def _bar(self, fields: list[str], columns: dict[str, int], prices: Any, account: Account) -> Any:
        ts_ns = _time_ns(fields[columns["time"]]) + (self._length_ns if "opens" in columns else 0)
        if ts_ns <= account.last_ns:
            account.dropped["bar repeated or back in time"] += 1
            return None
        raw = [prices[_decimal(fields[columns[name]])] for name in _PRICES]
        if OFF_GRID in raw or min(raw) <= 0:
            account.dropped["bar off the grid or at zero"] += 1
            return None
        if raw[1] != max(raw) or raw[2] != min(raw):
            account.dropped["bar that contradicts itself"] += 1
            return None
        self._note_gap(ts_ns, account)
        account.first_ns = account.first_ns or ts_ns
        account.last_ns = ts_ns
        precision = self.instrument.price_precision
        volume = round(Decimal(_decimal(fields[columns["volume"]])), self.instrument.size_precision)
        size = Quantity(volume, self.instrument.size_precision)
        return Bar(self.bar_type, *(Price.from_raw(price, precision) for price in raw), size, ts_ns, ts_ns)

    def _note_gap(self, ts_ns: int, account: Account) -> None:
        missing = (ts_ns - account.last_ns) // self._length_ns - 1
        if account.last_ns and missing > 0:
            account.gap_counts = {"bars": account.gap_counts.get("bars", 0) + 1}
            if len(account.gaps) < _MOST_GAPS:
                account.gaps = [*account.gaps, Gap("bars", ts_ns, account.last_ns, ts_ns, missing)]

    def _survey(self, file: Path) -> tuple[int, int]:
        """The first time, and the length of a bar."""
        columns = _columns(file)
        times = []
        for number, line in islice(lines(file, lambda _done: None), _LOOKED_AT):
            try:
                times.append(_time_ns(_fields(line, columns)[columns["time"]]))
            except ValueError as error:
                raise DataError(f"{file}: line {number}: {error}; repair or remove the line") from error
        distances = [later - earlier for earlier, later in pairwise(times) if later > earlier]
        if not distances:
            raise DataError(f"{file}: has fewer than two bars: their length cannot be told; give a longer file")
        return times[0], min(distances)


def bar_type(instrument_id: Any, length_ns: int) -> BarType:
    """The type of bars of trades of a length.

    Raises
    ------
    DataError
        It is not of whole seconds.
    """
    seconds, rest = divmod(length_ns, _S)
    for unit_s, aggregation in _UNITS:
        if not rest and seconds % unit_s == 0:
            specification = BarSpecification(seconds // unit_s, aggregation, PriceType.LAST)
            return BarType(instrument_id, specification, AggregationSource.EXTERNAL)
    raise DataError(f"{instrument_id}: bars of {length_ns} ns; give bars of whole seconds")


def _columns(file: Path) -> dict[str, int]:
    """Where each column is; ``opens`` is there when the time is that of the bar's beginning."""
    names = [name.strip().lower() for name in header(file).split(",")]
    for time in (*_OPENS, *_ENDS):
        if time in names and set(names).issuperset((*_PRICES, "volume")):
            found = {name: names.index(name) for name in (*_PRICES, "volume")}
            found |= {"time": names.index(time), "all": len(names)}
            return found | ({"opens": 1} if time in _OPENS else {})
    raise DataError(
        f"{file}: is no csv of bars: it needs columns {_OPENS[0]} or {', '.join(_ENDS)}, and OHLC and volume"
    )


def _fields(line: str, columns: dict[str, int]) -> list[str]:
    fields = line.split(",")
    if len(fields) != columns["all"]:
        raise ValueError(f"has {len(fields)} columns, not {columns['all']}")
    return fields


def _decimal(text: str) -> str:
    if not text.replace(".", "", 1).isdecimal() and "e" in text.lower():
        return format(Decimal(text), "f")
    if not (text.isascii() and text.replace(".", "", 1).isdecimal()):
        raise ValueError(f"{text[:40]!r} is no number")
    return text


def _time_ns(text: str) -> int:
    if text.isdecimal():
        number = int(text)
        for unit_ns in (_S, 1_000_000, 1_000, 1):  # seconds to nanoseconds, by their size
            if number * unit_ns < 10**19 and number * unit_ns > 10**17:
                return number * unit_ns
        raise ValueError(f"{text[:40]!r} is no time")
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * 1_000_000) * 1_000
