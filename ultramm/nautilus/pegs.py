"""Watches the markets of coins that should be worth something fixed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nautilus_trader.common.actor import Actor
from nautilus_trader.common.config import ActorConfig
from nautilus_trader.model.identifiers import InstrumentId

from ultramm.config.schema import Peg
from ultramm.nautilus.books import subscribe_book
from ultramm.nautilus.convert import BookReader, touch_reader
from ultramm.risk.exposures import Exposures


class PegWatch(Actor):
    """Tells all makers, by their `Exposures`, when a peg does not hold, and when it does again.

    Parameters
    ----------
    pegs : sequence of Peg
        What is watched.
    exposures : Exposures
        Of the makers.
    """

    def __init__(self, pegs: Sequence[Peg], exposures: Exposures) -> None:
        super().__init__(ActorConfig(component_id="PegWatch"))
        self._pegs = {InstrumentId.from_str(peg.instrument): peg for peg in pegs}
        self._exposures = exposures
        self._readers: dict[Any, BookReader] = {}

    def on_start(self) -> None:
        for instrument_id in self._pegs:
            subscribe_book(self, instrument_id)

    def _currencies(self, instrument_id: Any) -> frozenset[str]:
        instrument = self.cache.instrument(instrument_id)
        return frozenset({instrument.get_base_currency().code, instrument.quote_currency.code})

    def on_order_book_deltas(self, deltas: Any) -> None:
        peg = self._pegs.get(deltas.instrument_id)
        if peg is None:
            return
        read = self._readers.get(deltas.instrument_id)
        if read is None:
            read = self._readers[deltas.instrument_id] = touch_reader(self.cache.order_book(deltas.instrument_id))
        book = read(deltas.ts_init)
        if book is not None and not math.isnan(book.mid):
            off_bps = 1e4 * (book.mid / peg.price - 1.0)
            self._exposures.on_peg(peg.instrument, self._currencies(deltas.instrument_id), off_bps, peg.within_bps)
