"""From a market as it is seen to the table that is quoted by."""

from __future__ import annotations

import math
from typing import Protocol

from ultramm.calibration.market_model import MarketEstimate, MarketModel, MarketOrderObserver
from ultramm.market import Book, Instrument, Trade
from ultramm.quoting.engine import QuotingModel, quotes_for
from ultramm.quoting.table import QuoteTable


class Appetite(Protocol):
    """Of a strategy's parameters: what it is ready to hold, and how well it must know the market."""

    @property
    def order_size(self) -> float: ...

    @property
    def max_position(self) -> float: ...

    @property
    def aggressiveness(self) -> float: ...

    @property
    def calibration_s(self) -> float: ...

    @property
    def max_error_pct(self) -> float: ...

    @property
    def own_fills(self) -> bool: ...


class Solver:
    """Estimates one market where its quotes stand, and solves the engine for it.

    Parameters
    ----------
    instrument : Instrument
        What is quoted.
    appetite : Appetite
        For inventory, and for evidence.
    observer : MarketOrderObserver, optional
        Is told of each market order that is complete.

    Attributes
    ----------
    appetite : Appetite
    market : MarketModel
        The estimates.
    model, table : QuotingModel, QuoteTable or None
        What was solved last; None while there is nothing to quote by.
    problem : str
        In words why there is none.
    """

    def __init__(self, instrument: Instrument, appetite: Appetite, observer: MarketOrderObserver | None = None) -> None:
        self.market = MarketModel(
            instrument,
            tau_s=appetite.calibration_s,
            max_error=1e-2 * appetite.max_error_pct,
            observer=observer,
            own_fills=appetite.own_fills,
        )
        self.model: QuotingModel | None = None
        self.table: QuoteTable | None = None
        self.problem = "the engine has not been solved yet"
        self.appetite = appetite
        # Around what depth to estimate; one at which nothing is known is given up only after a while.
        self._aimed = math.nan
        self._patience_ns = round(appetite.calibration_s * 1e9)
        self._quoted_ns = -self._patience_ns

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        self.market.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self.market.on_trade(trade)

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        """An order of ours stood somewhere, or was filled; see `MarketModel.on_exposure`."""
        self.market.on_exposure(ts_ns, depth, seconds, fills)

    def estimate(self, now_ns: int) -> MarketEstimate | None:
        """What is known of the market around the depth that is quoted; None, and no table, where it is not enough."""
        if self.table is not None:
            self._aimed, self._quoted_ns = self.table.flat_depth, now_ns
        elif now_ns - self._quoted_ns >= self._patience_ns or math.isnan(self._aimed):
            self._aimed = self.market.spread.value / 2
        if not math.isfinite(self._aimed):
            return None
        self.market.aim(now_ns, self._aimed)
        found = self.market.estimate()
        if isinstance(found, str):
            self.problem, self.table = found, None
            return None
        return found

    def solve(
        self,
        found: MarketEstimate,
        fee: float,
        *,
        sigma: float = math.nan,
        bid_volume: float = 1.0,
        ask_volume: float = 1.0,
    ) -> None:
        """Solve for what was estimated.

        Parameters
        ----------
        fee : float
            To earn beside the optimum on each unit filled, price.
        sigma : float
            Instead of the estimated one, price / sqrt(second).
        bid_volume, ask_volume : float
            Factors of the fill rates.
        """
        model = QuotingModel(
            sigma=sigma if math.isfinite(sigma) else found.sigma,
            bid_arrival_rate=bid_volume * found.bid.arrival_rate,
            ask_arrival_rate=ask_volume * found.ask.arrival_rate,
            kappa=found.bid.kappa,
            gamma=0.0,
            lot=self.appetite.order_size,
            fee=fee,
        )
        try:
            self.model, self.table = quotes_for(model, self.appetite.max_position, self.appetite.aggressiveness)
        except (ValueError, OverflowError) as exc:
            self.problem, self.table = f"the engine has no solution: {exc}", None
