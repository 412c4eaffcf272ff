"""What became of our orders: how many were filled by where they stood, and how long they took."""

from __future__ import annotations

import math
from collections import Counter

import msgspec
import numpy as np

from ultramm.analytics.report.series import Floats
from ultramm.analytics.report.uncertainty import wilson_interval
from ultramm.market import Side

_GRID_BPS = 0.01
_SHORTEST_S, _PER_DECADE, _DECADES = 1e-4, 20, 10
_NICE = tuple(base * 10.0**power for power in range(-2, 4) for base in (1, 2, 5))


class LogHistogram:
    """Counts of durations in steps of 12 % from 0.1 ms on: bounded memory for any number of them."""

    def __init__(self) -> None:
        self._counts = np.zeros(_PER_DECADE * _DECADES + 1, dtype=np.int64)

    def add(self, seconds: float) -> None:
        step = math.ceil(_PER_DECADE * math.log10(max(seconds, _SHORTEST_S) / _SHORTEST_S) - 1e-9)
        self._counts[min(step, len(self._counts) - 1)] += 1

    @property
    def count(self) -> int:
        return int(self._counts.sum())

    def shares(self) -> tuple[Floats, Floats]:
        """Seconds, and the share that took no longer; from the first to the last step that holds something."""
        held = np.flatnonzero(self._counts)
        if not len(held):
            return np.empty(0), np.empty(0)
        steps = np.arange(max(held[0] - 1, 0), held[-1] + 1)
        return _SHORTEST_S * 10.0 ** (steps / _PER_DECADE), np.cumsum(self._counts)[steps] / self.count

    def quantile(self, share: float) -> float | None:
        """Seconds that `share` of them took at most, up to a step; None without any."""
        if not self.count:
            return None
        step = int(np.searchsorted(np.cumsum(self._counts), share * self.count))
        return float(_SHORTEST_S * 10.0 ** (step / _PER_DECADE))


class FillRatio(msgspec.Struct, frozen=True):
    """Orders accepted within a range of distances from the mid, and how many of them were filled."""

    from_bps: float
    to_bps: float
    accepted: int
    filled: int

    @property
    def share(self) -> float:
        return self.filled / self.accepted

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share."""
        return wilson_interval(self.filled, self.accepted)


class _Live(msgspec.Struct):
    distance: int
    accepted_ns: int | None = None


class OrderLives:
    """Follows each order from when it is sent until its first fill or its end.

    Attributes
    ----------
    until_fill, until_cancel : LogHistogram
        From accepted to the first fill; of orders that were never filled, from accepted to cancelled.
    """

    def __init__(self) -> None:
        self.until_fill = LogHistogram()
        self.until_cancel = LogHistogram()
        self._live: dict[str, _Live] = {}
        self._accepted: Counter[int] = Counter()
        self._filled: Counter[int] = Counter()

    def sent(self, order_id: str, side: Side, price: float, mid: float) -> None:
        """A limit order left for the venue while the mid was `mid`."""
        if math.isfinite(mid):
            distance_bps = 1e4 * side * (mid - price) / mid
            self._live[order_id] = _Live(round(distance_bps / _GRID_BPS))

    def accepted(self, order_id: str, ts_ns: int) -> None:
        order = self._live.get(order_id)
        if order is not None and order.accepted_ns is None:
            order.accepted_ns = ts_ns
            self._accepted[order.distance] += 1

    def filled(self, order_id: str, ts_ns: int) -> None:
        """Traded; only the first fill of an order counts."""
        order = self._live.pop(order_id, None)
        if order is not None and order.accepted_ns is not None:
            self._filled[order.distance] += 1
            self.until_fill.add((ts_ns - order.accepted_ns) / 1e9)

    def ended(self, order_id: str, ts_ns: int) -> None:
        """Cancelled, expired, rejected or denied."""
        order = self._live.pop(order_id, None)
        if order is not None and order.accepted_ns is not None:
            self.until_cancel.add((ts_ns - order.accepted_ns) / 1e9)

    def fill_ratios(self, buckets: int = 12) -> list[FillRatio]:
        """Fill ratio by distance from the mid when the order was sent; positive = on the passive side.

        About `buckets` ranges of a round width over the middle 98 % of orders; the outer ones take the rest.
        """
        distances = np.array(sorted(self._accepted))
        if not len(distances):
            return []
        counts = np.array([self._accepted[distance] for distance in distances])
        middle = np.searchsorted(np.cumsum(counts), [0.01 * counts.sum(), 0.99 * counts.sum()])
        low, high = distances[np.minimum(middle, len(distances) - 1)] * _GRID_BPS
        width = next((nice for nice in _NICE if nice * buckets >= high - low), _NICE[-1])
        places = np.clip(
            np.floor(distances * _GRID_BPS / width + 1e-9), math.floor(low / width + 1e-9), math.floor(high / width)
        )
        found = []
        for place in np.unique(places):
            inside = distances[places == place]
            accepted = sum(self._accepted[int(distance)] for distance in inside)
            filled = sum(self._filled[int(distance)] for distance in inside)
            found.append(FillRatio(round(place * width, 6), round((place + 1) * width, 6), accepted, filled))
        return found
