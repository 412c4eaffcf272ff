"""What the engine must know of one market, kept up to date from its books and trades."""

from __future__ import annotations

import math
from typing import Protocol

import msgspec

from ultramm.calibration.fill_intensity import FillIntensity, OwnFillIntensity, ReachIntensity
from ultramm.calibration.market_orders import MarketOrder, MarketOrders, QuotedOrders
from ultramm.features.depth import SpreadStatistics
from ultramm.features.observed_time import ObservedTime
from ultramm.features.volatility import QuotingVolatility
from ultramm.market import Book, Instrument, Side, Trade

# The range that is fitted, around the depth that is quoted; it moves when that depth leaves its middle.
_NEAR, _FAR = 0.5, 3.0
_MIDDLE = (1.2, 2.0)
_BINS = 10  # of our own quotes, within the depth that is quoted


class MarketEstimate(msgspec.Struct, frozen=True):
    """Volatility, and the fill intensity of either side.

    Parameters
    ----------
    sigma : float
        Price / sqrt(second).
    bid, ask : FillIntensity
        Of our bids, and of our asks; they share `kappa`.
    """

    sigma: float
    bid: FillIntensity
    ask: FillIntensity


class MarketOrderObserver(Protocol):
    """Who learns from market orders too."""

    def on_market_order(self, order: MarketOrder) -> None:
        """A market order is complete."""


class MarketModel:
    """Estimates a market where its quotes stand.

    Parameters
    ----------
    instrument : Instrument
        What is traded.
    tau_s : float
        Time constant of the fill intensity, seconds.
    max_error : float
        Largest standard error of `kappa`, as a share of it, to quote on.
    observer : MarketOrderObserver, optional
        Is told of each market order that is complete.
    own_fills : bool
        Learn from our own orders too: they also tell of queues and latency.
    """

    def __init__(
        self,
        instrument: Instrument,
        *,
        tau_s: float = 600.0,
        max_error: float = 0.5,
        observer: MarketOrderObserver | None = None,
        own_fills: bool = False,
    ) -> None:
        self.volatility = QuotingVolatility()
        self.spread = SpreadStatistics()
        self._tick_size = instrument.tick_size
        self._max_error = max_error
        self._tau_s = tau_s
        self._orders = MarketOrders()
        # Until a trade is seen, there may be no tape at all.
        self._quoted: QuotedOrders | None = QuotedOrders()
        self._reaches: ReachIntensity | None = None
        self._learns = own_fills
        self._own: OwnFillIntensity | None = None
        self._observer = observer
        self._now_ns = 0
        self._observed = ObservedTime()

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        ts_ns, mid = book.ts_ns, book.mid
        self._observed.seen(ts_ns)
        self.volatility.update(ts_ns, mid)
        self.spread.update(book)
        if self._quoted is not None:
            for order in self._quoted.on_book(book):
                self._take(order)
        complete = self._orders.on_mid(ts_ns, mid)
        if complete is not None:
            self._take(complete)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._observed.seen(trade.ts_ns)
        if self._quoted is not None:
            # There is a tape: what the quotes seemed to tell is forgotten.
            self._quoted = self._reaches = None
        complete = self._orders.on_trade(trade)
        if complete is not None:
            self._take(complete)

    def _take(self, order: MarketOrder) -> None:
        if self._reaches is not None:
            self._reaches.on_reach(self._observed.at(order.ts_ns), order.side, order.reach)
        if self._observer is not None:
            self._observer.on_market_order(order)

    def interrupted(self) -> None:
        """The market was not seen for a time: what is known of it stays, and the gap is no part of it."""
        self._observed.interrupted()
        self.volatility.interrupted()
        self.spread.interrupted()
        self._orders.interrupted()
        if self._quoted is not None:
            self._quoted.interrupted()

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        """An order of ours stood `seconds` at `depth` from the mid until `ts_ns`, and was filled `fills` times."""
        if self._own is not None:
            self._own.on_exposure(ts_ns, depth, seconds, fills)

    def aim(self, now_ns: int, depth: float) -> None:
        """Fit the intensity around `depth`, price; does little while it is near the one before."""
        depth = max(depth, self._tick_size)
        if self._reaches is None:
            self._reaches = ReachIntensity(_NEAR * depth, _FAR * depth, tau_s=self._tau_s)
            self._own = OwnFillIntensity(depth / _BINS, tau_s=self._tau_s) if self._learns else None
        elif not self._reaches.near * _MIDDLE[0] <= depth <= self._reaches.far / _MIDDLE[1] * _MIDDLE[0]:
            self._reaches.set_range(_NEAR * depth, _FAR * depth)
        self._reaches.on_time(self._observed.at(now_ns))
        self._now_ns = now_ns

    def estimate(self, season: float = 1.0) -> MarketEstimate | str:
        """What is known of the market; in words why it is not enough to quote on."""
        sigma = self.volatility.value(season)
        if math.isnan(sigma):
            return f"volatility is not known yet: {self.volatility.fast.samples} samples of 60"
        if self._reaches is None:
            return "fill intensity is not known yet"
        bid, ask = self._reaches.estimate(Side.BUY), self._reaches.estimate(Side.SELL)
        if bid is None or ask is None:
            return "fill intensity is not known yet: no market order came as far as our quotes on one side"
        bid, ask = self._with_own_fills(bid, ask)
        if bid.relative_error > self._max_error:
            return (
                f"fill intensity is known to {100 * bid.relative_error:.0f} % only, and {100 * self._max_error:g} % is "
                f"wanted: {self._reaches.market_orders:.0f} market orders came as far as our quotes"
            )
        return MarketEstimate(sigma, bid, ask)

    def _with_own_fills(self, bid: FillIntensity, ask: FillIntensity) -> tuple[FillIntensity, FillIntensity]:
        """Both sides by all that is known: our own orders are too few to be told apart by side."""
        if self._own is None:
            return bid, ask
        lean = math.sqrt(bid.arrival_rate / ask.arrival_rate)
        both = self._own.corrected(FillIntensity(bid.arrival_rate / lean, bid.kappa, bid.relative_error), self._now_ns)
        bid_rate, ask_rate = both.arrival_rate * lean, both.arrival_rate / lean
        return (
            FillIntensity(bid_rate, both.kappa, both.relative_error),
            FillIntensity(ask_rate, both.kappa, both.relative_error),
        )
