"""Raw WebSocket captures of Binance as a recording."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nautilus_trader.model.identifiers import InstrumentId

from ultramm.errors import DataError
from ultramm.nautilus.recordings.binance_capture import Survey, located, read_capture, survey
from ultramm.nautilus.recordings.binance_convert import Converter
from ultramm.nautilus.recordings.binance_instruments import instrument_for, nautilus_symbol
from ultramm.nautilus.recordings.importing import Account, Progress


class BinanceRecording:
    """Captures of one market, plain or gzip, read one behind the other in order of their first lines.

    Parameters
    ----------
    files : sequence of Path
        The captures.
    instrument_id : str, optional
        Must agree with the captures in its symbol; the venue is free (``BTCUSDT.XYZ``). By default the id
        that Nautilus' Binance adapter uses.

    Raises
    ------
    DataError
        The captures are damaged at their beginning, or not of one market.
    """

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        if not files:
            raise DataError("no capture was given; name at least one file")
        captures = [survey(Path(file)) for file in files]
        self._captures: list[Survey] = sorted(captures, key=lambda each: each.first_ns)
        first = self._captures[0]
        for other in self._captures[1:]:
            if (other.product, other.symbol) != (first.product, first.symbol):
                raise DataError(
                    f"{other.path}: is {other.product} {other.symbol}, but {first.path} is {first.product} "
                    f"{first.symbol}; import one market at a time"
                )
        self.product, self._symbol = first.product, first.symbol
        self.files = [capture.path for capture in self._captures]
        self.instrument = self._instrument(instrument_id)

    def _instrument(self, instrument_id: Any) -> Any:
        if instrument_id is not None and not isinstance(instrument_id, str):
            return instrument_id
        if instrument_id is None:
            return instrument_for(self.product, self._symbol)
        expected = nautilus_symbol(self.product, self._symbol)
        symbol, _, venue = instrument_id.rpartition(".")
        if symbol != expected or not venue:
            raise DataError(
                f"{self.files[0]}: is {self.product} {self._symbol}, which cannot be imported as "
                f"{instrument_id!r}; use {expected}.VENUE, e.g. {expected}.BINANCE"
            )
        return instrument_for(self.product, self._symbol, InstrumentId.from_str(instrument_id).venue.value)

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        has_snapshot = self._captures[0].has_snapshot
        converter = Converter(self.instrument, self.product, self._symbol, await_snapshot=has_snapshot)
        made = (converter.book.deltas, converter.trades, converter.quotes)
        account.first_ns = self._captures[0].first_ns
        account.starts_incomplete = not has_snapshot
        for ts_ns, message, where in self._lines(account, progress):
            try:
                converter.feed(ts_ns, message)
            except ValueError as error:
                raise located(*where, str(error), "repair or remove the line") from error
            for items in made:
                yield from items
                items.clear()
        account.dropped.update(converter.dropped)
        account.batches = converter.book.batches
        account.crossed_batches = converter.book.crossed_batches
        account.gaps = sorted(converter.book.gaps + converter.trade_gaps, key=lambda gap: gap.ts_ns)
        account.gap_counts = {"depth": converter.book.gap_count, "trades": converter.trade_gap_count}
        account.clock_offset_ms = converter.clock_offset_ms

    def _lines(self, account: Account, progress: Progress) -> Iterator[tuple[int, Any, tuple[Path, int]]]:
        total = sum(file.stat().st_size for file in self.files)
        before = 0
        for file in self.files:

            def report(done: int, before: int = before) -> None:
                progress(before + done, total)

            for line in read_capture(file, report):
                account.rows += 1
                account.last_ns = max(account.last_ns, line.ts_ns)
                yield line.ts_ns, line.message, (file, line.number)
            before += file.stat().st_size
            progress(before, total)
