"""The reference quoter: reservation price and spread of the paper. Formulas are in the README beside it."""

from __future__ import annotations

import math

from ultramm.calibration.market_model import MarketModel
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.avellaneda_stoikov import reservation_price, spread
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import quotes_within
from ultramm_strategies.avellaneda_stoikov.params import AvellanedaStoikovParams


class AvellanedaStoikov:
    """Quotes half the paper's spread on each side of its reservation price.

    Parameters
    ----------
    params : AvellanedaStoikovParams
        What to quote.
    instrument : Instrument
        Where.
    """

    remembers = True

    def __init__(self, params: AvellanedaStoikovParams, instrument: Instrument) -> None:
        self.recalibrate_s = params.recalibrate_s
        self._params = params
        self._instrument = instrument
        self._market = MarketModel(instrument, tau_s=params.calibration_s, max_error=1e-2 * params.max_error_pct)
        self._lots = instrument.whole_lots(params.order_size)
        self._book: Book | None = None
        self._sigma = math.nan if params.sigma is None else params.sigma
        self._kappa = math.nan if params.kappa is None else params.kappa
        self._problem = "waits for its estimates"
        self._end_ns = 0

    def on_book(self, book: Book) -> None:
        self._book = book
        self._market.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._market.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        """There is none."""

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._market.interrupted()

    def on_fill(self, fill: Fill) -> None:
        """The inventory tells."""

    def recalibrate(self, now_ns: int) -> None:
        """Estimate what is not given."""
        params = self._params
        if params.sigma is None:
            self._sigma = self._market.volatility.value()
            self._problem = "volatility is not known yet"
        if params.kappa is None:
            half = 0.5 * self._market.spread.value if math.isnan(self._kappa) else 1.0 / self._kappa
            if not math.isfinite(half):
                return
            self._market.aim(now_ns, half)
            found = self._market.estimate()
            self._kappa = math.nan if isinstance(found, str) else found.bid.kappa
            self._problem = found if isinstance(found, str) else ""

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """Quotes around the reservation price as it stands."""
        book, params, instrument = self._book, self._params, self._instrument
        if book is None or math.isnan(book.mid):
            return Decision.nothing("waits for a two-sided book")
        if math.isnan(self._sigma) or math.isnan(self._kappa):
            return Decision.nothing(self._problem, book.mid)
        if now_ns >= self._end_ns:
            self._end_ns = now_ns + round(params.horizon_s * 1e9)
        left_s = (self._end_ns - now_ns) * 1e-9
        reservation = reservation_price(book.mid, inventory, params.gamma, self._sigma, left_s)
        half = 0.5 * spread(params.gamma, self._sigma, self._kappa, left_s)
        quotes: list[Quote] = []
        reasons: dict[Side, str] = {}
        for side in (Side.BUY, Side.SELL):
            of_side, reason = quotes_within(
                instrument, side, reservation, [half], self._lots, book, inventory=inventory, sizes=params
            )
            quotes += of_side
            if not of_side:
                reasons[side] = reason
        bps = 1e4 / book.mid
        effects = {
            "half_spread_bps": half * bps,
            "inventory_skew_bps": (reservation - book.mid) * bps,
            "sigma_bps": self._sigma * bps,
            "kappa_per_bps": self._kappa / bps,
            "left_s": left_s,
        }
        return Decision(tuple(quotes), book.mid, reservation, reasons, effects)
