"""The stylised facts of a synthetic market, measured as one would measure those of a real one.

Cont 2001, "Empirical properties of asset returns: stylized facts and statistical issues", and, for the signs
of orders, Bouchaud, Farmer, Lillo 2009, "How markets slowly digest changes in supply and demand".
"""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from ultramm.simulation.events import MarketEvent
from ultramm.simulation.presets import Preset
from ultramm.simulation.synthetic import SyntheticMarket

SAMPLE_S = 0.05
_PER_SECOND = 20
_TRADE_COLUMNS = 4

Vector = NDArray[np.float64]


class StylisedFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a market showed.

    Parameters
    ----------
    spread_ticks : float
        Time-weighted mean of best ask minus best bid.
    one_tick_share : float
        Share of time that the spread is one tick.
    touch_lots : float
        Time-weighted mean size of a best level.
    imbalance_corr : float
        Correlation of the queue imbalance at the touch with the move of the mid in the next second.
    sign_acf_1, sign_acf_5, sign_acf_20 : float
        Autocorrelation of the signs of market orders, by lag in orders.
    return_acf_1 : float
        Autocorrelation of 1 s returns of the mid at 1 s.
    signature_ratio : float
        Volatility per square root of time from 50 ms returns over that from 10 s returns.
    sigma_1s_ticks : float
        Standard deviation of 1 s returns.
    kurtosis_1s : float
        Kurtosis of 1 s returns, 3 for normal ones.
    abs_return_acf_1, abs_return_acf_30 : float
        Autocorrelation of absolute 1 s returns at 1 s and 30 s.
    maker_edge_0s_ticks, maker_edge_1s_ticks, maker_edge_5s_ticks : float
        What the resting side of each trade earned against the mid right after the market order, 1 s and 5 s
        later; an order that trades at two prices counts as two trades.
    market_orders_per_s : float
        Market orders of all takers.
    informed_share : float
        Share of those that informed takers sent.
    events_per_s : float
        Emitted events.
    """

    spread_ticks: float
    one_tick_share: float
    touch_lots: float
    imbalance_corr: float
    sign_acf_1: float
    sign_acf_5: float
    sign_acf_20: float
    return_acf_1: float
    signature_ratio: float
    sigma_1s_ticks: float
    kurtosis_1s: float
    abs_return_acf_1: float
    abs_return_acf_30: float
    maker_edge_0s_ticks: float
    maker_edge_1s_ticks: float
    maker_edge_5s_ticks: float
    market_orders_per_s: float
    informed_share: float
    events_per_s: float


def stylised_facts(preset: Preset, seed: int, duration_s: float) -> StylisedFacts:
    """Run a market for `duration_s` seconds of model time and measure it.

    Parameters
    ----------
    preset : Preset
    seed : int
    duration_s : float
        At least 60 s; autocorrelations and kurtosis want half an hour.
    """
    recorder = _Recorder(SyntheticMarket(preset, seed))
    recorder.run(duration_s)
    return recorder.facts(duration_s)


def autocorrelation(series: Vector, lag: int) -> float:
    """Sample autocorrelation of a series at a lag in samples; NaN for a constant series."""
    centred = series - series.mean()
    variance = float(np.mean(centred**2))
    return float(np.mean(centred[lag:] * centred[:-lag])) / variance if variance else math.nan


class _Recorder:
    """Watches one market: the touch over time, and each market order with the mid right after it."""

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self._events = 0
        self._informed_before = market.informed_orders
        self._time_by_spread: dict[int, float] = {}
        self._touch_lot_seconds = 0.0
        self._samples: list[tuple[float, float]] = []
        self._signs: list[int] = []
        self._trades: list[tuple[float, int, int, float]] = []

    def run(self, duration_s: float) -> None:
        market = self._market
        stream = market.events()
        previous_s = start_s = next(stream).time_s
        while previous_s - start_s < duration_s:
            (bid, bid_lots), (ask, ask_lots) = market.best_bid, market.best_ask
            event = next(stream)
            held_s = event.time_s - previous_s
            previous_s = event.time_s
            spread = ask - bid
            self._time_by_spread[spread] = self._time_by_spread.get(spread, 0.0) + held_s
            self._touch_lot_seconds += held_s * 0.5 * (bid_lots + ask_lots)
            self._sample(event.time_s - start_s, 0.5 * (bid + ask), (bid_lots - ask_lots) / (bid_lots + ask_lots))
            self._events += 1
            if event.trades:
                self._order(event, event.time_s - start_s)

    def _sample(self, until_s: float, mid: float, imbalance: float) -> None:
        while len(self._samples) * SAMPLE_S < until_s:
            self._samples.append((mid, imbalance))

    def _order(self, event: MarketEvent, time_s: float) -> None:
        mid = self._market.mid_ticks
        self._signs.append(int(event.trades[0].side))
        self._trades += [(time_s, int(trade.side), trade.ticks, mid) for trade in event.trades]

    def facts(self, duration_s: float) -> StylisedFacts:
        mids, imbalance = np.array(self._samples).T
        signs = np.array(self._signs, dtype=float)
        trades = np.array(self._trades).reshape(-1, _TRADE_COLUMNS)
        second_returns = np.diff(mids[::_PER_SECOND])
        sigma_50ms = np.diff(mids).std() / math.sqrt(SAMPLE_S)
        sigma_10s = np.diff(mids[:: 10 * _PER_SECOND]).std() / math.sqrt(10.0)
        next_second = mids[_PER_SECOND:] - mids[:-_PER_SECOND]
        total_s = sum(self._time_by_spread.values())
        return StylisedFacts(
            spread_ticks=sum(k * v for k, v in self._time_by_spread.items()) / total_s,
            one_tick_share=self._time_by_spread.get(1, 0.0) / total_s,
            touch_lots=self._touch_lot_seconds / total_s,
            imbalance_corr=float(np.corrcoef(imbalance[:-_PER_SECOND], next_second)[0, 1]),
            sign_acf_1=autocorrelation(signs, 1),
            sign_acf_5=autocorrelation(signs, 5),
            sign_acf_20=autocorrelation(signs, 20),
            return_acf_1=autocorrelation(second_returns, 1),
            signature_ratio=float(sigma_50ms / sigma_10s),
            sigma_1s_ticks=float(second_returns.std()),
            kurtosis_1s=float(np.mean((second_returns - second_returns.mean()) ** 4) / second_returns.var() ** 2),
            abs_return_acf_1=autocorrelation(np.abs(second_returns), 1),
            abs_return_acf_30=autocorrelation(np.abs(second_returns), 30),
            maker_edge_0s_ticks=float(np.mean(trades[:, 1] * (trades[:, 2] - trades[:, 3]))),
            maker_edge_1s_ticks=_edge(trades, mids, 1.0),
            maker_edge_5s_ticks=_edge(trades, mids, 5.0),
            market_orders_per_s=len(signs) / duration_s,
            informed_share=(self._market.informed_orders - self._informed_before) / max(len(signs), 1),
            events_per_s=self._events / duration_s,
        )


def _edge(trades: Vector, mids: Vector, horizon_s: float) -> float:
    """Mean gain of the passive side of each trade against the mid `horizon_s` later, in ticks."""
    later = np.ceil((trades[:, 0] + horizon_s) / SAMPLE_S).astype(int)
    known = later < len(mids)
    return float(np.mean(trades[known, 1] * (trades[known, 2] - mids[later[known]])))
