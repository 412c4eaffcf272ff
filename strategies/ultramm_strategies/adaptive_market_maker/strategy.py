"""The adaptive market maker. Formulas, effects and tuning are in the README beside it."""

from __future__ import annotations

import math

from ultramm.calibration.edge_curve import EdgePoint
from ultramm.calibration.solver import Solver
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.engine import QuotingModel, alpha_shift, reversion_rate
from ultramm.quoting.ladder import quotes_within, table_depths
from ultramm.quoting.table import QuoteTable
from ultramm_strategies.adaptive_market_maker.conditions import Conditions
from ultramm_strategies.adaptive_market_maker.judge import PROBES_HELD, Judge
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams
from ultramm_strategies.adaptive_market_maker.signals import Signals

_SIDES = (Side.BUY, Side.SELL)
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

    remembers = True

    def __init__(self, params: AdaptiveParams, instrument: Instrument) -> None:
        self.recalibrate_s = params.recalibrate_s
        self.learns = params.own_fills
        self._params = params
        self._instrument = instrument
        self._conditions = Conditions()
        self._solver = Solver(instrument, params, self._conditions)
        self._signals = Signals(params, instrument)
        self._judge = Judge(params, instrument)
        self._book: Book | None = None
        self._shift = 0.0
        self._reversion_rate = 0.0
        self.volume_doubtful = False

    # -- the market ------------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        before, self._book = self._book, book
        if len(book.bids) > 1 or len(book.asks) > 1:
            self._signals.on_depth(book)
            if before is not None and before.bids[:1] == book.bids[:1] and before.asks[:1] == book.asks[:1]:
                return  # the same touch, now with what is behind it
        self._solver.on_book(book)
        self._conditions.on_book(book)
        self._signals.on_book(book)
        self._judge.on_book(book, book.mid + self._shift)

    def on_trade(self, trade: Trade) -> None:
        self._solver.on_trade(trade)
        self._conditions.on_trade(trade)
        self._signals.on_trade(trade)
        self._judge.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        self._signals.on_reference(book)

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._solver.market.interrupted()
        self._conditions.interrupted()
        self._signals.interrupted()
        self._judge.interrupted()

    def on_fill(self, fill: Fill) -> None:
        self._judge.on_fill(fill)

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        self._solver.on_exposure(ts_ns, depth, seconds, fills)

    def edge_points(self, side: Side) -> tuple[EdgePoint, ...]:
        """The curve that is judged soon after fills, of one side."""
        return self._judge.points(side)

    # -- between events --------------------------------------------------------------------------------------

    def recalibrate(self, now_ns: int) -> None:
        """Estimate, judge and solve anew what decisions look up."""
        book, params = self._book, self._params
        if book is None or math.isnan(book.mid):
            return
        if self._signals.forecast is not None:
            self._signals.forecast.refit()
        found = self._solver.estimate(now_ns)
        if found is None:
            return
        fee = self._instrument.maker_fee * book.mid + params.min_edge_bps * 1e-4 * book.mid
        if params.edge_gate:
            if not self._judge.started:
                spread = self._solver.market.spread.value
                self._judge.start(spread, found.sigma, self._conditions.quote_interval_s(now_ns))
            self._judge.judge(now_ns, fee, found.sigma)
        volume = self._conditions.volume_ratio(now_ns) if params.volume and not self.volume_doubtful else 1.0
        self._solver.solve(
            found,
            fee,
            sigma=math.nan if params.volatility else self._solver.market.volatility.slow.value,
            bid_volume=volume,
            ask_volume=volume,
        )
        if self._solver.model is not None and self._solver.table is not None:
            self._reversion_rate = reversion_rate(self._solver.model)

    # -- the decision ----------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Look the inventory up, and let the market's state move what is found."""
        book, table, model, params = self._book, self._solver.table, self._solver.model, self._params
        if book is None or math.isnan(book.mid):
            return Decision.nothing("waits for a two-sided book")
        parts = self._signals.parts(now_ns, book)
        move = math.fsum(parts.values())
        if table is None or model is None:
            self._shift = move
            return Decision.nothing(self._solver.problem, book.mid)
        self._shift = alpha_shift(move, 1.0 / params.forecast_s, self._reversion_rate)
        moves = {"liquidity": self._thinness() / model.kappa}
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        nearest: dict[Side, float] = {}
        fair = book.mid + self._shift
        for side, name in ((Side.BUY, "bid_toxicity"), (Side.SELL, "ask_toxicity")):
            moves[name] = toxic = self._toxicity(side, model)
            of_side, reason, least = self._side(side, book, table, inventory, toxic, toxic + moves["liquidity"])
            quotes += of_side
            if 0 < least < math.inf:
                nearest[side] = fair - side * least
            if not of_side:
                reasons[side] = reason
        lean = table.lean(inventory / params.order_size)
        return Decision(
            tuple(quotes),
            fair,
            fair + lean if math.isfinite(lean) else math.nan,
            reasons,
            self._effects(book.mid, table, model, lean, {**moves, **parts}),
            kappa=model.kappa if params.keep_place else math.nan,
            nearest=nearest,
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
    ) -> tuple[tuple[Quote, ...], str, float]:
        """The quotes of one side, why there are none, and the least depth at which its orders may stay."""
        params, instrument = self._params, self._instrument
        verdict, held = self._judge.verdict(side), instrument.lots(side * inventory)
        least, reducing = verdict.least, max(0, -held)
        if not reducing and not math.isfinite(least):
            return (), verdict.reason, least
        depths = [depth + wider for depth in table_depths(table, side, inventory / params.order_size, params.levels)]
        lots, room = self._lots(toxic, depths, book), None
        if reducing and depths and depths[0] < least:
            # What brings a position back may stand nearer than what pays; it must not be turned by it.
            room, least = reducing, 0.0
        else:
            depths = [max(depth, least) for depth in depths]
            if verdict.probing:
                probe = self._judge.probe_lots
                depths, lots, room = depths[:1], max(probe, min(lots, reducing)), max(0, PROBES_HELD * probe - held)
                if not room:
                    return (), verdict.reason, least
        fair = book.mid + self._shift
        found, reason = quotes_within(
            instrument, side, fair, depths, lots, book, inventory=inventory, sizes=params, room=room
        )
        return found, reason, least

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
            "bid_least": self._judge.verdict(Side.BUY).least,
            "ask_least": self._judge.verdict(Side.SELL).least,
            "own_edge": self._judge.own_edge,
            **moves,
        }
        bps = 1e4 / mid
        return {f"{name}_bps": value * bps for name, value in prices.items()} | {
            "kappa_per_bps": model.kappa / bps,
            "bid_arrivals_per_s": model.bid_arrival_rate,
            "ask_arrivals_per_s": model.ask_arrival_rate,
        }
