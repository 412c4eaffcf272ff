"""Fills that a journal tells of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from ultramm.journal.records import FillEvent, fingerprint
from ultramm.journal.store import Journal
from ultramm.market import Side

_ROWS_AT_ONCE = 5_000


class MakerFills:
    """Fills on an instrument of orders that waited, of all runs.

    Parameters
    ----------
    journal : Journal
    instrument : str
        ``SYMBOL.VENUE``.

    Attributes
    ----------
    times_ns : list of int
        In order.
    sides : list of Side
        Ours.
    sha256 : str
        Of all of them.
    """

    def __init__(self, journal: Journal, instrument: str) -> None:
        found = sorted(
            ((ts_ns, fill) for ts_ns, fill in _fills(journal) if fill.maker and fill.instrument == instrument),
            key=lambda each: each[0],
        )
        self.times_ns = [ts_ns for ts_ns, _ in found]
        self.sides = [Side[fill.side] for _, fill in found]
        self.sha256 = hashlib.sha256(b"".join(fingerprint(*each) for each in found)).hexdigest()


def _fills(journal: Journal) -> Iterator[tuple[int, FillEvent]]:
    after = 0
    while entries := journal.read(kind="fill", after=after, limit=_ROWS_AT_ONCE):
        for entry in entries:
            assert isinstance(entry.record, FillEvent)
            yield entry.ts_ns, entry.record
        after = entries[-1].sequence
