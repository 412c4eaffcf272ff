"""The adaptive market maker. Formulas, effects and tuning are in the README beside it."""

from __future__ import annotations

import math

from ultramm.calibration.edge_curve import EdgeCurve, EdgePoint, VirtualQuotes
from ultramm.calibration.market_model import MarketEstimate, MarketModel
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.engine import QuotingModel, alpha_shift, quotes_for, reversion_rate
from ultramm.quoting.ladder import quotes_within, table_depths
from ultramm.quoting.table import QuoteTable
from ultramm_strategies.adaptive_market_maker.conditions import Conditions
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams
from ultramm_strategies.adaptive_market_maker.signals import Signals

_SIDES = (Side.BUY, Side.SELL)
_GRID_POINTS = 16
_FRESH_QUOTES = 3.0
_LEAST_SHARE = 0.2
_MOST_NEARER = 0.5


class AdaptiveMarketMaker:
    """Quotes by the exact engine around a forecast, where fills were shown to pay.

    Parameters
    ----------
    params : AdaptiveParams
        Appetite, and which effects there are.
    instrument : Instrument
        Where.
    """

    def __init__(self, params: AdaptiveParams, instrument: Instrument) -> None:
        self.recalibrate_s = params.recalibrate_s
        self._params = params
        self._instrument = instrument
        self._conditions = Conditions()
        self._market = MarketModel(
            instrument,
            tau_s=params.calibration_s,
            max_error=1e-2 * params.max_error_pct,
            observe=self._conditions.on_market_order,
        )
        self._signals = Signals(params, instrument)
        # Virtual fills, judged soon and whether what they earned lasts.
        self._virtual: VirtualQuotes | None = None
        self._curves: tuple[EdgeCurve, ...] = ()
        self._book: Book | None = None
        self._shift = 0.0
        self._model: QuotingModel | None = None
        self._table: QuoteTable | None = None
        self._reversion_rate = 0.0
        self._problem = "the engine has not been solved yet"
        self._least = dict.fromkeys(_SIDES, 0.0)
        self._why_closed = dict.fromkeys(_SIDES, "")

    # -- the market ------------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        before, self._book = self._book, book
        if len(book.bids) > 1 or len(book.asks) > 1:
            self._signals.on_depth(book)
            if before is not None and before.bids[:1] == book.bids[:1] and before.asks[:1] == book.asks[:1]:
                return  # the same touch, now with what is behind it
        self._market.on_book(book)
        self._conditions.on_book(book)
        self._signals.on_book(book)
        if self._virtual is not None:
            self._virtual.on_book(book, book.mid + self._shift)

    def on_trade(self, trade: Trade) -> None:
        self._market.on_trade(trade)
        self._conditions.on_trade(trade)
        self._signals.on_trade(trade)
        if self._virtual is not None:
            self._virtual.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        self._signals.on_reference(book)

    def on_fill(self, fill: Fill) -> None:
        """The inventory tells."""

    def edge_points(self, side: Side) -> tuple[EdgePoint, ...]:
        """The curve that is judged soon after fills, of one side."""
        return self._curves[0].points(side) if self._curves else ()

    # -- between events --------------------------------------------------------------------------------------

    def recalibrate(self, now_ns: int) -> None:
        """Estimate, judge and solve anew what decisions look up."""
        book, params = self._book, self._params
        if book is None or math.isnan(book.mid):
            return
        if self._signals.forecast is not None:
            self._signals.forecast.refit()
        depth = self._market.spread.value / 2 if self._table is None else self._table.flat_depth
        if not math.isfinite(depth):
            return
        self._market.aim(now_ns, depth)
        found = self._market.estimate()
        if isinstance(found, str):
            self._problem, self._table = found, None
            return
        if params.edge_gate and not self._curves:
            self._curves = self._new_curves(found.sigma, now_ns)
            self._virtual = VirtualQuotes(self._curves, tick_size=self._instrument.tick_size)
        fee = self._instrument.maker_fee * book.mid + params.min_edge_bps * 1e-4 * book.mid
        self._judge(fee)
        self._solve(found, fee, now_ns)

    def _new_curves(self, sigma: float, now_ns: int) -> tuple[EdgeCurve, ...]:
        """Depths from within the spread to where a quote is hardly reached while it is judged."""
        # A mid that is a minute old judges nothing after seconds.
        fresh_s = _FRESH_QUOTES * self._conditions.quote_interval_s(now_ns)
        soon_s = max(self._params.edge_s, fresh_s)
        horizons_s = (soon_s, max(self._params.lasting_s, soon_s, 2.0 * fresh_s))
        near = max(0.5 * self._instrument.tick_size, 0.25 * self._market.spread.value)
        far = max(6.0 * sigma * math.sqrt(soon_s), 8.0 * near)
        ratio = (far / near) ** (1.0 / (_GRID_POINTS - 1))
        grid = [near * ratio**index for index in range(_GRID_POINTS)]
        return tuple([EdgeCurve(grid, horizon_s=s, tau_s=self._params.edge_memory_s) for s in horizons_s])

    def _judge(self, fee: float) -> None:
        """The least depth at which each side pays, and in words why none does."""
        if not self._curves:
            return
        soon, later = self._curves
        for side in _SIDES:
            # What is earned must be sure soon after; later, where chance is larger, it must not be gone.
            pays, lasts = soon.least_depth(side, fee, self._params.confidence_z), later.least_depth(side, fee, 0.0)
            self._least[side] = max(pays, lasts)
            if not math.isfinite(pays):
                self._why_closed[side] = self._verdict(soon.points(), fee)
            elif not math.isfinite(lasts):
                self._why_closed[side] = f"what fills earn is gone {later.horizon_s:g} s later, or not known to last"

    def _verdict(self, points: tuple[EdgePoint, ...], fee: float) -> str:
        known = [point for point in points if not math.isnan(point.error)]
        if not known or self._book is None:
            return "no depth has been shown to pay: too few fills were seen"
        best = max(known, key=lambda point: point.lower(self._params.confidence_z))
        bps = 1e4 / self._book.mid
        return (
            f"no depth has been shown to pay: the best earns {(best.edge - fee) * bps:+.2f} ± {best.error * bps:.2f} "
            f"bps a fill, at {best.depth * bps:.2f} bps"
        )

    def _solve(self, found: MarketEstimate, fee: float, now_ns: int) -> None:
        params = self._params
        volume = self._conditions.volume_ratio(now_ns) if params.volume else 1.0
        slow = self._market.volatility.slow.value
        model = QuotingModel(
            sigma=slow if math.isfinite(slow) and not params.volatility else found.sigma,
            bid_arrival_rate=volume * found.bid.arrival_rate,
            ask_arrival_rate=volume * found.ask.arrival_rate,
            kappa=found.bid.kappa,
            gamma=0.0,
            lot=params.order_size,
            fee=fee,
        )
        try:
            self._model, self._table = quotes_for(model, params.max_position, params.aggressiveness)
            self._reversion_rate = reversion_rate(self._model)
        except ValueError as exc:
            self._problem, self._table = f"the engine has no solution: {exc}", None

    # -- the decision ----------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Look the inventory up, and let the market's state move what is found."""
        book, table, model, params = self._book, self._table, self._model, self._params
        if book is None or math.isnan(book.mid):
            return Decision.nothing("waits for a two-sided book")
        parts = self._signals.parts(now_ns, book)
        move = math.fsum(parts.values())
        if table is None or model is None:
            self._shift = move
            return Decision.nothing(self._problem, book.mid)
        self._shift = alpha_shift(move, 1.0 / params.forecast_s, self._reversion_rate)
        moves = {"liquidity": self._thinness() / model.kappa}
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        for side, name in ((Side.BUY, "bid_toxicity"), (Side.SELL, "ask_toxicity")):
            moves[name] = toxic = self._toxicity(side, model)
            of_side, reason = self._side(side, book, table, inventory, toxic, toxic + moves["liquidity"])
            quotes += of_side
            if not of_side:
                reasons[side] = reason
        lean = table.lean(inventory / params.order_size)
        fair = book.mid + self._shift
        return Decision(
            tuple(quotes),
            fair,
            fair + lean if math.isfinite(lean) else math.nan,
            reasons,
            self._effects(book.mid, table, model, lean, {**moves, **parts}),
        )

    def _thinness(self) -> float:
        """How much thinner the touch is than usual: 0 .. 1."""
        return min(1.0, 0.5 * (1.0 / self._conditions.depth_ratio - 1.0)) if self._params.liquidity else 0.0

    def _toxicity(self, side: Side, model: QuotingModel) -> float:
        """What fills of `side` are about to lose beyond the usual, price; below zero less."""
        if not self._params.toxicity:
            return 0.0
        return max(-_MOST_NEARER / model.kappa, self._params.toxicity_gain * self._conditions.toxicity(side))

    def _side(
        self, side: Side, book: Book, table: QuoteTable, inventory: float, toxic: float, wider: float
    ) -> tuple[tuple[Quote, ...], str]:
        """The quotes of one side, and why there are none."""
        params, instrument = self._params, self._instrument
        least, reducing = self._least[side], max(0, instrument.whole_lots(-side * inventory))
        if not reducing and not math.isfinite(least):
            return (), self._why_closed[side]
        depths = [depth + wider for depth in table_depths(table, side, inventory / params.order_size, params.levels)]
        room = None
        if reducing and depths and depths[0] < least:
            # What brings a position back may stand nearer than what pays; it must not be turned by it.
            room = reducing
        else:
            depths = [max(depth, least) for depth in depths]
        lots = self._lots(toxic, depths, book)
        fair = book.mid + self._shift
        return quotes_within(instrument, side, fair, depths, lots, book, inventory=inventory, sizes=params, room=room)

    def _lots(self, toxic: float, depths: list[float], book: Book) -> int:
        """Lots of an order: fewer the more of its depth is about to be lost, and never too few to send."""
        whole = self._instrument.whole_lots(self._params.order_size)
        if not depths or toxic <= 0 or whole <= 1:
            return whole
        share = max(_LEAST_SHARE, 1.0 - toxic / max(depths[0], toxic))
        return min(whole, max(self._instrument.smallest_lots(book.mid), math.ceil(share * whole)))

    def _effects(
        self, mid: float, table: QuoteTable, model: QuotingModel, lean: float, moves: dict[str, float]
    ) -> dict[str, float]:
        prices = {
            "half_spread": table.flat_depth,
            "inventory_skew": lean,
            "sigma": model.sigma,
            "fee": model.fee,
            "bid_least": self._least[Side.BUY],
            "ask_least": self._least[Side.SELL],
            **moves,
        }
        bps = 1e4 / mid
        return {f"{name}_bps": value * bps for name, value in prices.items()}
