"""Which store an address means."""

from __future__ import annotations

from pathlib import Path

from ultramm.journal.retention import Retention
from ultramm.journal.sqlite import SqliteJournal, journal_path
from ultramm.journal.store import Journal
from ultramm.redis_server import is_redis_address, redis_address, require_redis


def open_journal(address: str, *, create: bool = False, retention: Retention | None = None) -> Journal:
    """Open the journal at an address.

    Parameters
    ----------
    address : str
        ``sqlite:///PATH``, the path of a file, or a Redis's address with the journal's name: ``redis://HOST:PORT#NAME``.
        The name may be left out where one journal is there.
    create : bool
        Be the one that writes it: make it when it is not there, and keep other writers away.
    retention : Retention, optional
        What the writer of a file lets go of.

    Raises
    ------
    DataError
        When it is not there, cannot be used, or another node writes it.
    """
    if not is_redis_address(address):
        path = journal_path(address) if "://" in address else Path(address)
        return SqliteJournal(path, create=create, retention=retention or Retention())
    # SQLite does not wait for Redis's client to be imported.
    from ultramm.journal.redis_streams import RedisJournal, only_name

    where, name = split_name(address)
    server = redis_address(where)
    require_redis(server)
    return RedisJournal(server, name or only_name(server), create=create)


def split_name(address: str) -> tuple[str, str]:
    """A Redis's address, and the journal's name after it, empty when it has none."""
    before, at, after = address.rpartition("@")
    after, _, name = after.partition("#")
    return before + at + after, name
