"""Databento's market-by-order files: hand-made records, and the real files as a whole."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn as dbn
import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookType
from nautilus_trader.model.identifiers import InstrumentId
from peak_memory import peak_bytes_of

from ultramm.errors import DataError
from ultramm.nautilus.recordings.databento import DatabentoRecording
from ultramm.nautilus.recordings.importing import Account

DATA = Path(__file__).parents[4].parent / "shared" / "data"
DAYS = [DATA / "futures" / f"esh4-glbx-mdp3-202312{day}.mbo.dbn.zst" for day in (24, 25)]
T0_NS = 1_703_541_600_000_000_000
LAST, SNAPSHOT = dbn.F_LAST, dbn.F_SNAPSHOT

recorded = pytest.mark.skipif(not all(map(Path.is_file, DAYS)), reason=f"the recordings are not at {DATA}")

Levels = tuple[dict[float, int], dict[float, int]]
Row = tuple[int, str, str, int, float, int, int]  # time in ns, action, side, order id, price, size, flags


def encoded(*rows: Row, symbol: str = "ESH4", schema: Any = dbn.Schema.MBO, contract: int = 7) -> bytes:
    mapping: Any = SimpleNamespace(raw_symbol=symbol, intervals=[])  # its own class is a protocol
    metadata = dbn.Metadata(
        dataset="GLBX.MDP3",
        schema=schema,
        start=T0_NS,
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        symbols=[symbol],
        partial=[],
        not_found=[],
        mappings=[mapping],
    )
    records = (
        dbn.MBOMsg(
            publisher_id=1,
            instrument_id=contract,
            ts_event=T0_NS + ns - 5,
            order_id=order_id,
            price=round(price * 10**9) if price < 1e9 else dbn.UNDEF_PRICE,
            size=size,
            action=dbn.Action(action),
            side=dbn.Side(side),
            ts_recv=T0_NS + ns,
            flags=flags,
        )
        for ns, action, side, order_id, price, size, flags in rows
    )
    return bytes(metadata) + b"".join(map(bytes, records))


@pytest.fixture
def dbn_file(tmp_path: Path) -> Any:
    def write(*rows: Row, name: str = "orders.dbn") -> Path:
        (tmp_path / name).write_bytes(encoded(*rows))
        return tmp_path / name

    return write


def read(*files: Path) -> tuple[list[Any], Account]:
    account = Account()
    return list(DatabentoRecording(files).data(account, lambda _done, _total: None)), account


def levels_of(book: OrderBook) -> Levels:
    bids, asks = ({float(level.price): round(level.size()) for level in side} for side in (book.bids(), book.asks()))
    return bids, asks


def books(data: list[Any]) -> dict[int, Levels]:
    """Time in ns -> bids, asks after the batch."""
    seen, batch = {}, []
    book = OrderBook(InstrumentId.from_str("ESH4.XCME"), BookType.L2_MBP)
    for delta in data:
        if isinstance(delta, OrderBookDelta):
            batch.append(delta)
            if delta.flags:
                book.apply_deltas(OrderBookDeltas(delta.instrument_id, batch))
                batch = []
                seen[delta.ts_init - T0_NS] = levels_of(book)
    assert not batch
    return seen


def test_a_snapshot_and_what_follows(dbn_file: Any) -> None:
    file = dbn_file(
        (10, "A", "B", 1, 100.0, 2, SNAPSHOT),
        (10, "A", "B", 2, 100.0, 3, SNAPSHOT),
        (10, "A", "A", 3, 100.5, 4, SNAPSHOT),  # its end is not flagged
        (20, "T", "B", 0, 100.5, 1, 0),
        (20, "F", "A", 3, 100.5, 1, 0),
        (20, "M", "A", 3, 100.5, 3, LAST),
        (30, "C", "B", 1, 100.0, 2, LAST),
        (35, "C", "B", 2, 100.0, 2, LAST),  # in part
        (40, "M", "B", 2, 99.75, 5, LAST),
        (50, "R", "N", 0, 1e10, 0, 0),
        (50, "A", "B", 9, 99.0, 1, LAST),
    )
    data, account = read(file)
    assert books(data) == {
        10: ({100.0: 5}, {100.5: 4}),
        20: ({100.0: 5}, {100.5: 3}),
        30: ({100.0: 3}, {100.5: 3}),
        35: ({100.0: 1}, {100.5: 3}),
        40: ({99.75: 5}, {100.5: 3}),
        50: ({99.0: 1}, {}),
    }
    (trade,) = [each for each in data if isinstance(each, TradeTick)]
    assert (float(trade.price), float(trade.size), trade.aggressor_side) == (100.5, 1.0, AggressorSide.BUYER)
    assert trade.ts_init - trade.ts_event == 5
    assert (account.rows, account.batches, account.starts_incomplete) == (11, 6, False)
    assert not account.dropped
    assert not account.mended


def test_the_book_stays_as_it_was_while_orders_cross(dbn_file: Any) -> None:
    file = dbn_file(
        (1, "A", "B", 1, 100.0, 2, LAST),
        (2, "A", "A", 2, 101.0, 2, LAST),
        (3, "A", "B", 3, 102.0, 2, LAST),
        (4, "A", "B", 4, 99.0, 2, LAST),
        (5, "C", "B", 3, 102.0, 2, LAST),
    )
    data, account = read(file)
    assert books(data) == {1: ({100.0: 2}, {}), 2: ({100.0: 2}, {101.0: 2}), 5: ({100.0: 2, 99.0: 2}, {101.0: 2})}
    assert account.crossed_batches == 2
    assert account.starts_incomplete


def test_every_record_is_kept_or_dropped_by_cause(dbn_file: Any) -> None:
    file = dbn_file(
        (5, "A", "B", 1, 100.0, 2, LAST),
        (5, "A", "B", 1, 100.0, 3, LAST),
        (5, "M", "B", 2, 99.0, 3, LAST),
        (5, "C", "B", 2, 99.0, 4, LAST),
        (4, "A", "B", 3, 100.0, 2, LAST),
        (5, "A", "B", 3, 1e10, 2, LAST),
        (5, "A", "B", 3, 100.1, 2, LAST),
        (5, "A", "N", 3, 100.0, 2, LAST),
        (5, "A", "B", 3, 100.0, 0, LAST),
        (6, "C", "B", 3, 100.0, 2, LAST),
    )
    data, account = read(file)
    assert account.rows == 10
    assert account.dropped == {
        "record back in time": 1,
        "price undefined or not positive": 1,
        "price off the grid": 1,
        "order without a side": 1,
        "record without a size": 1,
        "cancellation of an unknown order": 1,
    }
    assert account.mended == {
        "order added twice replaced": 1,
        "order first seen by its change": 1,
        "cancellation of more than the order": 1,
    }
    assert books(data)[5] == ({100.0: 3}, {})


def test_files_that_cannot_be_read_are_named(dbn_file: Any, tmp_path: Path) -> None:
    good = dbn_file((5, "A", "B", 1, 100.0, 2, LAST), (6, "A", "B", 2, 100.0, 2, LAST))
    content = good.read_bytes()
    (tmp_path / "cut").write_bytes(content[:-10])
    (tmp_path / "text").write_text("no dbn at all, but text")
    (tmp_path / "empty").write_bytes(encoded())
    (tmp_path / "other").write_bytes(encoded((5, "A", "B", 1, 100.0, 2, LAST), symbol="NQH4"))
    (tmp_path / "ohlcv").write_bytes(encoded(schema=dbn.Schema.OHLCV_1S))
    cases: list[tuple[list[Path], str | None, str]] = [
        ([tmp_path / "text"], None, "text: is no readable DBN file"),
        ([tmp_path / "none"], None, "none: is no readable DBN file"),
        ([tmp_path / "empty"], None, "empty: holds no record; leave it out"),
        ([tmp_path / "other"], "ESH4.XCME", "other: is of NQH4, not of ESH4"),
        ([tmp_path / "ohlcv"], None, "ohlcv: is DBN of schema ohlcv-1s; give mbo, mbp-10"),
        ([good], "GCZ3.XCEC", "is of ESH4, not of GCZ3 alone"),
        ([good], "TSLA.XNAS", "tick and lot are not known"),
        ([], None, "no file was given"),
    ]
    for files, instrument_id, message in cases:
        with pytest.raises(DataError, match=message):
            DatabentoRecording(files, instrument_id)
    with pytest.raises(DataError, match="cut: row 2: is cut off; get it again"):
        read(tmp_path / "cut")


@recorded
@pytest.mark.integration
def test_a_truncated_and_a_damaged_real_file_are_named(tmp_path: Path) -> None:
    content = DAYS[1].read_bytes()
    (tmp_path / "cut").write_bytes(content[:500_000])
    (tmp_path / "damaged").write_bytes(content[:400_000] + bytes(1_000) + content[401_000:])
    for name in ("cut", "damaged"):
        with pytest.raises(DataError, match=rf"{name}: row \d+: is (damaged or )?cut off"):
            read(tmp_path / name)


@recorded
@pytest.mark.integration
def test_the_real_files_are_whole_and_clean() -> None:
    data, account = read(*reversed(DAYS))
    assert account.rows == 77_517
    assert not account.dropped
    assert not account.mended
    assert (account.crossed_batches, account.starts_incomplete) == (891, False)
    times = [each.ts_init for each in data]
    assert times == sorted(times)
    assert sum(isinstance(each, TradeTick) for each in data) == 2_973


@recorded
@pytest.mark.integration
def test_a_recording_ten_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    def write(times: int) -> Path:
        rows: list[Row] = []
        for part in range(times):
            for i in range(1_000):
                rows.append((part * 2_000 + i, "A", "B", i, 100.0 + i % 7, 1 + i % 5, LAST))
            for i in range(1_000):
                rows.append((part * 2_000 + 1_000 + i, "C", "B", i, 100.0 + i % 7, 1 + i % 5, LAST))
        file = tmp_path / str(times)
        file.write_bytes(encoded(*rows))
        return file

    one, ten = peak_bytes_of(*(partial(DatabentoRecording, [write(times)]) for times in (1, 10)))
    assert ten < 1.2 * one + 50_000


def test_the_instrument_says_its_grid_contract_and_fees(dbn_file: Any) -> None:
    instrument = DatabentoRecording([dbn_file((5, "A", "B", 1, 100.0, 2, LAST))], "ESH4.XYZ").instrument
    assert (instrument.id.value, str(instrument.price_increment), float(instrument.multiplier)) == (
        "ESH4.XYZ",
        "0.25",
        50,
    )
    assert float(instrument.maker_fee) * 4_800 * 50 == pytest.approx(1.28, abs=0.01)
    assert instrument.expiration_ns == 1_710_509_400_000_000_000  # 8:30 in Chicago, in summer time
