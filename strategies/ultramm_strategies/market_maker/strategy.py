"""The market maker: fair value, half-spread, skew, ladder. Formulas and tuning are in the README beside it."""

from __future__ import annotations

import math

from ultramm.features.price import weighted_mid
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import cap_lots, ladder, level_lots
from ultramm.quoting.spread import fixed_half_spread, inventory_skew
from ultramm_strategies.market_maker.gates import Gates
from ultramm_strategies.market_maker.params import MarketMakerParams


class MarketMaker:
    """Quotes both sides of fair value at a fixed spread.

    Parameters
    ----------
    params : MarketMakerParams
        What to quote.
    instrument : Instrument
        Where.
    """

    def __init__(self, params: MarketMakerParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._lots = level_lots(instrument, params.order_size, params.levels, params.level_growth)
        ask_bps = params.half_spread_bps if params.ask_half_spread_bps is None else params.ask_half_spread_bps
        self._half_spreads_bps = (params.half_spread_bps, ask_bps)
        self._gates = Gates(params, instrument)
        self._book: Book | None = None
        self._last_trade = math.nan

    def on_book(self, book: Book) -> None:
        self._book = book

    def on_trade(self, trade: Trade) -> None:
        self._last_trade = trade.price

    def on_fill(self, fill: Fill) -> None:
        self._gates.on_fill(fill)

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Quotes around fair value as it stands."""
        book, params = self._book, self._params
        if book is None:
            return Decision.nothing("waits for the first book")
        fair = self._fair(book)
        if not math.isfinite(fair):
            return Decision.nothing("fair value is unknown")
        fee = self._instrument.maker_fee if params.cover_fees else -math.inf
        bid_half, ask_half = (fixed_half_spread(fair, bps, fee, params.min_edge_bps) for bps in self._half_spreads_bps)
        half_spread = 0.5 * (bid_half + ask_half)
        shift = inventory_skew(inventory, params.target_inventory, params.max_position, half_spread, params.skew)
        reasons = self._gates.closed(now_ns, fair)
        quotes: list[Quote] = []
        for side, half in ((Side.BUY, bid_half), (Side.SELL, ask_half)):
            if side in reasons:
                continue
            of_side = self._side(side, fair + shift, half, fair, inventory, book)
            quotes += of_side
            if not of_side:
                reasons[side] = self._why_nothing(side, inventory)
        return Decision(tuple(quotes), fair, fair + shift, reasons)

    def _fair(self, book: Book) -> float:
        if self._params.fair_value == "mid":
            return book.mid
        return self._last_trade if self._params.fair_value == "last" else weighted_mid(book)

    def _side(
        self,
        side: Side,
        reservation_price: float,
        half_spread: float,
        fair: float,
        inventory: float,
        book: Book,
    ) -> tuple[Quote, ...]:
        step = self._params.level_step_bps * 1e-4 * fair
        rungs = ladder(self._instrument, side, reservation_price, half_spread, step, self._lots, book)
        return cap_lots(rungs, self._room(side, inventory), self._instrument)

    def _room(self, side: Side, inventory: float) -> int:
        """Lots until this side would pass the position limit."""
        return max(0, self._instrument.whole_lots(self._params.max_position - side * inventory))

    def _why_nothing(self, side: Side, inventory: float) -> str:
        room = self._room(side, inventory)
        if room < self._instrument.whole_lots(self._params.order_size):
            limit = f"its limit of {self._params.max_position:g}"
            return (
                f"position {inventory:g} is at {limit}" if room == 0 else f"position {inventory:g} is too near {limit}"
            )
        return f"order_size {self._params.order_size:g} is below the smallest order of {self._instrument.id}"
