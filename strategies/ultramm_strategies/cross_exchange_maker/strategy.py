"""The cross-exchange maker: what a hedge would pay, less costs and edge. Formulas are in the README."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ultramm.features.average import TimeAverage
from ultramm.features.volatility import EwVolatility
from ultramm.market import Book, Fill, Instrument, Level, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import large_enough, resting_ticks
from ultramm_strategies.cross_exchange_maker.params import CrossExchangeMakerParams

_WARM_S = 10


class CrossExchangeMaker:
    """Quotes what the other venue takes off it at a profit.

    Parameters
    ----------
    params : CrossExchangeMakerParams
        What is wanted of a fill.
    instrument : Instrument
        What is quoted.
    """

    def __init__(self, params: CrossExchangeMakerParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._book: Book | None = None
        self._other: Book | None = None
        self._volatility = EwVolatility(params.volatility_s, 1.0, _WARM_S)
        self._basis = TimeAverage(params.basis_s) if params.basis_s > 0.0 else None

    def hedge_ratio(self, instrument: str) -> float:
        """One: what is bought here is sold there."""
        return 1.0

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        self._book = book
        self._compare(book.ts_ns)

    def on_reference(self, book: Book) -> None:
        self._other = book
        self._volatility.update(book.ts_ns, book.mid)
        self._compare(book.ts_ns)

    def _compare(self, ts_ns: int) -> None:
        if self._basis is not None and self._book is not None and self._other is not None:
            self._basis.update(ts_ns, self._book.mid / (self._other.mid * self._params.rate))

    @property
    def _rate(self) -> float:
        """What a price there is worth here; NaN before a usual difference is known."""
        return self._params.rate * (1.0 if self._basis is None else self._basis.value)

    def on_trade(self, trade: Trade) -> None:
        """The other venue's book tells."""

    def on_fill(self, fill: Fill) -> None:
        """The inventory of the next decision tells."""

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._volatility.interrupted()
        if self._basis is not None:
            self._basis.interrupted()

    # -- what it wants ---------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Orders at what a hedge pays, less costs and edge."""
        book, other = self._book, self._other
        if book is None or not (book.bids or book.asks):
            return Decision.nothing("waits for a book")
        if other is None or not other.two_sided:
            return Decision.nothing(f"waits for both sides of {self._params.other}")
        cushion = self._cushion(other.mid)
        fair = other.mid * self._rate
        if math.isnan(fair):
            return Decision.nothing("waits for the usual difference of both")
        effects = {"cushion_bps": 1e4 * cushion, "basis_bps": 1e4 * (book.mid / fair - 1.0)}
        if math.isnan(cushion):
            return Decision.nothing("waits for the volatility", fair, effects)
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        for side in Side:
            found = self._side(side, book, other, cushion, inventory)
            quotes += found
            if not found:
                reasons[side] = self._why_nothing(side, inventory)
        return Decision(tuple(quotes), fair, fair, reasons, effects, nearest=self._nearest(quotes))

    def _cushion(self, mid: float) -> float:
        """What the price may do until the hedge is there, as a share of it; NaN before that is known."""
        params = self._params
        if params.cushion == 0.0 or params.delay_s == 0.0:
            return 0.0
        return params.cushion * self._volatility.value * math.sqrt(params.delay_s) / mid

    def _side(self, side: Side, book: Book, other: Book, cushion: float, inventory: float) -> list[Quote]:
        """From the touch outwards, each hedged behind those before it."""
        params, instrument = self._params, self._instrument
        lots = instrument.whole_lots(params.order_size)
        left = max(0, instrument.whole_lots(params.max_position - side * inventory))
        against = other.bids if side is Side.BUY else other.asks
        before = 0.0
        found: list[Quote] = []
        for level in range(params.levels):
            size = instrument.size(min(lots, left))
            price = self._hedged_at(against, before, size)
            if math.isnan(price):
                break
            wanted = self._edge(side, level, inventory) + 1e-4 * params.other_fee_bps + instrument.maker_fee + cushion
            # Both fees are of about the same worth, and so is the edge.
            ticks = self._ticks(side, price * self._rate * (1.0 - side * wanted), book, found)
            if not large_enough(instrument, ticks, min(lots, left)):
                break
            found.append(Quote(side, ticks, min(lots, left), level))
            left -= min(lots, left)
            before += size
            if left <= 0:
                break
        return found

    def _edge(self, side: Side, level: int, inventory: float) -> float:
        """What a fill is to bring, as a share: more where it takes the venues' balances further apart."""
        params = self._params
        lean = params.lean_bps * side * inventory / params.max_position
        return 1e-4 * (params.edge_bps + level * params.level_step_bps + lean)

    def _hedged_at(self, against: Sequence[Level], before: float, size: float) -> float:
        """Mean price at which a size trades behind what was traded before, of the share that is counted on."""
        share = self._params.depth_share
        passed, taken, cost = before, 0.0, 0.0
        for level in against:
            there = share * level.size
            skipped = min(passed, there)
            passed -= skipped
            here = min(there - skipped, size - taken)
            taken += here
            cost += here * level.price
            if taken >= size * (1.0 - 1e-9) > 0.0:
                return cost / taken
        return math.nan

    def _ticks(self, side: Side, price: float, book: Book, before: Sequence[Quote]) -> int:
        """On the grid, behind the opposite best, no further inside than needed, behind the orders before it."""
        instrument, sign = self._instrument, int(side)
        signed = sign * resting_ticks(instrument, side, price, book)
        own = book.bids if side is Side.BUY else book.asks
        if self._params.join and own:
            signed = min(signed, sign * instrument.ticks(own[0].price) + 1)
        if before:
            signed = min(signed, sign * before[-1].ticks - 1)
        return sign * signed

    def _why_nothing(self, side: Side, inventory: float) -> str:
        params, instrument = self._params, self._instrument
        if instrument.whole_lots(params.max_position - side * inventory) <= 0:
            return f"position {inventory:g} is at its limit of {params.max_position:g}"
        return f"{params.other} shows too little to hedge an order of {params.order_size:g}"

    def _nearest(self, quotes: Sequence[Quote]) -> dict[Side, float]:
        """No order stays where a fill would bring less."""
        price = self._instrument.price
        return {quote.side: price(quote.ticks) for quote in reversed(quotes)}
