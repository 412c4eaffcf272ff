"""Spread and depth of the book, averaged over time."""

from __future__ import annotations

import math

from ultramm.features.average import TimeAverage
from ultramm.market import Book, Level

# A level exactly at the distance is within it, whatever its binary fraction says.
_UP_TO_ROUNDING = 1 + 1e-9


class SpreadStatistics:
    """Time-weighted bid-ask spread.

    Parameters
    ----------
    tau_s : float
        Time constant of the average, seconds.
    """

    __slots__ = ("_price", "_relative", "last")

    def __init__(self, tau_s: float = 60.0) -> None:
        self._price = TimeAverage(tau_s)
        self._relative = TimeAverage(tau_s)
        self.last = math.nan

    def update(self, book: Book) -> None:
        self.last = book.spread
        self._price.update(book.ts_ns, self.last)
        self._relative.update(book.ts_ns, 1e4 * self.last / book.mid)

    def interrupted(self) -> None:
        """The market was not seen for a time: until the next book none counts."""
        self._price.interrupted()
        self._relative.interrupted()

    @property
    def value(self) -> float:
        """Mean spread, in price; NaN before any time passed."""
        return self._price.value

    @property
    def value_bps(self) -> float:
        """Mean spread, in basis points of the mid."""
        return self._relative.value


class DepthStatistics:
    """Time-weighted size within a distance of the mid, for each side.

    Parameters
    ----------
    within_bps : float
        Distance from the mid, basis points.
    tau_s : float
        Time constant of the average, seconds.
    """

    __slots__ = ("_asks", "_bids", "_within")

    def __init__(self, within_bps: float = 10.0, tau_s: float = 60.0) -> None:
        self._within = within_bps * 1e-4
        self._bids = TimeAverage(tau_s)
        self._asks = TimeAverage(tau_s)

    def update(self, book: Book) -> None:
        reach = self._within * book.mid * _UP_TO_ROUNDING
        self._bids.update(book.ts_ns, _size_within(book.bids, book.mid, reach))
        self._asks.update(book.ts_ns, _size_within(book.asks, book.mid, reach))

    @property
    def bid_size(self) -> float:
        """Mean size of bids within reach; NaN before any time passed."""
        return self._bids.value

    @property
    def ask_size(self) -> float:
        """Mean size of asks within reach; NaN before any time passed."""
        return self._asks.value

    @property
    def imbalance(self) -> float:
        """``(bids - asks) / (bids + asks)`` of the two means, in -1 .. 1."""
        total = self.bid_size + self.ask_size
        return (self.bid_size - self.ask_size) / total if total > 0 else math.nan


def _size_within(levels: tuple[Level, ...], mid: float, reach: float) -> float:
    if math.isnan(mid):
        return math.nan
    total = 0.0
    for level in levels:
        if abs(level.price - mid) > reach:
            break
        total += level.size
    return total


class DepthImbalance:
    """Imbalance of the book in which far and young orders count little.

    ``(sum w B - sum w A) / (sum w B + sum w A)`` with ``w = exp(-distance / scale) (1 - exp(-age / age_scale))``: size
    that came a moment ago may be gone the next, and costs nothing to show. What is taken off a level is its youngest.

    Parameters
    ----------
    scale : float
        Distance from the mid that counts 1 / e, price.
    age_scale_s : float
        Seconds; 0 = age does not matter.
    """

    __slots__ = ("_age_ns", "_scale", "_seen", "_ts_ns", "value")

    def __init__(self, scale: float, age_scale_s: float = 1.0) -> None:
        self._scale = scale
        self._age_ns = age_scale_s * 1e9
        self._ts_ns = 0
        # By price: size, and of it what is young, each part weighed by exp(-age / age_scale).
        self._seen: dict[float, tuple[float, float]] = {}
        self.value = math.nan

    def update(self, book: Book) -> None:
        """Take the book as deep as it is known; NaN unless both sides are there."""
        mid = book.mid
        fade = math.exp(-max(0, book.ts_ns - self._ts_ns) / self._age_ns) if self._age_ns else 0.0
        self._ts_ns = book.ts_ns
        # Levels that left the view are forgotten: what comes back is new.
        before, self._seen = self._seen, {}
        bids = self._weighted(book.bids, mid, before, fade)
        asks = self._weighted(book.asks, mid, before, fade)
        whole = bids + asks
        self.value = (bids - asks) / whole if whole > 0 else math.nan

    def _weighted(
        self, levels: tuple[Level, ...], mid: float, before: dict[float, tuple[float, float]], fade: float
    ) -> float:
        total, ages = 0.0, bool(self._age_ns)
        for level in levels:
            price, size = level.price, level.size
            young = 0.0
            if ages:
                was, was_young = before.get(price, (0.0, 0.0))
                young = min(size, max(0.0, was_young * fade + size - was))
                self._seen[price] = size, young
            total += math.exp(-abs(price - mid) / self._scale) * (size - young)
        return total
