"""Statistical arbitrage: rests at the bands of a pair's residual. Formulas are in the README."""

from __future__ import annotations

import math
from collections import deque

from ultramm.features.average import TimeAverage
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import large_enough, resting_ticks
from ultramm.statarb.bands import best_z, cycle_time
from ultramm.statarb.model import PairModel, Relation
from ultramm_strategies.statistical_arbitrage.params import StatisticalArbitrageParams

_SPREAD_TAU_S = 600.0
_BEYOND_STOP = 2.0
_TURNS = 100


class StatisticalArbitrage:
    """Quotes the first of a pair; a hedger that covers it holds the second.

    Parameters
    ----------
    params : StatisticalArbitrageParams
        When to trade.
    instrument : Instrument
        The first of the pair.

    Attributes
    ----------
    hedge_ratio : float
        Exposure to the second that offsets one to the first; NaN while there is no relation and nothing is held.
    recalibrate_s : float
        How often to ask whether a pair is to be formed.
    """

    remembers = True

    def __init__(self, params: StatisticalArbitrageParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._model = PairModel(params.formation)
        self._book: Book | None = None
        self._other: Book | None = None
        self._other_half_spread = TimeAverage(_SPREAD_TAU_S)
        self._formed_ns: int | None = None
        self._held_since_ns = 0
        self._rests_until_ns = 0
        self._rests_for = ""
        self._half_life_s = params.bar_s
        self._inventory = 0.0
        self._closing = ""
        # When positions turned, of which two make a cycle.
        self._turns: deque[int] = deque(maxlen=_TURNS)
        # Since the ratio was last to be held.
        self._turned = False
        self.hedge_ratio = math.nan
        self.recalibrate_s = params.bar_s

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        self._book = book
        self._sample(book.ts_ns)

    def on_reference(self, book: Book) -> None:
        self._other = book
        if book.two_sided:
            self._other_half_spread.update(book.ts_ns, 0.5 * book.spread / book.mid)
        self._sample(book.ts_ns)

    def _sample(self, ts_ns: int) -> None:
        if self._book is not None and self._other is not None:
            self._model.update(ts_ns, self._book.mid, self._other.mid)

    def on_trade(self, trade: Trade) -> None:
        """The touch tells."""

    def on_fill(self, fill: Fill) -> None:
        before, self._inventory = self._inventory, self._inventory + fill.side * fill.size
        if before * self._inventory <= 0.0:
            self._held_since_ns, self._turned = fill.ts_ns, True
            if before * self._inventory < 0.0:
                self._turns.append(fill.ts_ns)

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._model.interrupted()
        self._other_half_spread.interrupted()

    def recalibrate(self, now_ns: int) -> None:
        """Form the pair anew where that is due; the ratio stays as it is while a position is held, until it turns."""
        formed_ns = self._formed_ns
        due = formed_ns is None or now_ns - formed_ns >= self._params.reform_s * 1e9
        if not due or not self._model.ready or now_ns < self._rests_until_ns:
            return
        held = self._inventory != 0.0 and not self._turned
        self._formed_ns = now_ns
        self._model.form(held=held)
        if self._model.relation is not None:
            self.hedge_ratio = self._model.relation.beta
        if not held:
            self._turned = False

    # -- what it wants ---------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Orders at the bands, or out of a position that is to be closed."""
        self._inventory = inventory
        book, other, relation = self._book, self._other, self._model.relation
        if book is None or other is None or not (book.two_sided and other.two_sided):
            return Decision.nothing("waits for both books")
        mid = book.mid
        if relation is None:
            return self._without(now_ns, inventory, mid)
        self._half_life_s = relation.process.half_life_s
        z, entry = relation.z_score(mid, other.mid), self._entry_z(relation)
        fair = relation.price(other.mid, relation.process.mean)
        effects = self._effects(relation, z, entry)
        closing = self._why_close(now_ns, inventory, z, entry, relation)
        if closing:
            return self._close(now_ns, inventory, mid, closing, effects)
        if now_ns < self._rests_until_ns:
            return Decision.nothing(self._resting(now_ns), mid, effects)
        if math.isnan(entry):
            return Decision.nothing("waits for the cost of the hedge", mid, effects)
        quotes = self._quotes(relation, other.mid, entry, inventory, book)
        reasons = {side: f"holds all it may: {abs(inventory):g}" for side in Side}
        return Decision(quotes, mid, fair, reasons, effects)

    def _without(self, now_ns: int, inventory: float, mid: float) -> Decision:
        if inventory != 0.0:
            return self._close(now_ns, inventory, mid, f"the relation broke: {self._model.reason}", {})
        self.hedge_ratio = math.nan
        reason = self._resting(now_ns) if now_ns < self._rests_until_ns else f"no relation: {self._model.reason}"
        return Decision.nothing(reason, mid, {"beta_x": self._model.beta_now})

    def _entry_z(self, relation: Relation) -> float:
        """Where it pays most to trade, standard deviations, as costs are now."""
        cost = self._cost(relation)
        return math.nan if math.isnan(cost) else max(self._params.least_z, best_z(cost / relation.process.deviation))

    def _cost(self, relation: Relation) -> float:
        """Of a round trip, both legs in and out, as a share of the first's worth."""
        hedge = 1e-4 * self._params.other_fee_bps + self._other_half_spread.value
        return 2.0 * (self._instrument.maker_fee + abs(relation.beta) * hedge)

    def _why_close(self, now_ns: int, inventory: float, z: float, entry: float, relation: Relation) -> str:
        """In words why a position is to be closed at any price; empty if not."""
        if inventory == 0.0:
            self._closing = ""
            return ""
        stop = max(self._params.stop_z, entry + _BEYOND_STOP)
        age_s = (now_ns - self._held_since_ns) * 1e-9
        longest_s = self._params.max_cycles * cycle_time(entry) / relation.process.speed
        against = -z if inventory > 0 else z
        if against >= stop:
            self._closing = f"z is {z:+.2f}, {stop:g} against it are allowed"
        elif age_s > longest_s:
            self._closing = f"held for {age_s:.4g} s, {longest_s:.4g} are allowed"
        # Once begun it is ended: what is left of a position has no reason of its own.
        return self._closing

    def _close(self, now_ns: int, inventory: float, mid: float, reason: str, effects: dict[str, float]) -> Decision:
        self._rests_until_ns = now_ns + round(self._params.rest_half_lives * self._half_life_s * 1e9)
        self._rests_for = reason
        side = Side.SELL if inventory > 0 else Side.BUY
        lots = self._instrument.lots(abs(inventory))
        if not lots or self._book is None:
            return Decision.nothing(reason, mid, effects)
        best = (self._book.asks if side is Side.BUY else self._book.bids)[0].price
        quote = Quote(side, max(1, self._instrument.ticks(best)), lots, taking=True)
        return Decision((quote,), mid, mid, {side.opposite: f"closes: {reason}"}, effects)

    def _resting(self, now_ns: int) -> str:
        return f"rests for {(self._rests_until_ns - now_ns) * 1e-9:.0f} s more: {self._rests_for}"

    # -- orders ----------------------------------------------------------------------------------------------

    def _quotes(
        self, relation: Relation, other: float, entry: float, inventory: float, book: Book
    ) -> tuple[Quote, ...]:
        process, most = relation.process, self._most(relation, book.mid)
        found: list[Quote] = []
        for side in Side:
            band = relation.price(other, process.mean - side * entry * process.deviation)
            exits = max(0.0, -side * inventory)
            if self._params.exit == "mean" and exits > 0.0:
                found += self._quote(side, relation.price(other, process.mean), exits, book, level=0)
                found += self._quote(side, band, most, book, level=1)
            else:
                found += self._quote(side, band, max(0.0, most - side * inventory), book, level=0)
        return tuple(found)

    def _quote(self, side: Side, price: float, size: float, book: Book, level: int) -> list[Quote]:
        """An order that rests at a price, or behind the opposite best where that is nearer."""
        instrument = self._instrument
        ticks = resting_ticks(instrument, side, price, book)
        lots = instrument.whole_lots(size)
        if not large_enough(instrument, ticks, lots):
            return []
        return [Quote(side, ticks, lots, level)]

    def _most(self, relation: Relation, mid: float) -> float:
        """Largest position, size."""
        params = self._params
        if params.target_deviation is None:
            return params.max_position
        by_risk = params.target_deviation / (relation.process.deviation * self._instrument.notional(mid, 1.0))
        return min(params.max_position, by_risk)

    def _effects(self, relation: Relation, z: float, entry: float) -> dict[str, float]:
        return {
            "z_score_sigma": z,
            "entry_sigma": entry,
            "beta_x": relation.beta,
            "half_life_s": relation.process.half_life_s,
            "seen_half_life_s": self._model.seen.half_life_s,
            "deviation_bps": 1e4 * relation.process.deviation,
            "cost_bps": 1e4 * self._cost(relation),
            "unit_root_p_x": relation.p,
            "expected_cycle_s": cycle_time(entry) / relation.process.speed,
            "seen_cycle_s": self._seen_cycle_s,
        }

    @property
    def _seen_cycle_s(self) -> float:
        """Mean time of the last cycles from band to band and back; NaN before three turns."""
        turns = self._turns
        return 2e-9 * (turns[-1] - turns[0]) / (len(turns) - 1) if len(turns) > 2 else math.nan
