"""The GLFT quoter: calibrate, solve, look up. Formulas and tuning are in the README beside it."""

from __future__ import annotations

import math

from ultramm.calibration.market_model import MarketModel
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.engine import QuotingModel, quotes_for
from ultramm.quoting.ladder import quotes_within, table_depths
from ultramm.quoting.table import QuoteTable
from ultramm_strategies.glft.params import GlftParams


class Glft:
    """Quotes both sides of the mid at the depths that the exact engine finds optimal.

    Parameters
    ----------
    params : GlftParams
        Appetite for risk.
    instrument : Instrument
        Where.
    """

    def __init__(self, params: GlftParams, instrument: Instrument) -> None:
        self.recalibrate_s = params.recalibrate_s
        self._params = params
        self._instrument = instrument
        self._market = MarketModel(instrument, tau_s=params.calibration_s, max_error=1e-2 * params.max_error_pct)
        self._lots = instrument.whole_lots(params.order_size)
        self._book: Book | None = None
        self._model: QuotingModel | None = None
        self._table: QuoteTable | None = None
        self._problem = "the engine has not been solved yet"

    def on_book(self, book: Book) -> None:
        self._book = book
        self._market.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._market.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        """There is none."""

    def on_fill(self, fill: Fill) -> None:
        """The inventory tells."""

    def recalibrate(self, now_ns: int) -> None:
        """Estimate, and solve the table anew."""
        depth = self._market.spread.value / 2 if self._table is None else self._table.flat_depth
        if not math.isfinite(depth) or self._book is None:
            return
        self._market.aim(now_ns, depth)
        found = self._market.estimate()
        if isinstance(found, str):
            self._problem, self._table = found, None
            return
        fee = self._instrument.maker_fee * self._book.mid if self._params.cover_fees else 0.0
        model = QuotingModel(
            sigma=found.sigma,
            bid_arrival_rate=found.bid.arrival_rate,
            ask_arrival_rate=found.ask.arrival_rate,
            kappa=found.bid.kappa,
            gamma=0.0,
            lot=self._params.order_size,
            fee=fee,
        )
        try:
            self._model, self._table = quotes_for(model, self._params.max_position, self._params.aggressiveness)
        except ValueError as exc:
            self._problem, self._table = f"the engine has no solution: {exc}", None

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Look the inventory up in the table, around the mid as it stands."""
        book, table = self._book, self._table
        if book is None or math.isnan(book.mid):
            return Decision.nothing("waits for a two-sided book")
        if table is None:
            return Decision.nothing(self._problem, book.mid)
        mid, lots = book.mid, inventory / self._params.order_size
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        for side in (Side.BUY, Side.SELL):
            depths = table_depths(table, side, lots, self._params.levels)
            of_side, reason = quotes_within(
                self._instrument, side, mid, depths, self._lots, book, inventory=inventory, sizes=self._params
            )
            quotes += of_side
            if not of_side:
                reasons[side] = reason
        shift = table.lean(lots)
        return Decision(
            tuple(quotes),
            mid,
            mid + shift if math.isfinite(shift) else math.nan,
            reasons,
            self._effects(mid, table, shift),
        )

    def _effects(self, mid: float, table: QuoteTable, shift: float) -> dict[str, float]:
        model = self._model
        if model is None:
            return {}
        bps = 1e4 / mid
        return {
            "half_spread_bps": table.flat_depth * bps,
            "inventory_skew_bps": shift * bps,
            "sigma_bps": model.sigma * bps,
            "kappa_per_bps": model.kappa / bps,
            "bid_arrivals_per_s": model.bid_arrival_rate,
            "ask_arrivals_per_s": model.ask_arrival_rate,
        }
