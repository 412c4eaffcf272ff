"""Files of one instrument -> a Nautilus Parquet catalog, once for a content, all or nothing.

What differs between formats is a `Recording`: the kinds are in `ultramm.nautilus.recordings.kinds`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
from nautilus_trader.model.data import Bar, OrderBookDelta, QuoteTick, TradeTick

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import IMPORTER_VERSION, Gap, ImportRecord, ImportSummary
from ultramm.nautilus.catalog.staging import Staging, find_import
from ultramm.nautilus.fingerprint import file_sha256

Progress = Callable[[int, int], None]
CHUNK = 50_000  # objects of one kind in a file

_KINDS = {OrderBookDelta: "deltas", TradeTick: "trades", QuoteTick: "quotes", Bar: "bars"}


class Account(msgspec.Struct, kw_only=True):
    """What became of the rows of a recording, counted as it is read; fields as in `ImportSummary`.

    Every row is counted once in `rows`, and once in `dropped` unless it is kept; causes that begin with "level" or
    "delete" are of parts of a row that was kept. Rows kept are not counted here, where they could only be what is left:
    ``test_import_audit.py`` counts them, and every cause, by its own reading of the raw files.
    """

    rows: int = 0
    dropped: Counter[str] = msgspec.field(default_factory=Counter)
    mended: Counter[str] = msgspec.field(default_factory=Counter)
    batches: int = 0
    crossed_batches: int = 0
    gaps: list[Gap] = []
    gap_counts: dict[str, int] = {}
    first_ns: int = 0
    last_ns: int = 0
    clock_offset_ms: float | None = None
    starts_incomplete: bool = False


class Recording(Protocol):
    """Files of one instrument, surveyed and ready to be read.

    It is built as ``recording(files, instrument_id)`` and raises `DataError` when the files cannot be imported. Instead
    of an id there may be the instrument itself, as the user stated it.
    """

    product: str
    """What the files are, for people: ``"spot"``, ``"LEAN equity"``."""
    instrument: Any
    """The Nautilus instrument."""
    files: Sequence[Path]
    """In order of time."""

    def __init__(self, files: Sequence[Path], instrument_id: Any) -> None: ...

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        """Single `OrderBookDelta`, `TradeTick`, `QuoteTick`, `Bar` in the order of ``ts_init``, in bounded memory.

        Counts in `account`, and tells `progress` the bytes read so far and in all, of the files as they are stored.
        Raises `DataError` naming file and row for what cannot be read.
        """


def import_recording(recording: Recording, catalog: Path, progress: Progress | None = None) -> ImportSummary:
    """Import a recording into a catalog: instrument, book deltas, trades, quotes.

    Parameters
    ----------
    catalog : Path
        Directory of the catalog; made when it is not there.
    progress : callable, optional
        Called with the bytes read so far and in all, both of the (compressed) files.

    Returns
    -------
    ImportSummary
        With ``already_imported`` when the catalog has exactly this content and nothing was done.

    Raises
    ------
    DataError
        A file is damaged or overlaps what the catalog has; the catalog is as it was.
    """
    return _import(recording, _contents(recording), catalog, progress or (lambda _done, _total: None))


def cached_catalog(recording: Recording, cache: Path, progress: Progress | None = None) -> Path:
    """The catalog of a recording in a cache, imported there when it is not there yet.

    The directory is named for the contents of the files, the instrument and the version of the importer,
    so it never goes stale and can be deleted at any time. Parameters and errors as `import_recording`.
    """
    contents = _contents(recording)
    instrument = type(recording.instrument).to_dict(recording.instrument)
    key = hashlib.sha256(repr((contents, instrument, IMPORTER_VERSION)).encode())
    directory = Path(cache) / key.hexdigest()[:24]
    _import(recording, contents, directory, progress or (lambda _done, _total: None))
    return directory


def _contents(recording: Recording) -> list[str]:
    contents = sorted(file_sha256(file) for file in recording.files)
    if len(set(contents)) < len(contents):
        raise DataError(f"{recording.files[0]}: two of the files given have the same content; give each once")
    return contents


def _import(recording: Recording, contents: list[str], catalog: Path, progress: Progress) -> ImportSummary:
    if catalog.exists() and not catalog.is_dir():
        raise DataError(f"{catalog}: is no directory; give the directory of a catalog")
    try:
        return _import_once(recording, contents, catalog.resolve(), progress)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise DataError(f"{catalog}: {what}; check disk space and permissions") from error


def _import_once(recording: Recording, contents: list[str], target: Path, progress: Progress) -> ImportSummary:
    instrument_id = recording.instrument.id.value
    if done := find_import(target, contents, instrument_id):
        return msgspec.structs.replace(done.summary, already_imported=True)
    with Staging(target) as staging:
        staging.write([recording.instrument])
        summary = _convert(recording, staging, progress)
        ours = staging.publish(ImportRecord(contents, instrument_id, IMPORTER_VERSION, summary))
    return summary if ours else msgspec.structs.replace(summary, already_imported=True)


def _convert(recording: Recording, staging: Staging, progress: Progress) -> ImportSummary:
    account, writer = Account(), _Writer(staging)
    for item in recording.data(account, progress):
        writer.add(item)
    writer.write_rest()
    if not any(writer.kept.values()):
        causes = ", ".join(f"{cause} ({count})" for cause, count in account.dropped.items())
        raise DataError(f"{recording.files[0]}: nothing in it can be kept, dropped: {causes}; record anew")
    return ImportSummary(
        files=[str(file) for file in recording.files],
        instrument_id=recording.instrument.id.value,
        product=recording.product,
        rows=account.rows,
        kept={**writer.kept, "batches": account.batches},
        dropped={cause: count for cause, count in sorted(account.dropped.items()) if count},
        mended={what: count for what, count in sorted(account.mended.items()) if count},
        gaps=account.gaps,
        gap_counts=account.gap_counts,
        first_ns=account.first_ns,
        last_ns=account.last_ns,
        clock_offset_ms=account.clock_offset_ms,
        crossed_batches=account.crossed_batches,
        starts_incomplete=account.starts_incomplete,
    )


class _Writer:
    """Gathers data by kind, and writes each kind in files that share no time."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging
        self._gathered: dict[str, list[Any]] = {kind: [] for kind in _KINDS.values()}
        self._now_ns = 0
        self.kept = dict.fromkeys(self._gathered, 0)

    def add(self, item: Any) -> None:
        if item.ts_init > self._now_ns:
            self._now_ns = item.ts_init
            for kind, data in self._gathered.items():
                if len(data) >= CHUNK:
                    self._write(kind, data)
        self._gathered[_KINDS[type(item)]].append(item)

    def write_rest(self) -> None:
        for kind, data in self._gathered.items():
            self._write(kind, data)

    def _write(self, kind: str, data: list[Any]) -> None:
        self._staging.write(data)
        self.kept[kind] += len(data)
        data.clear()
