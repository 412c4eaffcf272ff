"""The GLFT quoter: calibrate, solve, look up. Formulas and tuning are in the README beside it."""

from __future__ import annotations

import math

from ultramm.calibration.solver import Solver
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.quoting.engine import QuotingModel
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

    remembers = True

    def __init__(self, params: GlftParams, instrument: Instrument) -> None:
        self.recalibrate_s = params.recalibrate_s
        self.learns = params.own_fills
        self._params = params
        self._instrument = instrument
        self._solver = Solver(instrument, params)
        self._lots = instrument.whole_lots(params.order_size)
        self._book: Book | None = None

    def on_book(self, book: Book) -> None:
        self._book = book
        self._solver.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._solver.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        """There is none."""

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._solver.market.interrupted()

    def on_fill(self, fill: Fill) -> None:
        """The inventory tells."""

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        self._solver.on_exposure(ts_ns, depth, seconds, fills)

    def recalibrate(self, now_ns: int) -> None:
        """Estimate, and solve the table anew."""
        if self._book is None:
            return
        found = self._solver.estimate(now_ns)
        if found is not None:
            self._solver.solve(found, self._instrument.maker_fee * self._book.mid if self._params.cover_fees else 0.0)

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Look the inventory up in the table, around the mid as it stands."""
        book, table, model = self._book, self._solver.table, self._solver.model
        if book is None or math.isnan(book.mid):
            return Decision.nothing("waits for a two-sided book")
        if table is None or model is None:
            return Decision.nothing(self._solver.problem, book.mid)
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
            _effects(mid, table, model, shift),
            kappa=model.kappa if self._params.keep_place else math.nan,
        )


def _effects(mid: float, table: QuoteTable, model: QuotingModel, shift: float) -> dict[str, float]:
    bps = 1e4 / mid
    return {
        "half_spread_bps": table.flat_depth * bps,
        "inventory_skew_bps": shift * bps,
        "sigma_bps": model.sigma * bps,
        "kappa_per_bps": model.kappa / bps,
        "bid_arrivals_per_s": model.bid_arrival_rate,
        "ask_arrivals_per_s": model.ask_arrival_rate,
    }
