"""What every store of a journal can do, and the one format in which all of them keep a record."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from ultramm.errors import DataError
from ultramm.journal.records import AlertEvent, Command, Entry, Record

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


class Journal(Protocol):
    """A journal: one process writes records, others read them and leave commands."""

    @property
    def place(self) -> str:
        """Where it is, as it may be shown: without a password."""

    def append(self, rows: Iterable[tuple[str, int, Record]]) -> int:
        """Write (run, ts_ns, record) rows, in their order; gives how many of earlier calls the store has lost since.

        An error leaves open what of them was written. Given again, as the first rows of the next call, they are
        written once.
        """

    def read(self, *, kind: str | None = None, after: int = 0, limit: int = 1000) -> list[Entry]:
        """The first `limit` entries after a sequence number, oldest first."""

    def last(self, kind: str, count: int = 1) -> list[Entry]:
        """The last `count` entries of one kind, newest first."""

    def add_alert(self, alert: AlertEvent) -> None:
        """Keep that people were told something: from any process, beside the records of the node."""

    def alerts(self, count: int) -> list[AlertEvent]:
        """The last alerts, newest first."""

    def leave_command(self, verb: str, origin: str) -> int:
        """Leave a command for the node that writes this journal; returns its number."""

    def pending_commands(self) -> list[Command]:
        """Commands that have no reply yet, oldest first."""

    def reply(self, command_id: int, text: str) -> None:
        """Answer a command."""

    def take_back(self, command_id: int) -> None:
        """Make a command that nobody has answered one that nobody will carry out any more."""

    def reply_to(self, command_id: int) -> str | None:
        """The reply to a command, or None while there is none."""

    def tidy(self, now_ns: int) -> int:
        """Let go of some of what is not kept; 0 when there is nothing more to do."""

    def close(self) -> None:
        """Let go of it; another node may write it then."""


def kind_of(record: Record) -> str:
    """The name by which entries of this kind are read."""
    return str(record.__struct_config__.tag)


def encode(record: Record) -> bytes:
    """The record as JSON, which has no NaN: a number that is none is written as 0, so that it can be read again.

    Records carry None where a value can be unknown; what gets here is a fault, and one record must not cost the rest.
    """
    body = _encoder.encode(record)
    if b"null" in body:  # what NaN becomes, and None
        try:
            _decoder.decode(body)
        except msgspec.ValidationError:
            return _encoder.encode(_without_nan(msgspec.to_builtins(record)))
    return body


def entry(place: str, sequence: int, run: str, ts_ns: int, body: bytes) -> Entry:
    """A record as it was stored.

    Raises
    ------
    DataError
        When it is damaged, or of a later version.
    """
    try:
        record = _decoder.decode(body)
    except msgspec.MsgspecError as exc:
        raise DataError(f"{place}: entry {sequence} of the journal cannot be read: {exc}") from exc
    return Entry(sequence=sequence, run=run, ts_ns=ts_ns, record=record)


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return 0.0 if isinstance(value, float) and not math.isfinite(value) else value
