"""What the ledger of orders knows and the journal does not: that is written later, and a kill comes between."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from ultramm.custody.desk import Terms
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.records import Accepted, Ended, Filled, OrderRecord, Sent
from ultramm.journal.records import Entry, FillEvent, OrderEvent, Record

Key = tuple[object, ...]
_REACH = 20_000


class Last(Protocol):
    """A journal that can be read from its end."""

    def last(self, kind: str, count: int = 1) -> list[Entry]: ...


def missing(journal: Last, ledger: OrderLedger, terms: Mapping[str, Terms]) -> list[tuple[int, Record]]:
    """The records of orders and fills that the journal should have and has not, each with its time, oldest first.

    Parameters
    ----------
    journal : Last
        Looked at as far back as the last 20,000 orders and fills.
    ledger : OrderLedger
        What happened.
    terms : mapping of str to Terms
        By instrument: fees in the coin that changes hands lessen the position, those in a third are no part of the P&L.
    """
    since_ns = 0
    known: Counter[Key] = Counter()
    for kind in ("order", "fill"):
        written = journal.last(kind, _REACH)
        known.update(key for entry in written if (key := _key(entry.record)) is not None)
        if len(written) == _REACH:
            # Times are not quite in order: the older half serves to know what is there.
            since_ns = max(since_ns, sorted(entry.ts_ns for entry in written)[_REACH // 2])
    found: list[tuple[int, Record]] = []
    positions = _positions(ledger.fills, terms)
    for item in ledger.since(since_ns):
        record = _record(item, ledger, positions, terms)
        key = None if record is None else _key(record)
        if record is None or key is None:
            continue
        if known[key] > 0:
            known[key] -= 1
        else:
            found.append((item.ts_ns, record))
    return found


def _key(record: Record) -> Key | None:
    """What makes two records say the same."""
    if isinstance(record, FillEvent):
        return "fill", record.order_id, record.price, record.size
    if isinstance(record, OrderEvent):
        return record.order_id, "rejected" if record.event == "denied" else record.event
    return None


def _record(
    item: OrderRecord, ledger: OrderLedger, positions: Mapping[int, float], terms: Mapping[str, Terms]
) -> Record | None:
    match item:
        case Sent():
            return OrderEvent(
                strategy=item.strategy,
                instrument=item.instrument,
                order_id=item.order_id,
                event="sent",
                side=item.side.name,
                price=float(item.price),
                size=float(item.size),
            )
        case Filled():
            of = terms.get(item.instrument)
            return FillEvent(
                strategy=item.strategy,
                instrument=item.instrument,
                order_id=item.order_id,
                side=item.side.name,
                price=float(item.price),
                size=float(item.size),
                fee=float(item.fee) if of is None or item.fee_currency == of.settlement else 0.0,
                maker=item.maker,
                mid=item.mid,
                position=positions[id(item)],
            )
        case Accepted():
            return _order_event(item.order_id, "accepted", "", ledger)
        case Ended() if item.how != "filled":
            return _order_event(item.order_id, item.how, item.reason, ledger)
    return None


def _order_event(order_id: str, event: str, reason: str, ledger: OrderLedger) -> OrderEvent | None:
    own = ledger.find(order_id)
    if own is None:
        return None
    sent = own.sent
    return OrderEvent(strategy=sent.strategy, instrument=sent.instrument, order_id=order_id, event=event, reason=reason)


def _positions(fills: Iterable[Filled], terms: Mapping[str, Terms]) -> dict[int, float]:
    """Inventory after each fill."""
    after: dict[int, float] = {}
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in fills:
        key = fill.strategy, fill.instrument
        held[key] += int(fill.side) * fill.size
        of = terms.get(fill.instrument)
        if of is not None and of.cash and of.base == fill.fee_currency:
            held[key] -= fill.fee
        after[id(fill)] = float(held[key])
    return after
