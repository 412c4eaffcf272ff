"""The spool of a recording: what came since the last rotation, in files that are only ever appended to.

A file is a row of frames, each with its length and checksum in front, written out to the disk before the next one
begins. A kill, or a disk that is full, can only tear the last frame: reading ends before it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import sync_directory

_FOLDER = ".ultramm-spool"
_LOCK = "lock"
_HEADER = struct.Struct("<II")  # length of the payload, its CRC-32
_LOCK_PATIENCE_S = 1.0


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Rows of one kind and instrument, as they will be in the catalog.

    Parameters
    ----------
    events : int
        Market events that the rows come from: a batch of deltas is one.
    arrow : bytes
        An Arrow IPC stream with its schema: it can be read without anything before it.
    """

    kind: Literal["deltas", "trades", "quotes"]
    instrument_id: str
    events: int
    arrow: bytes


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """What came between two flushes, of all instruments; `dropped` counts events by instrument that found no room."""

    parts: list[Part]
    dropped: dict[str, int] = {}


class Spool:
    """A file of frames, open to be appended to.

    Parameters
    ----------
    path : Path
        A file that does not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        sync_directory(path.parent)

    def append(self, frame: Frame) -> None:
        """Write a frame and wait until the disk has it.

        Raises
        ------
        OSError
            The frame is not in the file; those before it are.
        """
        payload = msgspec.msgpack.encode(frame)
        data = memoryview(_HEADER.pack(len(payload), zlib.crc32(payload)) + payload)
        try:
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.size)
            raise
        if os.fstat(self._file).st_nlink == 0:
            # Writing to a file that was removed succeeds, for nobody.
            raise OSError("the recording was removed while it was written")
        self.size += _HEADER.size + len(payload)

    def close(self) -> None:
        os.close(self._file)


class SpoolReader:
    """The whole frames of a file, in order; afterwards `torn_bytes` is what was behind them and is none."""

    def __init__(self, path: Path) -> None:
        self.torn_bytes = 0
        self._path = path

    def __iter__(self) -> Iterator[Frame]:
        with self._path.open("rb") as file:
            size, whole = os.fstat(file.fileno()).st_size, 0
            while (payload := _payload(file, size - whole)) is not None:
                whole += _HEADER.size + len(payload)
                yield msgspec.msgpack.decode(payload, type=Frame)
            self.torn_bytes = size - whole


def _payload(file: BinaryIO, left: int) -> bytes | None:
    """The next frame's payload; None where no whole one is left."""
    if left < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(file.read(_HEADER.size))
    # A disk that lost power may leave zeros, which would pass for an empty frame.
    if not 0 < length <= left - _HEADER.size:
        return None
    payload = file.read(length)
    return payload if zlib.crc32(payload) == checksum else None


def spool_folder(catalog: Path) -> Path:
    """Where the recording into a catalog has its spool."""
    return catalog / _FOLDER


def segments(catalog: Path) -> list[Path]:
    """The files of a catalog's spool, oldest first."""
    return sorted(spool_folder(catalog).glob("*.spool"))


@contextlib.contextmanager
def alone_on(catalog: Path) -> Iterator[None]:
    """Be the only recorder of a catalog; the lock ends with the process, however that ends.

    Raises
    ------
    DataError
        When another recorder has it.
    """
    handle = os.open(spool_folder(catalog) / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(handle, catalog)
        yield
    finally:
        os.close(handle)


def _take(handle: int, catalog: Path) -> None:
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            # Whoever asks whether a recorder runs holds the lock for a moment.
            if time.monotonic() > deadline:
                raise DataError(
                    f"{catalog}: another recorder writes into it; stop that one, or give another catalog"
                ) from error
            time.sleep(0.05)


def is_recording(catalog: Path) -> bool:
    """Whether a recorder runs on a catalog at this moment."""
    try:
        handle = os.open(spool_folder(catalog) / _LOCK, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def unpublished(catalog: Path) -> str | None:
    """In words what of a recording is not in its catalog; None when everything is."""
    if is_recording(catalog):
        return f"{catalog}: is being recorded; what came since the last rotation is not in it yet"
    left = segments(catalog)
    if not left:
        return None
    size = sum(path.stat().st_size for path in left)
    return (
        f"{catalog}: an interrupted recording left {size:,} bytes that are not in it; "
        f"bring them in with `ultramm data recover {catalog}`"
    )


def require_whole(catalog: Path) -> None:
    """Refuse a catalog that lacks the end of an interrupted recording.

    Raises
    ------
    DataError
        With the command that brings it in.
    """
    if segments(catalog) and not is_recording(catalog):
        raise DataError(unpublished(catalog) or "")
