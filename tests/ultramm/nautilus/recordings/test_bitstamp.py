"""Bitstamp's order events: hand-made rows, and the real file as a whole."""

from __future__ import annotations

import gzip
import lzma
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookType
from peak_memory import peak_bytes_of

from ultramm.errors import DataError
from ultramm.nautilus.recordings.bitstamp import BitstampRecording
from ultramm.nautilus.recordings.importing import Account

DATA = Path(__file__).parents[4].parent / "shared" / "data"
REAL = DATA / "crypto" / "bitstamp_btcusd_l3_20150501.csv.xz"
HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction\n"
T0_MS = 1_430_438_404_000
COIN = 100_000_000

recorded = pytest.mark.skipif(not REAL.is_file(), reason=f"the recordings are not at {DATA}")

Levels = tuple[dict[str, int], dict[str, int]]


@pytest.fixture
def rows(tmp_path: Path) -> Any:
    """Writes rows ``ms, id, action, side, price, volume``."""

    def write(*events: tuple[int, int, str, str, str, int], name: str = "orders.csv") -> Path:
        lines = (
            f"{i},{T0_MS + ms},{T0_MS},{price},{volume},{what},{side}\n" for ms, i, what, side, price, volume in events
        )
        (tmp_path / name).write_text(HEADER + "".join(lines))
        return tmp_path / name

    return write


def read(*files: Path) -> tuple[list[Any], Account]:
    account = Account()
    return list(BitstampRecording(files).data(account, lambda _done, _total: None)), account


def trades_of(data: list[Any]) -> list[tuple[int, str, int, str]]:
    """Time, price, size in units, taker's side."""
    names = {AggressorSide.BUYER: "buy", AggressorSide.SELLER: "sell"}
    return [
        (each.ts_init // 1_000_000 - T0_MS, str(each.price), units(each.size), names[each.aggressor_side])
        for each in data
        if isinstance(each, TradeTick)
    ]


def units(size: Any) -> int:
    return int(size.as_decimal() * COIN)


def books(data: list[Any]) -> dict[int, Levels]:
    """Time in ms -> bids, asks after the batch."""
    seen, batch = {}, []
    book = OrderBook(data[0].instrument_id, BookType.L2_MBP)
    for delta in data:
        if isinstance(delta, OrderBookDelta):
            batch.append(delta)
            if delta.flags:
                book.apply_deltas(OrderBookDeltas(delta.instrument_id, batch))
                batch = []
                seen[delta.ts_init // 1_000_000 - T0_MS] = levels_of(book)
    assert not batch
    return seen


def levels_of(book: OrderBook) -> Levels:
    bids, asks = (
        {str(level.price): sum(units(order.size) for order in level.orders()) for level in side}
        for side in (book.bids(), book.asks())
    )
    return bids, asks


def test_orders_at_a_price_are_summed(rows: Any) -> None:
    file = rows(
        (0, 1, "created", "bid", "10.00", 5),
        (1, 2, "created", "bid", "10.00", 6),
        (1, 3, "created", "ask", "11.00", 7),
        (2, 2, "changed", "bid", "9.99", 6),
        (3, 1, "deleted", "bid", "10.00", 5),
    )
    data, account = read(file)
    assert books(data) == {
        0: ({"10.00": 5}, {}),
        1: ({"10.00": 11}, {"11.00": 7}),
        2: ({"10.00": 5, "9.99": 6}, {"11.00": 7}),
        3: ({"9.99": 6}, {"11.00": 7}),
    }
    assert (account.rows, account.batches, account.starts_incomplete) == (5, 4, True)
    assert not account.dropped
    assert not account.mended
    assert {delta.ts_event for delta in data} == {T0_MS * 1_000_000}


def test_a_marketable_order_is_held_back_until_it_has_traded(rows: Any) -> None:
    file = rows(
        (0, 1, "created", "ask", "11.00", 5),
        (1, 2, "created", "bid", "11.50", 8),
        (9, 1, "deleted", "ask", "11.00", 0),
        (11, 2, "changed", "bid", "11.50", 3),
    )
    data, account = read(file)
    assert books(data) == {0: ({}, {"11.00": 5}), 9: ({"11.50": 8}, {}), 11: ({"11.50": 3}, {})}
    assert trades_of(data) == [(11, "11.00", 5, "buy")]
    assert account.mended == {"marketable order held back": 1}
    assert account.crossed_batches == 0


def test_fills_pair_by_side_size_price_and_time(rows: Any) -> None:
    start = [(0, 1, "created", "ask", "11.00", 50), (0, 2, "created", "bid", "10.00", 50)]
    taker = (1, 3, "created", "bid", "11.00", 90)
    maker_fill = (5, 1, "changed", "ask", "11.00", 20)
    cases: list[tuple[list[Any], list[Any]]] = [
        ([taker, maker_fill, (6, 3, "changed", "bid", "11.00", 62)], [(6, "11.00", 28, "buy")]),
        ([taker, maker_fill, (6, 3, "changed", "bid", "11.00", 63)], []),  # other size
        ([taker, maker_fill, (206, 3, "changed", "bid", "11.00", 60)], []),  # too late
        ([taker, maker_fill, (6, 2, "changed", "bid", "10.00", 20)], []),  # prices that do not meet
        ([taker, maker_fill, (6, 3, "deleted", "bid", "11.00", 90)], []),  # cancelled
        ([taker, maker_fill, (6, 3, "changed", "bid", "11.20", 60)], []),  # repriced, not filled
        ([taker, maker_fill, (6, 0, "deleted", "bid", "11.00", 0)], [(6, "11.00", 30, "sell")]),  # of unknown size
        (  # who was repriced is the taker, though its id is the lower one
            [
                (1, 2, "changed", "bid", "11.00", 50),
                (2, 1, "changed", "ask", "11.00", 45),
                (2, 2, "changed", "bid", "11.00", 45),
            ],
            [(2, "11.00", 5, "buy")],
        ),
    ]
    for events, expected in cases:
        assert trades_of(read(rows(*start, *events))[0]) == expected


def test_who_does_not_trade_for_long_is_removed(rows: Any) -> None:
    asks = [(0, i, "created", "ask", f"{10 + i}.00", 1) for i in (1, 2)]
    file = rows(*asks, (1, 3, "created", "bid", "12.00", 1), (6_000, 4, "created", "bid", "9.00", 1))
    data, account = read(file)
    assert books(data)[6_000] == ({"9.00": 1}, {"11.00": 1, "12.00": 1})
    assert account.mended == {"marketable order held back": 1, "marketable order removed: did not trade": 1}


def test_a_resting_order_that_several_cross_for_long_is_removed(rows: Any) -> None:
    bids = [(i, i, "created", "bid", "12.00", 1) for i in (2, 3)]
    file = rows((0, 1, "created", "ask", "11.00", 1), *bids, (6_000, 4, "created", "bid", "9.00", 1))
    data, account = read(file)
    assert books(data)[6_000] == ({"12.00": 2, "9.00": 1}, {})
    assert account.mended == {"marketable order held back": 2, "resting order removed: crossed for long": 1}


def test_every_row_is_kept_or_dropped_by_cause(rows: Any) -> None:
    file = rows(
        (0, 1, "created", "bid", "10.00", 5),
        (1, 1, "created", "bid", "10.01", 5),
        (1, 2, "created", "bid", "10.001", 5),
        (1, 2, "created", "bid", "0.00", 5),
        (1, 2, "created", "bid", "10.00", 0),
        (1, 2, "deleted", "bid", "10.00", 5),
        (0, 2, "created", "bid", "10.00", 5),
        (2, 2, "created", "bid", "10.00", 5),
        (2, 3, "changed", "bid", "9.00", 5),
        (2, 4, "deleted", "bid", "9.00", 0),
    )
    data, account = read(file)
    assert account.rows == 10
    assert account.dropped == {
        "price off the grid": 1,
        "price of zero": 1,
        "order created without volume": 1,
        "cancellation of an unknown order": 1,
        "creation behind the order's end": 1,
        "row back in time": 1,
    }
    assert account.mended == {
        "order created twice replaced": 1,
        "order first seen by its change": 1,
        "fill of an unknown order": 1,
        "fill without a counterpart makes no trade": 2,
    }
    assert books(data)[2] == ({"10.01": 5, "9.00": 5}, {})


def test_what_comes_behind_the_end_of_its_order_brings_no_order_back(rows: Any) -> None:
    file = rows(
        (0, 1, "created", "ask", "11.00", 9),
        (1, 2, "created", "bid", "11.00", 8),
        (2, 2, "deleted", "bid", "11.00", 0),
        (3, 1, "changed", "ask", "11.00", 4),
        (4, 2, "changed", "bid", "11.00", 5),  # had come before its end: a fill of the 3 before, or of the 5 behind
        (5, 3, "deleted", "bid", "10.00", 7),
        (6, 3, "created", "bid", "10.00", 7),
        (5_006, 3, "created", "bid", "10.00", 7),  # too long behind: another one
    )
    data, account = read(file)
    assert books(data) == {0: ({}, {"11.00": 9}), 3: ({}, {"11.00": 4}), 5_006: ({"10.00": 7}, {"11.00": 4})}
    assert trades_of(data) == [(4, "11.00", 5, "buy")]
    assert account.dropped == {"cancellation of an unknown order": 1, "creation behind the order's end": 1}
    assert account.mended == {
        "marketable order held back": 1,
        "change behind the order's end is a fill alone": 1,
        "fill without a counterpart makes no trade": 1,
    }


def test_files_are_read_in_the_order_of_their_times_plain_or_packed(rows: Any, tmp_path: Path) -> None:
    later = rows((9, 2, "created", "bid", "10.00", 5), name="a")
    earlier = rows((1, 1, "created", "bid", "10.00", 5), name="b")
    for pack in (gzip.compress, lzma.compress):
        (tmp_path / "packed").write_bytes(pack(earlier.read_bytes()))
        data, account = read(later, tmp_path / "packed")
        assert [delta.ts_init // 1_000_000 - T0_MS for delta in data] == [1, 1, 9]
        assert account.rows == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", r"line 3: has 3 columns, not 7; repair or remove the line"),
        ("x,2,3,1.00,5,created,bid", r"line 3: id 'x' is no whole number"),
        ("1,-2,3,1.00,5,created,bid", r"line 3: timestamp '-2' is no whole number"),
        ("1,2,3,1.0.0,5,created,bid", r"line 3: '1.0.0' is no decimal number"),
        ("1,2,3,1.00,5,made,bid", r"line 3: 'made' of 'bid' is no event"),
        ("1,2,3,1.00,5,created,bi", r"line 3: 'created' of 'bi' is no event"),
        ("1,9999999999999999,3,1.00,5,created,bid", "line 3: has a time or volume that is too large"),
    ],
)
def test_a_damaged_row_is_named(rows: Any, line: str, message: str) -> None:
    file = rows((0, 1, "created", "bid", "10.00", 5))
    file.write_text(file.read_text() + line)
    with pytest.raises(DataError, match=f"orders.csv: {message}"):
        read(file)


def test_files_of_another_kind_are_refused(rows: Any, tmp_path: Path) -> None:
    other, empty, binary = tmp_path / "other", tmp_path / "empty", tmp_path / "binary"
    other.write_text("a,b\n1,2\n")
    empty.write_text(HEADER)
    binary.write_bytes(b"\xff\xfe\x00")
    good = rows((0, 1, "created", "bid", "10.00", 5))
    cases: list[tuple[list[Path], str | None, str]] = [
        ([other], None, "other: is no csv of Bitstamp's orders"),
        ([empty], None, "empty: holds no row; leave it out"),
        ([binary], None, "binary: is no readable csv"),
        ([tmp_path / "none"], None, "none: is no readable csv"),
        ([good], "ETHUSD.BITSTAMP", "use BTCUSD.VENUE"),
        ([], None, "no file was given"),
    ]
    for files, instrument_id, message in cases:
        with pytest.raises(DataError, match=message):
            BitstampRecording(files, instrument_id)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_truncated_file_is_named(rows: Any, tmp_path: Path, pack: Any) -> None:
    chance = random.Random(1)
    file = rows(*((i, i, "created", "bid", f"{chance.randrange(1, 99_999)}.00", i + 1) for i in range(20_000)))
    packed = pack(file.read_bytes())
    (tmp_path / "cut").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match=r"cut: line \d+: (is damaged or cut off|has \d columns)"):
        read(tmp_path / "cut")


@recorded
@pytest.mark.integration
def test_a_recording_ten_times_as_long_takes_no_more_memory(tmp_path: Path) -> None:
    with lzma.open(REAL, "rt") as text:
        rows = [line.strip().split(",") for line in text][1:5_001]
    ids = {row[0] for row in rows}
    ends = {row[0]: row for row in rows}  # every order ends with its part, as in a recording of steady state

    def write(times: int) -> Path:
        file = tmp_path / f"{times}.csv"
        with file.open("w") as out:
            out.write(HEADER)
            for part in range(times):
                shift_ms, shift_id = part * 10**7, part * 10**6
                for row in rows:
                    out.write(",".join([str(int(row[0]) + shift_id), str(int(row[1]) + shift_ms), *row[2:]]) + "\n")
                for each in ids:
                    row = ends[each]
                    if row[5] != "deleted":
                        last = str(int(rows[-1][1]) + shift_ms)
                        out.write(",".join([str(int(each) + shift_id), last, *row[2:5], "deleted", row[6]]) + "\n")
        return file

    one, ten = peak_bytes_of(*(partial(BitstampRecording, [write(times)]) for times in (1, 10)))
    assert ten < 1.3 * one + 50_000


def test_the_instrument_says_its_grid_and_fees(rows: Any) -> None:
    recording = BitstampRecording([rows((0, 1, "created", "bid", "10.00", 5))], "BTCUSD.XYZ")
    instrument = recording.instrument
    assert instrument.id.value == "BTCUSD.XYZ"
    assert (str(instrument.price_increment), str(instrument.size_increment)) == ("0.01", "0.00000001")
    assert float(instrument.maker_fee) == float(instrument.taker_fee) == 0.0025
