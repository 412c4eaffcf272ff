"""The hedger: what is left of the makers' exposures is traded back into a band. Formulas are in the README."""

from __future__ import annotations

import math

from ultramm.features.average import TimeAverage
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.quoting.decision import Decision
from ultramm.risk.exposures import Position
from ultramm.risk.hedging import band_centre, no_trade_band, trade_to_band, unit_exposure
from ultramm_strategies.hedger.attempts import Attempts
from ultramm_strategies.hedger.exposure import Covered
from ultramm_strategies.hedger.params import HedgerParams

_SPREAD_TAU_S = 60.0
_FUNDING_S = 28_800.0


class Hedger:
    """Offsets the positions of other strategies on one instrument.

    It has one order at a time, and none that is larger than what brings the exposure back: whatever is filled makes the
    exposure smaller, unless those that it covers trade meanwhile.

    Parameters
    ----------
    params : HedgerParams
        Whom to cover, and how.
    instrument : Instrument
        What it trades.

    Attributes
    ----------
    makers : tuple of str
        Whom it covers.
    unhedged : str
        In words why it cannot; empty while it can.
    """

    remembers = True

    def __init__(self, params: HedgerParams, instrument: Instrument) -> None:
        self.makers = params.makers
        self._params = params
        self._instrument = instrument
        self._book: Book | None = None
        self._half_spread = TimeAverage(_SPREAD_TAU_S)
        self._covered = Covered(params, instrument)
        self._attempts = Attempts(params)
        self._own: Position | None = None
        self._asked: Quote | None = None
        self._band = self._centre = math.nan
        self._trade = 0.0  # what would bring the exposure back, signed, quote currency
        self.unhedged = "waits for its market"

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        self._book = book
        self._half_spread.update(book.ts_ns, 0.5 * book.spread / book.mid)

    def on_trade(self, trade: Trade) -> None:
        """The touch tells."""

    def on_reference(self, book: Book) -> None:
        """There is none: the makers' mids come with their positions."""

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._covered.interrupted()
        self._half_spread.interrupted()
        self._attempts.interrupted()

    def on_fill(self, fill: Fill) -> None:
        self._attempts.traded()

    def on_positions(self, ts_ns: int, own: Position, others: tuple[Position, ...]) -> None:
        """What it holds, what the makers hold, and whether that can be held together."""
        self._own = own
        self._covered.update(ts_ns, own, others)
        self._trade = 0.0
        problem = self._covered.problem
        if not problem and math.isnan(own.mid):
            problem = "waits for its market"
        if not problem:
            self._band = self._half_band(ts_ns, own.mid)
            self._centre = self._carried(self._band)
            self._trade = trade_to_band(self._covered.exposure, self._band, self._centre, self._params.inner)
            outside = self._lots(self._trade, own.mid) >= self._instrument.smallest_lots(own.mid)
            self._attempts.look(ts_ns, outside=outside, working=own.working > 0.0, left_behind=self._left_behind)
        self.unhedged = problem or self._attempts.problem

    @property
    def _left_behind(self) -> bool:
        """Whether the opposite best price is beyond where the last order was to trade."""
        asked, book = self._asked, self._book
        if asked is None or book is None or not book.two_sided:
            return False
        best = (book.asks if asked.side is Side.BUY else book.bids)[0].price
        return asked.side * (self._instrument.ticks(best) - asked.ticks) > 0

    # -- the band --------------------------------------------------------------------------------------------

    @property
    def _cost(self) -> float:
        """Of trading at once, as a share of what is traded; NaN before the first spread."""
        return self._half_spread.value + self._instrument.taker_fee

    def _half_band(self, ts_ns: int, mid: float) -> float:
        """Quote currency; nothing is left alone before it is known what that would risk."""
        params = self._params
        if params.gamma is None:
            return (params.band or 0.0) * unit_exposure(self._instrument, mid)
        sigma, cost = self._covered.sigma, self._cost
        if not (sigma > 0.0 and cost > 0.0):
            return 0.0
        return no_trade_band(cost, self._covered.variance_rate(ts_ns), params.gamma, sigma)

    def _carried(self, band: float) -> float:
        params, sigma = self._params, self._covered.sigma
        if params.gamma is None or math.isnan(sigma):
            return 0.0
        return band_centre(1e-4 * params.funding_8h_bps / _FUNDING_S, params.gamma, sigma, params.inner * band)

    def _lots(self, exposure: float, mid: float) -> int:
        """Whole lots of the hedge within an exposure: never more than it."""
        return self._instrument.whole_lots(abs(exposure) / unit_exposure(self._instrument, mid))

    # -- the order -------------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """One order towards the band, or none."""
        book = self._book
        if book is None or math.isnan(book.mid):
            return Decision.nothing("waits for a two-sided book")
        mid = book.mid
        side = Side.BUY if self._trade > 0.0 else Side.SELL
        quote = self._order(now_ns, side, book)
        effects = self._effects(now_ns)
        if isinstance(quote, str):
            self._asked = None
            return Decision(fair=mid, reservation_price=mid, reasons=dict.fromkeys(Side, quote), effects=effects)
        if quote.taking and quote is not self._asked:
            self._attempts.asked()
        self._asked = quote
        reason = "the exposure calls for the other side"
        return Decision((quote,), mid, mid, {side.opposite: reason}, effects)

    def _order(self, now_ns: int, side: Side, book: Book) -> Quote | str:
        """The order to have, or in words why none."""
        own = self._own
        if own is None:
            return "knows of no makers"
        urgent = self._urgent(now_ns, book.mid)
        lots = self._wanted_lots(side, own, book.mid)
        if own.working > 0.0:
            return self._stays(side, lots, urgent, book) or "waits for its last order to end"
        if self._covered.problem:
            return self._covered.problem
        if not lots:
            return self._why_nothing(side, own, book.mid)
        if not urgent:
            return Quote(side, self._touch_ticks(side, book), lots)
        pause_s = self._attempts.pause_s(now_ns)
        if pause_s > 0.0:
            return f"tries again {pause_s:.1f} s from now: its last order traded nothing"
        return Quote(side, self._taking_ticks(side, book), lots, taking=True)

    def _wanted_lots(self, side: Side, own: Position, mid: float) -> int:
        """Lots to trade, within what an order and the position may be; 0 for fewer than the venue takes."""
        params, instrument = self._params, self._instrument
        lots = min(self._lots(self._trade, mid), instrument.whole_lots(params.max_position - side * own.size))
        if params.order_size is not None:
            lots = min(lots, instrument.whole_lots(params.order_size))
        return lots if lots >= instrument.smallest_lots(mid) else 0

    def _why_nothing(self, side: Side, own: Position, mid: float) -> str:
        if self._lots(self._trade, mid) < self._instrument.smallest_lots(mid):
            return "the exposure is within its band"
        return f"position {own.size:g} is too near its limit of {self._params.max_position:g}"

    def _urgent(self, now_ns: int, mid: float) -> bool:
        """Whether to trade at once: the exposure is far out, or has been outside for long."""
        smallest = self._instrument.smallest_lots(mid) * self._instrument.lot_size
        band = max(self._band, unit_exposure(self._instrument, mid) * smallest)
        far = abs(self._covered.exposure - self._centre) > self._params.urgent_at * band
        return far or self._attempts.outside_s(now_ns) >= self._params.patience_s

    def _stays(self, side: Side, lots: int, urgent: bool, book: Book) -> Quote | None:
        """What is left of the order that still may trade, if it is to."""
        asked, own = self._asked, self._own
        if asked is None or own is None:
            return None
        if asked.taking:
            return asked
        working = self._instrument.lots(own.working)
        away = abs(asked.ticks - self._touch_ticks(side, book)) * self._instrument.tick_size
        stays = asked.side is side and working <= lots and away <= 1e-4 * self._params.tolerance_bps * book.mid
        return Quote(side, asked.ticks, working) if stays and not urgent else None

    def _touch_ticks(self, side: Side, book: Book) -> int:
        return self._instrument.ticks((book.bids if side is Side.BUY else book.asks)[0].price)

    def _taking_ticks(self, side: Side, book: Book) -> int:
        """The opposite best price, and some ticks beyond it."""
        best = (book.asks if side is Side.BUY else book.bids)[0].price
        beyond = math.floor(1e-4 * self._params.slippage_bps * best / self._instrument.tick_size + 1e-9)
        return max(1, self._instrument.ticks(best) + side * beyond)

    def _effects(self, now_ns: int) -> dict[str, float]:
        covered, currency = self._covered, self._instrument.quote_currency
        return {
            f"exposure_{currency}": covered.exposure,
            f"band_{currency}": self._band,
            f"centre_{currency}": self._centre,
            "hedge_ratio_x": covered.ratio,
            "effectiveness_pct": 100.0 * covered.effectiveness,
            "cost_bps": 1e4 * self._cost,
            "outside_s": self._attempts.outside_s(now_ns),
        }
