"""What the quotes are placed around."""

from __future__ import annotations

import math

from ultramm.features.average import TimeAverage
from ultramm.features.micro_price import MicroPrice
from ultramm.features.price import weighted_mid
from ultramm.market import Book, Instrument, Trade
from ultramm_strategies.market_maker.params import MarketMakerParams


class FairValue:
    """Fair value as `MarketMakerParams.fair_value` says.

    Parameters
    ----------
    params : MarketMakerParams
        Which one.
    instrument : Instrument
        What is quoted.
    """

    def __init__(self, params: MarketMakerParams, instrument: Instrument) -> None:
        self._kind = params.fair_value
        self._micro_price = MicroPrice(instrument.tick_size) if self._kind == "micro-price" else None
        self._basis = TimeAverage(params.basis_tau_s) if params.basis_tau_s else None
        self._mid = self._last_trade = self._reference_mid = math.nan

    def on_book(self, book: Book) -> None:
        """The own market's touch changed."""
        self._mid = book.mid
        if self._micro_price is not None:
            self._micro_price.update(book)
        self._note_basis(book.ts_ns)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded on the own market."""
        self._last_trade = trade.price

    def on_reference(self, book: Book) -> None:
        """The reference's touch changed."""
        # A crossed book has no middle to believe in.
        self._reference_mid = book.mid if book.spread > 0 else math.nan
        self._note_basis(book.ts_ns)

    def interrupted(self) -> None:
        """The market was not seen for a time: what was seen last is no price of now."""
        self._mid = self._last_trade = self._reference_mid = math.nan
        if self._micro_price is not None:
            self._micro_price.interrupted()
        if self._basis is not None:
            self._basis.interrupted()

    def price(self, book: Book) -> float:
        """Fair value beside the own market's `book`, price; NaN while it is unknown."""
        if self._kind == "mid":
            return book.mid
        if self._kind == "weighted-mid":
            return weighted_mid(book)
        if self._micro_price is not None:
            return self._micro_price.value(book)
        if self._kind == "last":
            return self._last_trade
        return self._reference_mid + (self._basis.value if self._basis is not None else 0.0)

    def _note_basis(self, ts_ns: int) -> None:
        if self._basis is not None:
            self._basis.update(ts_ns, self._mid - self._reference_mid)
