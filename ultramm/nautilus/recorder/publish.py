"""From a recording's spool into its catalog: each row is in one of them, never in both and never in none.

A segment of the spool becomes Parquet files beside the data. They are moved in together with a manifest that names
the segment, all or nothing, and only then is the segment removed. What a kill interrupts is taken up by the next
recorder or by ``ultramm data recover``: a segment that the manifest names is only removed, any other is published.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.persistence.catalog.parquet import _parse_filename_timestamps, _timestamps_to_filename

from ultramm.errors import DataError, RunError
from ultramm.nautilus.catalog.manifest import (
    IMPORTER_VERSION,
    ImportRecord,
    ImportSummary,
    Manifest,
    sync_directory,
)
from ultramm.nautilus.catalog.read import FOLDERS
from ultramm.nautilus.catalog.staging import check_disjoint, defines, locked, move_in, undo_interrupted
from ultramm.nautilus.recorder.spool import (
    Part,
    SpoolReader,
    alone_on,
    segments,
    spool_folder,
)

_ROWS = 20_000  # in a row group
# A clock may be set back a little while it is recorded by; data that lie further ahead are somebody else's.
_STEP_NS = 60_000_000_000


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """What one segment, or several, brought into a catalog.

    Parameters
    ----------
    rows : dict
        "deltas" (single levels), "trades", "quotes" -> rows.
    dropped : int
        Events that found no room in the recorder's queue.
    mended : int
        Rows whose ``ts_init`` lay before the row that they followed, and was raised to that.
    torn_bytes : int
        Cut off: the end of a spool that was being written when its process died.
    files, size_bytes : int
        Parquet files, and what they take.
    first_ns, last_ns : int
        Range of ``ts_init``; zero when there are no rows.
    """

    rows: dict[str, int] = {}
    dropped: int = 0
    mended: int = 0
    torn_bytes: int = 0
    files: int = 0
    size_bytes: int = 0
    first_ns: int = 0
    last_ns: int = 0

    def __add__(self, other: Publication) -> Publication:
        firsts = [each.first_ns for each in (self, other) if each.first_ns]
        return Publication(
            rows=dict(Counter(self.rows) + Counter(other.rows)),
            dropped=self.dropped + other.dropped,
            mended=self.mended + other.mended,
            torn_bytes=self.torn_bytes + other.torn_bytes,
            files=self.files + other.files,
            size_bytes=self.size_bytes + other.size_bytes,
            first_ns=min(firsts, default=0),
            last_ns=max(self.last_ns, other.last_ns),
        )


def recover(catalog: Path) -> Publication | None:
    """Publish what an interrupted recording left; None when it left nothing.

    Raises
    ------
    DataError
        There is no such catalog, a recorder writes into it, or it has other data of these times.
    RunError
        The disk does not take it.
    """
    if not catalog.is_dir():
        raise DataError(f"{catalog}: there is no such directory")
    if not spool_folder(catalog).is_dir():
        return None
    with writing(catalog), alone_on(catalog):
        return publish_left(catalog)


def publish_left(catalog: Path) -> Publication | None:
    """As `recover`, for whoever is `alone_on` the catalog."""
    left = segments(catalog)
    if not left:
        return None
    return sum((publish(catalog, segment) for segment in left), Publication())


@contextlib.contextmanager
def writing(catalog: Path) -> Iterator[None]:
    """Turn an error of the disk into one line about the catalog."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise RunError(disk_problem(catalog, error)) from error


def disk_problem(catalog: Path, error: BaseException) -> str:
    """An error of the disk in words."""
    number = getattr(error, "errno", None)  # Arrow wraps the system's words in its own
    what = os.strerror(number) if number else " ".join(str(error).split())
    return f"{catalog}: cannot be written: {what}; check disk space and permissions"


def define(catalog: Path, instruments: Sequence[Any]) -> None:
    """Write the definitions of instruments that a catalog has not got; for whoever is `alone_on` it.

    Raises
    ------
    DataError
        The catalog has another definition of one.
    """
    with _staging(catalog) as staged, locked(catalog):
        manifest = undo_interrupted(catalog)
        missing = [instrument for instrument in instruments if not defines(catalog, instrument)]
        if missing:
            ParquetDataCatalog(staged).write_data(missing)
            names = [str(path.relative_to(staged)) for path in staged.glob("data/*/*/*.parquet")]
            move_in(staged, catalog, names, manifest)
        elif not (catalog / "data").exists():
            manifest.write(catalog)


def last_ns(catalog: Path, instrument_id: str) -> int:
    """The last ``ts_init`` that a catalog has of an instrument; zero when it has none."""
    return max(_end_ns(catalog / _folder(kind, instrument_id)) for kind in ("deltas", "trades", "quotes"))


def publish(catalog: Path, segment: Path) -> Publication:
    """Bring one segment into the catalog and remove it; for whoever is `alone_on` the catalog.

    Raises
    ------
    DataError
        The catalog has other data of these times; nothing has changed.
    OSError
        The disk does not take it; a later call takes it up.
    """
    with locked(catalog):
        # What a kill left half moved in must not count as what the catalog has.
        published = undo_interrupted(catalog).recorded == segment.name
    if published:
        segment.unlink()
        return Publication()
    with _staging(catalog) as staged:
        converted = _Converted(catalog, staged, segment)
        with locked(catalog):
            manifest = undo_interrupted(catalog)
            for name in converted.names:
                check_disjoint(catalog, Path(name))
            move_in(staged, catalog, converted.names, converted.entered_in(manifest))
    segment.unlink()
    sync_directory(segment.parent)
    return converted.publication


@contextlib.contextmanager
def _staging(catalog: Path) -> Iterator[Path]:
    """A folder beside the data; a disk that was full has its room again afterwards."""
    staged = spool_folder(catalog) / "staged"
    shutil.rmtree(staged, ignore_errors=True)  # a kill may have left one
    staged.mkdir()
    try:
        yield staged
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _folder(kind: str, instrument_id: str) -> Path:
    # As Nautilus names directories: EUR/USD.SIM is in EURUSD.SIM.
    return Path("data") / FOLDERS[kind] / instrument_id.replace("/", "")  # type: ignore[index]


def _end_ns(directory: Path) -> int:
    """The end of a folder's last file, as its name gives it; zero when there is none."""
    # Names are in digits of fixed width, and files share no time: the last name is the last file.
    span = _parse_filename_timestamps(max((path.name for path in directory.glob("*_*.parquet")), default=""))
    return span[1] if span is not None else 0


class _Converted:
    """A segment as Parquet files in a staging folder, and what there is to say of them."""

    def __init__(self, catalog: Path, staged: Path, segment: Path) -> None:
        self._segment = segment
        self._dropped: Counter[str] = Counter()
        self._streams: dict[tuple[str, str], _Stream] = {}
        reader = SpoolReader(segment)
        for frame in reader:
            self._dropped.update(frame.dropped)
            for part in frame.parts:
                self._stream(catalog, staged, part).add(part)
        for stream in self._streams.values():
            stream.close()
        self.names = [str(stream.path.relative_to(staged)) for stream in self._streams.values()]
        self.publication = sum(
            (stream.publication() for stream in self._streams.values()),
            Publication(dropped=self._dropped.total(), torn_bytes=reader.torn_bytes),
        )

    def _stream(self, catalog: Path, staged: Path, part: Part) -> _Stream:
        key = part.kind, part.instrument_id
        if key not in self._streams:
            folder = _folder(*key)
            self._streams[key] = _Stream(part.kind, staged / folder, _end_ns(catalog / folder))
        return self._streams[key]

    def entered_in(self, manifest: Manifest) -> Manifest:
        """The manifest with these rows in the records of their recording: one a recording and instrument."""
        session = self._segment.stem.rpartition("-")[0]
        key = [hashlib.sha256(f"recording {session}".encode()).hexdigest()]
        imports = list(manifest.imports)
        for instrument_id in sorted({*self._dropped, *(instrument for _, instrument in self._streams)}):
            known = next((r for r in imports if r.sha256 == key and r.instrument_id == instrument_id), None)
            if known is not None:
                imports.remove(known)
            before = known.summary if known else _empty(session, instrument_id)
            imports.append(ImportRecord(key, instrument_id, IMPORTER_VERSION, self._added_to(before, instrument_id)))
        return Manifest(imports=imports, recorded=self._segment.name)

    def _added_to(self, before: ImportSummary, instrument_id: str) -> ImportSummary:
        streams = {kind: stream for (kind, name), stream in self._streams.items() if name == instrument_id}
        kept = Counter(before.kept) + Counter({kind: stream.rows for kind, stream in streams.items()})
        if "deltas" in streams:
            kept["batches"] += streams["deltas"].events
        dropped, mended = self._dropped[instrument_id], sum(stream.mended for stream in streams.values())
        first_ns = min((stream.first_ns for stream in streams.values()), default=before.first_ns)
        return msgspec.structs.replace(
            before,
            rows=before.rows + dropped + sum(stream.events for stream in streams.values()),
            kept=dict(kept),
            dropped=dict(Counter(before.dropped) + Counter({"the queue was full": dropped})),
            mended=dict(Counter(before.mended) + Counter({"the clock went back": mended})),
            first_ns=before.first_ns or first_ns,
            last_ns=max([before.last_ns, *(stream.last_ns for stream in streams.values())]),
        )


def _empty(session: str, instrument_id: str) -> ImportSummary:
    return ImportSummary(
        files=[f"recording {session}"],
        instrument_id=instrument_id,
        product="recording",
        rows=0,
        kept={},
        dropped={},
        first_ns=0,
        last_ns=0,
    )


class _Stream:
    """Rows of one kind and instrument on their way into a Parquet file, a row group in memory at a time.

    Parameters
    ----------
    folder : Path
        Where the file goes; it gets its name, which is the range of its times, at the end.
    after_ns : int
        The last ``ts_init`` that the catalog has of them: files must not share a time.
    """

    def __init__(self, kind: str, folder: Path, after_ns: int) -> None:
        self.kind = kind
        self.path = folder / "unnamed.parquet"
        self.rows = self.events = self.mended = 0
        self.first_ns = self.last_ns = 0
        self._after_ns = after_ns
        self._waiting: list[Any] = []
        self._writer: Any = None

    def add(self, part: Part) -> None:
        table = self._in_order(pa.ipc.open_stream(part.arrow).read_all())
        self.rows += table.num_rows
        self.events += part.events
        self._waiting.append(table)
        if sum(each.num_rows for each in self._waiting) >= _ROWS:
            self._write()

    def _in_order(self, table: Any) -> Any:
        """The rows with times that never go back, as the catalog demands: a wall clock may have been set back."""
        times = table["ts_init"]
        if not self.first_ns:
            self.first_ns = self.last_ns = self._beginning(times[0].as_py())
        raised = pc.cumulative_max(times, start=pa.scalar(self.last_ns, pa.uint64()))
        self.last_ns = raised[-1].as_py()
        mended = pc.sum(pc.not_equal(times, raised)).as_py()
        if not mended:
            return table
        self.mended += mended
        index = table.schema.get_field_index("ts_init")
        return table.set_column(index, table.schema.field(index), raised)

    def _beginning(self, first_ns: int) -> int:
        """Where this file begins: behind what the catalog has, if the clock was set back a little."""
        # Further ahead, the first row stays where it is: the catalog will refuse the file, and say why.
        return self._after_ns + 1 if first_ns <= self._after_ns < first_ns + _STEP_NS else first_ns

    def _write(self) -> None:
        table = pa.concat_tables(self._waiting)
        self._waiting = []
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self.path, table.schema, compression="zstd")
        self._writer.write_table(table, row_group_size=_ROWS)

    def close(self) -> None:
        if self._waiting:
            self._write()
        self._writer.close()
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path = self.path.rename(self.path.with_name(_timestamps_to_filename(self.first_ns, self.last_ns)))

    def publication(self) -> Publication:
        return Publication(
            rows={self.kind: self.rows},
            mended=self.mended,
            files=1,
            size_bytes=self.path.stat().st_size,
            first_ns=self.first_ns,
            last_ns=self.last_ns,
        )
