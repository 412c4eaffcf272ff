"""The maker with a learned model. Formulas are in the README beside it."""

from __future__ import annotations

import math
from contextlib import suppress

from ultramm.calibration.solver import Solver
from ultramm.errors import DataError
from ultramm.inference.forecasts import Forecasts
from ultramm.inference.state import ModelState
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.engine import QuotingModel, alpha_shift, reversion_rate
from ultramm.quoting.ladder import quotes_within, table_depths
from ultramm.quoting.table import QuoteTable
from ultramm_strategies.ai_market_maker.params import AiParams
from ultramm_strategies.ai_market_maker.profiles import Profiles

_RESTLESS = 0.5
_LOOK_S = 5.0


class AiMarketMaker:
    """Quotes by the exact engine around what a model expects of the mid and of trades, as far as it is believed.

    Parameters
    ----------
    params : AiParams
        Appetite, and which model.
    instrument : Instrument
        Where.
    """

    remembers = True

    def __init__(self, params: AiParams, instrument: Instrument) -> None:
        self.recalibrate_s = params.recalibrate_s
        self.learns = params.own_fills
        self._params = params
        self._instrument = instrument
        self._solver = Solver(instrument, params)
        self._profiles = Profiles(params)
        self._forecasts = Forecasts(instrument, params.reference, params.max_age_h, frozenset(params.parts))
        self._changes = params.changes
        try:
            self._forecasts.use(params.source)
        except DataError as exc:
            self._forecasts.problem = str(exc)
        self._look_ns = 0
        self._lots = instrument.whole_lots(params.order_size)
        self._book: Book | None = None
        self._reversion_rate = 0.0

    @property
    def doubt(self) -> str:
        """In words why it does not trade by its model; empty while it does."""
        return self._forecasts.doubt

    @property
    def models(self) -> tuple[ModelState, ...]:
        """How it stands with the model that it trades by, and with the one in its shadow."""
        return self._forecasts.states

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        before, self._book = self._book, book
        if len(book.bids) > 1 or len(book.asks) > 1:
            self._forecasts.on_depth(book)
            if before is not None and before.bids[:1] == book.bids[:1] and before.asks[:1] == book.asks[:1]:
                return  # the same touch, now with what is behind it
        self._solver.on_book(book)
        self._forecasts.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._solver.on_trade(trade)
        self._forecasts.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        self._forecasts.on_leader(book)

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._solver.market.interrupted()
        self._forecasts.interrupted()

    def on_fill(self, fill: Fill) -> None:
        self._profiles.on_fill(fill)

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        self._solver.on_exposure(ts_ns, depth, seconds, fills)

    def recalibrate(self, now_ns: int) -> None:
        """Between events: take up another model if there is one, estimate, and solve the table anew."""
        if self._book is None:
            return
        if now_ns >= self._look_ns:
            self._look_ns = now_ns + round(_LOOK_S * 1e9)
            self._look(now_ns)
        found = self._solver.estimate(now_ns)
        if found is None:
            return
        if self._profiles.on_time(now_ns, self._book.mid, found.sigma, self._context):
            self._solver.appetite = self._profiles.chosen
        forecasts = self._forecasts
        self._solver.solve(
            found,
            self._fee(self._book.mid),
            sigma=found.sigma * forecasts.volatility_ratio,
            bid_volume=forecasts.arrivals(Side.BUY),
            ask_volume=forecasts.arrivals(Side.SELL),
        )
        if self._solver.model is not None and self._solver.table is not None:
            self._reversion_rate = reversion_rate(self._solver.model)

    def _look(self, now_ns: int) -> None:
        changes = self._params.changes
        if changes != self._changes:
            self._changes = changes
            # What cannot be read leaves what trades as it is.
            with suppress(DataError):
                self._forecasts.use(self._params.source)
        self._forecasts.look(now_ns)

    @property
    def _context(self) -> str:
        """The kind of market that it is."""
        return ("restless" if self._forecasts.restless > _RESTLESS else "calm") + f" {self._forecasts.toxicity}"

    def _fee(self, mid: float) -> float:
        return self._instrument.maker_fee * mid if self._params.cover_fees else 0.0

    # -- what it wants ---------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Look the inventory up, around where the mid is expected to go."""
        book, table, model = self._book, self._solver.table, self._solver.model
        if book is None or not book.two_sided:
            return Decision.nothing("waits for a two-sided book")
        params, forecasts, mid = self._profiles.chosen, self._forecasts, book.mid
        forecasts.on_time(now_ns, mid)
        move = 1e-4 * mid * params.follow * forecasts.move_bps
        if table is None or model is None:
            return Decision.nothing(self._solver.problem, mid, self._of_model(mid, move))
        shift = alpha_shift(move, 1.0 / forecasts.horizon_s, self._reversion_rate)
        wider = self._wider(params) * table.flat_depth
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        toxic = {side: self._toxic(params, side, shift, mid) for side in Side}
        for side in Side:
            of_side, reason = self._side(side, book, table, inventory, move, shift, wider + toxic[side])
            quotes += of_side
            if not of_side:
                reasons[side] = reason
        lean = table.lean(inventory / params.order_size)
        effects = {"bid_toxic_bps": 1e4 * toxic[Side.BUY] / mid, "ask_toxic_bps": 1e4 * toxic[Side.SELL] / mid}
        return Decision(
            tuple(quotes),
            mid + shift,
            mid + shift + lean if math.isfinite(lean) else math.nan,
            reasons,
            {**_of_engine(mid, table, model, lean, wider), **effects, **self._of_model(mid, move)},
            kappa=model.kappa if params.keep_place else math.nan,
        )

    def _wider(self, params: AiParams) -> float:
        """By what share of the half-spread both sides stand further away."""
        forecasts = self._forecasts
        wider = params.spread - 1.0 + params.uncertainty * forecasts.uncertainty
        wider += params.restless * forecasts.restless
        return wider + (params.doubtful if forecasts.strange else 0.0)

    def _toxic(self, params: AiParams, side: Side, shift: float, mid: float) -> float:
        """What fills of a side are to lose beyond the usual, less what the shift of fair value takes off already."""
        lost = 1e-4 * mid * self._forecasts.adverse_bps(side)
        return params.toxicity * max(0.0, lost + min(0.0, side * shift))

    def _side(
        self, side: Side, book: Book, table: QuoteTable, inventory: float, move: float, shift: float, wider: float
    ) -> tuple[tuple[Quote, ...], str]:
        params, fair = self._params, book.mid + shift
        depths = [depth + wider for depth in table_depths(table, side, inventory / params.order_size, params.levels)]
        reduces = side * inventory < 0.0
        # What brings a position back is quoted whatever is expected.
        if params.gate and depths and not reduces:
            against, earned = -side * (move - shift), depths[0] - self._fee(book.mid)
            if against > earned:
                return (), "the forecast is against it"
        return quotes_within(self._instrument, side, fair, depths, self._lots, book, inventory=inventory, sizes=params)

    def _of_model(self, mid: float, move: float) -> dict[str, float]:
        forecasts = self._forecasts
        found = {
            "forecast_bps": 1e4 * move / mid,
            "model_uncertainty_pct": 100.0 * forecasts.uncertainty,
            "volatility_ratio": forecasts.volatility_ratio,
            "restless_pct": 100.0 * forecasts.restless,
            "bid_arrivals_ratio": forecasts.arrivals(Side.BUY),
            "ask_arrivals_ratio": forecasts.arrivals(Side.SELL),
        }
        for state in forecasts.states:
            whose = "model" if state.trades else "shadow"
            found[f"{whose}_weight_pct"] = 100.0 * (forecasts.weight if state.trades else state.weights["move"])
        if self._profiles.name:
            found["profile"] = float(self._profiles.place)
        return found


def _of_engine(mid: float, table: QuoteTable, model: QuotingModel, lean: float, wider: float) -> dict[str, float]:
    bps = 1e4 / mid
    return {
        "half_spread_bps": table.flat_depth * bps,
        "inventory_skew_bps": lean * bps,
        "wider_bps": wider * bps,
        "sigma_bps": model.sigma * bps,
        "kappa_per_bps": model.kappa / bps,
        "bid_arrivals_per_s": model.bid_arrival_rate,
        "ask_arrivals_per_s": model.ask_arrival_rate,
    }
