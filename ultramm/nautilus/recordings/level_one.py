"""Quotes of the touch and trades -> Nautilus data: the book is one level a side, or the sum of several quoters.

Quotes become book deltas, not quote ticks, so that one kind of simulated venue serves every market.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide, OrderSide
from nautilus_trader.model.identifiers import TradeId

from ultramm.nautilus.recordings.grid import OFF_GRID, price_grid, size_grid
from ultramm.nautilus.recordings.importing import Account
from ultramm.nautilus.recordings.order_levels import OrderLevels


class LevelOne:
    """Converts one instrument's quotes and trades, and counts in `account`.

    Prices and sizes come as decimal text. A row that is dropped is followed by one that puts the book right.

    Parameters
    ----------
    instrument : Instrument
        A Nautilus instrument.
    """

    def __init__(self, instrument: Any, account: Account) -> None:
        self.account = account
        self.book = OrderLevels(instrument)
        self.prices, self.sizes = price_grid(instrument), size_grid(instrument)
        self._id = instrument.id
        self._trades = 0
        self._last_price, self._last_aggressor = 0, AggressorSide.BUYER

    def both_sides(
        self, ts_event: int, ts_init: int, bid: str, bid_size: str, ask: str, ask_size: str
    ) -> Iterator[Any]:
        """A quote of bid and ask together."""
        bid_raw, ask_raw = self.prices[bid], self.prices[ask]
        sizes = self.sizes[bid_size], self.sizes[ask_size]
        if OFF_GRID in (bid_raw, ask_raw, *sizes):
            self.account.dropped["quote off the grid"] += 1
        elif min(bid_raw, ask_raw, *sizes) <= 0:
            self.account.dropped["quote without one side"] += 1
        elif bid_raw >= ask_raw:
            self.account.dropped["quote locked or crossed"] += 1
        else:
            self.book.put("bid", OrderSide.BUY, bid_raw, sizes[0])
            self.book.put("ask", OrderSide.SELL, ask_raw, sizes[1])
            yield from self.deltas(ts_event, ts_init)

    def deltas(self, ts_event: int, ts_init: int) -> Iterator[Any]:
        """What changed in the book since the last time."""
        deltas = self.book.batch(ts_event, ts_init)
        self.account.batches += bool(deltas)
        yield from deltas

    def trade(self, ts_event: int, ts_init: int, price: str, size: str) -> Iterator[Any]:
        """A trade whose taker is not told.

        At or above the ask it is a buy, at or below the bid a sale; between them it has the side that the price moved
        to since the trade before (Lee and Ready, Journal of Finance 46, 1991).
        """
        raw_price, raw_size = self.prices[price], self.sizes[size]
        if raw_size == 0:
            self.account.dropped["trade without size"] += 1
        elif raw_price <= 0 or raw_size == OFF_GRID:
            self.account.dropped["trade off the grid"] += 1
        else:
            self._trades += 1
            yield TradeTick.from_raw(
                self._id,
                raw_price,
                self.prices.precision,
                raw_size,
                self.sizes.precision,
                self._aggressor(raw_price),
                TradeId(str(self._trades)),
                ts_event,
                ts_init,
            )

    def _aggressor(self, price: int) -> Any:
        bid, ask = self.book.best(OrderSide.BUY), self.book.best(OrderSide.SELL)
        side = self._last_aggressor
        if ask is not None and price >= ask:
            side = AggressorSide.BUYER
        elif bid is not None and price <= bid:
            side = AggressorSide.SELLER
        elif self._last_price and price != self._last_price:
            side = AggressorSide.BUYER if price > self._last_price else AggressorSide.SELLER
        self._last_price, self._last_aggressor = price, side
        return side
