"""Who stopped by losses or faults, and was not armed again: a node that starts anew must not forget it."""

from __future__ import annotations

from ultramm.journal.records import HaltEvent
from ultramm.journal.store import Journal
from ultramm.risk.stops import SOURCE

_MOST = 100_000


def stopped(journal: Journal) -> dict[tuple[str, str], str]:
    """By strategy and instrument, why: as the last word on each says."""
    last: dict[tuple[str, str], HaltEvent] = {}
    for entry in journal.last("halt", _MOST):
        record = entry.record
        if isinstance(record, HaltEvent) and record.source == SOURCE:
            last.setdefault((record.strategy, record.instrument), record)
    return {key: record.reason for key, record in last.items() if record.active}
