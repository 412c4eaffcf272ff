"""Tardis' csv files: hand-made ones, and a generated market against the kernel's own loader."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.adapters.tardis.loaders import TardisCSVDataLoader
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookType
from nautilus_trader.model.identifiers import InstrumentId

from ultramm.config.load import read as read_config
from ultramm.config.resolve import resolve
from ultramm.errors import DataError
from ultramm.nautilus.backtest import run_backtest
from ultramm.nautilus.recordings.importing import Account, import_recording
from ultramm.nautilus.recordings.kinds import open_recording

COMMON = "exchange,symbol,timestamp,local_timestamp"
LEVELS = f"{COMMON},is_snapshot,side,price,amount"
TRADES = f"{COMMON},id,side,price,amount"
QUOTES = f"{COMMON},ask_amount,ask_price,bid_price,bid_amount"
SNAPSHOTS = f"{COMMON},asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,asks[1].amount"
SNAPSHOTS += ",bids[1].price,bids[1].amount"
T0_US = 1_700_000_000_000_000
STATED = "{kind: perpetual, base: BTC, quote: USDT, tick: 0.1, lot: 0.001}"
ID = "BTCUSDT.BINANCE"

Book = tuple[dict[float, float], dict[float, float]]


def at(us: int, local_us: int | None = None) -> str:
    return f"binance-futures,BTCUSDT,{T0_US + us},{T0_US + (us + 7 if local_us is None else local_us)}"


def level(us: int, side: str, price: float, amount: float, snapshot: str = "false") -> str:
    return f"{at(us)},{snapshot},{side},{price},{amount}"


@pytest.fixture
def csv(tmp_path: Path) -> Any:
    def write(header: str, *rows: str, name: str = "levels.csv") -> Path:
        text = "\n".join([header, *rows, ""])
        path = tmp_path / name
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
        return path

    return write


@pytest.fixture
def stated(tmp_path: Path) -> Path:
    path = tmp_path / "btcusdt.yaml"
    path.write_text(STATED)
    return path


@pytest.fixture
def read(stated: Path) -> Any:
    def run(*files: Path) -> tuple[list[Any], Account]:
        account = Account()
        recording = open_recording("tardis", [*files, stated], ID)
        return list(recording.data(account, lambda _done, _total: None)), account

    return run


def books(data: list[Any]) -> dict[int, Book]:
    """µs of local time -> bids, asks after the batch."""
    seen, batch = {}, []
    book = OrderBook(InstrumentId.from_str(ID), BookType.L2_MBP)
    for delta in data:
        if isinstance(delta, OrderBookDelta):
            batch.append(delta)
            if delta.flags:
                book.apply_deltas(OrderBookDeltas(delta.instrument_id, batch))
                batch = []
                seen[delta.ts_init // 1000 - T0_US] = levels_of(book)
    assert not batch
    return seen


def levels_of(book: OrderBook) -> Book:
    bids, asks = ({float(level.price): level.size() for level in side} for side in (book.bids(), book.asks()))
    return bids, asks


def trades(data: list[Any]) -> list[tuple[int, float, float, Any]]:
    return [
        (each.ts_init // 1000 - T0_US, float(each.price), float(each.size), each.aggressor_side)
        for each in data
        if isinstance(each, TradeTick)
    ]


# -- incremental books ---------------------------------------------------------------------------------------


def test_rows_of_one_local_time_are_one_batch_and_zero_takes_a_level_away(csv: Any, read: Any) -> None:
    data, account = read(
        csv(
            LEVELS,
            level(0, "bid", 100.0, 2, "true"),
            level(0, "ask", 100.2, 3, "true"),
            level(10, "bid", 100.0, 0),
            level(10, "bid", 99.9, 4),
            level(20, "ask", 100.2, 1.5),
        )
    )
    assert books(data) == {
        7: ({100.0: 2.0}, {100.2: 3.0}),
        17: ({99.9: 4.0}, {100.2: 3.0}),
        27: ({99.9: 4.0}, {100.2: 1.5}),
    }
    assert (account.rows, account.batches) == (5, 3)
    assert data[-1].ts_event == (T0_US + 20) * 1_000
    assert not account.dropped


def test_a_snapshot_replaces_the_book_and_two_in_a_row_are_two(csv: Any, read: Any) -> None:
    data, _ = read(
        csv(
            LEVELS,
            level(0, "bid", 100.0, 2, "true"),
            level(10, "bid", 90.0, 1, "true"),
            level(10, "ask", 90.1, 1, "true"),
            level(20, "bid", 89.9, 5),
        )
    )
    assert books(data) == {
        7: ({100.0: 2.0}, {}),
        17: ({90.0: 1.0}, {90.1: 1.0}),
        27: ({90.0: 1.0, 89.9: 5.0}, {90.1: 1.0}),
    }


def test_a_level_that_crosses_older_ones_removes_them(csv: Any, read: Any) -> None:
    data, account = read(
        csv(
            LEVELS,
            level(0, "bid", 100.0, 2, "true"),
            level(0, "ask", 100.2, 3, "true"),
            level(0, "ask", 100.4, 3, "true"),
            level(10, "bid", 100.2, 1),
        )
    )
    assert books(data)[17] == ({100.2: 1.0, 100.0: 2.0}, {100.4: 3.0})
    assert account.mended == {"stale level removed: crossed by a newer one": 1}


def test_what_is_wrong_is_dropped_by_cause(csv: Any, read: Any) -> None:
    data, account = read(
        csv(
            LEVELS,
            level(0, "bid", 100.0, 2),
            level(10, "bid", 99.95, 2),  # between two ticks
            level(10, "ask", 101.0, 0.0005),  # less than a lot
            level(20, "ask", 105.0, 0),  # was never there
            level(5, "bid", 99.0, 2),  # back in time
            level(30, "bid", 99.0, "1e-3"),
        )
    )
    assert account.dropped == {"row off the grid": 2, "removal of a level that is not there": 1, "row back in time": 1}
    assert account.rows == 6
    assert books(data)[37] == ({100.0: 2.0, 99.0: 0.001}, {})


# -- other kinds ---------------------------------------------------------------------------------------------


def test_trades_have_their_side_and_one_told_again_is_dropped(csv: Any, read: Any) -> None:
    file = csv(
        TRADES,
        f"{at(0)},a,buy,100.1,0.5",
        f"{at(5)},a,buy,100.1,0.5",
        f"{at(10)},b,sell,100.0,0.25",
        f"{at(20)},,unknown,100.0,1",
        f"{at(30)},,unknown,100.0,1",
        f"{at(40)},c,sell,100.05,1",
        name="trades.csv.gz",
    )
    data, account = read(file)
    assert trades(data) == [
        (7, 100.1, 0.5, AggressorSide.BUYER),
        (17, 100.0, 0.25, AggressorSide.SELLER),
        (27, 100.0, 1.0, AggressorSide.NO_AGGRESSOR),
        (37, 100.0, 1.0, AggressorSide.NO_AGGRESSOR),
    ]
    assert account.dropped == {"trade repeated": 1, "trade off the grid or without size": 1}


def test_snapshots_say_what_the_book_is_and_only_what_differs_is_told(csv: Any, read: Any) -> None:
    data, account = read(
        csv(
            SNAPSHOTS,
            f"{at(0)},100.2,3,100.0,2,100.3,1,99.9,5",
            f"{at(10)},100.2,3,100.0,2.5,100.3,1,99.9,5",
            f"{at(20)},100.3,1,100.0,2.5,,,,",
            f"{at(30)},100.0,1,100.0,2.5,,,,",
        )
    )
    assert books(data) == {
        7: ({100.0: 2.0, 99.9: 5.0}, {100.2: 3.0, 100.3: 1.0}),
        17: ({100.0: 2.5, 99.9: 5.0}, {100.2: 3.0, 100.3: 1.0}),
        27: ({100.0: 2.5}, {100.3: 1.0}),
    }
    assert len(data) == 5 + 1 + 2
    assert account.dropped == {"snapshot locked or crossed": 1}


def test_quotes_are_a_book_of_one_level(csv: Any, read: Any) -> None:
    data, account = read(
        csv(QUOTES, f"{at(0)},3,100.2,100.0,2", f"{at(10)},,,100.0,2", f"{at(20)},3,100.0,100.0,2", name="quotes.csv")
    )
    assert books(data) == {7: ({100.0: 2.0}, {100.2: 3.0})}
    assert account.dropped == {"quote without one side": 1, "quote locked or crossed": 1}


def test_the_book_comes_from_one_kind_and_trades_come_before_it(csv: Any, read: Any) -> None:
    levels = csv(LEVELS, level(0, "bid", 100.0, 2), level(0, "ask", 100.2, 2))
    told = csv(TRADES, f"{at(0)},a,buy,100.2,1", name="trades.csv")
    quotes = csv(QUOTES, f"{at(0)},9,101.2,101.0,9", name="quotes.csv")
    data, account = read(quotes, levels, told)
    assert isinstance(data[0], TradeTick)
    assert books(data) == {7: ({100.0: 2.0}, {100.2: 2.0})}
    assert account.rows == 3


# -- damage --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("binance-futures,BTCUSDT,1,2", "has 4 columns, not 8"),
        ("binance-futures,ETHUSDT,1,2,false,bid,1,1", "is of ETHUSDT, the file of BTCUSDT"),
        ("binance-futures,BTCUSDT,noon,2,false,bid,1,1", "noon"),
        (f"{at(9)},maybe,bid,1,1", "'maybe', 'bid' are no snapshot flag and side"),
        (f"{at(9)},false,bud,1,1", "'false', 'bud' are no snapshot flag and side"),
        (f"{at(9)},false,bid,one,1", "'one' is no decimal number"),
        (f"{at(9)},false,bid,-1,1", "'-1' is no decimal number"),
    ],
)
def test_a_damaged_row_is_named_by_its_line(csv: Any, read: Any, row: str, problem: str) -> None:
    with pytest.raises(DataError, match=rf"levels\.csv: line 3: .*{problem}.*; repair or remove the line"):
        read(csv(LEVELS, level(0, "bid", 100.0, 2), row))


def test_files_that_do_not_go_together_are_refused(csv: Any, read: Any, tmp_path: Path) -> None:
    good = csv(LEVELS, level(0, "bid", 100.0, 2))
    other = csv(TRADES, "bybit,ETHUSDT,1,2,a,buy,1,1", name="other.csv")
    with pytest.raises(DataError, match="is of ETHUSDT, others are of BTCUSDT"):
        read(good, other)
    with pytest.raises(DataError, match="is no csv of Tardis with a book, quotes or trades"):
        read(csv(f"{COMMON},open_interest", name="derivative.csv"))
    with pytest.raises(DataError, match="holds no row; leave it out"):
        read(csv(LEVELS, name="none.csv"))
    with pytest.raises(DataError, match=r"BTCUSDT\.BINANCE-FUTURES: tick and lot are not known.*YAML file"):
        open_recording("tardis", [good])


# -- as a whole ----------------------------------------------------------------------------------------------


@pytest.fixture
def market(csv: Any) -> tuple[Path, Path]:
    """Some thousand changes and trades of a market that moves."""
    chance = random.Random(7)
    mid, held, rows, told = 1_000, {}, [], []
    for number in range(3_000):
        us = number * 1_000
        if number % 500 == 0:
            held = {("bid", mid - k): chance.randrange(1, 50) for k in range(1, 8)}
            held |= {("ask", mid + k): chance.randrange(1, 50) for k in range(1, 8)}
            rows += [level(us, side, ticks / 10, lots / 1000, "true") for (side, ticks), lots in held.items()]
            continue
        side = chance.choice(["bid", "ask"])
        near = max(t for s, t in held if s == "bid") if side == "ask" else min(t for s, t in held if s == "ask")
        ticks = near + (1 if side == "ask" else -1) * chance.randrange(1, 9)
        known = (side, ticks) in held and sum(s == side for s, _ in held) > 2
        lots = 0 if known and chance.random() < 0.5 else chance.randrange(1, 50)
        held[side, ticks] = lots
        if not lots:
            del held[side, ticks]
        rows.append(level(us, side, ticks / 10, lots / 1000))
        if chance.random() < 0.3:
            told.append(
                f"{at(us)},{number},{chance.choice(['buy', 'sell'])},{ticks / 10},{0.001 * chance.randrange(1, 9):.3f}"
            )
    return csv(LEVELS, *rows, name="levels.csv.gz"), csv(TRADES, *told, name="trades.csv.gz")


def test_a_whole_market_is_what_the_kernels_own_loader_reads(market: tuple[Path, Path], read: Any) -> None:
    levels, told = market
    data, account = read(levels, told)
    assert not account.dropped
    assert not account.mended
    loader = TardisCSVDataLoader(price_precision=1, size_precision=3, instrument_id=InstrumentId.from_str(ID))
    expected, theirs = OrderBook(InstrumentId.from_str(ID), BookType.L2_MBP), {}
    for delta in loader.load_deltas(levels):
        expected.apply_delta(delta)
        theirs[delta.ts_init // 1000 - T0_US] = levels_of(expected)
    ours = books(data)
    assert len(ours) > 2_000
    assert {us: theirs[us] for us in ours} == ours
    assert trades(data) == trades(loader.load_trades(told))


@pytest.mark.integration
def test_a_backtest_runs_on_the_raw_files(market: tuple[Path, Path], stated: Path, tmp_path: Path) -> None:
    levels, told = market
    config = tmp_path / "tardis.yaml"
    config.write_text(f"""
mode: backtest
name: tardis
venues:
  BINANCE:
    adapter: replay
    instruments: [BTCUSDT]
    params: {{kind: tardis, files: ["{levels}", "{told}", "{stated}"], cache: "{tmp_path}/cache"}}
    paper: {{starting_balances: [1000000 USDT], account: margin}}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.BINANCE]
    params: {{order_size: 0.002, max_position: 0.02, half_spread_bps: 5, refresh_ms: 10, cover_fees: false}}
""")
    (score,) = run_backtest(resolve(read_config(config))).scores
    assert score.fills > 0
    assert score.pnl.identity_residual < 1e-9


@pytest.mark.integration
def test_importing_twice_changes_nothing(market: tuple[Path, Path], stated: Path, tmp_path: Path) -> None:
    for already in (False, True):
        summary = import_recording(open_recording("tardis", [*market, stated], ID), tmp_path / "catalog")
        assert summary.already_imported is already
        assert summary.rows == 3_000 - 6 + 6 * 14 + summary.kept["trades"]
