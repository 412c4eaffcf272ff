"""How one-sided trading is, by volume rather than by time."""

from __future__ import annotations

import math
from collections import deque

from ultramm.market import Side, Trade


class Vpin:
    """Volume-synchronised probability of informed trading: mean imbalance of buckets of equal volume.

    ``sum |buys - sells| / (buckets * bucket size)`` over the last buckets; a trade may fill several. By itself it
    foretells little, and even without any information it is not zero: see `null_level`.

    Parameters
    ----------
    bucket_size : float
        Volume of a bucket, size.
    buckets : int
        How many of the last are looked at.

    References
    ----------
    D. Easley, M. López de Prado, M. O'Hara, "Flow toxicity and liquidity in a high-frequency world", Review of
    Financial Studies 25 (2012), eq. 5; signs here are the trades' own. T. G. Andersen, O. Bondarenko, "VPIN and the
    flash crash", J. Financial Markets 17 (2014), on what it does not tell.
    """

    __slots__ = ("_buys", "_filled", "_gaps", "_trades", "bucket_size")

    def __init__(self, bucket_size: float, buckets: int = 50) -> None:
        if not bucket_size > 0.0:
            raise ValueError(f"a bucket holds some volume, not {bucket_size}")
        self.bucket_size = bucket_size
        # Of each full bucket: its imbalance, and the trades that went into it.
        self._gaps: deque[tuple[float, float]] = deque(maxlen=buckets)
        self._buys = self._filled = self._trades = 0.0

    def update(self, trade: Trade) -> None:
        """Somebody traded."""
        left, size = trade.size, self.bucket_size
        while left > 0.0:
            part = min(left, size - self._filled)
            self._filled += part
            self._trades += part / trade.size
            if trade.side is Side.BUY:
                self._buys += part
            left -= part
            if self._filled >= size * (1.0 - 1e-12):
                self._gaps.append((abs(2.0 * self._buys - self._filled), self._trades))
                self._buys = self._filled = self._trades = 0.0

    @property
    def full(self) -> bool:
        """Whether there are as many buckets as are looked at."""
        return len(self._gaps) == self._gaps.maxlen

    @property
    def value(self) -> float:
        """0 .. 1; NaN before the first bucket is full."""
        gaps = self._gaps
        return math.fsum([gap for gap, _ in gaps]) / (len(gaps) * self.bucket_size) if gaps else math.nan

    @property
    def z(self) -> float:
        """By how many standard deviations it is above what signs by the toss of a coin would give; NaN before that."""
        gaps = self._gaps
        if not gaps:
            return math.nan
        trades = math.fsum([count for _, count in gaps]) / len(gaps)
        null = null_level(trades)
        # |N(0, 1)| has variance 1 - 2 / pi; here it is scaled as its mean is, and averaged over the buckets.
        spread = null * math.sqrt(0.5 * math.pi * (1.0 - 2.0 / math.pi) / len(gaps))
        return (self.value - null) / spread


def null_level(trades_per_bucket: float) -> float:
    """`Vpin.value` of trades of one size whose signs are tossed: ``sqrt(2 / (pi N))``.

    Examples
    --------
    >>> round(null_level(50), 4)
    0.1128
    """
    return math.sqrt(2.0 / (math.pi * trades_per_bucket))
