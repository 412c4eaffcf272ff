"""Level-1 quotes in Parquet: hand-made rows, and the real file as a whole."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas
from nautilus_trader.model.enums import BookType
from peak_memory import peak_bytes_of

from ultramm.errors import DataError
from ultramm.nautilus.convert import to_float
from ultramm.nautilus.recordings.importing import Account
from ultramm.nautilus.recordings.quotes import _BATCH_ROWS, QuotesRecording

DATA = Path(__file__).parents[4].parent / "shared" / "data"
T0_MS = 1_630_972_800_000

recorded = pytest.mark.skipif(not DATA.is_dir(), reason=f"the recordings are not at {DATA}")

Quote = tuple[int, float | None, float | None, float | None, float | None]


@pytest.fixture
def parquet(tmp_path: Path) -> Any:
    def write(
        name: str, *rows: Quote, names: tuple[str, ...] = ("bid_price", "bid_size", "ask_price", "ask_size")
    ) -> Path:
        columns = list(zip(*rows, strict=True))
        table = pa.table({"timestamp": [T0_MS + ms for ms in columns[0]], **dict(zip(names, columns[1:], strict=True))})
        pq.write_table(table, tmp_path / name)
        return tmp_path / name

    return write


def read(*files: Path) -> tuple[list[Any], Account]:
    account = Account()
    recording = QuotesRecording(files, "EURUSD.ECN")
    return list(recording.data(account, lambda _done, _total: None)), account


def touches(data: list[Any]) -> list[tuple[int, float, float, float, float]]:
    """Time, bid, its size, ask, its size after each batch."""
    book, seen, batch = OrderBook(data[0].instrument_id, BookType.L2_MBP), [], []
    for delta in data:
        batch.append(delta)
        if delta.flags:
            book.apply_deltas(OrderBookDeltas(delta.instrument_id, batch))
            batch = []
            seen.append(
                (
                    delta.ts_init // 1_000_000 - T0_MS,
                    to_float(book.best_bid_price()),
                    to_float(book.best_bid_size()),
                    to_float(book.best_ask_price()),
                    to_float(book.best_ask_size()),
                )
            )
            assert len(book.bids()) == len(book.asks()) == 1
    return seen


def test_each_quote_is_the_whole_book(parquet: Any) -> None:
    file = parquet(
        "q",
        (7, 1.18734, 5e5, 1.1873500000000001, 1e6),
        (8, 1.18734, 5e5, 1.1873500000000001, 1e6),
        (9, 1.18733, 2e6, 1.18736, 1e6),
    )
    data, account = read(file)
    assert touches(data) == [(7, 1.18734, 5e5, 1.18735, 1e6), (9, 1.18733, 2e6, 1.18736, 1e6)]
    assert (account.rows, account.batches, dict(account.dropped)) == (3, 2, {})


def test_what_is_no_quote_is_dropped_by_cause(parquet: Any) -> None:
    file = parquet(
        "q",
        (5, 1.1, 1e6, 1.2, 1e6),
        (6, 1.2, 1e6, 1.2, 1e6),
        (6, 1.3, 1e6, 1.2, 1e6),
        (6, None, 1e6, 1.2, 1e6),
        (6, math.nan, 1e6, 1.2, 1e6),
        (6, 1.1, 0.0, 1.2, 1e6),
        (6, 1.1, 1e6, 1.2, 1_500.0),
        (6, 1.100005, 1e6, 1.2, 1e6),
        (4, 1.1, 1e6, 1.2, 1e6),
    )
    data, account = read(file)
    assert len(touches(data)) == 1
    assert account.dropped == {
        "quote locked or crossed": 2,
        "quote without one side": 3,
        "quote off the grid": 2,
        "row back in time": 1,
    }
    assert account.rows == 9


def test_files_are_read_in_the_order_of_their_times(parquet: Any) -> None:
    later, earlier = parquet("a", (100, 1.1, 1e6, 1.2, 1e6)), parquet("b", (50, 1.1, 2e6, 1.2, 1e6))
    assert [touch[0] for touch in touches(read(later, earlier)[0])] == [50, 100]


def test_bad_files_are_refused_by_name(parquet: Any, tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_text("no parquet")
    other = parquet("other", (1, 1.0, 1.0, 1.0, 1.0), names=("a", "b", "c", "d"))
    good = parquet("good", (1, 1.1, 1e6, 1.2, 1e6))
    cases: list[tuple[list[Path], str | None, str]] = [
        ([text], "EURUSD.ECN", "text: is no readable Parquet file"),
        ([other], "EURUSD.ECN", "other: has no columns timestamp, bidPrice0"),
        ([good], None, "good: does not say of which instrument; say it with --instrument"),
        ([good], "EURXXX.ECN", "EURXXX.ECN: tick and lot are not known"),
        ([], "EURUSD.ECN", "no file was given"),
    ]
    for files, instrument_id, message in cases:
        with pytest.raises(DataError, match=message):
            QuotesRecording(files, instrument_id)


def test_a_file_four_times_as_long_takes_no_more_memory(parquet: Any) -> None:
    def recording(batches: int) -> Callable[[], QuotesRecording]:
        rows = ((i, 1.1, 1e6 + 1_000 * (i % 7), 1.2, 1e6) for i in range(batches * _BATCH_ROWS))
        return partial(QuotesRecording, [parquet(f"q{batches}", *rows)], "EURUSD.ECN")

    short, long = peak_bytes_of(recording(1), recording(4))
    assert long < 1.2 * short + 50_000


def test_a_damaged_file_is_named(parquet: Any) -> None:
    file = parquet("q", *((i, 1.1, 1e6 + 1_000 * i, 1.2, 1e6) for i in range(5_000)))
    content = bytearray(file.read_bytes())
    content[200:2_000] = bytes(1_800)
    file.write_bytes(content)
    with pytest.raises(DataError, match="q: is damaged"):
        read(file)


@recorded
@pytest.mark.integration
def test_the_real_quotes_come_out_as_they_went_in() -> None:
    file = DATA / "fx" / "eurusd_darwinex_l1_20210907.parquet"
    data, account = read(file)
    table = pq.read_table(file, columns=["timestamp", "bidPrice0", "bidQuantity0", "askPrice0", "askQuantity0"])
    rows = list(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    whole = [row for row in rows if None not in row]
    on_grid = [row for row in whole if row[2] % 1_000 == 0 and row[4] % 1_000 == 0]
    sound = [row for row in on_grid if round(row[1], 5) < round(row[3], 5)]
    assert account.rows == len(rows)
    assert account.dropped == {
        "quote without one side": len(rows) - len(whole),
        "quote off the grid": len(whole) - len(on_grid),
        "quote locked or crossed": len(on_grid) - len(sound),
    }
    quotes = [(row[0] - T0_MS, round(row[1], 5), row[2], round(row[3], 5), row[4]) for row in sound]
    changes = [now for before, now in zip([quotes[0][:0], *quotes], quotes, strict=False) if now[1:] != before[1:]]
    assert touches(data) == changes
