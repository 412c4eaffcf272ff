"""Statistical arbitrage: rests at the bands of a pair's residual. Formulas are in the README."""

from __future__ import annotations

import math
import re
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
_LEAST_TOTAL = 0.2  # of ratios that cancel out, dollars would be many times as much


class StatisticalArbitrage:
    """Quotes the first of a pair or a basket; hedgers that cover it hold the others.

    Parameters
    ----------
    params : StatisticalArbitrageParams
        When to trade.
    instrument : Instrument
        The first.

    Attributes
    ----------
    recalibrate_s : float
        How often to ask whether a pair is to be formed.
    """

    remembers = True

    def __init__(self, params: StatisticalArbitrageParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._others = params.references
        self._model = PairModel(params.formation, len(self._others))
        self._book: Book | None = None
        self._other_books: list[Book | None] = [None] * len(self._others)
        self._half_spreads = [TimeAverage(_SPREAD_TAU_S) for _ in self._others]
        # Exposures to the others that offset one to the first; none while there is no relation and nothing is held.
        self._betas: tuple[float, ...] = ()
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
        self.recalibrate_s = params.bar_s

    def hedge_ratio(self, instrument: str) -> float:
        """Of a pair, also where another market than the second hedges it."""
        if not self._betas:
            return math.nan
        if len(self._betas) == 1:
            return self._betas[0]
        return self._betas[self._others.index(instrument)] if instrument in self._others else math.nan

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        self._book = book
        self._sample(book.ts_ns)

    def on_reference(self, book: Book) -> None:
        self.on_references(0, book)

    def on_references(self, place: int, book: Book) -> None:
        self._other_books[place] = book
        if book.two_sided:
            self._half_spreads[place].update(book.ts_ns, 0.5 * book.spread / book.mid)
        self._sample(book.ts_ns)

    def _sample(self, ts_ns: int) -> None:
        if self._book is not None and (others := self._mids()):
            self._model.update(ts_ns, self._book.mid, *others)

    def _mids(self) -> list[float]:
        """Of the others; none before all were seen."""
        books = self._other_books
        return [book.mid for book in books if book is not None] if None not in books else []

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
        for half_spread in self._half_spreads:
            half_spread.interrupted()

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
            self._betas = self._traded(self._model.relation)
        if not held:
            self._turned = False

    def _traded(self, relation: Relation) -> tuple[float, ...]:
        """Exposures that offset one of the first: dollars of a basket are shared out as its ratios are."""
        betas, total = relation.betas, math.fsum(relation.betas)
        by_ratios = self._params.neutral == "beta" or total < _LEAST_TOTAL
        return betas if by_ratios else tuple([beta / total for beta in betas])

    # -- what it wants ---------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Orders at the bands, or out of a position that is to be closed."""
        self._inventory = inventory
        book, relation = self._book, self._model.relation
        if book is None or not all(each is not None and each.two_sided for each in (book, *self._other_books)):
            return Decision.nothing("waits for all books")
        mid, others = book.mid, self._mids()
        if relation is None:
            return self._without(now_ns, inventory, mid)
        self._half_life_s = relation.process.half_life_s
        z, entry = relation.z_score(mid, others), self._entry_z(relation)
        fair = relation.price(others, relation.process.mean)
        effects = self._effects(relation, z, entry)
        closing = self._why_close(now_ns, inventory, z, entry, relation)
        if closing:
            return self._close(now_ns, inventory, mid, closing, effects)
        if now_ns < self._rests_until_ns:
            return Decision.nothing(self._resting(now_ns), mid, effects)
        if math.isnan(entry):
            return Decision.nothing("waits for the cost of the hedge", mid, effects)
        quotes = self._quotes(relation, others, entry, inventory, book)
        reasons = {side: f"holds all it may: {abs(inventory):g}" for side in Side}
        return Decision(quotes, mid, fair, reasons, effects)

    def _without(self, now_ns: int, inventory: float, mid: float) -> Decision:
        if inventory != 0.0:
            return self._close(now_ns, inventory, mid, f"the relation broke: {self._model.reason}", {})
        self._betas = ()
        reason = self._resting(now_ns) if now_ns < self._rests_until_ns else f"no relation: {self._model.reason}"
        return Decision.nothing(reason, mid, {"beta_x": self._model.beta_now})

    def _entry_z(self, relation: Relation) -> float:
        """Where it pays most to trade, standard deviations, as costs are now."""
        cost = self._cost(relation)
        return math.nan if math.isnan(cost) else max(self._params.least_z, best_z(cost / relation.process.deviation))

    def _cost(self, relation: Relation) -> float:
        """Of a round trip, all legs in and out, as a share of the first's worth."""
        fee = 1e-4 * self._params.other_fee_bps
        betas = self._traded(relation)
        hedges = [abs(beta) * (fee + each.value) for beta, each in zip(betas, self._half_spreads, strict=True)]
        return 2.0 * (self._instrument.maker_fee + math.fsum(hedges))

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
        self, relation: Relation, others: list[float], entry: float, inventory: float, book: Book
    ) -> tuple[Quote, ...]:
        process, most = relation.process, self._most(relation, book.mid)
        found: list[Quote] = []
        for side in Side:
            band = relation.price(others, process.mean - side * entry * process.deviation)
            exits = max(0.0, -side * inventory)
            if self._params.exit == "mean" and exits > 0.0:
                found += self._quote(side, relation.price(others, process.mean), exits, book, level=0)
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
            **self._ratios(relation),
            "half_life_s": relation.process.half_life_s,
            "seen_half_life_s": self._model.seen.half_life_s,
            "deviation_bps": 1e4 * relation.process.deviation,
            "cost_bps": 1e4 * self._cost(relation),
            "unit_root_p_x": relation.p,
            "expected_cycle_s": cycle_time(entry) / relation.process.speed,
            "seen_cycle_s": self._seen_cycle_s,
        }

    def _ratios(self, relation: Relation) -> dict[str, float]:
        """Of a pair its ratio; of a basket one for each of the others, by its symbol."""
        if len(self._others) == 1:
            return {"beta_x": relation.beta}
        names = [re.sub(r"[^a-z0-9]+", "_", other.lower()) for other in self._others]
        return {f"beta_{name}_x": beta for name, beta in zip(names, relation.betas, strict=True)}

    @property
    def _seen_cycle_s(self) -> float:
        """Mean time of the last cycles from band to band and back; NaN before three turns."""
        turns = self._turns
        return 2e-9 * (turns[-1] - turns[0]) / (len(turns) - 1) if len(turns) > 2 else math.nan
