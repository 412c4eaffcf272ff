"""Listing and streaming of catalogs that are written here with Nautilus' own objects."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import Bar, BarType, OrderBookDelta, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, BookType, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog

from ultramm.errors import DataError
from ultramm.nautilus.catalog.manifest import MANIFEST
from ultramm.nautilus.catalog.read import Holding, holdings, load, load_instruments
from ultramm.nautilus.recordings.binance_instruments import instrument_for

BTC = instrument_for("spot", "BTCUSDT")
ETH = instrument_for("spot", "ETHUSDT")
LAST = int(RecordFlag.F_LAST)
RAW = 10**16


def delta(
    ts: int,
    price: int = 100,
    size: int = 1,
    action: Any = BookAction.ADD,
    *,
    flags: int = LAST,
    of: Any = BTC,
) -> Any:
    side = OrderSide.NO_ORDER_SIDE if action == BookAction.CLEAR else OrderSide.BUY
    precisions = of.price_precision, of.size_precision
    numbers = (price * RAW, precisions[0], size * RAW, precisions[1], 0, flags, ts * 7, ts + 1, ts)
    return OrderBookDelta.from_raw(of.id, action, side, *numbers)


def trade(ts: int, of: Any = BTC, number: int = 1) -> Any:
    sizes = Price(100, of.price_precision), Quantity(1, of.size_precision)
    return TradeTick(of.id, *sizes, AggressorSide.BUYER, TradeId(str(number)), ts, ts)


def quote(ts: int) -> Any:
    price, size = Price(100, 2), Quantity(1, 5)
    return QuoteTick(BTC.id, price, price, size, size, ts, ts)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "catalog"
    path.mkdir()
    ParquetDataCatalog(path).write_data([BTC, ETH])
    return path


def write(root: Path, *chunks: list[Any]) -> Path:
    for chunk in chunks:
        ParquetDataCatalog(root).write_data(chunk)
    return root


def sketch(stream: Iterable[Any]) -> list[str]:
    return [f"{type(each).__name__[0]}{each.ts_init}{each.instrument_id.value[0]}" for each in stream]


class TestHoldings:
    def test_counts_rows_of_every_kind_over_files(self, root: Path) -> None:
        bars = BarType.from_str("BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL")
        price, size = Price(100, 2), Quantity(1, 5)
        write(root, [delta(5), delta(9)], [delta(11)], [trade(7, ETH)], [quote(3), quote(4)])
        write(root, [Bar(bars, price, price, price, price, size, 60, 61)])
        assert holdings(root) == [
            Holding("BTCUSDT.BINANCE", "bars", 1, 61, 61),
            Holding("BTCUSDT.BINANCE", "deltas", 3, 5, 11),
            Holding("BTCUSDT.BINANCE", "quotes", 2, 3, 4),
            Holding("ETHUSDT.BINANCE", "trades", 1, 7, 7),
        ]

    def test_of_instruments_alone_are_none(self, root: Path) -> None:
        assert holdings(root) == []

    def test_empty_directory_is_an_empty_catalog(self, tmp_path: Path) -> None:
        assert holdings(tmp_path) == []
        (tmp_path / MANIFEST).write_text("{}")
        assert holdings(tmp_path) == []

    def test_no_catalog(self, tmp_path: Path) -> None:
        (tmp_path / "something").touch()
        with pytest.raises(DataError, match="is no catalog"):
            holdings(tmp_path)
        with pytest.raises(DataError, match="no such directory"):
            holdings(tmp_path / "nowhere")
        with pytest.raises(DataError, match="no such directory"):
            holdings(tmp_path / "something")

    def test_damaged_file_is_named(self, root: Path) -> None:
        write(root, [trade(1)])
        (file,) = (root / "data" / "trade_tick").rglob("*.parquet")
        file.write_bytes(file.read_bytes()[:50])
        with pytest.raises(DataError, match="cannot be read") as caught:
            holdings(root)
        assert str(file) in str(caught.value)
        assert "\n" not in str(caught.value)
        with pytest.raises(DataError, match="cannot be read"):
            list(load(root, ["BTCUSDT.BINANCE"]))


class TestInstruments:
    def test_come_in_the_order_asked_for(self, root: Path) -> None:
        ids = ["ETHUSDT.BINANCE", "BTCUSDT.BINANCE"]
        assert [each.id.value for each in load_instruments(root, ids)] == ids

    def test_unknown_one_names_what_is_there(self, root: Path) -> None:
        text = r"catalog .* has no instrument XRP\.BINANCE; it holds BTCUSDT\.BINANCE, ETHUSDT\.BINANCE"
        with pytest.raises(DataError, match=text):
            load_instruments(root, ["BTCUSDT.BINANCE", "XRP.BINANCE"])
        with pytest.raises(DataError, match=text):
            load(root, ["XRP.BINANCE"])  # at the call, not at the first item

    def test_empty_catalog_holds_none(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="it holds none"):
            load_instruments(tmp_path, ["BTCUSDT.BINANCE"])


class TestOrder:
    def test_at_equal_times_trades_then_deltas_then_quotes(self, root: Path) -> None:
        write(root, [delta(1), delta(2)], [delta(2, of=ETH)], [trade(2), trade(3)], [trade(2, ETH)], [quote(2)])
        both = ["ETHUSDT.BINANCE", "BTCUSDT.BINANCE"]
        assert sketch(load(root, both)) == ["O1B", "T2E", "T2B", "O2E", "O2B", "T3B"]
        assert sketch(load(root, both, kinds=["quotes", "deltas"])) == ["O1B", "O2E", "O2B", "Q2B"]

    def test_within_a_kind_it_is_that_of_arrival(self, root: Path) -> None:
        write(root, [trade(1, number=n) for n in range(12_000)], [trade(2, number=n) for n in (5, 4)])
        numbers = [int(each.trade_id.value) for each in load(root, ["BTCUSDT.BINANCE"])]
        assert numbers == [*range(12_000), 5, 4]

    def test_window_includes_both_ends(self, root: Path) -> None:
        write(root, [trade(ts) for ts in (1, 2)], [trade(ts) for ts in (3, 4, 5)], [trade(6)])
        stream = load(root, ["BTCUSDT.BINANCE"], start_ns=2, end_ns=5)
        assert [each.ts_init for each in stream] == [2, 3, 4, 5]

    def test_nothing_in_the_window(self, root: Path) -> None:
        write(root, [trade(1)])
        assert list(load(root, ["BTCUSDT.BINANCE", "ETHUSDT.BINANCE"], start_ns=5)) == []


class TestBatches:
    def test_end_with_the_last_flag_or_the_time(self, root: Path) -> None:
        write(root, [delta(1, 1, flags=0), delta(1, 2), delta(1, 3), delta(2, 4, flags=0)])
        write(root, [delta(3, 5, flags=0), delta(3, 6, flags=0)])
        batches = [[int(each.order.price) for each in batch.deltas] for batch in load(root, ["BTCUSDT.BINANCE"])]
        assert batches == [[1, 2], [3], [4], [5, 6]]

    def test_larger_than_what_is_decoded_at_a_time_stay_whole(self, root: Path) -> None:
        many = 12_345
        write(root, [delta(1, price, flags=LAST if price == many else 0) for price in range(1, many + 1)])
        (batch,) = load(root, ["BTCUSDT.BINANCE"])
        assert len(batch.deltas) == many

    def test_start_in_the_middle_begins_with_the_book_as_it_was(self, root: Path) -> None:
        write(root, [delta(1, 90), delta(2, action=BookAction.CLEAR), delta(2, 100), delta(3, 101)])
        write(root, [delta(4, 100, 0, BookAction.DELETE), delta(5, 101, 7, BookAction.UPDATE), delta(6, 102)])
        book, *rest = load(root, ["BTCUSDT.BINANCE"], start_ns=6)
        assert [(each.action.name, str(each.order.price), str(each.order.size)) for each in book.deltas] == [
            ("CLEAR", "0.00", "0.00000"),
            ("ADD", "101.00", "7.00000"),
        ]
        flags = int(RecordFlag.F_SNAPSHOT)
        assert [each.flags for each in book.deltas] == [flags, flags | LAST]
        assert {(each.sequence, each.ts_event, each.ts_init) for each in book.deltas} == {(35, 6, 6)}
        assert sketch(rest) == ["O6B"]

    def test_start_at_the_first_delta_needs_no_book(self, root: Path) -> None:
        write(root, [delta(3, action=BookAction.CLEAR), delta(4, 100)])
        assert [len(each.deltas) for each in load(root, ["BTCUSDT.BINANCE"], start_ns=3)] == [1, 1]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(0, 3)), min_size=2, max_size=40),
    st.integers(1, 60),
)
def test_books_from_any_start_agree_at_the_end(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]], start: int
) -> None:
    root = tmp_path_factory.mktemp("catalog")
    data, ts, known = [delta(1, action=BookAction.CLEAR)], 1, set[int]()
    for pause, price, size in steps:
        ts += pause
        if size or price in known:
            action = (BookAction.UPDATE if price in known else BookAction.ADD) if size else BookAction.DELETE
            data.append(delta(ts, price, size, action))
            known = known | {price} if size else known - {price}
    ParquetDataCatalog(root).write_data([BTC, *data])

    def final(**window: int) -> list[tuple[float, float]]:
        book = OrderBook(BTC.id, BookType.L2_MBP)
        for batch in load(root, ["BTCUSDT.BINANCE"], **window):
            book.apply_deltas(batch)
        return [(float(level.price), level.size()) for level in book.bids()]

    assert final(start_ns=start) == final()
