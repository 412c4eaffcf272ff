"""What a catalog remembers of the imports into it: the file ``ultramm-imports.json``."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import msgspec

from ultramm.errors import DataError

IMPORTER_VERSION = 3  # raise it when the same capture gives other data
MANIFEST = "ultramm-imports.json"
_OF_A_PART = ("level", "delete")  # how the causes begin that are of parts of a row that was kept


class Gap(msgspec.Struct, frozen=True):
    """A break in a sequence of ids.

    Parameters
    ----------
    kind : {"depth", "trades", "bars"}
    ts_ns : int
        Local time of the message behind the gap.
    last_id, next_id : int
        The last id before, and the first one behind it (futures depth: the ``pu`` that should be `last_id`).
    missing : int
        Ids in between; negative when the messages overlap.
    """

    kind: str
    ts_ns: int
    last_id: int
    next_id: int
    missing: int


class ImportSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The account of an import.

    Parameters
    ----------
    files : list of str
        The captures, in order of time.
    instrument_id, product : str
        Product says what the files are, such as "spot".
    rows : int
        Rows read: lines of a text, messages of a capture.
    kept : dict
        What was written: "deltas" (single levels), "batches" (of deltas), "trades", "quotes", "bars".
    dropped : dict
        Cause -> count, of rows or, for causes that begin with "level" or "delete", of levels.
    mended : dict
        What was put right -> count, of rows that were kept.
    gaps : list of Gap
        Breaks in the ids of depth and trades in order of time, at most 1,000 of each kind.
    gap_counts : dict
        All breaks, by kind.
    first_ns, last_ns : int
        Local time of the first and last row, nanoseconds since the epoch.
    clock_offset_ms : float or None
        Median of exchange time minus local time; None when no message has the exchange's time.
    crossed_batches : int
        Batches after which the best bid was not below the best ask; they are kept.
    starts_incomplete : bool
        The capture has no snapshot at its beginning: the book begins with the first diff alone.
    already_imported : bool
        Nothing was done, since the catalog has this content already.
    """

    files: list[str]
    instrument_id: str
    product: str
    rows: int
    kept: dict[str, int]
    dropped: dict[str, int]
    mended: dict[str, int] = {}
    gaps: list[Gap] = []
    gap_counts: dict[str, int] = {}
    first_ns: int
    last_ns: int
    clock_offset_ms: float | None = None
    crossed_batches: int = 0
    starts_incomplete: bool = False
    already_imported: bool = False

    @property
    def rows_kept(self) -> int:
        """Rows that were not dropped as a whole; `rows` less these were, each for one cause of `dropped`."""
        return self.rows - sum(count for cause, count in self.dropped.items() if not cause.startswith(_OF_A_PART))


class ImportRecord(msgspec.Struct, frozen=True):
    """One import: the contents it read (sha256, sorted) and what came of it."""

    sha256: list[str]
    instrument_id: str
    importer_version: int
    summary: ImportSummary


class Manifest(msgspec.Struct):
    """All imports into a catalog.

    `pending` lists files that an import is moving in right now, relative to the catalog; what an interrupted
    one left there is removed by the next. `recorded` names the part of a recording that came in last.
    """

    imports: list[ImportRecord] = []
    pending: list[str] = []
    recorded: str = ""

    @classmethod
    def read(cls, catalog: Path) -> Manifest:
        """The manifest of a catalog; an empty one where there is none."""
        path = catalog / MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: is damaged ({error}); import into a new catalog") from error

    def write(self, catalog: Path) -> None:
        """Replace the file in one step."""
        draft = catalog / f".{MANIFEST}.new"
        with draft.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(catalog / MANIFEST)
        sync_directory(catalog)

    def find(self, sha256: Collection[str], instrument_id: str) -> ImportRecord | None:
        """The import of exactly these contents as this instrument; None when there was none.

        Raises
        ------
        DataError
            Some of the contents were imported, but together with others, without some, or by another version.
        """
        for record in self.imports:
            if record.instrument_id != instrument_id or not set(record.sha256) & set(sha256):
                continue
            if record.sha256 == sorted(sha256) and record.importer_version == IMPORTER_VERSION:
                return record
            raise DataError(
                f"{instrument_id}: the catalog has part of this content from an earlier import of "
                f"{', '.join(record.summary.files)}; import only what is new, or into a new catalog"
            )
        return None


def sync_directory(directory: Path) -> None:
    """Wait until the disk has the names in a directory: a loss of power must not undo a move."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
