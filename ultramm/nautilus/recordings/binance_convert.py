"""Messages of a Binance capture -> Nautilus data in the order of arrival, and an account of what was dropped.

``ts_init`` is the local time of reception, ``ts_event`` the exchange's (``T``, else ``E``, else ``ts_init``).
The two clocks differ: the median is reported, never applied.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from nautilus_trader.model.data import QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import TradeId

from ultramm.nautilus.catalog.manifest import Gap
from ultramm.nautilus.recordings.binance_book import LISTED_GAPS, BookBuilder
from ultramm.nautilus.recordings.binance_capture import (
    BookTicker,
    DepthDiff,
    DepthSnapshot,
    Message,
    OtherMessage,
    PublicTrade,
    product_of,
)
from ultramm.nautilus.recordings.grid import OFF_GRID, price_grid, size_grid

_NS_PER_MS = 1_000_000
_BIN_NS = 10_000  # resolution of the clock offset


class Converter:
    """Converts the messages of one instrument; the lists `trades`, `quotes` and `book.deltas` fill up.

    The caller takes what it has written out of the lists. Conversion raises `ValueError` for text that is no
    number and for a message of another instrument.

    Parameters
    ----------
    instrument : CurrencyPair or CryptoPerpetual
    product, symbol : str
        What every message must be of.
    await_snapshot : bool
        Whether a depth snapshot will come; trades before the book is known are dropped.
    """

    def __init__(self, instrument: Any, product: str, symbol: str, *, await_snapshot: bool) -> None:
        self.dropped: Counter[str] = Counter()
        self.book = BookBuilder(instrument, await_snapshot=await_snapshot, dropped=self.dropped)
        self.trades: list[Any] = []
        self.quotes: list[Any] = []
        self.trade_gaps: list[Gap] = []
        self.trade_gap_count = 0
        self._product, self._symbol = product, symbol
        self._id = instrument.id
        self._prices, self._sizes = price_grid(instrument), size_grid(instrument)
        self._last_ts = self._last_trade_id = self._last_quote_id = -1
        self._offsets: Counter[int] = Counter()

    def feed(self, ts_init: int, message: Message) -> None:
        """Convert one message that was received at `ts_init`."""
        if ts_init < self._last_ts:
            self.dropped["line back in time"] += 1
            return
        self._last_ts = ts_init
        if isinstance(message, OtherMessage):
            self.dropped[message.what] += 1
            return
        self._check_origin(message)
        ts_event = self._ts_event(message, ts_init)
        match message:
            case BookTicker():
                self._quote(message, ts_event, ts_init)
            case PublicTrade():
                self._trade(message, ts_event, ts_init)
            case DepthDiff():
                self.book.diff(message, ts_event, ts_init)
            case DepthSnapshot():
                self.book.snapshot(message, ts_event, ts_init)

    @property
    def clock_offset_ms(self) -> float | None:
        """Median of exchange time (when it sent) minus local time, ms; None when no message has a time."""
        half, seen = self._offsets.total() / 2, 0
        for offset in sorted(self._offsets):
            seen += self._offsets[offset]
            if seen >= half:
                return offset * _BIN_NS / _NS_PER_MS
        return None

    def _check_origin(self, message: DepthDiff | DepthSnapshot | BookTicker | PublicTrade) -> None:
        symbol = message.symbol
        if isinstance(message, DepthDiff | BookTicker) and (product := product_of(message)) != self._product:
            raise ValueError(f"a {product} message in a {self._product} capture")
        if symbol is not None and symbol != self._symbol:
            raise ValueError(f"symbol {symbol!r} in a capture of {self._symbol}")

    def _ts_event(self, message: DepthDiff | DepthSnapshot | BookTicker | PublicTrade, ts_init: int) -> int:
        sent = message.sent_ms
        if sent is not None:
            self._offsets[(sent * _NS_PER_MS - ts_init) // _BIN_NS] += 1
        matched = message.matched_ms if message.matched_ms is not None else sent
        return ts_init if matched is None else matched * _NS_PER_MS

    def _trade(self, message: PublicTrade, ts_event: int, ts_init: int) -> None:
        if not self._is_new_trade(message, ts_init):
            return
        price, size = self._prices[message.price], self._sizes[message.size]
        cause = _fault("trade", price, size)
        if message.kind not in (None, "MARKET"):
            cause = "trade not from the market (insurance fund, ADL)"
        elif cause is None and not self.book.ready:
            cause = "trade before the book is known"
        if cause is not None:
            self.dropped[cause] += 1
            return
        aggressor = AggressorSide.SELLER if message.buyer_is_maker else AggressorSide.BUYER
        self.trades.append(
            TradeTick.from_raw(
                self._id,
                price,
                self._prices.precision,
                size,
                self._sizes.precision,
                aggressor,
                TradeId(str(message.trade_id)),
                ts_event,
                ts_init,
            )
        )

    def _is_new_trade(self, message: PublicTrade, ts_init: int) -> bool:
        last, trade_id = self._last_trade_id, message.trade_id
        if trade_id <= last:
            self.dropped["trade repeated"] += 1
            return False
        self._last_trade_id = trade_id
        if last >= 0 and trade_id != last + 1:
            self.trade_gap_count += 1
            if len(self.trade_gaps) < LISTED_GAPS:
                self.trade_gaps.append(Gap("trades", ts_init, last, trade_id, trade_id - last - 1))
        return True

    def _quote(self, message: BookTicker, ts_event: int, ts_init: int) -> None:
        if message.update_id <= self._last_quote_id:
            self.dropped["quote out of sequence"] += 1
            return
        self._last_quote_id = message.update_id
        bid, ask = self._prices[message.bid], self._prices[message.ask]
        bid_size, ask_size = self._sizes[message.bid_size], self._sizes[message.ask_size]
        cause = _fault("quote", min(bid, ask), min(bid_size, ask_size))
        if cause is not None:
            self.dropped[cause] += 1
            return
        price_precision, size_precision = self._prices.precision, self._sizes.precision
        self.quotes.append(
            QuoteTick.from_raw(
                self._id,
                bid,
                ask,
                price_precision,
                price_precision,
                bid_size,
                ask_size,
                size_precision,
                size_precision,
                ts_event,
                ts_init,
            )
        )


def _fault(kind: str, price: int, size: int) -> str | None:
    """Why a trade or quote cannot be kept; None when it can."""
    if price == OFF_GRID:
        return f"{kind} price off the grid"
    if size == OFF_GRID:
        return f"{kind} size off the grid"
    return f"{kind} with a price or size of zero" if price == 0 or size == 0 else None
