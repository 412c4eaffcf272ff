"""A recorded market, played again: the same book, the same trades, the same times."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import (
    BookOrder,
    OrderBookDelta,
    OrderBookDeltas,
    QuoteTick,
    TradeTick,
)
from nautilus_trader.model.enums import AggressorSide, BookAction, BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TradeId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.persistence.catalog import ParquetDataCatalog
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from programs import program
from wire import send, signed

from ultramm.errors import DataError
from ultramm.market import Side
from ultramm.nautilus.catalog.read import load
from ultramm.nautilus.catalog.synthetic import generate
from ultramm.simulation.events import LevelChange, MarketTrade
from ultramm_binance_emulator.recorded import Levels, Recorded, played

pytestmark = pytest.mark.integration
ID = "BTCUSDT.SIM"
D = Decimal


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of a generated market."""
    folder: Path = tmp_path_factory.mktemp("recorded") / "catalog"
    generate(folder, ID, "wide", seed=2, duration_s=60.0, pace=10.0)
    return folder


def test_the_book_and_the_trades_are_those_that_were_recorded(catalog: Path) -> None:
    outside = Recorded(catalog)
    terms, base = outside.listing("spot", "BTCUSDT")
    tick, step = terms["tick_size"], terms["step_size"]
    levels: dict[Side, dict[Decimal, Decimal]] = {side: {} for side in Side}
    trades, times = [], []
    for event in outside.events("spot", "BTCUSDT"):
        times.append(event.time_s)
        trades += [(t.side, (t.ticks + base) * tick, t.lots * step) for t in event.trades]
        for change in event.changes:
            levels[change.side].pop((change.ticks + base) * tick, None)
            if change.lots:
                levels[change.side][(change.ticks + base) * tick] = change.lots * step
    recorded = list(load(catalog, [ID]))
    book = OrderBook(InstrumentId.from_str(ID), BookType.L2_MBP)
    for item in recorded:
        if isinstance(item, OrderBookDeltas):
            book.apply_deltas(item)
    for side, shown in ((Side.BUY, book.bids()), (Side.SELL, book.asks())):
        assert levels[side] == {level.price.as_decimal(): D(str(level.size())) for level in shown}
    assert trades == [
        (Side.BUY if t.aggressor_side == AggressorSide.BUYER else Side.SELL, t.price.as_decimal(), t.size.as_decimal())
        for t in recorded
        if isinstance(t, TradeTick)
    ]
    assert len(trades) > 20
    assert times == sorted(times)
    assert times[-1] == pytest.approx((recorded[-1].ts_init - recorded[0].ts_init) / 1e9)


def test_it_is_traded_at_its_own_tick_and_lot(catalog: Path) -> None:
    for product in ("spot", "usdm"):
        terms, base = Recorded(catalog).listing(product, "BTCUSDT")
        assert (terms["base"], terms["quote"]) == ("BTC", "USDT")
        assert (terms["tick_size"], terms["step_size"], terms["min_quantity"]) == (D(5), D("0.01"), D("0.01"))
        assert abs(base * terms["tick_size"] - 50_000) < 500


def test_what_is_not_there_is_said(catalog: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no data of ETHUSDT; it holds BTCUSDT\.SIM"):
        Recorded(catalog).listing("spot", "ETHUSDT")
    with pytest.raises(DataError, match="no such directory"):
        Recorded(tmp_path / "nothing")
    generate(catalog, "BTCUSDT.OTHER", "wide", seed=2, duration_s=1.0)
    with pytest.raises(DataError, match=r"BTCUSDT is of several venues: BTCUSDT\.OTHER, BTCUSDT\.SIM"):
        Recorded(catalog).listing("spot", "BTCUSDT")


def test_futures_play_the_perpetual_where_there_is_one(tmp_path: Path) -> None:
    for made, price in (
        (TestInstrumentProvider.btcusdt_binance(), 100),
        (TestInstrumentProvider.btcusdt_perp_binance(), 200),
    ):
        size = made.make_qty(1)
        trade = TradeTick(made.id, made.make_price(price), size, AggressorSide.BUYER, TradeId("1"), 0, 0)
        ParquetDataCatalog(tmp_path).write_data([made, trade])
    found = {product: Recorded(tmp_path).listing(product, "BTCUSDT") for product in ("spot", "usdm")}
    assert {product: base * terms["tick_size"] for product, (terms, base) in found.items()} == {
        "spot": 100,
        "usdm": 200,
    }


# -- what may be in a recording --------------------------------------------------------------------------------


def delta(action: BookAction, side: OrderSide, price: str, size: str, order_id: int = 0) -> OrderBookDelta:
    order = BookOrder(side, Price.from_str(price), Quantity.from_str(size), order_id)
    return OrderBookDelta(InstrumentId.from_str(ID), action, order, 0, 0, 0, 0)


def play(*events: Any) -> list[Any]:
    return list(played(iter(events), D("0.5"), D("0.01"), 200))


def test_single_orders_make_up_levels() -> None:
    def batch(*deltas: OrderBookDelta) -> OrderBookDeltas:
        return OrderBookDeltas(InstrumentId.from_str(ID), list(deltas))

    add, update, delete = BookAction.ADD, BookAction.UPDATE, BookAction.DELETE
    events = play(
        batch(delta(add, OrderSide.BUY, "99.5", "0.02", 1), delta(add, OrderSide.BUY, "99.5", "0.03", 2)),
        batch(delta(update, OrderSide.BUY, "99.0", "0.01", 1)),
        batch(delta(delete, OrderSide.BUY, "99.0", "0.00", 1)),
        batch(OrderBookDelta.clear(InstrumentId.from_str(ID), 0, 0, 0), delta(add, OrderSide.BUY, "99.5", "0.03", 3)),
        batch(OrderBookDelta.clear(InstrumentId.from_str(ID), 0, 0, 0)),
    )
    assert [event.changes for event in events] == [
        (LevelChange(Side.BUY, -1, 5),),
        (LevelChange(Side.BUY, -1, 3), LevelChange(Side.BUY, -2, 1)),
        (LevelChange(Side.BUY, -2, 0),),
        (LevelChange(Side.BUY, -1, 0),),
    ], "the same size after a snapshot is no change"


def test_quotes_are_a_book_of_one_level() -> None:
    def quote(bid: str, ask: str) -> QuoteTick:
        sizes = Quantity.from_str("0.02"), Quantity.from_str("0.03")
        return QuoteTick(InstrumentId.from_str(ID), Price.from_str(bid), Price.from_str(ask), *sizes, 0, 0)

    events = play(quote("99.5", "100.5"), quote("99.5", "101.0"))
    assert events[0].changes == (LevelChange(Side.BUY, -1, 2), LevelChange(Side.SELL, 1, 3))
    assert set(events[1].changes) == {LevelChange(Side.SELL, 1, 0), LevelChange(Side.SELL, 2, 3)}


def test_a_trade_of_nobody_is_of_who_traded_last() -> None:
    def trade(side: AggressorSide) -> TradeTick:
        size = Quantity.from_str("0.02")
        return TradeTick(InstrumentId.from_str(ID), Price.from_str("101.0"), size, side, TradeId("1"), 0, 0)

    events = play(trade(AggressorSide.SELLER), trade(AggressorSide.NO_AGGRESSOR))
    assert [event.trades for event in events] == [(MarketTrade(Side.SELL, 2, 2),)] * 2


def test_levels_tell_a_change_once() -> None:
    levels = Levels()
    levels.set(Side.BUY, 5, 5, 3)
    levels.set(Side.BUY, 5, 5, 4)
    assert levels.changes() == (LevelChange(Side.BUY, 5, 4),)
    assert levels.changes() == ()


# -- as a program ----------------------------------------------------------------------------------------------


def test_a_recording_is_served_and_traded(tmp_path: Path) -> None:
    generate(tmp_path, ID, "wide", seed=2, duration_s=60.0, pace=10.0)
    with program("--market", str(tmp_path), "--pace", "20", "--products", "spot,usdm") as url:
        (symbol,) = send("GET", f"{url}/fapi/v1/exchangeInfo")[1]["symbols"]
        assert {f.get("tickSize") for f in symbol["filters"]} - {None} == {"5"}
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        for path in ("/api/v3/order", "/fapi/v1/order"):
            while not send("GET", f"{url}{path.replace('order', 'depth')}?symbol=BTCUSDT")[1]["asks"]:
                time.sleep(0.05)  # not to use the weight up
            status, placed, _ = send("POST", f"{url}{path}?{signed(**order, newOrderRespType='RESULT')}")
            assert status == 200, placed
            assert placed["status"] == "FILLED"
