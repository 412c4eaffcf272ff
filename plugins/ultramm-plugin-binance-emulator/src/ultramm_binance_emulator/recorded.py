"""A recorded market, played again: a Nautilus Parquet catalog, with the grid of the instruments in it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from nautilus_trader.model.data import OrderBookDeltas, QuoteTick, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide

from ultramm.errors import DataError
from ultramm.market import Side
from ultramm.nautilus.catalog.read import Streamed, holdings, load, load_instruments
from ultramm.nautilus.recorder.spool import require_whole
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm_binance_emulator.outside import Listing

_SIDES = {OrderSide.BUY: Side.BUY, OrderSide.SELL: Side.SELL}
_TAKERS = {AggressorSide.BUYER: Side.BUY, AggressorSide.SELLER: Side.SELL}


class Recorded:
    """Instruments of a catalog by their symbols; of a futures symbol, that of the perpetual if there is one.

    Parameters
    ----------
    catalog : Path
        See `ultramm.nautilus.catalog`; raises `DataError` for a folder that is none.
    """

    def __init__(self, catalog: Path) -> None:
        require_whole(catalog)
        self._catalog = catalog
        self._held: dict[str, set[str]] = {}
        for holding in holdings(catalog):
            self._held.setdefault(holding.instrument_id, set()).add(holding.kind)

    def listing(self, product: str, name: str) -> Listing:
        instrument = self._instrument(product, name)
        step = instrument.size_increment.as_decimal()
        grid = {"tick_size": instrument.price_increment.as_decimal(), "step_size": step}
        base = instrument.get_base_currency() or instrument.base_currency
        terms = {"name": name, "base": base.code, "quote": instrument.quote_currency.code, "min_quantity": step, **grid}
        first = next(self._ticks(product, name), None)
        if first is None:
            raise DataError(f"{self._catalog}: no price of {instrument.id} in it")
        return Listing(terms, first)

    def _ticks(self, product: str, name: str) -> Iterator[int]:
        """Prices of its trades, or of its levels, in ticks."""
        for event in self._played(product, name, 0):
            yield from [trade.ticks for trade in event.trades]
            yield from [change.ticks for change in event.changes]

    def events(self, product: str, name: str) -> Iterator[MarketEvent]:
        return self._played(product, name, self.listing(product, name).base_ticks)

    def _played(self, product: str, name: str, base_ticks: int) -> Iterator[MarketEvent]:
        instrument = self._instrument(product, name)
        instrument_id = instrument.id.value
        shown: Streamed = "deltas" if "deltas" in self._held[instrument_id] else "quotes"
        grid = instrument.price_increment.as_decimal(), instrument.size_increment.as_decimal()
        return played(load(self._catalog, [instrument_id], kinds=("trades", shown)), *grid, base_ticks)

    def _instrument(self, product: str, name: str) -> Any:
        wanted = [f"{name}-PERP", name] if product == "usdm" else [name]
        for symbol in wanted:
            found = [held for held in sorted(self._held) if held.rpartition(".")[0].replace("/", "") == symbol]
            if len(found) > 1:
                raise DataError(f"{self._catalog}: {name} is of several venues: {', '.join(found)}")
            if found:
                return load_instruments(self._catalog, found)[0]
        raise DataError(f"{self._catalog}: no data of {name}; it holds {', '.join(sorted(self._held)) or 'nothing'}")


class Levels:
    """Level sizes in lots, from deltas of levels or of single orders."""

    def __init__(self) -> None:
        self._orders: dict[tuple[Side, int], tuple[int, int]] = {}
        self._totals: dict[tuple[Side, int], int] = {}
        self._touched: dict[tuple[Side, int], int] = {}

    def set(self, side: Side, key: int, ticks: int, lots: int) -> None:
        """An order, or a level whose price is its key, has some size now; none for zero."""
        before, size = self._orders.pop((side, key), (ticks, 0))
        self._add(side, before, -size)
        if lots:
            self._orders[side, key] = (ticks, lots)
            self._add(side, ticks, lots)

    def _add(self, side: Side, ticks: int, lots: int) -> None:
        total = self._totals.get((side, ticks), 0)
        self._touched.setdefault((side, ticks), total)
        self._totals[side, ticks] = total + lots

    def clear(self) -> None:
        """Nothing is there any more."""
        for (side, key), (ticks, _) in list(self._orders.items()):
            self.set(side, key, ticks, 0)

    def changes(self) -> tuple[LevelChange, ...]:
        """What is different from the last time."""
        changed = [
            LevelChange(side, ticks, self._totals[side, ticks])
            for (side, ticks), before in self._touched.items()
            if self._totals[side, ticks] != before
        ]
        self._touched.clear()
        return tuple(changed)


def played(events: Iterator[Any], tick: Decimal, step: Decimal, base_ticks: int) -> Iterator[MarketEvent]:
    """Recorded events in ticks from `base_ticks` and lots, with times from the first one."""
    levels, start_ns, last = Levels(), None, Side.BUY

    def ticks(price: Any) -> int:
        return int(price.as_decimal() / tick) - base_ticks

    def lots(size: Any) -> int:
        return int(size.as_decimal() / step)

    for event in events:
        start_ns = event.ts_init if start_ns is None else start_ns
        trades: tuple[MarketTrade, ...] = ()
        if isinstance(event, TradeTick):
            # Where nobody says who took, it was whoever took last.
            last = _TAKERS.get(event.aggressor_side, last)
            trades = (MarketTrade(last, ticks(event.price), max(1, lots(event.size))),)
        elif isinstance(event, QuoteTick):
            levels.set(Side.BUY, 0, ticks(event.bid_price), lots(event.bid_size))
            levels.set(Side.SELL, 0, ticks(event.ask_price), lots(event.ask_size))
        elif isinstance(event, OrderBookDeltas):
            for delta in event.deltas:
                if delta.action == BookAction.CLEAR:
                    levels.clear()
                    continue
                order = delta.order
                price, gone = ticks(order.price), delta.action == BookAction.DELETE
                levels.set(_SIDES[order.side], order.order_id or price, price, 0 if gone else lots(order.size))
        changes = levels.changes()
        if trades or changes:
            yield MarketEvent((event.ts_init - start_ns) / 1e9, changes, trades)
