"""The reporting currency: rates from the markets of the venues, or as the configuration states them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nautilus_trader.common.actor import Actor
from nautilus_trader.common.config import ActorConfig

from ultramm.analytics.reporting import Reported, reported
from ultramm.analytics.scorecard import Score
from ultramm.config.resolve import Resolved
from ultramm.errors import ConfigError
from ultramm.nautilus.books import subscribe_book
from ultramm.nautilus.build import Feed
from ultramm.nautilus.convert import to_float, to_instrument
from ultramm.rates import rates_to


class Conversion(Actor):
    """Watches the books that rates come from; joins a node or a backtest where a reporting currency is configured.

    Parameters
    ----------
    resolved : Resolved
        With a `reporting` section.
    opened : list of Feed
        The venues.

    Raises
    ------
    ConfigError
        Nothing leads from a currency that is traded in to the reporting one.
    """

    def __init__(self, resolved: Resolved, opened: list[Feed]) -> None:
        super().__init__(ActorConfig(component_id="Conversion"))
        settings = resolved.config.reporting
        assert settings is not None
        self._currency, self._stated = settings.currency, settings.rates
        self._instruments = [instrument for feed in opened for instrument in feed.instruments]
        self._mids: dict[Any, float] = {}
        self._check(resolved)

    def on_start(self) -> None:
        for instrument in self._instruments:
            subscribe_book(self, instrument.id)

    def reported(self, scores: Sequence[Score]) -> Reported | None:
        """All strategies together; None while a market that a rate comes from has no mid."""
        for instrument in self._instruments:
            mid = self._mid(instrument.id)
            if not math.isnan(mid):
                self._mids[instrument.id] = mid
        currencies = {score.pnl.currency for score in scores}
        rates = rates_to(self._currency, currencies, self._stated, self._pairs(self._mids))
        known = {currency: rate for currency, rate in rates.items() if rate is not None}
        if len(known) < len(currencies):
            return None
        return reported([score.pnl for score in scores], self._currency, known)

    def _mid(self, instrument_id: Any) -> float:
        book = self.cache.order_book(instrument_id)
        bid, ask = (None, None) if book is None else (book.best_bid_price(), book.best_ask_price())
        return math.nan if bid is None or ask is None else 0.5 * (to_float(bid) + to_float(ask))

    def _pairs(self, mids: dict[Any, float]) -> list[tuple[str, str, float]]:
        pairs = []
        for instrument in self._instruments:
            base = instrument.get_base_currency()
            if base is not None and instrument.id in mids:
                pairs.append((base.code, instrument.quote_currency.code, mids[instrument.id]))
        return pairs

    def _check(self, resolved: Resolved) -> None:
        traded = {each for strategy in resolved.strategies for each in strategy.settings.instruments}
        settled = [to_instrument(i).settlement_currency for i in self._instruments if i.id.value in traded]
        anywhere = self._pairs({instrument.id: 1.0 for instrument in self._instruments})
        for currency, rate in rates_to(self._currency, settled, self._stated, anywhere).items():
            if rate is None:
                raise ConfigError(
                    f"{resolved.loaded.path}: reporting.rates.{currency}: no market of the venues leads from "
                    f"{currency} to {self._currency}; state how many {self._currency} one {currency} is worth"
                )
