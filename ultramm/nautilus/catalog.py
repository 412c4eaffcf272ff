"""Raw Binance captures -> a Nautilus Parquet catalog, once for a content, all or nothing.

Reading a catalog is in `ultramm.nautilus.catalog_read`; its names are offered here too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.model.identifiers import InstrumentId

from ultramm.errors import DataError
from ultramm.nautilus.binance_book import Gap
from ultramm.nautilus.binance_capture import Survey, located, read_capture, survey
from ultramm.nautilus.binance_convert import Converter
from ultramm.nautilus.binance_instruments import instrument_for, nautilus_symbol
from ultramm.nautilus.catalog_manifest import (
    IMPORTER_VERSION,
    MANIFEST,
    ImportRecord,
    ImportSummary,
)
from ultramm.nautilus.catalog_read import Holding, holdings, load, load_instruments
from ultramm.nautilus.catalog_staging import Staging, find_import
from ultramm.nautilus.fingerprint import file_sha256

__all__ = [
    "MANIFEST",
    "Gap",
    "Holding",
    "ImportSummary",
    "cached_catalog",
    "holdings",
    "import_binance",
    "instrument_for",
    "load",
    "load_instruments",
]

Progress = Callable[[int, int], None]
CHUNK = 50_000  # objects of one kind in a file


def import_binance(
    files: Sequence[Path],
    catalog: Path,
    instrument_id: str | None = None,
    *,
    progress: Progress | None = None,
) -> ImportSummary:
    """Import captures of one instrument into a catalog: instrument, book deltas, trades, quotes.

    Parameters
    ----------
    files : sequence of Path
        Captures, plain or gzip, of one market; read one behind the other in order of their first lines.
    catalog : Path
        Directory of the catalog; made when it is not there.
    instrument_id : str, optional
        Must agree with the captures in its symbol; the venue is free (``BTCUSDT.XYZ``). By default the id
        that Nautilus' Binance adapter uses.
    progress : callable, optional
        Called with the bytes read so far and in all, both of the (compressed) files.

    Returns
    -------
    ImportSummary
        With ``already_imported`` when the catalog has exactly this content and nothing was done.

    Raises
    ------
    DataError
        A capture is damaged, of another market or overlaps what the catalog has; the catalog is as it was.
    """
    return _import(_Plan(files, instrument_id), Path(catalog), progress)


def cached_catalog(
    files: Sequence[Path], cache: Path, instrument_id: str | None = None, *, progress: Progress | None = None
) -> Path:
    """The catalog of these captures in a cache, imported there when it is not there yet.

    The directory is named for the contents of the files, the instrument id and the version of the importer,
    so it never goes stale and can be deleted at any time. Parameters and errors as `import_binance`.
    """
    plan = _Plan(files, instrument_id)
    key = hashlib.sha256(repr((plan.sha256, plan.instrument.id.value, IMPORTER_VERSION)).encode())
    directory = Path(cache) / key.hexdigest()[:24]
    _import(plan, directory, progress)
    return directory


class _Plan:
    """What is to be imported: surveyed captures in order of time, their contents and the instrument."""

    def __init__(self, files: Sequence[Path], instrument_id: str | None) -> None:
        if not files:
            raise DataError("no capture was given; name at least one file")
        captures = [survey(Path(file)) for file in files]
        self.captures: list[Survey] = sorted(captures, key=lambda each: each.first_ns)
        first = self.captures[0]
        for other in self.captures[1:]:
            if (other.product, other.symbol) != (first.product, first.symbol):
                raise DataError(
                    f"{other.path}: is {other.product} {other.symbol}, but {first.path} is {first.product} "
                    f"{first.symbol}; import one market at a time"
                )
        self.product, self.symbol = first.product, first.symbol
        self.instrument = self._instrument(instrument_id)
        self.sha256 = sorted(file_sha256(capture.path) for capture in self.captures)
        if len(set(self.sha256)) < len(self.sha256):
            raise DataError(f"{first.path}: two of the files given have the same content; give each once")

    def _instrument(self, instrument_id: str | None) -> Any:
        if instrument_id is None:
            return instrument_for(self.product, self.symbol)
        expected = nautilus_symbol(self.product, self.symbol)
        symbol, _, venue = instrument_id.rpartition(".")
        if symbol != expected or not venue:
            raise DataError(
                f"{self.captures[0].path}: is {self.product} {self.symbol}, which cannot be imported as "
                f"{instrument_id!r}; use {expected}.VENUE, e.g. {expected}.BINANCE"
            )
        return instrument_for(self.product, self.symbol, InstrumentId.from_str(instrument_id).venue.value)


def _import(plan: _Plan, catalog: Path, progress: Progress | None) -> ImportSummary:
    if catalog.exists() and not catalog.is_dir():
        raise DataError(f"{catalog}: is no directory; give the directory of a catalog")
    try:
        return _import_once(plan, catalog.resolve(), progress)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise DataError(f"{catalog}: {what}; check disk space and permissions") from error


def _import_once(plan: _Plan, target: Path, progress: Progress | None) -> ImportSummary:
    instrument_id = plan.instrument.id.value
    if done := find_import(target, plan.sha256, instrument_id):
        return msgspec.structs.replace(done.summary, already_imported=True)
    with Staging(target) as staging:
        staging.write([plan.instrument])
        summary = _convert(plan, staging, progress)
        record = ImportRecord(plan.sha256, instrument_id, IMPORTER_VERSION, summary)
        ours = staging.publish(record)
    return summary if ours else msgspec.structs.replace(summary, already_imported=True)


def _convert(plan: _Plan, staging: Staging, progress: Progress | None) -> ImportSummary:
    has_snapshot = plan.captures[0].has_snapshot
    converter = Converter(plan.instrument, plan.product, plan.symbol, await_snapshot=has_snapshot)
    writer = _Writer(converter, staging)
    total = sum(capture.path.stat().st_size for capture in plan.captures)
    lines, last_ns, before = 0, 0, 0
    for capture in plan.captures:

        def report(done: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        for line in read_capture(capture.path, report):
            lines += 1
            if line.ts_ns > last_ns:
                last_ns = line.ts_ns
                writer.write_full_chunks()
            try:
                converter.feed(line.ts_ns, line.message)
            except ValueError as error:
                raise located(capture.path, line.number, str(error), "repair or remove the line") from error
        before += capture.path.stat().st_size
        report(0, before)
    writer.write_rest()
    if not any(writer.kept.values()):
        causes = ", ".join(f"{cause} ({count})" for cause, count in converter.dropped.items())
        raise DataError(f"{plan.captures[0].path}: nothing in it can be kept, dropped: {causes}; record anew")
    return ImportSummary(
        files=[str(capture.path) for capture in plan.captures],
        instrument_id=plan.instrument.id.value,
        product=plan.product,
        lines=lines,
        kept={**writer.kept, "batches": converter.book.batches},
        dropped={cause: count for cause, count in sorted(converter.dropped.items()) if count},
        gaps=sorted(converter.book.gaps + converter.trade_gaps, key=lambda gap: gap.ts_ns),
        gap_counts={"depth": converter.book.gap_count, "trades": converter.trade_gap_count},
        first_ns=plan.captures[0].first_ns,
        last_ns=last_ns,
        clock_offset_ms=converter.clock_offset_ms,
        crossed_batches=converter.book.crossed_batches,
        starts_incomplete=not has_snapshot,
    )


class _Writer:
    """Empties the lists of a converter into the staging catalog, and counts."""

    def __init__(self, converter: Converter, staging: Staging) -> None:
        self._lists: dict[str, list[Any]] = {
            "deltas": converter.book.deltas,
            "trades": converter.trades,
            "quotes": converter.quotes,
        }
        self._staging = staging
        self.kept = dict.fromkeys(self._lists, 0)

    def write_full_chunks(self) -> None:
        """To be called where ``ts_init`` moves on, so that no two files share a time."""
        for kind, data in self._lists.items():
            if len(data) >= CHUNK:
                self._write(kind, data)

    def write_rest(self) -> None:
        for kind, data in self._lists.items():
            self._write(kind, data)

    def _write(self, kind: str, data: list[Any]) -> None:
        self._staging.write(data)
        self.kept[kind] += len(data)
        data.clear()
