"""Databento's files of levels, of trades and of definitions: made from the real orders by an independent book."""

from __future__ import annotations

import heapq
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import databento_dbn as dbn
import pyarrow as pa
import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

from ultramm.errors import DataError
from ultramm.nautilus.recordings.databento import DatabentoRecording
from ultramm.nautilus.recordings.importing import Account

DATA = Path(__file__).parents[4].parent / "shared" / "data"
DAY = DATA / "futures" / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
T0_NS = 1_703_541_600_000_000_000
LAST = dbn.F_LAST
TICK = 250_000_000  # a quarter, in 1e-9

recorded = pytest.mark.skipif(not DAY.is_file(), reason=f"the recordings are not at {DATA}")

Top = tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]  # (price in 1e-9, size), best first, of each side


def file_of(path: Path, schema: Any, messages: list[Any], symbol: str = "ESH4") -> Path:
    mapping: Any = SimpleNamespace(raw_symbol=symbol, intervals=[])
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
    path.write_bytes(bytes(metadata) + b"".join(map(bytes, messages)))
    return path


def common(
    ns: int, action: str = "A", side: str = "B", price: int = 100 * 10**9, size: int = 1, flags: int = LAST
) -> Any:
    return {
        "publisher_id": 1,
        "instrument_id": 7,
        "ts_event": T0_NS + ns - 5,
        "ts_recv": T0_NS + ns,
        "price": price,
        "size": size,
        "action": dbn.Action(action),
        "side": dbn.Side(side),
        "depth": 0,
        "flags": flags,
    }


def pairs(bids: list[tuple[int, int]], asks: list[tuple[int, int]], depth: int) -> list[Any]:
    """Levels as Databento has them: what is not there is undefined."""
    rows = []
    for level in range(depth):
        bid = bids[level] if level < len(bids) else (dbn.UNDEF_PRICE, 0)
        ask = asks[level] if level < len(asks) else (dbn.UNDEF_PRICE, 0)
        rows.append(dbn.BidAskPair(bid_px=bid[0], ask_px=ask[0], bid_sz=bid[1], ask_sz=ask[1]))
    return rows


def read(*files: Path, instrument_id: Any = None) -> tuple[list[Any], Account]:
    account = Account()
    return list(DatabentoRecording(files, instrument_id).data(account, lambda _done, _total: None)), account


def tops(data: list[Any], depth: int) -> dict[int, Top]:
    """The best levels after each batch, by time."""
    book = OrderBook(InstrumentId.from_str("ESH4.XCME"), BookType.L2_MBP)
    seen, batch = {}, []
    for delta in data:
        if isinstance(delta, OrderBookDelta):
            batch.append(delta)
            if delta.flags:
                book.apply_deltas(OrderBookDeltas(delta.instrument_id, batch))
                batch = []
                seen[delta.ts_init] = top(book, depth)
    assert not batch
    return seen


def top(book: OrderBook, depth: int) -> Top:
    bids, asks = (
        tuple((round(float(level.price) * 1e9), round(level.size())) for level in side[:depth])
        for side in (book.bids(), book.asks())
    )
    return bids, asks


# -- made by hand --------------------------------------------------------------------------------------------


def test_levels_become_the_book_and_only_what_differs_is_told(tmp_path: Path) -> None:
    price = 4_800 * 10**9
    first = pairs([(price, 5), (price - TICK, 7)], [(price + TICK, 3)], 10)
    second = pairs([(price, 5), (price - TICK, 6)], [(price + TICK, 3)], 10)
    third = pairs([(price - TICK, 6)], [(price + TICK, 3), (price + 2 * TICK, 9)], 10)
    file = file_of(
        tmp_path / "levels.dbn",
        dbn.Schema.MBP_10,
        [
            dbn.MBP10Msg(**common(10), levels=first),
            dbn.MBP10Msg(**common(20, "T", "A", price=price, size=2), levels=first),
            dbn.MBP10Msg(**common(30), levels=second),
            dbn.MBP10Msg(**common(40), levels=third),
        ],
    )
    data, account = read(file)
    assert tops(data, 10) == {
        T0_NS + 10: (((price, 5), (price - TICK, 7)), ((price + TICK, 3),)),
        T0_NS + 30: (((price, 5), (price - TICK, 6)), ((price + TICK, 3),)),
        T0_NS + 40: (((price - TICK, 6),), ((price + TICK, 3), (price + 2 * TICK, 9))),
    }
    assert len([delta for delta in data if isinstance(delta, OrderBookDelta)]) == 4 + 1 + 2
    (trade,) = [each for each in data if isinstance(each, TradeTick)]
    assert (float(trade.price), float(trade.size), trade.ts_init) == (4_800.0, 2.0, T0_NS + 20)
    assert (account.rows, account.batches, account.starts_incomplete) == (4, 3, False)


def test_trades_of_their_own_file_go_before_those_in_the_book(tmp_path: Path) -> None:
    price = 4_800 * 10**9
    levels = pairs([(price, 5)], [(price + TICK, 3)], 1)
    book = file_of(
        tmp_path / "book.dbn",
        dbn.Schema.MBP_1,
        [
            dbn.MBP1Msg(**common(10), levels=levels[0]),
            dbn.MBP1Msg(**common(20, "T", "A", price=price, size=2), levels=levels[0]),
        ],
    )
    trades = file_of(
        tmp_path / "trades.dbn",
        dbn.Schema.TRADES,
        [dbn.TradeMsg(**common(20, "T", "A", price=price, size=2)), dbn.TradeMsg(**common(15, "T", "B", price=price))],
    )
    data, account = read(trades, book)
    told = [(each.ts_init - T0_NS, float(each.size)) for each in data if isinstance(each, TradeTick)]
    assert told == [(20, 2.0)]
    assert account.dropped == {"record back in time": 1}
    assert account.rows == 4


def test_books_of_two_schemas_are_refused_together(tmp_path: Path) -> None:
    level = pairs([(4_800 * 10**9, 5)], [], 10)
    one = file_of(tmp_path / "one.dbn", dbn.Schema.MBP_1, [dbn.MBP1Msg(**common(1), levels=level[0])])
    ten = file_of(tmp_path / "ten.dbn", dbn.Schema.MBP_10, [dbn.MBP10Msg(**common(2), levels=level)])
    with pytest.raises(DataError, match="the book is told by mbp-1 and by mbp-10; give files of one"):
        read(one, ten)


def test_levels_off_the_grid_drop_the_record(tmp_path: Path) -> None:
    odd = pairs([(4_800 * 10**9 + 1, 5)], [], 10)
    good = pairs([(4_800 * 10**9, 5)], [], 10)
    messages = [dbn.MBP10Msg(**common(1), levels=odd), dbn.MBP10Msg(**common(2), levels=good)]
    data, account = read(file_of(tmp_path / "levels.dbn", dbn.Schema.MBP_10, messages))
    assert account.dropped == {"price off the grid": 1}
    assert list(tops(data, 10)) == [T0_NS + 2]


# -- definitions ---------------------------------------------------------------------------------------------


def definition(symbol: str, kind: Any, **values: Any) -> Any:
    return dbn.InstrumentDefMsg(
        **{
            "publisher_id": 1,
            "instrument_id": 7,
            "ts_event": T0_NS,
            "ts_recv": T0_NS,
            "min_price_increment": TICK,
            "display_factor": 10**9,
            "raw_symbol": symbol,
            "asset": symbol[:2],
            "security_type": "FUT",
            "instrument_class": kind,
            "security_update_action": dbn.SecurityUpdateAction.ADD,
            "expiration": 1_718_976_600_000_000_000,
            "activation": 1_600_000_000_000_000_000,
            "unit_of_measure_qty": 20 * 10**9,
            "currency": "USD",
            "exchange": "XCME",
            **values,
        }
    )


def test_a_definition_states_the_instrument(tmp_path: Path) -> None:
    levels = pairs([(17_000 * 10**9, 5)], [], 10)
    book = file_of(tmp_path / "nq.dbn", dbn.Schema.MBP_10, [dbn.MBP10Msg(**common(1), levels=levels)], "NQM4")
    defined = file_of(
        tmp_path / "def.dbn",
        dbn.Schema.DEFINITION,
        [definition("ESM4", dbn.InstrumentClass.FUTURE), definition("NQM4", dbn.InstrumentClass.FUTURE)],
        "NQM4",
    )
    recording = DatabentoRecording([book, defined])
    instrument = recording.instrument
    assert instrument.id.value == "NQM4.XCME"
    assert (float(instrument.price_increment), float(instrument.multiplier)) == (0.25, 20.0)
    assert instrument.expiration_ns == 1_718_976_600_000_000_000
    assert recording.files == [defined, book]
    data, account = read(book, defined, instrument_id="NQM4.GLBX")
    assert {each.instrument_id.value for each in data} == {"NQM4.GLBX"}
    assert account.rows == 1


def test_a_share_may_be_defined_and_an_option_may_not(tmp_path: Path) -> None:
    levels = pairs([(100 * 10**9, 5)], [], 10)
    book = file_of(tmp_path / "book.dbn", dbn.Schema.MBP_10, [dbn.MBP10Msg(**common(1), levels=levels)], "AAPL")
    share = definition("AAPL", dbn.InstrumentClass.STOCK, min_price_increment=10**7, exchange="XNAS")
    defined = file_of(tmp_path / "share.dbn", dbn.Schema.DEFINITION, [share], "AAPL")
    assert str(DatabentoRecording([book, defined]).instrument.price_increment) == "0.01"
    option = definition("AAPL", dbn.InstrumentClass.CALL)
    wrong = file_of(tmp_path / "option.dbn", dbn.Schema.DEFINITION, [option], "AAPL")
    with pytest.raises(DataError, match=r"option.dbn: defines AAPL as of class C; futures and shares"):
        DatabentoRecording([book, wrong])
    other = file_of(tmp_path / "none.dbn", dbn.Schema.DEFINITION, [definition("ESH4", dbn.InstrumentClass.FUTURE)])
    with pytest.raises(DataError, match=r"none.dbn: does not define AAPL"):
        DatabentoRecording([book, other])
    with pytest.raises(DataError, match=r"none.dbn: defines instruments, and holds no market data"):
        DatabentoRecording([other])


# -- made from the real orders -------------------------------------------------------------------------------


class Orders:
    """A book of orders, as simple as can be."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[str, int, int]] = {}
        self.sizes: dict[str, Counter[int]] = {"B": Counter(), "A": Counter()}

    def apply(self, record: Any) -> None:
        action, key = str(record.action), record.order_id
        if action == "R":
            self.__init__()  # type: ignore[misc]
        elif action in "AM":
            self._take(key)
            self._put(key, str(record.side), record.price, record.size)
        elif action == "C" and key in self.orders:
            side, price, size = self._take(key)
            if size > record.size:
                self._put(key, side, price, size - record.size)

    def _put(self, key: int, side: str, price: int, size: int) -> None:
        self.orders[key] = side, price, size
        self.sizes[side][price] += size

    def _take(self, key: int) -> tuple[str, int, int]:
        side, price, size = self.orders.pop(key, ("B", 0, 0))
        self.sizes[side][price] -= size
        if not self.sizes[side][price]:
            del self.sizes[side][price]
        return side, price, size

    def best(self, depth: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        bids, asks = heapq.nlargest(depth, self.sizes["B"]), heapq.nsmallest(depth, self.sizes["A"])
        return [(price, self.sizes["B"][price]) for price in bids], [(price, self.sizes["A"][price]) for price in asks]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Some thousand of the real orders, and the same market by levels and by trades."""
    folder = tmp_path_factory.mktemp("converted")
    decoder, items = dbn.DBNDecoder(), []
    with DAY.open("rb") as stored, pa.CompressedInputStream(pa.PythonFile(stored, mode="r"), "zstd") as source:
        while len(items) < 30_000 and (chunk := source.read(1 << 16)):
            decoder.write(chunk)
            items += [item for item in decoder.decode() if not isinstance(item, dbn.Metadata)]
    del items[30_000:]
    while not items[-1].flags & LAST:
        items.pop()
    orders, levels, trades = Orders(), [], []
    for record in items:
        orders.apply(record)
        values = {
            **common(0, str(record.action) if str(record.action) != "F" else "M", str(record.side)),
            "instrument_id": record.instrument_id,
            "ts_event": record.ts_event,
            "ts_recv": record.ts_recv,
            "price": record.price,
            "size": record.size,
            "flags": record.flags & LAST,
        }
        if record.flags & LAST or str(record.action) == "T":
            levels.append(dbn.MBP10Msg(**values, levels=pairs(*orders.best(10), 10)))
        if str(record.action) == "T":
            trades.append(dbn.TradeMsg(**values))
    by_order = file_of(folder / "orders.dbn", dbn.Schema.MBO, items)
    return by_order, file_of(folder / "levels.dbn", dbn.Schema.MBP_10, levels), trades, folder


@recorded
@pytest.mark.integration
def test_ten_levels_are_the_ten_best_of_the_orders_at_every_instant(converted: Any) -> None:
    by_order, by_level, _trades, _folder = converted
    expected, found = (tops(read(file)[0], 10) for file in (by_order, by_level))
    assert len(found) > 1_000
    # Batches behind the tenth level change the one and not the other: compared is what stands after each time.
    times = sorted(set(expected) | set(found))
    first = min(found)
    last_expected: Any = None
    last_found: Any = None
    for ts_ns in times:
        last_expected, last_found = expected.get(ts_ns, last_expected), found.get(ts_ns, last_found)
        if ts_ns >= first:
            assert last_found == last_expected, ts_ns - T0_NS


@recorded
@pytest.mark.integration
def test_trades_are_the_same_from_orders_from_levels_and_from_their_own_file(converted: Any) -> None:
    by_order, by_level, trades, folder = converted
    assert trades
    alone = file_of(folder / "trades.dbn", dbn.Schema.TRADES, trades)

    def told(*files: Path) -> list[Any]:
        return [
            (each.ts_init, float(each.price), float(each.size), each.aggressor_side)
            for each in read(*files)[0]
            if isinstance(each, TradeTick)
        ]

    assert told(by_order) == told(by_level) == told(by_level, alone) == told(alone)
