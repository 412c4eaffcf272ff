"""The ledger on disk: nothing is sent that it does not hold, nothing that it held is lost, and it has one owner."""

from __future__ import annotations

import gc
import os
import re
import resource
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import S, accepted, ended, fill, sent, what_matters

from ultramm.custody import ledger as ledger_module
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.records import Amended, Checked, Funded, OrderRecord, Sent, decode
from ultramm.errors import DataError
from ultramm.market import Side


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., OrderLedger]]:
    """Open a ledger; the one that was open before lets go of it, as a process that died would."""
    ledgers: list[OrderLedger] = []

    def reopen(name: str = "node.orders") -> OrderLedger:
        while ledgers:
            ledgers.pop().close()
        ledgers.append(OrderLedger(tmp_path / "data" / name))
        return ledgers[0]

    yield reopen
    while ledgers:
        ledgers.pop().close()


def on_disk(ledger: OrderLedger) -> list[OrderRecord]:
    return [decode(line) for line in ledger.path.read_bytes().splitlines()]


# -- writing -------------------------------------------------------------------------------------------------


def test_an_order_is_in_the_file_when_write_returns(opened: Any) -> None:
    ledger = opened()
    assert ledger.write(sent("a"))
    assert on_disk(ledger) == [sent("a")]
    assert ledger.open["a"].sent == sent("a")


def test_every_kind_of_record_comes_back_as_it_was_written_to_the_last_digit(opened: Any) -> None:
    ledger = opened()
    records = [
        Funded(ts_ns=1, venue="X", balances={"BTC": Decimal("0.10000000"), "USDT": Decimal("1E-8")}),
        Checked(ts_ns=5),
        sent("a", "2.000", price=Decimal("50000.10"), side=Side.SELL),
        accepted("a"),
        Amended(ts_ns=3, order_id="a", price=Decimal("50000.20"), size=Decimal(3)),
        fill("a", "t", "0.001", fee=Decimal("-0.00000001"), fee_currency="BNB", mid=50_000.15, maker=False),
        ended("a", "expired", reason="at its end"),
    ]
    assert all(ledger.write(record) for record in records)
    assert on_disk(ledger) == records
    assert str(ledger.funded["X"].balances["BTC"]) == "0.10000000"


def test_what_says_nothing_new_is_not_written(opened: Any) -> None:
    ledger = opened()
    for record in (sent("a", "1"), accepted("a"), fill("a", "t1"), sent("b"), ended("b")):
        assert ledger.write(record)
    before = ledger.path.read_bytes()
    known_already = [
        fill("a", "t1"),
        fill("b", "t1", ts_ns=99),  # an instrument's trade has one id, whoever tells of it
        ended("a"),
        ended("b", "rejected"),
        ended("never sent"),
        accepted("never sent"),
        accepted("a"),
        Amended(ts_ns=9, order_id="b", price=Decimal(1), size=Decimal(1)),
    ]
    assert [ledger.write(record) for record in known_already] == [False] * len(known_already)
    assert ledger.path.read_bytes() == before


def test_the_same_trade_id_of_another_instrument_is_another_trade(opened: Any) -> None:
    ledger = opened()
    ledger.write(fill("a", "7"))
    assert ledger.write(fill("a", "7", instrument="ETHUSDT.X"))
    assert len(ledger.fills) == 2


def test_an_order_whose_record_cannot_be_written_raises_and_leaves_a_readable_file(opened: Any) -> None:
    """The file may grow by half a record only, as on a full disk."""
    ledger = opened()
    ledger.write(sent("a"))
    size = ledger.path.stat().st_size
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        with pytest.raises(OSError, match="full"):
            ledger.write(sent("b"))
        assert ledger.path.stat().st_size == size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert list(ledger.open) == ["a"]
    assert ledger.write(sent("c"))
    assert on_disk(ledger) == [sent("a"), sent("c")]
    assert list(opened().open) == ["a", "c"]


# -- ids -----------------------------------------------------------------------------------------------------


def test_ids_fit_the_venue_and_never_repeat_over_runs(opened: Any) -> None:
    seen: list[str] = []
    for _ in range(5):
        ledger = opened()
        seen += [ledger.new_id() for _ in range(2_000)]
        assert all(ledger.is_ours(order_id) for order_id in seen)
    assert len(set(seen)) == len(seen)
    assert all(re.fullmatch(r"[A-Za-z0-9-]{1,36}", order_id) for order_id in seen)


def test_ids_do_not_repeat_when_the_clock_is_set_back(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module.time, "time_ns", lambda: 1_700_000_000 * S)
    seen = []
    for _ in range(3):
        ledger = opened()
        seen.append(ledger.new_id())
        ledger.write(sent(seen[-1]))
    assert len(set(seen)) == 3


def test_ids_fit_after_a_very_long_run(opened: Any) -> None:
    ledger = opened()
    ledger._next = 36**9
    assert len(ledger.new_id()) <= 36


def test_nodes_of_different_names_do_not_take_each_others_orders_for_theirs(opened: Any) -> None:
    name = opened("one.orders").new_id()
    other = opened("two.orders")
    assert not other.is_ours(name)
    assert not other.is_ours("umm-")
    assert not other.is_ours("web_abc")


# -- reading again -------------------------------------------------------------------------------------------


def test_a_torn_last_line_is_forgotten_wherever_it_was_torn(opened: Any) -> None:
    ledger = opened()
    ledger.write(sent("a"))
    whole = ledger.path.read_bytes()
    ledger.write(sent("ü"))  # more than one byte
    line = ledger.path.read_bytes()[len(whole) :]
    for length in range(len(line)):
        ledger.path.write_bytes(whole + line[:length])
        ledger = opened()
        assert list(ledger.open) == ["a"]
        assert on_disk(ledger) == [sent("a")]
    ledger.write(sent("c"))
    assert list(opened().open) == ["a", "c"]


@pytest.mark.parametrize(
    "torn", [b"{}", b"", b'{"type":"sent"', b"\x00\x00\x00", b'{"type":"\xff"}', b'{"type":"sold"}', b"[1]"]
)
def test_a_line_in_the_middle_that_is_no_record_is_refused_with_file_and_line(opened: Any, torn: bytes) -> None:
    ledger = opened()
    for name in "abc":
        ledger.write(sent(name))
    lines = ledger.path.read_bytes().splitlines()
    lines[1] = torn
    damaged = b"\n".join(lines) + b"\n"
    ledger.path.write_bytes(damaged)
    with pytest.raises(DataError, match=re.escape(f"{ledger.path}: line 2 is no record of an order")):
        opened()
    assert ledger.path.read_bytes() == damaged, "nothing is thrown away"


def test_a_refused_ledger_is_let_go_of_and_can_be_had_once_mended(opened: Any) -> None:
    ledger = opened()
    ledger.write(sent("a"))
    good = ledger.path.read_bytes()
    ledger.path.write_bytes(b"?\n" + good)
    with pytest.raises(DataError) as refusal:
        opened()
    ledger.path.write_bytes(good)
    assert list(opened().open) == ["a"]
    assert refusal.value is not None  # while its traceback still holds the half-made ledger
    gc.collect()  # a file that nobody closed would be complained of


@pytest.mark.parametrize("in_the_way", ["data/node.orders/", "data/node.orders.new/", "data"])
def test_a_path_that_cannot_be_had_is_the_users_to_mend(opened: Any, tmp_path: Path, in_the_way: str) -> None:
    if in_the_way.endswith("/"):
        (tmp_path / in_the_way).mkdir(parents=True)
    else:
        (tmp_path / in_the_way).touch()
    with pytest.raises(DataError, match=r"node\.orders: cannot"):
        opened()
    gc.collect()


def test_a_second_node_is_refused_and_the_first_one_goes_on(opened: Any) -> None:
    ledger = opened()
    ledger.write(sent("a"))
    with pytest.raises(DataError, match="another node keeps its orders here"):
        OrderLedger(ledger.path)
    gc.collect()
    assert ledger.write(sent("b"))
    assert list(opened().open) == ["a", "b"]


def test_a_node_that_died_holds_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "node.orders"
    child = os.fork()
    if not child:
        OrderLedger(path).write(sent("a"))
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    ledger = OrderLedger(path)
    assert list(ledger.open) == ["a"]
    ledger.close()


# -- what a ledger that is made shorter must keep --------------------------------------------------------------

ids = st.sampled_from([f"o{number}" for number in range(6)])
amounts = st.sampled_from(["0.5", "1", "2"])
histories = st.lists(
    st.one_of(
        st.builds(sent, ids, amounts, ts_ns=st.integers(1, 100)),
        st.builds(accepted, ids, ts_ns=st.integers(1, 100)),
        st.builds(fill, ids, st.integers(0, 40).map(str), amounts, ts_ns=st.integers(1, 100)),
        st.builds(ended, ids, st.sampled_from(["cancelled", "rejected", "expired"]), ts_ns=st.integers(1, 100)),
        st.builds(
            Amended,
            ts_ns=st.integers(1, 100),
            order_id=ids,
            price=st.just(Decimal(101)),
            size=st.sampled_from([Decimal(1), Decimal(4)]),
        ),
        st.builds(Checked, ts_ns=st.integers(1, 100)),
        st.builds(
            Funded,
            ts_ns=st.integers(1, 100),
            venue=st.sampled_from("XY"),
            balances=st.dictionaries(st.sampled_from(["BTC", "USDT"]), st.decimals(-9, 9, places=8)),
        ),
    ),
    max_size=40,
)


def written(ledger: OrderLedger, history: list[OrderRecord]) -> None:
    """An id is given once, and an order is sent before anything else is said of it."""
    known: set[str] = set()
    for record in history:
        name = getattr(record, "order_id", None)
        if isinstance(record, Sent):
            if name in known:
                continue
            known.add(record.order_id)
        elif name is not None and name not in known:
            continue
        ledger.write(record)


@given(history=histories)
def test_opening_again_loses_nothing_that_matters(
    tmp_path_factory: pytest.TempPathFactory, history: list[OrderRecord]
) -> None:
    path = tmp_path_factory.mktemp("ledger") / "node.orders"
    ledger = OrderLedger(path)
    written(ledger, history)
    before = what_matters(ledger)
    ends = {name: ledger.find(name) for name in ("o0", "o1", "o2") if name not in ledger.open}
    ledger.close()
    for _ in range(2):  # the second time from a file that was made shorter
        again = OrderLedger(path)
        assert what_matters(again) == before
        for name, order in ends.items():
            found = again.find(name)
            assert (found is None) == (order is None)
            if found is not None and order is not None:
                assert (found.ended, found.filled) == (order.ended, order.filled)
                assert again.find_by_venue_id(order.sent.instrument, order.venue_order_id) is (
                    found if order.venue_order_id else None
                )
        assert not any(again.write(record) for record in again.fills)
        again.close()


@given(history=histories)
def test_made_shorter_while_it_runs_it_is_the_same_ledger(
    tmp_path_factory: pytest.TempPathFactory, history: list[OrderRecord]
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    calm = OrderLedger(folder / "calm.orders")
    written(calm, history)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger_module, "_COMPACT_BYTES", 300)
        busy = OrderLedger(folder / "busy.orders")
        written(busy, history)
    assert what_matters(busy) == what_matters(calm)
    calm.close()
    busy.close()
    again = OrderLedger(folder / "busy.orders")
    assert what_matters(again) == what_matters(calm)
    again.close()


def test_how_and_when_an_order_ended_is_kept_though_late_fills_made_it_whole(opened: Any) -> None:
    ledger = opened()
    for record in (sent("a", "1"), accepted("a"), ended("a", ts_ns=50), fill("a", "t", "1", ts_ns=10)):
        ledger.write(record)
    found = opened().find("a")
    assert (found.ended, found.ended_ns, found.filled) == ("cancelled", 50, 1)


def test_a_ledger_that_runs_for_long_stays_short(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "_COMPACT_BYTES", 4_000)
    monkeypatch.setattr("ultramm.custody.own._ENDED_KEPT", 5)
    ledger = opened()
    for number in range(500):
        name = ledger.new_id()
        ledger.write(sent(name, ts_ns=number))
        ledger.write(ended(name, ts_ns=number))
    assert ledger.path.stat().st_size < 12_000
    assert len(on_disk(ledger)) < 100


def test_a_ledger_that_cannot_be_made_shorter_goes_on_in_the_old_file(
    opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file's place is taken by a folder: no record may be lost, and none written into somebody else's file."""
    monkeypatch.setattr(ledger_module, "_COMPACT_BYTES", 300)
    ledger = opened()
    in_the_way = ledger.path.with_name(f"{ledger.path.name}.new")
    in_the_way.mkdir()
    others = ledger.path.with_name("somebody-elses").open("wb")
    for number in range(10):
        assert ledger.write(sent(f"o{number}"))
        others.close()
        others = ledger.path.with_name("somebody-elses").open("ab")
    others.close()
    assert ledger.path.with_name("somebody-elses").read_bytes() == b""
    assert [record.order_id for record in on_disk(ledger)] == [f"o{number}" for number in range(10)]  # type: ignore[union-attr]
    in_the_way.rmdir()
    assert len(opened().open) == 10
