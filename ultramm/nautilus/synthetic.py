"""The synthetic market as Nautilus data: an instrument, book deltas and trades."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide, RecordFlag
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TradeId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Currency, Price, Quantity

from ultramm.errors import DataError
from ultramm.market import Side
from ultramm.simulation.events import LevelChange, Market, MarketEvent

# An arbitrary epoch, the same for everybody, so that a generated session is the same to the byte.
EPOCH_NS = 1_704_067_200_000_000_000
_QUOTE_CURRENCIES = ("USDT", "USDC", "USD", "EUR", "JPY", "GBP", "BTC", "ETH")
_BOOK_SIDES = {Side.BUY: OrderSide.BUY, Side.SELL: OrderSide.SELL}
_AGGRESSORS = {Side.BUY: AggressorSide.BUYER, Side.SELL: AggressorSide.SELLER}


def synthetic_instrument(symbol: str, venue: str, start_price: float, tick_bps: float, lot_size: float) -> Any:
    """A spot pair on which the agents trade: one of their ticks is `tick_bps` of the start price.

    Raises
    ------
    DataError
        When the symbol does not end in a currency to quote in.
    """
    quote = next((code for code in _QUOTE_CURRENCIES if symbol.endswith(code) and symbol != code), None)
    if quote is None:
        known = ", ".join(_QUOTE_CURRENCIES)
        raise DataError(f"synthetic symbol {symbol}: it must be BASE and QUOTE, with QUOTE one of {known}")
    tick = _plain(Decimal(str(start_price)) * Decimal(str(tick_bps)) / 10_000)
    return CurrencyPair(
        instrument_id=InstrumentId(Symbol(symbol), Venue(venue)),
        raw_symbol=Symbol(symbol),
        base_currency=Currency.from_str(symbol.removesuffix(quote)),
        quote_currency=Currency.from_str(quote),
        price_precision=_decimals(tick),
        size_precision=_decimals(_plain(Decimal(str(lot_size)))),
        price_increment=Price.from_str(format(tick, "f")),
        size_increment=Quantity.from_str(format(_plain(Decimal(str(lot_size))), "f")),
        ts_event=EPOCH_NS,
        ts_init=EPOCH_NS,
    )


def synthetic_events(
    market: Market, instrument: Any, start_price: float, pace: float, duration_s: float | None
) -> Iterator[Any]:
    """The market's life as trades and batches of deltas, each agent's action at one time, trades first.

    Parameters
    ----------
    start_price : float
        Price of the market's tick zero.
    pace : float
        Seconds of market a second of the data.
    duration_s : float or None
        Where to end, seconds of the data; None never ends.
    """
    writer = _Writer(instrument, round(start_price / float(instrument.price_increment)))
    for sequence, event in enumerate(market.events()):
        time_s = event.time_s / pace
        if duration_s is not None and time_s > duration_s:
            return
        yield from writer.write(event, sequence, EPOCH_NS + round(time_s * 1e9))


class _Writer:
    """Turns ticks and lots into the kernel's objects, remembering which levels exist."""

    def __init__(self, instrument: Any, base_ticks: int) -> None:
        self._id = instrument.id
        self._base_ticks = base_ticks
        self._price_precision = instrument.price_precision
        self._size_precision = instrument.size_precision
        self._tick_raw = instrument.price_increment.raw
        self._lot_raw = instrument.size_increment.raw
        self._levels: set[tuple[Side, int]] = set()

    def write(self, event: MarketEvent, sequence: int, ts_ns: int) -> Iterator[Any]:
        for index, trade in enumerate(event.trades):
            yield TradeTick(
                self._id,
                self._price(trade.ticks),
                self._size(trade.lots),
                _AGGRESSORS[trade.side],
                TradeId(f"{sequence}-{index}"),
                ts_ns,
                ts_ns,
            )
        if event.changes:
            deltas = [OrderBookDelta.clear(self._id, 0, ts_ns, ts_ns)] if sequence == 0 else []
            last = len(event.changes) - 1
            for index, change in enumerate(event.changes):
                flags = RecordFlag.F_LAST if index == last else 0
                deltas.append(self._delta(change, flags, sequence, ts_ns))
            yield OrderBookDeltas(self._id, deltas)

    def _delta(self, change: LevelChange, flags: int, sequence: int, ts_ns: int) -> Any:
        key = (change.side, change.ticks)
        if change.lots == 0:
            action = BookAction.DELETE
            self._levels.discard(key)
        elif key in self._levels:
            action = BookAction.UPDATE
        else:
            action = BookAction.ADD
            self._levels.add(key)
        order = BookOrder(_BOOK_SIDES[change.side], self._price(change.ticks), self._size(change.lots), 0)
        return OrderBookDelta(self._id, action, order, flags, sequence, ts_ns, ts_ns)

    def _price(self, ticks: int) -> Any:
        return Price.from_raw((self._base_ticks + ticks) * self._tick_raw, self._price_precision)

    def _size(self, lots: int) -> Any:
        return Quantity.from_raw(lots * self._lot_raw, self._size_precision)


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros and without an exponent."""
    value = value.normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value


def _decimals(value: Decimal) -> int:
    return max(0, -int(value.as_tuple().exponent))
