"""The short-horizon forecast, in parts that can be seen and switched."""

from __future__ import annotations

import math

from ultramm.calibration.forecast import MidForecast
from ultramm.features.average import EwAverage
from ultramm.features.depth import DepthImbalance
from ultramm.features.flow import OrderFlowImbalance, TradeFlowImbalance
from ultramm.features.price import queue_imbalance
from ultramm.market import Book, Instrument, Trade
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams

_DEPTH_BPS = 2.0
_FAST_S = 0.5


class Signals:
    """Forecast of the mid from order flow, trend, mean reversion and a leading market.

    Which way each of them points, and how far, is learned; a part that says nothing stays at zero.

    Parameters
    ----------
    params : AdaptiveParams
        Which parts there are.
    instrument : Instrument
        What is quoted.
    """

    def __init__(self, params: AdaptiveParams, instrument: Instrument) -> None:
        self._flow = params.order_flow
        self._depth: DepthImbalance | None = None
        self._order_flow = OrderFlowImbalance([_FAST_S])
        self._trades = TradeFlowImbalance(1.0)
        self._averages = {tau_s: EwAverage(tau_s) for tau_s in (_FAST_S, 5.0, 60.0)}
        self._lead = EwAverage(_FAST_S) if params.reference is not None else None
        self._lead_mid = math.nan
        self._mid = math.nan
        groups = {
            "order_flow": ("queue", "depth", "orders", "trades") if params.order_flow else (),
            "trend": ("fast", "slow") if params.trend else (),
            "mean_reversion": ("distance",) if params.mean_reversion else (),
            "lead": ("lead",) if params.reference is not None else (),
        }
        self._groups = [group for group, names in groups.items() for _ in names]
        self._trend, self._reversion = params.trend, params.mean_reversion
        self._instrument = instrument
        self.forecast = MidForecast(self._groups, horizon_s=params.forecast_s) if self._groups else None

    def on_book(self, book: Book) -> None:
        """The touch changed."""
        mid = book.mid
        if math.isnan(mid):
            return
        if self._flow:
            self._order_flow.update(book)
        if mid != self._mid:
            self._mid = mid
            for average in self._averages.values():
                average.update(book.ts_ns, mid)
        if self.forecast is not None:
            self.forecast.on_mid(book.ts_ns, mid)

    def on_depth(self, book: Book) -> None:
        """The book as deep as it is read, before a decision."""
        if self._depth is None:
            scale = max(5 * self._instrument.tick_size, _DEPTH_BPS * 1e-4 * book.mid)
            self._depth = DepthImbalance(scale)
        self._depth.update(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._trades.update(trade)

    def on_reference(self, book: Book) -> None:
        """The leading market's touch changed."""
        if self._lead is not None and book.spread > 0:
            self._lead_mid = book.mid
            self._lead.update(book.ts_ns, book.mid)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._order_flow.interrupted()
        if self.forecast is not None:
            self.forecast.interrupted()

    def parts(self, now_ns: int, book: Book) -> dict[str, float]:
        """What each group adds to the mid, price."""
        if self.forecast is None:
            return {}
        mid = book.mid
        features: list[float] = []
        if self._flow:
            pressure = self._order_flow.values(now_ns)[0]
            features += (
                queue_imbalance(book),
                self._depth.value if self._depth is not None else math.nan,
                math.copysign(math.sqrt(abs(pressure)), pressure),
                self._trades.pressure(now_ns),
            )
        averages = [average.value for average in self._averages.values()]
        if self._trend:
            features += (mid - averages[0], averages[0] - averages[1])
        if self._reversion:
            features.append(mid - averages[2])
        if self._lead is not None:
            features.append((self._lead_mid / self._lead.value - 1.0) * mid)
        trust = self.forecast.trust
        found = dict.fromkeys(self._groups, 0.0)
        for group, part in zip(self._groups, self.forecast.parts(now_ns, mid, features), strict=True):
            found[group] += trust * part
        return found
