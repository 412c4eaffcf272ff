"""The ledger of our orders: one file, written before an order leaves, that survives the death of the process.

A record a line, JSON. Each is handed to the operating system with one write, which costs some microseconds and
outlives a kill; an order whose record cannot be written is not sent. Reading it back gives every order that may still
live, and every fill there was.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ultramm.custody.own import OwnOrders
from ultramm.custody.records import Accepted, Amended, Ended, Filled, OrderRecord, decode, encode
from ultramm.errors import DataError

_COMPACT_BYTES = 64_000_000


class OrderLedger(OwnOrders):
    """The orders of one node, over all its runs, on disk.

    Parameters
    ----------
    path : Path
        The file; it is made if it is not there, and locked: one node at a time.

    Attributes
    ----------
    prefix : str
        What the ids of all its orders begin with, whatever the run.

    Raises
    ------
    DataError
        The file cannot be had, another node holds it, or it is no ledger.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._size = self._compacted = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = path.with_name(f"{path.name}.lock").open("a+")
        except OSError as exc:
            raise DataError(f"{path}: cannot keep orders here: {exc.strerror or exc}") from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            self._lock.close()
            raise DataError(
                f"{path}: another node keeps its orders here; stop it, or give this one another name"
            ) from exc
        try:
            self._read()
            self._file = self._rewrite()
        except BaseException:
            self._lock.close()
            raise
        # Nodes that share an account must not take each other's orders for their own; and no two runs share an id.
        self.prefix = f"umm-{_fnv1a(path.name.encode()):08x}-"
        self._run = self._new_run()
        self._next = 0

    # -- what happened ---------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """An id that no order of ours has had; of letters, digits and hyphens, at most 36."""
        self._next += 1
        return f"{self.prefix}{self._run}-{_base36(self._next)}"

    def is_ours(self, order_id: str) -> bool:
        return order_id.startswith(self.prefix)

    def write(self, record: OrderRecord) -> bool:
        """Put a record on disk, then count it; False where it says nothing new, and then nothing is written.

        Raises
        ------
        OSError
            It could not be written; nothing has changed.
        """
        if isinstance(record, Filled) and self.knows_trade(record.instrument, record.trade_id):
            return False
        if isinstance(record, Accepted):
            own = self.find(record.order_id)
            if own is None or own.venue_order_id == record.venue_order_id:
                return False
        if isinstance(record, (Amended, Ended)) and record.order_id not in self.open:
            return False
        line = encode(record)
        if os.write(self._file, line) != len(line):
            os.ftruncate(self._file, self._size)
            raise OSError("the disk is full")
        self.apply(record)
        self._size += len(line)
        if self._size > _COMPACT_BYTES + self._compacted:
            self._make_shorter()
        return True

    def close(self) -> None:
        os.close(self._file)
        self._lock.close()

    # -- the file --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else [b""]
        except OSError as exc:
            raise DataError(f"{self.path}: cannot read the orders: {exc.strerror or exc}") from exc
        # What stands after the last newline was being written when the process died: nothing of it was sent.
        for number, line in enumerate(lines[:-1], start=1):
            try:
                record = decode(line)
            except ValueError as exc:  # msgspec's, and that of text that is none
                raise DataError(
                    f"{self.path}: line {number} is no record of an order: {exc}; move the file away"
                ) from exc
            self.apply(record)

    def _make_shorter(self) -> None:
        """Where that fails, the old file goes on: what was to be written is in it."""
        old = self._file
        try:
            self._file = self._rewrite()
        except DataError:
            self._compacted = self._size
        else:
            os.close(old)

    def _rewrite(self) -> int:
        """Leave out what orders that ended long ago went through; fills are kept for good."""
        path = self.path.with_name(f"{self.path.name}.new")
        try:
            with path.open("wb") as file:
                for record in self._what_matters():
                    file.write(encode(record))
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            # Opened before it takes the old one's place: once it has, records must go there.
            opened = os.open(path, os.O_WRONLY | os.O_APPEND)
            try:
                path.replace(self.path)
            except OSError:
                os.close(opened)
                raise
        except OSError as exc:
            raise DataError(f"{self.path}: cannot keep orders here: {exc.strerror or exc}") from exc
        self._size = self._compacted = size
        return opened

    def _new_run(self) -> str:
        """A mark that no order of an earlier run carries, whatever the clock says."""
        known = {*self.open, *self._ended, *(fill.order_id for fill in self.fills)}
        taken = {order_id.removeprefix(self.prefix).partition("-")[0] for order_id in known}
        stamp = time.time_ns() // 1_000_000
        while _base36(stamp) in taken:
            stamp += 1
        return _base36(stamp)


def _fnv1a(data: bytes) -> int:
    """A small hash that is the same in every process (Fowler, Noll, Vo, 32 bits)."""
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
