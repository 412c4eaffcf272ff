"""Bitstamp's order-level events in csv, plain, gzip or xz -> book of price levels, and trades derived from fills.

Columns ``id,timestamp,exchange.timestamp,price,volume,action,direction``; times in ms, volumes in 1e-8 coins.

Times: ``ts_init`` is the local `timestamp`. The exchange's is in whole seconds, and a changed or deleted row repeats
that of the order's creation, so ``ts_event`` is the latest creation told so far. Rows of one local ms are one batch.

Rows dropped as a whole: back in time; of a price off the grid or zero; created without volume; a cancellation of an
order that is not known; the creation of an order that has already ended (messages overtake each other by some ms: taken
for new, such an order would stand in the book for ever). A row that is no row (columns, numbers, words) ends the import
with its line.

Mended: an order created twice is replaced; one first seen by its change is added, unless it has already ended: then the
change is a fill alone. The recording begins without a book: older orders are missing until they are named. Ends are
remembered for `PATIENCE_NS`.

Marketable orders are in the data for some ms before they trade. One that would lock or cross the orders shown is held
back until it no longer does, so the book is never crossed and nobody sees the future. One that is still held after
`PATIENCE_NS` betrays a lost message: if more held orders than resting ones are in the conflict, the resting ones are
removed, else the held one. Later messages of a removed order are those of an unknown one.

Trades: a fill is a volume that falls at an unchanged price, or a deletion with volume 0 (a cancelled order keeps its
volume; an order that is repriced may change its volume without a trade). Two fills of opposite sides within `PAIR_NS`
whose prices cross and whose sizes agree within `ROUNDING` units are one trade; of several candidates the latest is
taken. One of the two may be of unknown size, being of an order from before the recording. The maker is who had come
to its price first; the trade is at the maker's price, of the smaller size, at the local time of the second fill, when
it was known. A fill without a counterpart makes no trade.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from nautilus_trader.model.currencies import BTC, USD
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TradeId
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import FIXED_PRECISION, Price, Quantity

from ultramm.errors import DataError
from ultramm.nautilus.recordings.csv_file import header, lines
from ultramm.nautilus.recordings.grid import OFF_GRID, price_grid
from ultramm.nautilus.recordings.importing import Account, Progress
from ultramm.nautilus.recordings.order_levels import OrderLevels

PAIR_NS = 200_000_000
PATIENCE_NS = 5_000_000_000
ROUNDING = 2  # units of 1e-8: both sides' volumes are rounded apart
FEE = Decimal("0.0025")  # Bitstamp's base tier in 2015, maker and taker

_HEADER = "id,timestamp,exchange.timestamp,price,volume,action,direction"
_SIDES = {"bid": OrderSide.BUY, "ask": OrderSide.SELL}
_ACTIONS = ("created", "changed", "deleted")
_NS_PER_MS = 1_000_000
_UNIT = 10 ** (FIXED_PRECISION - 8)


class _Row(NamedTuple):
    order_id: int
    ts_ns: int
    exchange_ns: int
    price: int
    volume: int
    action: str
    side: Any


class _Order(NamedTuple):
    price: int
    volume: int
    arrived: tuple[int, int]  # its id; repriced, behind all ids seen by then


class _Fill(NamedTuple):
    ts_ns: int
    side: Any
    price: int
    size: int | None
    arrived: tuple[int, int]


class BitstampRecording:
    """Files of BTC/USD, read one behind the other in order of their first rows.

    Parameters
    ----------
    files : sequence of Path
        The csv files.
    instrument_id : str, optional
        The venue is free: ``BTCUSD.XYZ``. By default BTCUSD.BITSTAMP.

    Raises
    ------
    DataError
        A file is no such csv, or the instrument is another one.
    """

    product = "Bitstamp orders"

    def __init__(self, files: Sequence[Path], instrument_id: Any = None) -> None:
        if not files:
            raise DataError("no file was given; name at least one csv")
        self.instrument = _instrument(instrument_id or "BTCUSD.BITSTAMP", files[0])
        firsts = {Path(file): self._first_ns(Path(file)) for file in files}
        self.files = sorted(firsts, key=lambda file: firsts[file])

    def _first_ns(self, file: Path) -> int:
        if header(file) != _HEADER:
            raise DataError(f"{file}: is no csv of Bitstamp's orders: its first line is not {_HEADER}")
        for row in self._rows(file, lambda _done: None):
            return row.ts_ns
        raise DataError(f"{file}: holds no row; leave it out")

    def data(self, account: Account, progress: Progress) -> Iterator[Any]:
        converter = _Converter(self.instrument, account)
        account.starts_incomplete = True
        for ts_ns, rows in groupby(self._in_order(account, progress), key=lambda row: row.ts_ns):
            yield from converter.moment(ts_ns, rows)
        account.mended["fill without a counterpart makes no trade"] += converter.single_fills
        account.mended = +account.mended

    def _in_order(self, account: Account, progress: Progress) -> Iterator[_Row]:
        total, before = sum(file.stat().st_size for file in self.files), 0
        for file in self.files:

            def report(done: int, before: int = before) -> None:
                progress(before + done, total)

            for row in self._rows(file, report):
                account.rows += 1
                if row.ts_ns < account.last_ns:
                    account.dropped["row back in time"] += 1
                    continue
                account.first_ns = account.first_ns or row.ts_ns
                account.last_ns = row.ts_ns
                yield row
            before += file.stat().st_size
            progress(before, total)

    def _rows(self, file: Path, report: Callable[[int], None]) -> Iterator[_Row]:
        prices = price_grid(self.instrument)
        for number, line in lines(file, report):
            try:
                yield _parse(line, prices)
            except ValueError as error:
                raise DataError(f"{file}: line {number}: {error}; repair or remove the line") from error


class _Converter:
    """Rows to book deltas and trades."""

    def __init__(self, instrument: Any, account: Account) -> None:
        self._account = account
        self._book = OrderLevels(instrument)
        self._orders: dict[int, _Order] = {}
        self._held: dict[int, tuple[Any, int]] = {}  # order id -> side, since when; in order of arrival
        self._ended: dict[int, int] = {}  # order id -> when; the latest are last
        self._trades = _Trades(instrument)
        self._exchange_ns = 0
        self._last_id = 0

    @property
    def single_fills(self) -> int:
        return self._trades.single

    def moment(self, ts_ns: int, rows: Iterator[_Row]) -> Iterator[Any]:
        """All rows of one local time."""
        for row in rows:
            fill = self._apply(row)
            if fill:
                yield from self._trades.add(fill, self._exchange_ns)
        self._release(ts_ns)
        deltas = self._book.batch(self._exchange_ns, ts_ns)
        self._account.batches += bool(deltas)
        self._account.crossed_batches += bool(deltas) and self._book.crossed
        yield from deltas

    def _apply(self, row: _Row) -> _Fill | None:
        if row.price <= 0:
            self._account.dropped["price off the grid" if row.price == OFF_GRID else "price of zero"] += 1
            return None
        if row.action == "created":
            self._create(row)
            return None
        has_ended = self._has_ended(row)
        known = self._orders.get(row.order_id)
        if known is None and row.action == "deleted" and row.volume:
            self._account.dropped["cancellation of an unknown order"] += 1
            return None
        fill = _fill(row, known)
        if row.action == "deleted" or not row.volume:
            if known is None:
                self._account.mended["fill of an unknown order"] += 1
            self._forget(row.order_id)
            return fill
        if has_ended:
            self._account.mended["change behind the order's end is a fill alone"] += 1
        elif known is None:
            self._account.mended["order first seen by its change"] += 1
            self._arrive(row, (row.order_id, 0))
        elif known.price != row.price:
            self._arrive(row, (self._last_id, 1))
        else:
            self._orders[row.order_id] = known._replace(volume=row.volume)
            if row.order_id not in self._held:
                self._show(row.order_id, row.side)
        return fill

    def _has_ended(self, row: _Row) -> bool:
        """Whether the order's end was told before this row; notes it when this is one."""
        while self._ended and row.ts_ns - self._ended[oldest := next(iter(self._ended))] > PATIENCE_NS:
            del self._ended[oldest]
        had_ended = row.order_id in self._ended
        if row.action == "deleted":
            self._ended.pop(row.order_id, None)
            self._ended[row.order_id] = row.ts_ns
        return had_ended

    def _create(self, row: _Row) -> None:
        self._exchange_ns = max(self._exchange_ns, row.exchange_ns)
        self._last_id = max(self._last_id, row.order_id)
        if not row.volume:
            self._account.dropped["order created without volume"] += 1
            return
        if self._has_ended(row):
            self._account.dropped["creation behind the order's end"] += 1
            return
        if row.order_id in self._orders:
            self._account.mended["order created twice replaced"] += 1
        self._arrive(row, (row.order_id, 0))

    def _arrive(self, row: _Row, arrived: tuple[int, int]) -> None:
        """An order that comes to a price: shown, or held back when it would trade."""
        self._forget(row.order_id)
        self._orders[row.order_id] = _Order(row.price, row.volume, arrived)
        if self._crosses(row.side, row.price):
            self._held[row.order_id] = row.side, row.ts_ns
            self._account.mended["marketable order held back"] += 1
        else:
            self._show(row.order_id, row.side)

    def _show(self, order_id: int, side: Any) -> None:
        order = self._orders[order_id]
        self._book.put(order_id, side, order.price, order.volume * _UNIT)

    def _forget(self, order_id: int) -> None:
        self._orders.pop(order_id, None)
        self._held.pop(order_id, None)
        self._book.remove(order_id)

    def _crosses(self, side: Any, price: int) -> bool:
        buys = side == OrderSide.BUY
        best = self._book.best(OrderSide.SELL if buys else OrderSide.BUY)
        return best is not None and (price >= best if buys else price <= best)

    def _release(self, ts_ns: int) -> None:
        for order_id, (side, since_ns) in list(self._held.items()):
            if self._crosses(side, self._orders[order_id].price) and ts_ns - since_ns > PATIENCE_NS:
                self._remove_stale(order_id, side)
            if order_id in self._held and not self._crosses(side, self._orders[order_id].price):
                del self._held[order_id]
                self._show(order_id, side)

    def _remove_stale(self, order_id: int, side: Any) -> None:
        """The fewer are wrong: a message of theirs was lost."""
        resting = self._book.crossed_by(side, self._orders[order_id].price)
        if sum(other == side for other, _ in self._held.values()) > len(resting):
            self._account.mended["resting order removed: crossed for long"] += len(resting)
            for other_id in resting:
                self._forget(other_id)
        else:
            self._account.mended["marketable order removed: did not trade"] += 1
            self._forget(order_id)


class _Trades:
    """Pairs fills to trades."""

    def __init__(self, instrument: Any) -> None:
        self._instrument = instrument
        self._open: deque[_Fill] = deque()
        self._expired = 0
        self._count = 0

    @property
    def single(self) -> int:
        return self._expired + len(self._open)

    def add(self, fill: _Fill, ts_event: int) -> Iterator[Any]:
        while self._open and fill.ts_ns - self._open[0].ts_ns > PAIR_NS:
            self._open.popleft()
            self._expired += 1
        for other in reversed(self._open):
            if _match(other, fill):
                self._open.remove(other)
                yield self._trade(other, fill, ts_event)
                return
        self._open.append(fill)

    def _trade(self, first: _Fill, second: _Fill, ts_event: int) -> Any:
        maker = min(first, second, key=lambda fill: fill.arrived)
        size = min(fill.size for fill in (first, second) if fill.size is not None)
        self._count += 1
        return TradeTick.from_raw(
            self._instrument.id,
            maker.price,
            self._instrument.price_precision,
            size * _UNIT,
            self._instrument.size_precision,
            AggressorSide.SELLER if maker.side == OrderSide.BUY else AggressorSide.BUYER,
            TradeId(str(self._count)),
            ts_event,
            second.ts_ns,
        )


def _match(one: _Fill, other: _Fill) -> bool:
    if one.side == other.side:
        return False
    buy, sell = (one, other) if one.side == OrderSide.BUY else (other, one)
    if buy.price < sell.price:
        return False
    if one.size is None or other.size is None:
        return one.size is not other.size
    return abs(one.size - other.size) <= ROUNDING


def _fill(row: _Row, known: _Order | None) -> _Fill | None:
    if known is None:
        return _Fill(row.ts_ns, row.side, row.price, None, (row.order_id, 0))
    if known.price != row.price or row.volume >= known.volume or (row.action == "deleted" and row.volume):
        return None
    return _Fill(row.ts_ns, row.side, row.price, known.volume - row.volume, known.arrived)


def _parse(line: str, prices: dict[str, int]) -> _Row:
    fields = line.split(",")
    if len(fields) != 7:
        raise ValueError(f"has {len(fields)} columns, not 7")
    order_id, ts_ms, exchange_ms, price, volume, action, direction = fields
    for name, text in (("id", order_id), ("timestamp", ts_ms), ("exchange.timestamp", exchange_ms), ("volume", volume)):
        if not (text.isascii() and text.isdecimal() and len(text) < 19):
            raise ValueError(f"{name} {text[:40]!r} is no whole number")
    if action not in _ACTIONS or direction not in _SIDES:
        raise ValueError(f"{action[:40]!r} of {direction[:40]!r} is no event of an order")
    # Beyond int64 nanoseconds there is no time, beyond ten million coins no order.
    if max(int(ts_ms), int(exchange_ms)) > 9 * 10**12 or int(volume) > 10**15:
        raise ValueError("has a time or volume that is too large")
    return _Row(
        int(order_id),
        int(ts_ms) * _NS_PER_MS,
        int(exchange_ms) * _NS_PER_MS,
        prices[price],
        int(volume),
        action,
        _SIDES[direction],
    )


def _instrument(instrument_id: Any, file: Path) -> Any:
    if not isinstance(instrument_id, str):
        return instrument_id
    symbol, _, venue = instrument_id.rpartition(".")
    if symbol != "BTCUSD" or not venue:
        raise DataError(f"{file}: cannot be imported as {instrument_id!r}; use BTCUSD.VENUE, e.g. BTCUSD.BITSTAMP")
    identity = InstrumentId.from_str(instrument_id)
    tick, lot = Price.from_str("0.01"), Quantity.from_str("0.00000001")
    return CurrencyPair(
        instrument_id=identity,
        raw_symbol=identity.symbol,
        base_currency=BTC,
        quote_currency=USD,
        price_precision=tick.precision,
        size_precision=lot.precision,
        price_increment=tick,
        size_increment=lot,
        lot_size=lot,
        min_quantity=lot,
        margin_init=Decimal(1),
        margin_maint=Decimal(1),
        maker_fee=FEE,
        taker_fee=FEE,
        ts_event=0,
        ts_init=0,
    )
