"""Rows of QuantConnect LEAN's files, by kind of instrument; `ultramm.nautilus.recordings.lean` reads the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from nautilus_trader.model.data import Bar
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.instruments import Cfd, CurrencyPair, Equity
from nautilus_trader.model.objects import Price, Quantity

from ultramm.nautilus.recordings.bars import bar_type
from ultramm.nautilus.recordings.importing import Account
from ultramm.nautilus.recordings.instruments import NEW_YORK
from ultramm.nautilus.recordings.level_one import LevelOne
from ultramm.trading_hours import TradingHours

DEALER_SIZE = 100  # lots
_REPORTED_ONLY = "D"


def row_converter(instrument: Any, account: Account, length_ns: int) -> LeanRows:
    """The converter of an instrument's kind, for bars of a length (0: ticks)."""
    kinds: dict[type, type[LeanRows]] = {Equity: _Shares, Cfd: _Dealer, CurrencyPair: _Dealer}
    return kinds.get(type(instrument), _Futures)(instrument, account, length_ns)


class LeanRows(LevelOne):
    """Rows of one kind of instrument to Nautilus data."""

    zone = ZoneInfo("America/New_York")
    columns: ClassVar[dict[str, int]] = {}

    def __init__(self, instrument: Any, account: Account, length_ns: int) -> None:
        super().__init__(instrument, account)
        self._bar_type = bar_type(instrument.id, length_ns) if length_ns else None

    def row(self, ts_ns: int, fields: list[str], kind: str) -> Iterator[Any]:
        """One row of a kind: ``tick quote``, ``tick trade``, ``bar quote``, ``bar trade``.

        Raises
        ------
        ValueError
            It is no such row.
        """
        expected = self.columns.get(kind)
        if len(fields) != expected:
            raise ValueError(f"has {len(fields)} columns, not {expected}" if expected else f"no rows of {kind}s here")
        cause = self._refused(ts_ns, fields, kind)
        if cause:
            self.account.dropped[cause] += 1
        elif kind == "bar quote":
            yield from self._quote_bar(ts_ns, fields)
        elif kind == "bar trade":
            yield from self._trade_bar(ts_ns, fields)
        elif kind == "tick quote":
            yield from self._quote(ts_ns, fields)
        else:
            yield from self._trade(ts_ns, fields)

    def _refused(self, ts_ns: int, fields: list[str], kind: str) -> str:
        """Why a row is dropped whatever it says; empty when it is not."""
        return ""

    def _quote(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        raise NotImplementedError

    def _trade(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        raise NotImplementedError

    def _price(self, text: str) -> str:
        return text

    def _quote_bar(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        bid, bid_size, ask, ask_size = (fields[column] for column in (4, 5, 9, 10))
        if bid and ask:
            yield from self.both_sides(ts_ns, ts_ns, self._price(bid), bid_size, self._price(ask), ask_size)
        else:
            self.account.dropped["quote without one side"] += 1

    def _trade_bar(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        raw = [self.prices[self._price(text)] for text in fields[1:5]]
        if min(raw) <= 0:
            self.account.dropped["bar off the grid or at zero"] += 1
        elif raw[1] != max(raw) or raw[2] != min(raw):
            self.account.dropped["bar that contradicts itself"] += 1
        else:
            prices = (Price.from_raw(price, self.prices.precision) for price in raw)
            yield Bar(self._bar_type, *prices, Quantity(float(fields[5]), self.sizes.precision), ts_ns, ts_ns)


class _Shares(LeanRows):
    """Quotes of each exchange, one side a row."""

    columns: ClassVar[dict[str, int]] = {"tick quote": 8, "tick trade": 6, "bar quote": 11, "bar trade": 6}

    def __init__(self, instrument: Any, account: Account, length_ns: int) -> None:
        super().__init__(instrument, account, length_ns)
        self._hours = TradingHours(NEW_YORK)
        self._quoted: dict[Any, dict[str, int]] = {OrderSide.BUY: {}, OrderSide.SELL: {}}

    def _refused(self, ts_ns: int, fields: list[str], kind: str) -> str:
        # A bar that ends with the session is of it.
        if self._hours.reopens_ns(ts_ns - (kind[:3] == "bar")) is not None:
            return "outside the regular session"
        return "suspicious" if kind[:4] == "tick" and fields[-1] != "0" else ""

    def _price(self, text: str) -> str:
        return _dollars(text)

    def _trade(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        if fields[3] == _REPORTED_ONLY:
            self.account.dropped["trade off exchange"] += 1
        else:
            yield from self.trade(ts_ns, ts_ns, _dollars(fields[1]), fields[2])

    def _quote(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        bid, bid_size, ask, ask_size, exchange = fields[1:6]
        if (bid == "0") == (ask == "0"):
            self.account.dropped["quote without one side"] += 1
            return
        side, price, size = (OrderSide.SELL, ask, ask_size) if bid == "0" else (OrderSide.BUY, bid, bid_size)
        raw_price, raw_size = self.prices[_dollars(price)], self.sizes[size]
        if raw_price <= 0 or raw_size < 0:
            self.account.dropped["quote off the grid"] += 1
            return
        key = f"{exchange}{side}"
        if raw_size == 0:
            self._quoted[side].pop(key, None)
            self.book.remove(key)
        else:
            self._remove_late(side, raw_price)
            self._quoted[side][key] = raw_price
            self.book.put(key, side, raw_price, raw_size)
        yield from self.deltas(ts_ns, ts_ns)

    def _remove_late(self, side: Any, price: int) -> None:
        """Quotes on the other side that this one locks or crosses."""
        buys = side == OrderSide.BUY
        others = self._quoted[OrderSide.SELL if buys else OrderSide.BUY]
        for key in [key for key, other in others.items() if (price >= other if buys else price <= other)]:
            del others[key]
            self.book.remove(key)
            self.account.mended["late quote of another exchange removed"] += 1


class _Dealer(LeanRows):
    """Bid and ask of one dealer, without sizes."""

    zone = ZoneInfo("UTC")
    columns: ClassVar[dict[str, int]] = {"tick quote": 3, "bar quote": 11}

    def __init__(self, instrument: Any, account: Account, length_ns: int) -> None:
        super().__init__(instrument, account, length_ns)
        self._size = str(instrument.make_qty(DEALER_SIZE * instrument.lot_size.as_double()))

    def _quote(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        yield from self.both_sides(ts_ns, ts_ns, fields[1], self._size, fields[2], self._size)

    def _quote_bar(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        yield from super()._quote_bar(ts_ns, [*fields[:5], self._size, *fields[6:10], self._size])


class _Futures(LeanRows):
    """Ticks with sizes, one side or both a row."""

    columns: ClassVar[dict[str, int]] = {"tick quote": 7, "tick trade": 6, "bar quote": 11, "bar trade": 6}

    def _refused(self, ts_ns: int, fields: list[str], kind: str) -> str:
        return "suspicious" if kind == "tick quote" and fields[-1] != "0" else ""

    def _trade(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        yield from self.trade(ts_ns, ts_ns, fields[1], fields[2])

    def _quote(self, ts_ns: int, fields: list[str]) -> Iterator[Any]:
        bid, bid_size, ask, ask_size = fields[1:5]
        if _is_nothing(bid) or _is_nothing(ask):
            yield from self._one_side(ts_ns, bid, bid_size, ask, ask_size)
        else:
            yield from self.both_sides(ts_ns, ts_ns, bid, bid_size, ask, ask_size)

    def _one_side(self, ts_ns: int, bid: str, bid_size: str, ask: str, ask_size: str) -> Iterator[Any]:
        """A quote that says one side leaves the other as it was; where it crosses that, it is late."""
        if _is_nothing(bid) and _is_nothing(ask):
            self.account.dropped["quote without one side"] += 1
            return
        buys = _is_nothing(ask)
        side, price, size = (OrderSide.BUY, bid, bid_size) if buys else (OrderSide.SELL, ask, ask_size)
        raw_price, raw_size = self.prices[price], self.sizes[size]
        if raw_price <= 0 or raw_size < 0:
            self.account.dropped["quote off the grid"] += 1
            return
        other = self.book.best(OrderSide.SELL if buys else OrderSide.BUY)
        if raw_size and other is not None and (raw_price >= other if buys else raw_price <= other):
            self.book.remove("ask" if buys else "bid")
            self.account.mended["late quote of the other side removed"] += 1
        if raw_size:
            self.book.put("bid" if buys else "ask", side, raw_price, raw_size)
        else:
            self.book.remove("bid" if buys else "ask")
        yield from self.deltas(ts_ns, ts_ns)


def _is_nothing(price: str) -> bool:
    return price in ("", "0")


def _dollars(text: str) -> str:
    """LEAN's ten-thousandths as decimal text."""
    whole = text.zfill(5)
    return f"{whole[:-4]}.{whole[-4:]}"
