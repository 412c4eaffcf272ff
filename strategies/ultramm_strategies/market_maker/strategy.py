"""The market maker: fair value, half-spread, skew, ladder. Formulas and tuning are in the README beside it."""

from __future__ import annotations

import math

from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import cap_lots, ladder, large_enough
from ultramm.quoting.placement import front
from ultramm.quoting.spread import fixed_half_spread, inventory_skew
from ultramm_strategies.market_maker.fair import FairValue
from ultramm_strategies.market_maker.gates import Gates
from ultramm_strategies.market_maker.hanging import HangingOrders
from ultramm_strategies.market_maker.params import MarketMakerParams

_SIDES = (Side.BUY, Side.SELL)


class MarketMaker:
    """Quotes both sides of fair value at a fixed spread.

    Parameters
    ----------
    params : MarketMakerParams
        What to quote.
    instrument : Instrument
        Where.
    """

    remembers = True

    def __init__(self, params: MarketMakerParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._distances = {side: _distances(params, instrument, side) for side in _SIDES}
        self._sizes = {side: _sizes(params, side) for side in _SIDES}
        self._lots = {side: self._whole_lots(side, 1.0) for side in _SIDES}
        self._fair = FairValue(params, instrument)
        self._gates = Gates(params, instrument)
        self._hanging = HangingOrders(instrument, params.hanging_cancel_bps) if params.hanging_orders else None
        self._book: Book | None = None

    def on_book(self, book: Book) -> None:
        self._book = book
        self._fair.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._fair.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        self._fair.on_reference(book)

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._fair.interrupted()

    def on_fill(self, fill: Fill) -> None:
        self._gates.on_fill(fill)
        if self._hanging is not None:
            self._hanging.on_fill(fill)

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Quotes around fair value as it stands."""
        book, params = self._book, self._params
        if book is None:
            return Decision.nothing("waits for the first book")
        fair = self._fair.price(book)
        if not math.isfinite(fair):
            return Decision.nothing("fair value is unknown")
        half_spread = 0.5 * (self._distances[Side.BUY][0] * fair + self._distances[Side.SELL][0] * fair)
        shift = inventory_skew(inventory, params.target_inventory, params.max_position, half_spread, params.skew)
        reasons = self._gates.closed(now_ns, fair)
        rests = {side: self._gates.rests(side, now_ns) for side in _SIDES if side not in reasons}
        wanted = {
            side: () if why is not None else self._side(side, fair, fair + shift, inventory, book)
            for side, why in rests.items()
        }
        if self._hanging is not None:
            wanted = self._hanging.beside(wanted, fair, book)
        quotes: list[Quote] = []
        for side, of_side in wanted.items():
            capped = cap_lots(of_side, self._room(side, inventory), self._instrument)
            quotes += capped
            if not capped:
                reasons[side] = rests[side] or self._why_nothing(side, inventory)
        if self._hanging is not None:
            self._hanging.quoted(quotes)
        return Decision(tuple(quotes), fair, fair + shift, reasons)

    def _side(
        self, side: Side, fair: float, reservation_price: float, inventory: float, book: Book
    ) -> tuple[Quote, ...]:
        depths = [distance * fair for distance in self._distances[side]]
        lots = self._lots[side]
        if self._params.size_skew:
            lots = self._whole_lots(side, self._lean(side, inventory))
        if self._params.placement != "spread":
            depths = self._stepped_back(side, depths, reservation_price, book)
        quotes = ladder(self._instrument, side, reservation_price, depths, lots, book)
        if self._params.take_if_crossed and quotes and quotes[0].level == 0:
            taking = self._taking(quotes[0], fair, reservation_price - side * depths[0], book)
            return quotes if taking is None else (taking, *quotes[1:])
        return quotes

    def _whole_lots(self, side: Side, factor: float) -> tuple[int, ...]:
        return tuple(self._instrument.whole_lots(size * factor) for size in self._sizes[side])

    def _lean(self, side: Side, inventory: float) -> float:
        """What sizes are multiplied by: less where the inventory would grow, more where it would shrink."""
        share = (inventory - self._params.target_inventory) / self._params.max_position
        return max(0.0, 1.0 - side * self._params.size_skew * max(-1.0, min(1.0, share)))

    def _stepped_back(self, side: Side, depths: list[float], reservation_price: float, book: Book) -> list[float]:
        """The same ladder, its first level no nearer to the market than `placement` lets it."""
        params = self._params
        depth = params.placement_depth
        if side is Side.SELL and params.ask_placement_depth is not None:
            depth = params.ask_placement_depth
        nearest = front(self._instrument, side, book, depth, improve=params.placement == "improve")
        if nearest is None:
            return depths
        back = side * (reservation_price - nearest) - depths[0]
        return [depth + back for depth in depths] if back > 0 else depths

    def _taking(self, first: Quote, fair: float, price: float, book: Book) -> Quote | None:
        """The first level as an order that trades at once, where its `price` is through the opposite best."""
        best = (book.asks if first.side is Side.BUY else book.bids)[0]
        if first.side * (price - best.price) < 0:
            return None
        if self._params.cover_fees:
            earned = first.side * (fair - best.price)
            if earned < fixed_half_spread(fair, 0.0, self._instrument.taker_fee, self._params.min_edge_bps):
                return None
        ticks, lots = self._instrument.ticks(best.price), min(first.lots, self._instrument.whole_lots(best.size))
        return Quote(first.side, ticks, lots, 0, taking=True) if large_enough(self._instrument, ticks, lots) else None

    def _room(self, side: Side, inventory: float) -> int:
        """Lots until this side would pass the position limit."""
        return max(0, self._instrument.whole_lots(self._params.max_position - side * inventory))

    def _why_nothing(self, side: Side, inventory: float) -> str:
        room = self._room(side, inventory)
        smallest = min(self._sizes[side])
        if room < self._instrument.whole_lots(smallest):
            limit = f"its limit of {self._params.max_position:g}"
            return (
                f"position {inventory:g} is at {limit}" if room == 0 else f"position {inventory:g} is too near {limit}"
            )
        if self._params.size_skew and not any(self._whole_lots(side, self._lean(side, inventory))):
            return f"position {inventory:g} leaves no size to this side"
        return f"order_size {smallest:g} is below the smallest order of {self._instrument.id}"


def _distances(params: MarketMakerParams, instrument: Instrument, side: Side) -> tuple[float, ...]:
    """Of each level from fair value, as a share of it; never nearer than the fee where it has to be covered."""
    fee = instrument.maker_fee if params.cover_fees else -math.inf
    of_side = params.bid_levels if side is Side.BUY else params.ask_levels
    if of_side is not None:
        return tuple(fixed_half_spread(1.0, level.at_bps, fee, params.min_edge_bps) for level in of_side)
    apart = params.ask_half_spread_bps if side is Side.SELL else None
    first = fixed_half_spread(1.0, params.half_spread_bps if apart is None else apart, fee, params.min_edge_bps)
    return tuple(first + level * params.level_step_bps * 1e-4 for level in range(params.levels))


def _sizes(params: MarketMakerParams, side: Side) -> tuple[float, ...]:
    of_side = params.bid_levels if side is Side.BUY else params.ask_levels
    if of_side is not None:
        return tuple(level.size for level in of_side)
    return tuple(params.order_size * params.level_growth**level for level in range(params.levels))
