"""Every kind of file on its real recording: what is in the catalog beside a second reading of the raw file.

The second reading is plain code that shares nothing with the importers. A reader is a generator of ``(ts_ns, levels)``,
told before the row of that time is applied: `levels()` is the book that all rows before leave. What must become of the
rows it counts in a `Raw`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import random
import zipfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import databento_dbn as dbn
import msgspec
import pandas as pd
import pyarrow as pa
import pytest
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.enums import BookType

from ultramm.nautilus.catalog.manifest import ImportSummary
from ultramm.nautilus.catalog.read import load
from ultramm.nautilus.recordings.importing import Account, import_recording
from ultramm.nautilus.recordings.kinds import KINDS, open_recording

DATA = Path(__file__).parents[4].parent / "shared" / "data"
INSTANTS = 100

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the recordings are not at {DATA}"),
]

Levels = tuple[dict[Decimal, Decimal], dict[Decimal, Decimal]]  # bids, asks: price -> size
States = Iterator[tuple[int, Callable[[], Levels]]]
Trade = tuple[int, Decimal, Decimal, str]  # local time in ns, price, size, the taker's side
Quote = tuple[int, Decimal, Decimal, Decimal, Decimal]  # local time in ns, bid, its size, ask, its size

MS = 1_000_000


class Raw:
    """Rows by what must become of them, counted one by one."""

    def __init__(self) -> None:
        self.rows = 0
        self.kept = 0
        self.dropped: Counter[str] = Counter()
        self.parts_dropped: Counter[str] = Counter()
        self.trades: list[Trade] = []
        self.quotes: list[Quote] = []
        self.crossed_ns: list[int] = []  # when a batch would have left the book crossed
        self.tells_taker = True


def _copy(bids: dict[Decimal, Decimal], asks: dict[Decimal, Decimal]) -> Levels:
    return {p: s for p, s in bids.items() if s}, {p: s for p, s in asks.items() if s}


# -- Binance -------------------------------------------------------------------------------------------------------


def captured(files: Sequence[Path]) -> Iterator[tuple[int, Any]]:
    for file in files:
        with gzip.open(file, "rt") as text:
            for line in text:
                stamp, _, payload = line.partition(" ")
                yield int(stamp), json.loads(payload)


def binance(files: Sequence[Path], raw: Raw, *, lot: str) -> States:
    """Captures with one snapshot and without gaps; prices are taken to be on the grid."""
    sides: Levels = ({}, {})
    waiting: list[Any] = []
    snapshot_id = last_trade = last_quote = last_ns = last_diff = -1

    def apply(message: Any, names: tuple[str, str]) -> None:
        raw.kept += 1
        for side, name in zip(sides, names, strict=True):
            for price, size in ((Decimal(p), Decimal(s)) for p, s in message[name]):
                if size % Decimal(lot):
                    raw.parts_dropped["level size off the grid"] += 1
                elif size:
                    side[price] = size
                elif side.pop(price, None) is None:
                    raw.parts_dropped["delete of an unknown level"] += 1

    def diff(message: Any) -> None:
        nonlocal last_diff
        if message["u"] <= snapshot_id:
            raw.dropped["diff already in the snapshot"] += 1
            return
        if last_diff >= 0:
            assert message.get("pu", message["U"] - 1) == last_diff
        last_diff = message["u"]
        apply(message, ("b", "a"))

    for ts_ns, message in captured(files):
        raw.rows += 1
        if ts_ns < last_ns:
            raw.dropped["line back in time"] += 1
            continue
        last_ns = ts_ns
        yield ts_ns, lambda: _copy(*sides)
        if "lastUpdateId" in message:
            assert snapshot_id < 0
            snapshot_id = message["lastUpdateId"]
            apply(message, ("bids", "asks"))
            for each in waiting:
                diff(each)
            continue
        data = message["data"]
        if data.get("e") == "depthUpdate":
            if snapshot_id < 0:
                waiting.append(data)
            else:
                diff(data)
        elif data.get("e") == "trade":
            if data["t"] <= last_trade:
                raw.dropped["trade repeated"] += 1
            elif data.get("X", "MARKET") != "MARKET":
                raw.dropped["trade not from the market (insurance fund, ADL)"] += 1
            elif snapshot_id < 0:
                raw.dropped["trade before the book is known"] += 1
            else:
                raw.kept += 1
                taker = "SELLER" if data["m"] else "BUYER"
                raw.trades.append((ts_ns, Decimal(data["p"]), Decimal(data["q"]), taker))
            last_trade = max(last_trade, data["t"])
        elif data["u"] <= last_quote:
            raw.dropped["quote out of sequence"] += 1
        else:
            last_quote = data["u"]
            raw.kept += 1
            raw.quotes.append((ts_ns, *(Decimal(data[key]) for key in "bBaA")))


# -- level 1 in Parquet --------------------------------------------------------------------------------------------


def eurusd(files: Sequence[Path], raw: Raw) -> States:
    """Grid: 0.00001, 1,000."""
    columns = ["bidPrice0", "bidQuantity0", "askPrice0", "askQuantity0"]
    table = pd.concat([pd.read_parquet(file).reset_index() for file in files])
    table["timestamp"] = table["timestamp"].astype("int64")
    raw.rows = len(table)
    last_ms = 0
    book: Levels = ({}, {})

    def levels() -> Levels:
        return book

    for ms, *values in table[["timestamp", *columns]].itertuples(index=False):
        if ms < last_ms:
            raw.dropped["row back in time"] += 1
            continue
        last_ms = ms
        yield ms * MS, levels
        if any(pd.isna(value) for value in values):
            raw.dropped["quote without one side"] += 1
            continue
        bid, bid_size, ask, ask_size = values
        rounded = [round(bid, 5), round(ask, 5)]
        if max(abs(bid - rounded[0]), abs(ask - rounded[1])) > 1e-9 or bid_size % 1_000 or ask_size % 1_000:
            raw.dropped["quote off the grid"] += 1
        elif min(values) <= 0:
            raw.dropped["quote without one side"] += 1
        elif rounded[0] >= rounded[1]:
            raw.dropped["quote locked or crossed"] += 1
        else:
            raw.kept += 1
            prices = [Decimal(f"{price:.5f}") for price in rounded]
            book = {prices[0]: Decimal(bid_size)}, {prices[1]: Decimal(ask_size)}


# -- LEAN ----------------------------------------------------------------------------------------------------------


def _csv(file: Path, ending: str) -> list[list[str]]:
    with zipfile.ZipFile(file) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(ending))
        return list(csv.reader(io.StringIO(archive.read(name).decode())))


def _midnight_ns(*date_and_hour: int) -> int:
    return round(datetime(*date_and_hour, tzinfo=UTC).timestamp()) * 1_000_000_000  # type: ignore[misc, arg-type]


NEW_YORK_NS = _midnight_ns(2013, 10, 7, 4)  # in summer time


def ibm(files: Sequence[Path], raw: Raw) -> States:
    """The book is the sum of the exchanges' quotes; a new one takes those away that it meets."""
    raw.tells_taker = False
    quotes, trades = (_csv(file, ".csv") for file in files)
    raw.rows = len(quotes) + len(trades)

    def refused(row: list[str]) -> str:
        if not 34_200_000 <= int(row[0]) < 57_600_000:
            return "outside the regular session"
        return "" if row[-1] == "0" else "suspicious"

    for row in trades:
        cause = refused(row) or ("trade off exchange" if row[3] == "D" else "" if int(row[2]) else "trade without size")
        if cause:
            raw.dropped[cause] += 1
        else:
            raw.kept += 1
            ts_ns = NEW_YORK_NS + int(row[0]) * MS
            raw.trades.append((ts_ns, Decimal(row[1]) / 10_000, Decimal(row[2]), ""))
    quoted: tuple[dict[str, tuple[Decimal, Decimal]], ...] = ({}, {})

    def levels() -> Levels:
        sums: tuple[Counter[Decimal], ...] = (Counter(), Counter())
        for side, exchanges in zip(sums, quoted, strict=True):
            for price, size in exchanges.values():
                side[price] += size  # type: ignore[assignment]
        return _copy(*sums)  # type: ignore[arg-type]

    for row in quotes:
        yield NEW_YORK_NS + int(row[0]) * MS, levels
        cause = refused(row)
        price = Decimal(row[1] if row[1] != "0" else row[3]) / 10_000
        if not cause and (row[1] == "0") == (row[3] == "0"):
            cause = "quote without one side"
        if not cause and price % Decimal("0.01"):
            cause = "quote off the grid"
        if cause:
            raw.dropped[cause] += 1
            continue
        raw.kept += 1
        buys = row[1] != "0"
        mine, others = quoted if buys else reversed(quoted)
        size = Decimal(row[2] if buys else row[4])
        mine.pop(row[5], None)
        if size:
            for exchange, (other, _) in list(others.items()):
                if (price >= other) if buys else (price <= other):
                    del others[exchange]
            mine[row[5]] = price, size


def xauusd(files: Sequence[Path], raw: Raw) -> States:
    """No sizes: 100 on either side."""
    rows = _csv(files[0], ".csv")
    raw.rows = len(rows)
    midnight_ns = _midnight_ns(2014, 5, 2)
    book: Levels = ({}, {})

    def levels() -> Levels:
        return book

    for ms, bid_text, ask_text in rows:
        yield midnight_ns + int(Decimal(ms) * MS), levels
        bid, ask = Decimal(bid_text), Decimal(ask_text)
        if bid % Decimal("0.001") or ask % Decimal("0.001"):
            raw.dropped["quote off the grid"] += 1
        elif bid >= ask:
            raw.dropped["quote locked or crossed"] += 1
        else:
            raw.kept += 1
            book = {bid: Decimal(100)}, {ask: Decimal(100)}


def gold(files: Sequence[Path], raw: Raw) -> States:
    """December: bars of quotes count for their close, at their end."""
    raw.tells_taker = False
    trades, bars = (_csv(file, "201312.csv") for file in files)
    raw.rows = len(trades) + len(bars)
    for row in trades:
        if not int(row[2]):
            raw.dropped["trade without size"] += 1
            continue
        raw.kept += 1
        raw.trades.append((NEW_YORK_NS + int(row[0]) * MS, Decimal(row[1]), Decimal(row[2]), ""))
    book: Levels = ({}, {})

    def levels() -> Levels:
        return book

    for bar in bars:
        yield NEW_YORK_NS + (int(bar[0]) + 60_000) * MS, levels
        if not (bar[4] and bar[9]):
            raw.dropped["quote without one side"] += 1
        elif Decimal(bar[4]) >= Decimal(bar[9]):
            raw.dropped["quote locked or crossed"] += 1
        else:
            raw.kept += 1
            book = {Decimal(bar[4]): Decimal(bar[5])}, {Decimal(bar[9]): Decimal(bar[10])}


# -- Databento -----------------------------------------------------------------------------------------------------


def mbo_records(file: Path) -> list[Any]:
    with pa.CompressedInputStream(pa.OSFile(str(file)), "zstd") as source:
        decoder = dbn.DBNDecoder()
        decoder.write(source.read())
        return [record for record in decoder.decode() if isinstance(record, dbn.MBOMsg)]


def es(files: Sequence[Path], raw: Raw) -> States:
    """Orders summed by price at the end of each batch; a batch that ends crossed leaves the book as it was."""
    orders: dict[int, tuple[str, int, int]] = {}
    sums: dict[str, Counter[int]] = {"B": Counter(), "A": Counter()}
    shown: tuple[dict[int, int], dict[int, int]] = {}, {}

    def change(order_id: int, order: tuple[str, int, int] | None) -> None:
        for sign, each in ((-1, orders.pop(order_id, None)), (1, order)):
            if each is not None:
                sums[each[0]][each[1]] += sign * each[2]
                if not sums[each[0]][each[1]]:
                    del sums[each[0]][each[1]]
        if order is not None:
            orders[order_id] = order

    def end_batch(ts_ns: int) -> None:
        nonlocal shown
        if not (sums["B"] and sums["A"]) or max(sums["B"]) < min(sums["A"]):
            shown = dict(sums["B"]), dict(sums["A"])
        else:
            raw.crossed_ns.append(ts_ns)

    def levels() -> Levels:
        bids, asks = ({Decimal(p) / 10**9: Decimal(s) for p, s in side.items()} for side in shown)
        return bids, asks

    for file in files:
        in_snapshot, last_ns = False, 0
        for record in mbo_records(file):
            raw.rows += 1
            action, side, snapshot = str(record.action), str(record.side), bool(record.flags & dbn.F_SNAPSHOT)
            if in_snapshot and not snapshot:
                end_batch(last_ns)
            yield record.ts_recv, levels
            if action == "R" or (snapshot and not in_snapshot):
                orders.clear()
                sums = {"B": Counter(), "A": Counter()}
            in_snapshot, last_ns = snapshot, record.ts_recv
            if action in "AM":
                change(record.order_id, (side, record.price, record.size))
            elif action == "C" and record.order_id not in orders:
                raw.dropped["cancellation of an unknown order"] += 1
                continue
            elif action == "C":
                side, price, size = orders[record.order_id]
                change(record.order_id, (side, price, size - record.size) if size > record.size else None)
            elif action == "T":
                taker = {"B": "BUYER", "A": "SELLER"}.get(side, "NO_AGGRESSOR")
                raw.trades.append((record.ts_recv, Decimal(record.price) / 10**9, Decimal(record.size), taker))
            raw.kept += 1
            if record.flags & dbn.F_LAST:
                end_batch(record.ts_recv)


# -- Bitstamp ------------------------------------------------------------------------------------------------------

_COIN = Decimal(10**8)


class _Order:
    def __init__(self, row: dict[str, str], arrived: float) -> None:
        self.side, self.price, self.volume = row["direction"], Decimal(row["price"]), int(row["volume"])
        self.arrived = arrived  # at its price: ids count orders up, and a repriced one comes behind all so far


class _Fill:
    def __init__(self, ms: int, order: _Order, size: int | None) -> None:
        self.ms, self.order, self.size = ms, order, size

    def meets(self, other: _Fill) -> bool:
        if self.order.side == other.order.side or (self.size is None and other.size is None):
            return False
        bid, ask = (self, other) if self.order.side == "bid" else (other, self)
        same_size = self.size is None or other.size is None or abs(self.size - other.size) <= 2
        return same_size and bid.order.price >= ask.order.price


def bitstamp_rows(file: Path) -> list[dict[str, str]]:
    with lzma.open(file, "rt") as text:
        return list(csv.DictReader(text))


def bitstamp(files: Sequence[Path], raw: Raw) -> States:
    """Orders summed by price, without those that, having come last, would trade with others; fills paired to trades."""
    orders: dict[int, _Order] = {}
    ended: set[int] = set()
    fills: list[_Fill] = []

    def levels() -> Levels:
        sums: dict[str, dict[Decimal, Decimal]] = {"bid": {}, "ask": {}}
        for order in sorted(orders.values(), key=lambda order: order.arrived):
            bids, asks = sums["bid"], sums["ask"]
            if order.side == "bid" and asks and order.price >= min(asks):
                continue
            if order.side == "ask" and bids and order.price <= max(bids):
                continue
            side = sums[order.side]
            side[order.price] = side.get(order.price, Decimal(0)) + order.volume / _COIN
        return _copy(sums["bid"], sums["ask"])

    def filled(fill: _Fill) -> None:
        for other in reversed(fills):
            if fill.ms - other.ms > 200:
                break
            if fill.meets(other):
                fills.remove(other)
                maker = min(fill.order, other.order, key=lambda order: order.arrived)
                size = min(size for size in (fill.size, other.size) if size is not None)
                taker = "SELLER" if maker.side == "bid" else "BUYER"
                raw.trades.append((fill.ms * MS, maker.price, size / _COIN, taker))
                return
        fills.append(fill)

    last_ms = last_id = 0
    for row in bitstamp_rows(files[0]):
        raw.rows += 1
        ms, key, volume, gone = int(row["timestamp"]), int(row["id"]), int(row["volume"]), row["action"] == "deleted"
        if ms < last_ms:
            raw.dropped["row back in time"] += 1
            continue
        last_ms = ms
        yield ms * MS, levels
        known, late = orders.pop(key, None), key in ended
        if gone:
            ended.add(key)
        if not Decimal(row["price"]):
            raw.dropped["price of zero"] += 1
        elif row["action"] == "created" and not volume:
            raw.dropped["order created without volume"] += 1
        elif row["action"] == "created" and late:
            raw.dropped["creation behind the order's end"] += 1
        elif gone and volume and known is None:
            raw.dropped["cancellation of an unknown order"] += 1
        else:
            raw.kept += 1
            order = _Order(row, key)
            if row["action"] == "created":
                last_id = max(last_id, key)
            elif known is None:
                filled(_Fill(ms, order, None))
            elif known.price != order.price:
                order.arrived = last_id + 0.5
            else:
                order.arrived = known.arrived
                if volume < known.volume and not (gone and volume):
                    filled(_Fill(ms, known, known.volume - volume))
            if volume and not gone and not late:
                orders[key] = order


# -- the catalog beside it -----------------------------------------------------------------------------------------


class Market(msgspec.Struct, frozen=True):
    """A recording: its kind, its files below the data folder, and how the test reads them itself."""

    kind: str
    files: tuple[str, ...]
    read: Callable[[Sequence[Path], Raw], States]
    instrument_id: str | None = None


MARKETS = {
    "Binance spot": Market("binance", ("crypto/spot_btcusdt_20240808.gz",), partial(binance, lot="0.00001")),
    "Binance USD-M": Market("binance", ("crypto/usdm_btcusdt_20240808.gz",), partial(binance, lot="0.001")),
    "Binance COIN-M": Market("binance", ("crypto/cm_btcusd_perp_20240808.gz",), partial(binance, lot="1")),
    "Bitstamp": Market("bitstamp", ("crypto/bitstamp_btcusd_l3_20150501.csv.xz",), bitstamp),
    "EUR/USD": Market("quotes", ("fx/eurusd_darwinex_l1_20210907.parquet",), eurusd, "EURUSD.ECN"),
    "IBM": Market("lean", tuple(f"equities/lean_ibm_20131007_{kind}.zip" for kind in ("quote", "trade")), ibm),
    "spot gold": Market("lean", ("futures/lean_oanda_xauusd_20140502_quote.zip",), xauusd),
    "gold future": Market(
        "lean",
        ("futures/lean_gc_tick_20131007_trade.zip", "futures/lean_gc_minute_20131007_quote.zip"),
        gold,
        "GCZ3.XCEC",
    ),
    "S&P future": Market("databento", tuple(f"futures/esh4-glbx-mdp3-202312{day}.mbo.dbn.zst" for day in (24, 25)), es),
}

# Bars are audited row by row in their own tests; of Tardis there is no real file, its tests compare with the kernel's
# own loader.
ELSEWHERE = {"bars", "tardis"}


def imported(market: Market, catalog: Path) -> tuple[ImportSummary, list[Any]]:
    """The account of the import, and all that the catalog has then."""
    files = [DATA / name for name in market.files]
    summary = import_recording(open_recording(market.kind, files, market.instrument_id), catalog)
    return summary, list(load(catalog, [summary.instrument_id], kinds=["trades", "deltas", "quotes"]))


def instants_within(data: list[Any]) -> list[int]:
    """Half of them anywhere, half at the very time of a batch."""
    times = [each.ts_init for each in data if isinstance(each, OrderBookDeltas)]
    chance = random.Random(7)
    anywhere = [chance.randint(times[0], times[-1]) for _ in range(INSTANTS // 2)]
    return sorted(anywhere + chance.sample(times, INSTANTS - len(anywhere)))


def raw_books(states: States, instants: Iterable[int]) -> list[Levels]:
    waiting, books = deque(instants), []
    levels: Callable[[], Levels] = lambda: ({}, {})  # noqa: E731
    for ts_ns, levels in states:
        while waiting and waiting[0] < ts_ns:
            books.append(levels())
            waiting.popleft()
    return books + [levels() for _ in waiting]


def catalog_books(data: list[Any], instants: Iterable[int]) -> list[Levels]:
    waiting, books = deque(instants), []
    book = OrderBook(data[0].instrument_id, BookType.L2_MBP)
    for batch in data:
        if isinstance(batch, OrderBookDeltas):
            while waiting and waiting[0] < batch.ts_init:
                books.append(levels_of(book))
                waiting.popleft()
            book.apply_deltas(batch)
            bid, ask = book.best_bid_price(), book.best_ask_price()
            assert bid is None or ask is None or bid < ask
    return books + [levels_of(book) for _ in waiting]


def levels_of(book: OrderBook) -> Levels:
    bids, asks = (
        {level.price.as_decimal(): sum((o.size.as_decimal() for o in level.orders()), Decimal(0)) for level in side}
        for side in (book.bids(), book.asks())
    )
    return bids, asks


def trades_of(data: list[Any], *, with_taker: bool) -> list[Trade]:
    return [
        (
            each.ts_init,
            each.price.as_decimal(),
            each.size.as_decimal(),
            each.aggressor_side.name if with_taker else "",
        )
        for each in data
        if isinstance(each, TradeTick)
    ]


def quotes_of(data: list[Any]) -> list[Quote]:
    return [
        (
            each.ts_init,
            *(value.as_decimal() for value in (each.bid_price, each.bid_size, each.ask_price, each.ask_size)),
        )
        for each in data
        if isinstance(each, QuoteTick)
    ]


@pytest.mark.parametrize("name", list(MARKETS))
def test_rows_books_and_trades_are_those_of_the_raw_file(name: str, tmp_path: Path) -> None:
    market, raw = MARKETS[name], Raw()
    summary, data = imported(market, tmp_path / "catalog")
    instants = instants_within(data)
    expected = raw_books(market.read([DATA / name for name in market.files], raw), instants)

    assert raw.rows == raw.kept + raw.dropped.total()
    assert (summary.rows, summary.rows_kept) == (raw.rows, raw.kept)
    assert summary.dropped == raw.dropped + raw.parts_dropped

    assert trades_of(data, with_taker=raw.tells_taker) == raw.trades
    assert quotes_of(data) == raw.quotes
    assert (summary.kept["trades"], summary.kept["quotes"]) == (len(raw.trades), len(raw.quotes))
    assert summary.kept["batches"] == sum(isinstance(each, OrderBookDeltas) for each in data)
    assert summary.crossed_batches == len(raw.crossed_ns)

    for instant, ours, theirs in zip(instants, catalog_books(data, instants), expected, strict=True):
        assert ours == theirs, instant
    assert sum(all(book) for book in expected) > 0.9 * INSTANTS  # books that are empty would prove nothing


def test_every_kind_is_audited() -> None:
    assert {market.kind for market in MARKETS.values()} | ELSEWHERE == set(KINDS)


# -- dirt, as it was seen in the files -----------------------------------------------------------------------------


@cache
def account_of(name: str) -> Account:
    market, account = MARKETS[name], Account()
    files = [DATA / file for file in market.files]
    deque(open_recording(market.kind, files, market.instrument_id).data(account, lambda _done, _total: None), maxlen=0)
    return account


@pytest.mark.parametrize(
    ("name", "cause", "count"),
    [
        ("EUR/USD", "quote locked or crossed", 2_510),
        ("EUR/USD", "quote off the grid", 4),
        ("EUR/USD", "quote without one side", 1),
        ("IBM", "outside the regular session", 1_069 + 187),
        ("IBM", "trade off exchange", 7_439),
        ("IBM", "suspicious", 0),  # the one there is lies outside of the session
        ("gold future", "trade without size", 92),
        ("gold future", "quote without one side", 41),
        ("gold future", "quote locked or crossed", 33),
        ("Bitstamp", "cancellation of an unknown order", 183),
        ("Bitstamp", "creation behind the order's end", 5),
        ("Bitstamp", "row back in time", 0),
    ],
)
def test_rows_are_dropped_for_a_cause(name: str, cause: str, count: int) -> None:
    assert account_of(name).dropped[cause] == count


@pytest.mark.parametrize(
    ("name", "what", "count"),
    [
        ("IBM", "late quote of another exchange removed", 5_397),
        ("Bitstamp", "marketable order held back", 381),
        ("Bitstamp", "fill of an unknown order", 22),
        ("Bitstamp", "order first seen by its change", 3),
        ("Bitstamp", "change behind the order's end is a fill alone", 1),
        ("Bitstamp", "fill without a counterpart makes no trade", 6),
        ("Bitstamp", "marketable order removed: did not trade", 0),
        ("Bitstamp", "resting order removed: crossed for long", 0),
    ],
)
def test_rows_are_mended(name: str, what: str, count: int) -> None:
    assert account_of(name).mended[what] == count


def test_fills_of_bitstamp_make_trades_at_prices_of_that_day() -> None:
    raw = Raw()
    deque(bitstamp([DATA / file for file in MARKETS["Bitstamp"].files], raw), maxlen=0)
    prices = [price for _, price, _, _ in raw.trades]
    assert (raw.rows, len(prices)) == (50_414, 570)
    assert 234 < min(prices) < max(prices) < 240


def test_quotes_of_ibm_outside_of_the_session_are_dropped_with_what_is_suspicious_or_one_sided_among_them() -> None:
    quotes = _csv(DATA / MARKETS["IBM"].files[0], ".csv")
    outside = [row for row in quotes if not 34_200_000 <= int(row[0]) < 57_600_000]
    assert len(outside) == 1_069
    assert [row for row in quotes if row[-1] != "0"] == [row for row in outside if row[-1] != "0"]
    assert all((row[1] == "0") != (row[3] == "0") for row in quotes)  # by design: a row is one side of one exchange


def test_batches_of_the_future_that_end_crossed_are_of_the_hour_before_the_opening() -> None:
    raw = Raw()
    deque(es([DATA / file for file in MARKETS["S&P future"].files], raw), maxlen=0)
    opening_ns = _midnight_ns(2023, 12, 25, 23)
    assert len(raw.crossed_ns) == account_of("S&P future").crossed_batches == 891
    assert opening_ns - 3_600 * 10**9 < min(raw.crossed_ns) < max(raw.crossed_ns) < opening_ns + MS  # as it opens


@pytest.fixture
def spot_head(tmp_path: Path) -> Path:
    """The first lines of the spot capture."""
    head = tmp_path / "head.gz"
    with gzip.open(DATA / MARKETS["Binance spot"].files[0]) as capture:
        head.write_bytes(gzip.compress(b"".join(islice(capture, 3_000))))
    return head


def test_a_capture_begins_without_a_snapshot_and_one_that_has_none_is_told(spot_head: Path) -> None:
    lines = gzip.decompress(spot_head.read_bytes()).splitlines(keepends=True)
    assert [number for number, line in enumerate(lines, 1) if b"lastUpdateId" in line] == [8]
    with_snapshot = import_recording(open_recording("binance", [spot_head]), spot_head.parent / "with")
    del lines[7]
    spot_head.write_bytes(gzip.compress(b"".join(lines)))
    without = import_recording(open_recording("binance", [spot_head]), spot_head.parent / "without")
    assert (with_snapshot.starts_incomplete, without.starts_incomplete) == (False, True)
    assert with_snapshot.dropped["diff already in the snapshot"] == 2
    assert "diff already in the snapshot" not in without.dropped


def test_the_exchanges_clock_ahead_is_told_and_not_applied(spot_head: Path) -> None:
    summary = import_recording(open_recording("binance", [spot_head]), spot_head.parent / "catalog")
    ahead_ms = [
        message["data"]["E"] - ts_ns / MS for ts_ns, message in captured([spot_head]) if "E" in message.get("data", {})
    ]
    assert summary.clock_offset_ms == pytest.approx(median(ahead_ms), abs=0.02)
    assert summary.clock_offset_ms == pytest.approx(1_270, abs=5)
    stamps = {ts_ns for ts_ns, _ in captured([spot_head])}
    assert {each.ts_init for each in load(spot_head.parent / "catalog", ["BTCUSDT.BINANCE"])} <= stamps
