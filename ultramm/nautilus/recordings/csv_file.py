"""Text files of rows, plain, gzip or xz: read line by line, in memory that does not grow with the file."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from ultramm.errors import DataError

_MAX_LINE = 10_000
_PROGRESS_ROWS = 1_000
_ERRORS = (OSError, EOFError, lzma.LZMAError, zlib.error, UnicodeDecodeError)


def header(file: Path) -> str:
    """The first line.

    Raises
    ------
    DataError
        The file cannot be read, or is empty.
    """
    try:
        with file.open("rb") as stored, _unpacked(stored) as text:
            first: str = text.readline(_MAX_LINE).decode("utf-8-sig").strip()
    except _ERRORS as error:
        raise DataError(f"{file}: is no readable csv ({error}); give another") from error
    if not first:
        raise DataError(f"{file}: is empty; leave it out")
    return first


def lines(file: Path, report: Callable[[int], None]) -> Iterator[tuple[int, str]]:
    """The rows behind the header, with the numbers of their lines; tells `report` the stored bytes read so far.

    Raises
    ------
    DataError
        The file is damaged or cut off; names the line.
    """
    number = 0
    try:
        with file.open("rb") as stored, _unpacked(stored) as text:
            while line := text.readline(_MAX_LINE).decode("utf-8-sig" if not number else "ascii"):
                number += 1
                if number == 1:
                    continue
                if number % _PROGRESS_ROWS == 0:
                    report(stored.tell())
                yield number, line.rstrip("\r\n")
    except _ERRORS as error:
        raise DataError(f"{file}: line {number + 1}: is damaged or cut off ({error}); get it again") from error


def _unpacked(stored: IO[bytes]) -> Any:
    magic = stored.read(6)
    stored.seek(0)
    if magic.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=stored)
    return lzma.LZMAFile(stored) if magic == b"\xfd7zXZ\x00" else stored
