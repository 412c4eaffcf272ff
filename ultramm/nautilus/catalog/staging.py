"""Writing into a catalog all or nothing: data gathers in a directory beside it and is moved in at the end.

A catalog that does not exist yet appears by one rename. Into an existing one the files are moved one by one
under a lock, listed in the manifest as pending meanwhile: an error undoes the move, and what a kill leaves
half done is undone by the next import.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Self

import msgspec
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import ImportRecord, Manifest, sync_directory

_LOCK = ".ultramm-lock"
_DATA_FOLDERS = ("order_book_deltas", "trade_tick", "quote_tick")


class Staging:
    """A catalog in the making, beside `target`; a context manager that removes it unless it was published."""

    def __init__(self, target: Path) -> None:
        self._target = target
        home, prefix = _beside(target)
        home.mkdir(parents=True, exist_ok=True)
        remove_abandoned(target)
        self._shell = Path(tempfile.mkdtemp(prefix=prefix, dir=home))
        self._alive = contextlib.ExitStack()
        self._alive.enter_context(locked(self._shell))
        self._directory = self._shell / "catalog"
        self._directory.mkdir()
        self._catalog = ParquetDataCatalog(self._directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._alive.close()
        shutil.rmtree(self._shell, ignore_errors=True)

    def write(self, data: list[Any]) -> None:
        """Write instruments or data of one kind, behind what was written of it before.

        Chunks of one kind must not share a ``ts_init``: files of a catalog are disjoint, closed intervals.
        """
        if data:
            self._catalog.write_data(data)

    def publish(self, record: ImportRecord) -> bool:
        """Move everything into the catalog; False when another process has imported the same meanwhile.

        Raises
        ------
        DataError
            The catalog has data of these times, or another definition of the instrument.
        """
        Manifest(imports=[record]).write(self._directory)
        with contextlib.suppress(OSError):  # it exists and is not empty
            self._directory.rename(self._target)
            return True
        with locked(self._target):
            manifest = undo_interrupted(self._target)
            if manifest.find(record.sha256, record.instrument_id):
                return False
            after = msgspec.structs.replace(manifest, imports=[*manifest.imports, record])
            move_in(self._directory, self._target, self._moves(record.instrument_id), after)
        return True

    def _moves(self, instrument_id: str) -> list[str]:
        staged = [path.relative_to(self._directory) for path in self._directory.glob("data/*/*/*.parquet")]
        moves = []
        for path in sorted(staged):
            if path.parts[1] in _DATA_FOLDERS:
                check_disjoint(self._target, path)
                moves.append(str(path))
            elif not defines(self._target, self._catalog.instruments(instrument_ids=[instrument_id])[0]):
                moves.append(str(path))
        return moves


def _beside(target: Path) -> tuple[Path, str]:
    """Where what is to become part of a catalog is made, and how its name begins."""
    # A rename cannot leave a file system, so beside a mount point is inside of it.
    return target if target.is_mount() else target.parent, f".{target.name}.import-"


def remove_abandoned(target: Path) -> None:
    """Remove what imports that were killed left beside a catalog."""
    home, prefix = _beside(target)
    for path in home.glob(f"{prefix}*"):
        with contextlib.suppress(OSError), locked(path, wait=False):
            shutil.rmtree(path)


def find_import(catalog: Path, sha256: Collection[str], instrument_id: str) -> ImportRecord | None:
    """The import of these contents into a catalog, as `Manifest.find`, once an interrupted one is undone."""
    manifest = Manifest.read(catalog)
    if manifest.pending:
        with locked(catalog):  # waits for an import that is only on its way
            manifest = undo_interrupted(catalog)
    found = manifest.find(sha256, instrument_id)
    if found is not None:
        remove_abandoned(catalog)  # it may have been killed after it had done its work
    return found


def move_in(staged: Path, target: Path, names: list[str], after: Manifest) -> None:
    """Move files into a catalog and give it the manifest `after`, both or neither; needs the lock.

    Parameters
    ----------
    staged : Path
        Where the files are, under the names that they will have in the catalog.
    """
    manifest = Manifest.read(target)
    manifest.pending = names
    manifest.write(target)
    try:
        for name in names:
            destination = target / name
            destination.parent.mkdir(parents=True, exist_ok=True)
            (staged / name).rename(destination)
        # The manifest must not say so before the disk has them.
        for directory in {folder for name in names for folder in (target / name).parents if target in folder.parents}:
            sync_directory(directory)
        after.write(target)
    except BaseException:
        undo_interrupted(target)
        raise


def check_disjoint(catalog: Path, name: Path) -> None:
    """Refuse a file whose times overlap those of a file that the catalog has.

    Raises
    ------
    DataError
        Which names both.
    """
    # Catalog files are named START_END in digits of fixed width, so that names compare as times do.
    start, end = name.stem.split("_")
    for other in (catalog / name.parent).glob("*.parquet"):
        other_start, _, other_end = other.stem.partition("_")
        if start <= other_end and other_start <= end:
            raise DataError(
                f"{catalog}: has {name.parts[1]} of {name.parts[2]} from {other_start} to "
                f"{other_end}, which overlaps {start} to {end}; give another catalog"
            )


def defines(catalog: Path, instrument: Any) -> bool:
    """Whether a catalog defines an instrument.

    Raises
    ------
    DataError
        It does, with another tick, lot or contract.
    """

    def definition(i: Any) -> tuple[Any, ...]:
        return type(i), i.price_increment, i.size_increment, i.multiplier, i.is_inverse

    present = ParquetDataCatalog(catalog).instruments(instrument_ids=[instrument.id.value])
    if present and definition(present[-1]) != definition(instrument):
        raise DataError(
            f"{catalog}: defines {instrument.id.value} with another tick, lot or contract; give another catalog"
        )
    return bool(present)


def undo_interrupted(catalog: Path) -> Manifest:
    """Remove what an import that did not come to its end has moved in; needs the lock."""
    manifest = Manifest.read(catalog)
    if manifest.pending:
        for name in manifest.pending:
            (catalog / name).unlink(missing_ok=True)
        manifest.pending = []
        manifest.write(catalog)
    return manifest


@contextlib.contextmanager
def locked(directory: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a directory; without `wait`, `OSError` when it is held or never had one."""
    flags = os.O_RDWR | (os.O_CREAT if wait else 0)
    handle = os.open(directory / _LOCK, flags, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
    finally:
        os.close(handle)
