"""The words of the market: immutable, free of any trading kernel, in plain floats and integer nanoseconds.

Prices are in quote currency per unit, sizes in the instrument's size unit. Orders are planned in integer ticks
and lots (`Quote`), so that two prices are equal or they are not.
"""

from __future__ import annotations

import enum
import math

import msgspec


class Side(enum.IntEnum):
    """The side of an order; the value is the sign of the inventory change it brings."""

    BUY = 1
    SELL = -1

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class Level(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One price of a book: price, and the size visible there."""

    price: float
    size: float


class Book(msgspec.Struct, frozen=True, gc=False):
    """The visible book, best level first on each side; a side may be empty.

    Parameters
    ----------
    ts_ns : int
        When this process learned of it, nanoseconds since the epoch.
    bids, asks : tuple of Level
        Descending and ascending in price.
    """

    ts_ns: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def two_sided(self) -> bool:
        return bool(self.bids and self.asks)

    @property
    def mid(self) -> float:
        """Mean of best bid and best ask; NaN unless both are there."""
        if self.bids and self.asks:
            return 0.5 * (self.bids[0].price + self.asks[0].price)
        return math.nan

    @property
    def spread(self) -> float:
        """Best ask minus best bid, in price; negative when crossed, NaN unless both are there."""
        if self.bids and self.asks:
            return self.asks[0].price - self.bids[0].price
        return math.nan


class Trade(msgspec.Struct, frozen=True, gc=False):
    """A public trade; `side` is the taker's.

    `venue_ns` is the venue's own time of it, 0 where it is not known: good for telling whether two trades were one
    market order, and for nothing else, since the venue's clock may be seconds from ours.
    """

    ts_ns: int
    price: float
    size: float
    side: Side
    venue_ns: int = 0


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """What quoting and accounting must know of an instrument.

    Parameters
    ----------
    tick_size, lot_size : float
        Smallest step of price and of size.
    price_precision, size_precision : int
        Decimals of a price and of a size.
    min_size, min_notional : float
        Smallest order, in size and in price times size (0 when the venue sets none).
    multiplier : float
        Currency per unit of price and size: 1 for spot, the contract's value for futures.
    inverse : bool
        True when the contract is quoted in one currency and settled in the other (coin-margined): the value of
        a contract is then ``multiplier / price``.
    maker_fee, taker_fee : float
        Fraction of notional, positive = paid.
    hours : str
        When it is traded, as `ultramm.trading_hours.TradingHours` reads it; empty = always.
    expiry_ns : int
        Last moment of trading, nanoseconds since the epoch; 0 = never.
    """

    id: str
    tick_size: float
    lot_size: float
    price_precision: int
    size_precision: int
    quote_currency: str
    settlement_currency: str
    base_currency: str = ""
    min_size: float = 0.0
    min_notional: float = 0.0
    multiplier: float = 1.0
    inverse: bool = False
    maker_fee: float = 0.0
    taker_fee: float = 0.0
    hours: str = ""
    expiry_ns: int = 0

    def price(self, ticks: int) -> float:
        """The price of a whole number of ticks."""
        return round(ticks * self.tick_size, self.price_precision)

    def size(self, lots: int) -> float:
        """The size of a whole number of lots."""
        return round(lots * self.lot_size, self.size_precision)

    def ticks(self, price: float) -> int:
        """The nearest whole number of ticks."""
        return round(price / self.tick_size)

    def lots(self, size: float) -> int:
        """The nearest whole number of lots."""
        return round(size / self.lot_size)

    def whole_lots(self, size: float) -> int:
        """The whole lots that `size` holds; binary fractions cost none of them."""
        return math.floor(size / self.lot_size + 1e-9)

    def smallest_lots(self, price: float) -> int:
        """Lots of the smallest order that the venue takes at `price`."""
        notional = self.notional(price, self.lot_size)
        least = max(1.0, self.min_size / self.lot_size, self.min_notional / notional if notional > 0 else 1.0)
        return math.ceil(least * (1.0 - 1e-12))

    def value(self, price: float) -> float:
        """Settlement currency that one unit of long inventory is worth at `price`, up to a constant.

        Linear: ``multiplier * price``. Inverse: ``-multiplier / price``, which also rises with the price.
        """
        return -self.multiplier / price if self.inverse else self.multiplier * price

    def notional(self, price: float, size: float) -> float:
        """Absolute exposure: in quote currency for linear, in contract currency for inverse instruments."""
        return abs(size) * self.multiplier * (1.0 if self.inverse else price)

    def exposure(self, price: float, size: float) -> float:
        """What a position of this size is worth, in settlement currency: what a margin account's equity must bear."""
        return abs(self.value(price)) * size

    def cost(self, price: float, size: float, *, taking: bool = False) -> float:
        """What buying takes of a cash account: the notional and, where one is paid, the fee."""
        return self.notional(price, size) * (1.0 + max(self.taker_fee if taking else self.maker_fee, 0.0))


class Quote(msgspec.Struct, frozen=True, gc=False):
    """An order that a strategy wants to have resting, already on the grid of ticks and lots.

    `level` counts from the touch outwards, 0 first. One that is `taking` trades at once with what stands at its
    price or better, and what is left of it is cancelled; any other only ever rests.
    """

    side: Side
    ticks: int
    lots: int
    level: int = 0
    taking: bool = False


class Fill(msgspec.Struct, frozen=True, gc=False):
    """An execution of one of our orders.

    `fee` is in settlement currency, positive = paid; `base_fee` is what was taken of the coins bought instead, size.
    """

    ts_ns: int
    order_id: str
    side: Side
    price: float
    size: float
    fee: float
    maker: bool
    base_fee: float = 0.0


def known(value: float) -> float | None:
    """The value, or None where it is NaN or infinite: what records and JSON can carry."""
    return value if math.isfinite(value) else None
