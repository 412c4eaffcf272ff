"""LEAN zips: hand-made ones row by row, and the real ones as a whole."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.data import Bar, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide
from peak_memory import peak_bytes_of

from ultramm.errors import DataError
from ultramm.nautilus.recordings.importing import Account
from ultramm.nautilus.recordings.lean import LeanRecording

DATA = Path(__file__).parents[4].parent / "shared" / "data"
MS = 1_000_000
NEW_YORK_MIDNIGHT_NS = round(datetime(2013, 10, 7, 4, tzinfo=UTC).timestamp()) * 1_000_000_000
OPEN_MS = 34_200_000

recorded = pytest.mark.skipif(not DATA.is_dir(), reason=f"the recordings are not at {DATA}")


@pytest.fixture
def zipped(tmp_path: Path) -> Any:
    """A zip with one csv of these lines."""

    def write(name: str, *lines: str) -> Path:
        path = tmp_path / f"{name}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{name}.csv", "".join(f"{line}\n" for line in lines))
        return path

    return write


def read(recording: LeanRecording) -> tuple[list[Any], Account]:
    account = Account()
    return list(recording.data(account, lambda _done, _total: None)), account


def touches(data: list[Any], instrument: Any) -> list[tuple[float, float, float, float] | None]:
    """Best bid, its size, best ask, its size after each batch."""
    from nautilus_trader.model.book import OrderBook
    from nautilus_trader.model.enums import BookType

    book, seen, batch = OrderBook(instrument.id, BookType.L2_MBP), [], []
    for item in data:
        if isinstance(item, OrderBookDelta):
            batch.append(item)
            if item.flags:
                book.apply_deltas(OrderBookDeltas(instrument.id, batch))
                batch = []
                bid, ask = book.best_bid_price(), book.best_ask_price()
                seen.append(
                    None
                    if bid is None or ask is None
                    else (float(bid), float(book.best_bid_size()), float(ask), float(book.best_ask_size()))
                )
    assert not batch
    return seen


def quote(ms: int, side: str, dollars: float, size: int, exchange: str, suspicious: int = 0) -> str:
    price = round(dollars * 10_000)
    bid, ask = (f"{price},{size}", "0,0") if side == "bid" else ("0,0", f"{price},{size}")
    return f"{OPEN_MS + ms},{bid},{ask},{exchange},1,{suspicious}"


# -- shares --------------------------------------------------------------------------------------------------


def test_the_book_of_a_share_is_the_sum_over_exchanges(zipped: Any) -> None:
    file = zipped(
        "20131007_ibm_Quote_Tick",
        quote(0, "bid", 182.10, 300, "N"),
        quote(1, "ask", 182.12, 100, "N"),
        quote(2, "bid", 182.10, 200, "Q"),
        quote(3, "bid", 182.11, 400, "N"),
        quote(4, "bid", 182.11, 0, "N"),
    )
    recording = LeanRecording([file])
    data, account = read(recording)
    assert recording.instrument.id.value == "IBM.NYSE"
    assert touches(data, recording.instrument) == [
        None,
        (182.10, 300, 182.12, 100),
        (182.10, 500, 182.12, 100),
        (182.11, 400, 182.12, 100),
        (182.10, 200, 182.12, 100),
    ]
    assert data[0].ts_init == NEW_YORK_MIDNIGHT_NS + OPEN_MS * MS
    assert (account.rows, account.batches, dict(account.dropped)) == (5, 5, {})


def test_a_quote_that_locks_or_crosses_late_ones_removes_them(zipped: Any) -> None:
    file = zipped(
        "20131007_ibm_Quote_Tick",
        quote(0, "bid", 182.10, 300, "N"),
        quote(0, "ask", 182.12, 100, "N"),
        quote(0, "ask", 182.14, 500, "Q"),
        quote(1, "bid", 182.12, 200, "P"),
        quote(2, "bid", 182.13, 100, "P"),
        quote(3, "ask", 182.09, 700, "Z"),
    )
    recording = LeanRecording([file])
    data, account = read(recording)
    assert touches(data, recording.instrument)[-3:] == [
        (182.12, 200, 182.14, 500),
        (182.13, 100, 182.14, 500),
        None,  # both bids were late
    ]
    assert account.mended == {"late quote of another exchange removed": 3}


def test_what_is_not_of_the_session_or_not_sound_is_dropped_by_cause(zipped: Any) -> None:
    quotes = zipped(
        "20131007_ibm_Quote_Tick",
        quote(-1, "bid", 182.10, 300, "N"),
        quote(0, "bid", 182.10, 300, "N"),
        quote(1, "ask", 182.12, 100, "N", suspicious=1),
        quote(2, "ask", 182.1234, 100, "N"),
        f"{OPEN_MS + 3},0,0,0,0,N,1,0",
        quote(6 * 3600_000 + 1800_000, "bid", 182.10, 300, "N"),
    )
    trades = zipped(
        "20131007_ibm_Trade_Tick",
        f"{OPEN_MS + 5},1821000,50,N,1,0",
        f"{OPEN_MS + 6},1821000,50,D,1,0",
        f"{OPEN_MS + 7},1821000,0,N,1,0",
    )
    data, account = read(LeanRecording([trades, quotes]))
    assert sum(isinstance(item, TradeTick) for item in data) == 1
    assert account.dropped == {
        "outside the regular session": 2,
        "suspicious": 1,
        "quote off the grid": 1,
        "quote without one side": 1,
        "trade off exchange": 1,
        "trade without size": 1,
    }
    assert account.rows == 9


def test_the_taker_of_a_trade_is_found_from_the_book_and_else_from_the_last_price(zipped: Any) -> None:
    quotes = zipped("20131007_ibm_Quote_Tick", quote(0, "bid", 182.10, 300, "N"), quote(0, "ask", 182.14, 100, "N"))
    prices = [1821400, 1821000, 1821200, 1821200, 1821100, 1821100, 1821500, 1820900]
    trades = zipped(
        "20131007_ibm_Trade_Tick", *(f"{OPEN_MS + 1 + i},{price},50,N,1,0" for i, price in enumerate(prices))
    )
    data, _ = read(LeanRecording([quotes, trades]))
    buyer, seller = AggressorSide.BUYER, AggressorSide.SELLER
    taken = [item.aggressor_side for item in data if isinstance(item, TradeTick)]
    assert taken == [buyer, seller, buyer, buyer, seller, seller, buyer, seller]


# -- other kinds ---------------------------------------------------------------------------------------------


def test_a_dealers_quotes_are_in_utc_and_locked_or_crossed_ones_are_dropped(zipped: Any) -> None:
    file = zipped(
        "20140502_xauusd_tick_quote",
        "46.2042,1284.065,1284.405",
        "49.769,1284.4,1284.4",
        "51.2158,1284.5,1284.4",
        "60,1284.1,1284.3",
    )
    recording = LeanRecording([file])
    data, account = read(recording)
    midnight_ns = round(datetime(2014, 5, 2, tzinfo=UTC).timestamp()) * 1_000_000_000
    assert data[0].ts_init == midnight_ns + 46_204_200
    assert touches(data, recording.instrument) == [(1284.065, 100, 1284.405, 100), (1284.1, 100, 1284.3, 100)]
    assert (account.rows, account.dropped) == (4, {"quote locked or crossed": 2})


def test_a_quote_bar_is_known_at_the_end_of_its_minute(zipped: Any) -> None:
    file = zipped("20131007_gc_minute_quote_201312", "0,1,1,1,1312.6,24,1,1,1,1313.1,3", "60000,,,,,,1,1,1,1313.1,3")
    recording = LeanRecording([file], "GCZ3.XCEC")
    data, account = read(recording)
    assert touches(data, recording.instrument) == [(1312.6, 24, 1313.1, 3)]
    assert data[0].ts_init == NEW_YORK_MIDNIGHT_NS + 60_000 * MS
    assert account.dropped == {"quote without one side": 1}


# -- what cannot be imported ---------------------------------------------------------------------------------


def test_bad_files_are_refused_by_name(zipped: Any, tmp_path: Path) -> None:
    good = zipped("20131007_ibm_Quote_Tick", quote(0, "bid", 182.1, 1, "N"))
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    cases = [
        ([text], None, r"text\.zip: is no readable zip"),
        ([zipped("notes", "x")], None, r"notes\.zip: notes\.csv: is no name of LEAN's"),
        ([good, zipped("20140502_xauusd_tick_quote", "1,1,2")], None, "import one instrument at a time"),
        ([zipped("20131007_gc_tick_trade_201312", "1,1313.7,1,usa,,0")], None, "say of which instrument"),
        ([good], "MSFT.NYSE", "MSFT.NYSE: tick and lot are not known; known are EURUSD, IBM"),
        ([good], "XAUUSD.OANDA", "has nothing of XAUUSD.OANDA, but of IBM"),
    ]
    for files, instrument_id, message in cases:
        with pytest.raises(DataError, match=message):
            LeanRecording(files, instrument_id)


@pytest.mark.parametrize(
    ("line", "problem"),
    [("x", "could not convert"), ("34200000,1,2", "has 3 columns, not 8"), ("1,0,0,0,0,N,1,0", "back in time")],
)
def test_a_damaged_row_is_named_by_its_line(zipped: Any, line: str, problem: str) -> None:
    file = zipped("20131007_ibm_Quote_Tick", quote(0, "bid", 182.1, 1, "N"), line)
    with pytest.raises(DataError, match=rf"20131007_ibm_Quote_Tick\.csv line 2: .*{problem}.*; repair or remove"):
        read(LeanRecording([file]))


def test_a_truncated_zip_is_refused(zipped: Any) -> None:
    file = zipped("20131007_ibm_Quote_Tick", *(quote(i, "bid", 182.1, i + 1, "N") for i in range(5_000)))
    damaged = bytearray(file.read_bytes())
    damaged[2_000:2_100] = bytes(100)
    file.write_bytes(damaged)
    with pytest.raises(DataError, match=r"20131007_ibm_Quote_Tick\.csv line \d+: .*repair"):
        read(LeanRecording([file]))


def test_a_file_ten_times_as_long_takes_no_more_memory(zipped: Any, tmp_path: Path) -> None:
    def quotes(count: int) -> Path:
        lines = (f"{i},{1284 + i % 50 / 100},{1285 + i % 50 / 100}" for i in range(count))
        file = zipped("20140502_xauusd_tick_quote", *lines)
        apart = tmp_path / str(count)
        apart.mkdir()
        return file.rename(apart / file.name)

    short, long = peak_bytes_of(*(partial(LeanRecording, [quotes(count)]) for count in (2_000, 20_000)))
    assert long < 1.2 * short + 50_000


# -- the real files ------------------------------------------------------------------------------------------


def rows_of(file: Path, name: str) -> list[list[str]]:
    with zipfile.ZipFile(file) as archive:
        return list(csv.reader(io.StringIO(archive.read(name).decode())))


@recorded
@pytest.mark.integration
def test_the_real_book_of_ibm_is_never_crossed_and_hardly_ever_without_a_side() -> None:
    recording = LeanRecording([DATA / "equities" / f"lean_ibm_20131007_{kind}.zip" for kind in ("quote", "trade")])
    seen = touches(read(recording)[0], recording.instrument)
    assert all(touch is None or touch[0] < touch[2] for touch in seen)
    assert sum(touch is None for touch in seen) < 0.002 * len(seen)  # late quotes leave a side empty for a moment


@recorded
@pytest.mark.integration
def test_the_real_gold_quotes_come_out_as_they_went_in() -> None:
    file = DATA / "futures" / "lean_oanda_xauusd_20140502_quote.zip"
    recording = LeanRecording([file])
    data, account = read(recording)
    rows = rows_of(file, "20140502_xauusd_tick_quote.csv")
    assert (account.rows, sum(account.dropped.values())) == (len(rows), 0)
    expected = [(float(bid), float(ask)) for _, bid, ask in rows]
    changes = [now for before, now in zip([None, *expected], expected, strict=False) if now != before]
    assert [(touch[0], touch[2]) for touch in touches(data, recording.instrument) if touch] == changes


# -- other resolutions and kinds -----------------------------------------------------------------------------


def test_a_half_day_ends_at_one(zipped: Any) -> None:
    """The day after Thanksgiving 2013."""
    one = 13 * 3_600_000
    file = zipped(
        "20131129_ibm_Quote_Tick",
        quote(one - 1 - OPEN_MS, "bid", 182.1, 1, "N"),
        quote(one - OPEN_MS, "bid", 182.2, 1, "N"),
    )
    _, account = read(LeanRecording([file]))
    assert account.dropped == {"outside the regular session": 1}


def test_currency_pairs_are_quoted_like_cfds_in_utc_with_lots_taken_to_stand_there(zipped: Any) -> None:
    file = zipped("20140502_eurusd_tick_quote", "1000,1.38612,1.38621")
    recording = LeanRecording([file], "EURUSD.OANDA")
    data, account = read(recording)
    assert touches(data, recording.instrument) == [(1.38612, 100_000.0, 1.38621, 100_000.0)]
    assert data[0].ts_init == round(datetime(2014, 5, 2, 0, 0, 1, tzinfo=UTC).timestamp()) * 10**9
    assert account.rows == 1


def test_bars_of_a_dealers_quotes_have_no_sizes_either(zipped: Any) -> None:
    file = zipped("20140502_xauusd_minute_quote", "0,1,1,1,1284.065,0,1,1,1,1284.405,0")
    recording = LeanRecording([file])
    data, _ = read(recording)
    assert touches(data, recording.instrument) == [(1284.065, 100.0, 1284.405, 100.0)]
    assert data[0].ts_init == round(datetime(2014, 5, 2, 0, 1, tzinfo=UTC).timestamp()) * 10**9


def test_minute_bars_of_a_share_quotes_make_the_book_and_trades_stay_bars(zipped: Any) -> None:
    quotes = zipped("20131007_ibm_minute_quote", f"{OPEN_MS},1,1,1,1821000,2,1,1,1,1821200,3")
    trades = zipped("20131007_ibm_minute_trade", f"{OPEN_MS},1821000,1821500,1820900,1821100,1200")
    recording = LeanRecording([quotes, trades])
    data, account = read(recording)
    assert touches(data, recording.instrument) == [(182.1, 2.0, 182.12, 3.0)]
    (bar,) = [each for each in data if isinstance(each, Bar)]
    assert (float(bar.open), float(bar.high), float(bar.low), float(bar.close)) == (182.1, 182.15, 182.09, 182.11)
    assert (float(bar.volume), str(bar.bar_type)) == (1200.0, "IBM.NYSE-1-MINUTE-LAST-EXTERNAL")
    assert bar.ts_init == NEW_YORK_MIDNIGHT_NS + (OPEN_MS + 60_000) * MS
    assert not account.dropped


def test_the_last_bar_of_the_session_is_of_it_and_the_next_is_not(zipped: Any) -> None:
    last = 16 * 3_600_000 - 60_000
    line = "1821000,1821500,1820900,1821100,1200"
    _, account = read(LeanRecording([zipped("20131007_ibm_minute_trade", f"{last},{line}", f"{last + 60_000},{line}")]))
    assert account.dropped == {"outside the regular session": 1}


def test_a_bar_that_contradicts_itself_is_dropped(zipped: Any) -> None:
    file = zipped("20131007_ibm_minute_trade", f"{OPEN_MS},1821000,1820000,1820900,1821100,1200")
    _, account = read(LeanRecording([file]))
    assert account.dropped == {"bar that contradicts itself": 1}


def test_ticks_of_a_futures_quotes_say_both_sides_or_one(zipped: Any) -> None:
    file = zipped(
        "20131007_gc_tick_quote_201312",
        "1000,1312.6,24,1313.1,3,usa,0",
        "2000,1312.7,5,0,0,usa,0",
        "3000,,,1313,7,usa,0",
        "4000,1313,2,0,0,usa,0",  # crosses: the ask is late
        "5000,1313,2,1313.2,1,usa,1",  # suspicious
        "6000,0,0,0,0,usa,0",
        "7000,0,0,1313.3,4,usa,0",
    )
    recording = LeanRecording([file], "GCZ3.XCEC")
    data, account = read(recording)
    assert touches(data, recording.instrument) == [
        (1312.6, 24.0, 1313.1, 3.0),
        (1312.7, 5.0, 1313.1, 3.0),
        (1312.7, 5.0, 1313.0, 7.0),
        None,
        (1313.0, 2.0, 1313.3, 4.0),
    ]
    assert account.dropped == {"suspicious": 1, "quote without one side": 1}
    assert account.mended == {"late quote of the other side removed": 1}


@pytest.mark.parametrize("name", ["20131007_ibm_minute_openinterest", "20131007_ibm_quote", "20131007_ibm_daily_trade"])
def test_what_is_neither_quotes_nor_trades_of_a_day_is_refused(zipped: Any, name: str) -> None:
    with pytest.raises(DataError, match="is not of quotes or trades by tick, second, minute or hour"):
        LeanRecording([zipped(name, "1,2,3")])


def test_a_dealer_has_no_trades(zipped: Any) -> None:
    with pytest.raises(DataError, match="line 1: no rows of tick trades here"):
        read(LeanRecording([zipped("20140502_xauusd_tick_trade", "1,1284.1,5")]))
