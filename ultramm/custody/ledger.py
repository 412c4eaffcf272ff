"""The ledger of our orders: one file, written before an order leaves, that survives the death of the process.

A record a line, JSON. Each is handed to the operating system with one write, which costs some microseconds and
outlives a kill; an order whose record cannot be written is not sent. Reading it back gives every order that may still
live, and every fill there was.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec

from ultramm.custody.records import Accepted, Amended, Checked, Ended, Ending, Filled, Funded, OrderRecord, Sent
from ultramm.errors import DataError

_ENDED_KEPT = 20_000
_COMPACT_BYTES = 64_000_000
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(OrderRecord)


class OwnOrder(msgspec.Struct):
    """One order: what was sent, and what has become of it."""

    sent: Sent
    venue_order_id: str = ""
    filled: Decimal = Decimal(0)
    ended: Ending | None = None
    ended_ns: int = 0

    @property
    def id(self) -> str:
        return self.sent.order_id


class OrderLedger:
    """The orders of one node, over all its runs.

    Parameters
    ----------
    path : Path
        The file; it is made if it is not there, and locked: one node at a time.

    Attributes
    ----------
    open : dict of str to OwnOrder
        Orders that are, or may be, at the venue, by our id.
    fills : list of Filled
        All fills there were, in the order they became known.
    funded : dict of str to Funded
        By venue, what its account held at the beginning.
    last_ns : int
        When the last record was written.
    checked_ns : int
        Until when every trade is known; 0 before any order.
    prefix : str
        What the ids of all its orders begin with, whatever the run.

    Raises
    ------
    DataError
        The file cannot be had, another node holds it, or it is no ledger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.open: dict[str, OwnOrder] = {}
        self.fills: list[Filled] = []
        self.funded: dict[str, Funded] = {}
        self.last_ns = 0
        self.checked_ns = 0
        self._ended: OrderedDict[str, OwnOrder] = OrderedDict()
        self._by_venue_id: dict[tuple[str, str], str] = {}
        self._trades: set[tuple[str, str]] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = path.with_name(f"{path.name}.lock").open("a+")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise DataError(
                f"{path}: another node keeps its orders here; stop it, or give this one another name"
            ) from exc
        except OSError as exc:
            raise DataError(f"{path}: cannot keep orders here: {exc.strerror or exc}") from exc
        self._read()
        self._file = self._rewrite()
        # Nodes that share an account must not take each other's orders for their own; and no two runs share an id.
        self.prefix = f"umm-{_fnv1a(path.name.encode()):08x}-"
        self._run = _base36(time.time_ns() // 1_000_000)
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
        if isinstance(record, Filled) and (record.instrument, record.trade_id) in self._trades:
            return False
        if isinstance(record, Accepted) and self.find(record.order_id) is None:
            return False
        if isinstance(record, (Amended, Ended)) and record.order_id not in self.open:
            return False
        line = _encoder.encode(record) + b"\n"
        if os.write(self._file, line) != len(line):
            raise OSError("the disk is full")
        self._apply(record)
        self._size += len(line)
        if self._size > _COMPACT_BYTES + self._compacted:
            os.close(self._file)
            self._file = self._rewrite()
        return True

    def close(self) -> None:
        os.close(self._file)
        self._lock.close()

    # -- what is known ---------------------------------------------------------------------------------------

    def find(self, order_id: str) -> OwnOrder | None:
        """An order that is open, or one of the last that ended."""
        return self.open.get(order_id) or self._ended.get(order_id)

    def find_by_venue_id(self, instrument: str, venue_order_id: str) -> OwnOrder | None:
        order_id = self._by_venue_id.get((instrument, venue_order_id))
        return None if order_id is None else self.find(order_id)

    def knows_trade(self, instrument: str, trade_id: str) -> bool:
        return (instrument, trade_id) in self._trades

    def fills_of(self, strategy: str, instrument: str) -> Iterator[Filled]:
        """The fills of one maker, oldest first."""
        return (fill for fill in self.fills if fill.strategy == strategy and fill.instrument == instrument)

    def since(self, ts_ns: int) -> list[OrderRecord]:
        """What happened after a moment, of the orders that are still known, in the order of time."""
        found = [record for record in self._what_matters() if record.ts_ns > ts_ns]
        return sorted(found, key=lambda record: record.ts_ns)

    # -- the file --------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            lines = self.path.read_bytes().split(b"\n") if self.path.exists() else [b""]
        except OSError as exc:
            raise DataError(f"{self.path}: cannot read the orders: {exc.strerror or exc}") from exc
        # What stands after the last newline was being written when the process died: nothing of it was sent.
        for number, line in enumerate(lines[:-1], start=1):
            try:
                record = _decoder.decode(line)
            except msgspec.MsgspecError as exc:
                raise DataError(
                    f"{self.path}: line {number} is no record of an order: {exc}; move the file away"
                ) from exc
            self._apply(record)

    def _apply(self, record: OrderRecord) -> None:
        self.last_ns = max(self.last_ns, record.ts_ns)
        match record:
            case Sent():
                self.open[record.order_id] = OwnOrder(record)
            case Accepted():
                self._accepted(record)
            case Amended():
                self._amended(record)
            case Filled():
                self.fills.append(record)
                self._trades.add((record.instrument, record.trade_id))
                order = self.find(record.order_id)
                if order is not None:
                    order.filled += record.size
                    if order.filled >= order.sent.size:
                        self._end(order, "filled", record.ts_ns)
            case Ended():
                order = self.open.get(record.order_id)
                if order is not None:
                    self._end(order, record.how, record.ts_ns)
            case Checked():
                self.checked_ns = record.ts_ns
            case Funded():
                self.funded[record.venue] = record

    def _accepted(self, record: Accepted) -> None:
        order = self.find(record.order_id)
        if order is not None:
            order.venue_order_id = record.venue_order_id
            self._by_venue_id[order.sent.instrument, record.venue_order_id] = order.id

    def _amended(self, record: Amended) -> None:
        order = self.open.get(record.order_id)
        if order is not None:
            order.sent = msgspec.structs.replace(order.sent, price=record.price, size=record.size)

    def _end(self, order: OwnOrder, how: Ending, ts_ns: int) -> None:
        if self.open.pop(order.id, None) is None:
            return
        order.ended, order.ended_ns = how, ts_ns
        self._ended[order.id] = order
        while len(self._ended) > _ENDED_KEPT:
            _, oldest = self._ended.popitem(last=False)
            self._by_venue_id.pop((oldest.sent.instrument, oldest.venue_order_id), None)

    def _rewrite(self) -> int:
        """Leave out what orders that ended long ago went through; fills are kept for good."""
        path = self.path.with_name(f"{self.path.name}.new")
        try:
            with path.open("wb") as file:
                for record in self._what_matters():
                    file.write(_encoder.encode(record) + b"\n")
                file.flush()
                os.fsync(file.fileno())
                self._size = self._compacted = file.tell()
            path.replace(self.path)
            return os.open(self.path, os.O_WRONLY | os.O_APPEND)
        except OSError as exc:
            raise DataError(f"{self.path}: cannot keep orders here: {exc.strerror or exc}") from exc

    def _what_matters(self) -> Iterator[OrderRecord]:
        yield from self.funded.values()
        if self.checked_ns:
            yield Checked(ts_ns=self.checked_ns)
        orders = [*self._ended.values(), *self.open.values()]
        for order in orders:
            yield order.sent
            if order.venue_order_id:
                yield Accepted(ts_ns=order.sent.ts_ns, order_id=order.id, venue_order_id=order.venue_order_id)
        yield from self.fills
        for order in orders:
            if order.ended is not None:
                yield Ended(ts_ns=order.ended_ns, order_id=order.id, how=order.ended)


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
