"""How busy a time of day usually is."""

from __future__ import annotations

import math
from collections.abc import Iterable

_DAY_NS = 86_400_000_000_000


class SeasonalProfile:
    """Multiplicative profile of the day: what a quantity is in each bucket relative to its mean over the day.

    Days count with a half-life, and a bucket's share is smoothed with its two neighbours'. A quantity is deseasonalised
    by dividing by `factor`.

    Parameters
    ----------
    bucket_s : float
        Length of a bucket, seconds; divides the day.
    half_life_days : float
        What was seen so long ago counts half.
    """

    def __init__(self, bucket_s: float = 300.0, half_life_days: float = 10.0) -> None:
        self._bucket_ns = round(bucket_s * 1e9)
        self._buckets = _DAY_NS // self._bucket_ns
        self._keep = 0.5 ** (1.0 / half_life_days)
        self._sums = [0.0] * self._buckets
        self._weights = [0.0] * self._buckets
        self._total, self._count = 0.0, 0
        self._bucket = -1
        self._smooth: list[float] | None = None

    def update(self, ts_ns: int, x: float) -> None:
        """Take a sample, such as the variance of a second; the bucket before is closed when another begins."""
        bucket = ts_ns // self._bucket_ns
        if bucket != self._bucket:
            self._close()
            self._bucket = bucket
        self._total += x
        self._count += 1

    def _close(self) -> None:
        if self._count:
            at = self._bucket % self._buckets
            self._sums[at] = self._keep * self._sums[at] + self._total / self._count
            self._weights[at] = self._keep * self._weights[at] + 1.0
            self._smooth = None
        self._total, self._count = 0.0, 0

    def factor(self, ts_ns: int) -> float:
        """What is usual at this time of day, relative to the whole day; 1 where nothing is known yet."""
        if self._smooth is None:
            self._smooth = self._fit()
        return self._smooth[ts_ns // self._bucket_ns % self._buckets]

    def _fit(self) -> list[float]:
        means = [
            total / weight if weight > 0 else math.nan for total, weight in zip(self._sums, self._weights, strict=True)
        ]
        overall = _mean(means)
        if not overall > 0:
            return [1.0] * self._buckets
        relative = [mean / overall for mean in means]
        smooth = [_mean(relative[(i + d) % self._buckets] for d in (-1, 0, 1)) for i in range(self._buckets)]
        middle = _mean(smooth)
        return [1.0 if math.isnan(value) else value / middle for value in smooth]


def _mean(values: Iterable[float]) -> float:
    """Of those that are known; NaN without any."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
