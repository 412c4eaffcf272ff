"""The maker with a learned forecast. Formulas are in the README beside it."""

from __future__ import annotations

import math

from ultramm.calibration.solver import Solver
from ultramm.inference.alpha import Alpha
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.engine import QuotingModel, alpha_shift, reversion_rate
from ultramm.quoting.ladder import quotes_within, table_depths
from ultramm.quoting.table import QuoteTable
from ultramm_strategies.ai_market_maker.params import AiParams


class AiMarketMaker:
    """Quotes by the exact engine around what a model expects of the mid, as far as it is believed.

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
        self._alpha = Alpha(params.folder, instrument, params.reference)
        self._lots = instrument.whole_lots(params.order_size)
        self._book: Book | None = None
        self._reversion_rate = 0.0

    @property
    def doubt(self) -> str:
        """In words why it does not trade by its model; empty while it does."""
        return self._alpha.doubt

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        before, self._book = self._book, book
        if len(book.bids) > 1 or len(book.asks) > 1:
            self._alpha.on_depth(book)
            if before is not None and before.bids[:1] == book.bids[:1] and before.asks[:1] == book.asks[:1]:
                return  # the same touch, now with what is behind it
        self._solver.on_book(book)
        self._alpha.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._solver.on_trade(trade)
        self._alpha.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        self._alpha.on_leader(book)

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._solver.market.interrupted()
        self._alpha.interrupted()

    def on_fill(self, fill: Fill) -> None:
        """The inventory tells."""

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        self._solver.on_exposure(ts_ns, depth, seconds, fills)

    def recalibrate(self, now_ns: int) -> None:
        """Estimate, and solve the table anew."""
        if self._book is None:
            return
        found = self._solver.estimate(now_ns)
        if found is None:
            return
        self._solver.solve(found, self._fee(self._book.mid))
        if self._solver.model is not None and self._solver.table is not None:
            self._reversion_rate = reversion_rate(self._solver.model)

    def _fee(self, mid: float) -> float:
        return self._instrument.maker_fee * mid if self._params.cover_fees else 0.0

    # -- what it wants ---------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Look the inventory up, around where the mid is expected to go."""
        book, table, model = self._book, self._solver.table, self._solver.model
        if book is None or not book.two_sided:
            return Decision.nothing("waits for a two-sided book")
        mid = book.mid
        move = 1e-4 * mid * self._alpha.move_bps(now_ns, mid)
        if table is None or model is None:
            return Decision.nothing(self._solver.problem, mid, self._of_model(mid, move))
        shift = alpha_shift(move, 1.0 / self._alpha.horizon_s, self._reversion_rate)
        wider = self._params.uncertainty * self._alpha.uncertainty * table.flat_depth
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        for side in Side:
            of_side, reason = self._side(side, book, table, inventory, move, shift, wider)
            quotes += of_side
            if not of_side:
                reasons[side] = reason
        lean = table.lean(inventory / self._params.order_size)
        return Decision(
            tuple(quotes),
            mid + shift,
            mid + shift + lean if math.isfinite(lean) else math.nan,
            reasons,
            {**_of_engine(mid, table, model, lean, wider), **self._of_model(mid, move)},
            kappa=model.kappa if self._params.keep_place else math.nan,
        )

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
        return {
            "forecast_bps": 1e4 * move / mid,
            "model_weight_pct": 100.0 * self._alpha.weight,
            "model_uncertainty_pct": 100.0 * self._alpha.uncertainty,
        }


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
