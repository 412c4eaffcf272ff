"""What a kill cost the journal is written at the next start: all of it, once, in order, with the right positions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import INSTRUMENT, accepted, ended, fill, sent

from ultramm.custody.desk import Terms
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.records import Accepted, Checked, Ended, Filled, OrderRecord, Sent
from ultramm.journal import backfill
from ultramm.journal.backfill import missing
from ultramm.journal.records import FillEvent, OrderEvent, Record, RunEnded
from ultramm.journal.sqlite import SqliteJournal
from ultramm.market import Side

SPOT = {INSTRUMENT: Terms(base="BTC", quote="USDT", settlement="USDT", cash=True)}


class Both:
    """A ledger and a journal, written as a node does: the ledger first."""

    def __init__(self, folder: Path) -> None:
        self.ledger = OrderLedger(folder / "node.orders")
        self.journal = SqliteJournal(folder / "journal.db", create=True)
        self._position = 0.0

    def happens(self, *records: OrderRecord, journaled: bool = True) -> None:
        """`journaled` is False for what the journal was too late for."""
        for record in records:
            if self.ledger.write(record):
                told = self._told(record)
                if told is not None and journaled:
                    self.journal.append([("run", record.ts_ns, told)])

    def _told(self, record: OrderRecord) -> Record | None:
        named: dict[str, Any] = {"strategy": "mm", "instrument": INSTRUMENT}
        if isinstance(record, Sent):
            size, price = float(record.size), float(record.price)
            named |= {"order_id": record.order_id, "side": record.side.name, "price": price, "size": size}
            return OrderEvent(event="sent", **named)
        if isinstance(record, Filled):
            self._position += int(record.side) * float(record.size)
            return FillEvent(
                order_id=record.order_id,
                side=record.side.name,
                price=float(record.price),
                size=float(record.size),
                fee=float(record.fee),
                maker=record.maker,
                mid=record.mid,
                position=self._position,
                **named,
            )
        if isinstance(record, Accepted):
            return OrderEvent(event="accepted", order_id=record.order_id, **named)
        if isinstance(record, Ended):
            return OrderEvent(event=record.how, order_id=record.order_id, **named)
        return None

    def start_again(self) -> list[Record]:
        """What the next node writes first."""
        late = missing(self.journal, self.ledger, SPOT)
        self.journal.append([("next", ts_ns, record) for ts_ns, record in late])
        return [record for _, record in late]

    def written(self) -> list[Record]:
        entries = self.journal.read(limit=100_000)
        return [entry.record for entry in entries if isinstance(entry.record, (OrderEvent, FillEvent))]

    def close(self) -> None:
        self.ledger.close()
        self.journal.close()


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Both]:
    made = Both(tmp_path)
    yield made
    made.close()


def said(records: list[Record]) -> list[tuple[str, str]]:
    return [
        (record.order_id, record.event if isinstance(record, OrderEvent) else "fill")
        for record in records
        if isinstance(record, (OrderEvent, FillEvent))
    ]


def test_a_node_that_ended_in_order_has_nothing_to_catch_up_with(both: Both) -> None:
    both.happens(
        Checked(ts_ns=1), sent("a"), accepted("a"), fill("a", "1"), ended("a"), sent("b"), ended("b", "rejected")
    )
    assert both.start_again() == []


def test_what_the_journal_was_too_late_for_is_written_once(both: Both) -> None:
    both.happens(sent("a", ts_ns=10), accepted("a", ts_ns=11))
    lost = [fill("a", "1", "2", ts_ns=12, mid=100.5), sent("b", ts_ns=13), accepted("b"), ended("b", ts_ns=15)]
    both.happens(*lost, journaled=False)
    assert said(both.start_again()) == [("a", "fill"), ("b", "sent"), ("b", "accepted"), ("b", "cancelled")]
    assert both.start_again() == []
    (filled,) = [record for record in both.written() if isinstance(record, FillEvent)]
    assert (filled.position, filled.mid, filled.maker, filled.side) == (2.0, 100.5, True, "BUY")


def test_two_fills_of_one_order_that_look_alike_are_two(both: Both) -> None:
    both.happens(sent("a", "3"), fill("a", "1"))
    both.happens(fill("a", "2"), fill("a", "3"), journaled=False)
    assert said(both.start_again()) == [("a", "fill"), ("a", "fill")]
    assert [r.position for r in both.written() if isinstance(r, FillEvent)] == [1.0, 2.0, 3.0]


def test_an_order_that_the_kernel_denied_was_told_as_such(both: Both) -> None:
    both.happens(sent("a"))
    both.ledger.write(ended("a", "rejected"))
    denied = OrderEvent(strategy="mm", instrument=INSTRUMENT, order_id="a", event="denied", reason="too much")
    both.journal.append([("run", 4, denied)])
    assert both.start_again() == []


def test_what_is_of_others_and_of_other_kinds_is_no_matter(both: Both) -> None:
    stranger = OrderEvent(strategy="x", instrument="Y.Z", order_id="theirs", event="cancelled")
    both.journal.append([("run", 1, stranger), ("run", 2, RunEnded(reason="killed", open_orders=None))])
    both.happens(sent("a"), journaled=False)
    assert said(both.start_again()) == [("a", "sent")]


def test_a_fee_is_told_as_the_maker_counts_it(both: Both) -> None:
    """In the coin that was bought it lessens the position; only one in what it is settled in is an amount of that."""
    fees = [("USDT", Side.SELL, "0.5"), ("BTC", Side.BUY, "0.25"), ("BNB", Side.BUY, "3")]
    both.happens(sent("a", "9"), journaled=False)
    for number, (coin, side, fee) in enumerate(fees):
        both.happens(fill("a", str(number), side=side, fee=Decimal(fee), fee_currency=coin, ts_ns=5), journaled=False)
    told = [record for record in both.start_again() if isinstance(record, FillEvent)]
    assert [(each.fee, each.position) for each in told] == [(0.5, -1.0), (0.0, -0.25), (0.0, 0.75)]


def test_positions_are_of_one_maker_and_of_all_its_runs(both: Both) -> None:
    both.happens(sent("a", "9"), fill("a", "1", "4"))
    both.happens(fill("x", "2", "7", strategy="other"), fill("a", "3", "1"), journaled=False)
    positions = {r.strategy: r.position for r in both.start_again() if isinstance(r, FillEvent)}
    assert positions == {"other": 7.0, "mm": 5.0}


def test_fills_whose_time_is_by_a_clock_that_is_behind_end_in_the_position_that_there_is(both: Both) -> None:
    both.happens(sent("a", "9", ts_ns=100), fill("a", "1", "1", ts_ns=101), journaled=False)
    both.happens(fill("a", "2", "2", ts_ns=60), fill("a", "3", "4", ts_ns=61), journaled=False)
    late = both.start_again()
    assert said(late) == [("a", "sent"), ("a", "fill"), ("a", "fill"), ("a", "fill")]
    assert [record.position for record in late if isinstance(record, FillEvent)] == [1.0, 3.0, 7.0]


def test_only_the_end_of_a_long_journal_is_looked_at_and_nothing_before_it_written_again(
    both: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "_REACH", 6)
    for number in range(20):
        name = f"o{number}"
        both.happens(sent(name, "1", ts_ns=10 * number), accepted(name), fill(name, name, "1", ts_ns=10 * number + 5))
    both.happens(sent("last", ts_ns=500), journaled=False)
    assert said(both.start_again()) == [("last", "sent")]


orders_of_all_kinds = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.lists(st.sampled_from(["0.5", "0.5", "1"]), max_size=3),
        st.sampled_from(["cancelled", "expired", "rejected", None]),
    ),
    min_size=1,
    max_size=8,
)


@given(orders=orders_of_all_kinds, lost=st.lists(st.booleans(), max_size=60), again=st.booleans())
def test_whatever_the_journal_lost_it_has_everything_once_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, orders: list[Any], lost: list[bool], again: bool
) -> None:
    both = Both(tmp_path_factory.mktemp("both"))
    ts_ns, losses = 0, iter(lost)
    for number, (side, fills, how) in enumerate(orders):
        name = f"o{number}"
        records: list[OrderRecord] = [sent(name, "2", side=side), accepted(name)]
        records += [fill(name, f"{name}-{index}", size, side=side) for index, size in enumerate(fills)]
        records += [ended(name, how)] if how else []
        for record in records:
            ts_ns += 10
            stamped = type(record)(**{**{f: getattr(record, f) for f in record.__struct_fields__}, "ts_ns": ts_ns})
            both.happens(stamped, journaled=not next(losses, False))
    if again:  # the ledger was opened anew, and made shorter
        path = both.ledger.path
        both.ledger.close()
        both.ledger = OrderLedger(path)
    both.start_again()
    assert both.start_again() == []
    counts = Counter(said(both.written()))
    expected: Counter[tuple[str, str]] = Counter()
    for number, (_, fills, how) in enumerate(orders):
        name = f"o{number}"
        whole = sum(map(Decimal, fills)) >= 2
        expected.update([(name, "sent"), (name, "accepted"), *[(name, "fill")] * len(fills)])
        expected.update([(name, how)] if how and not whole else [])
    assert counts == expected
    held = sum(int(side) * float(size) for side, fills, _ in orders for size in fills)
    late = [entry.record for entry in both.journal.last("fill", 1)]
    if not any(lost) and late:
        assert late[0].position == held  # type: ignore[union-attr]
    both.close()
