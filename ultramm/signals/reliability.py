"""How often views of each strength were right."""

from __future__ import annotations

import math
from collections import deque

from ultramm.signals.signal import Signal

_BINS = 5
# Of each bin, as if so many views had been seen that were right every other time.
_PRIOR = 20.0


class Reliability:
    """Counts views by their strength once their horizon is over, and what that makes of a new one.

    Views of a horizon are counted one at a time, so that none is counted twice. What is more often wrong than right
    has no confidence; stronger views have no less than weaker ones.

    Parameters
    ----------
    memory : float
        Views, older ones weigh less.

    References
    ----------
    Isotonic regression by pooling neighbours: M. Ayer et al., *Annals of Mathematical Statistics* 26 (1955); for
    calibration by it B. Zadrozny and C. Elkan, KDD (2002).
    """

    def __init__(self, memory: float = 500.0) -> None:
        self._keep = math.exp(-1.0 / memory)
        self._right = [0.5 * _PRIOR] * _BINS
        self._seen = [_PRIOR] * _BINS
        # The view whose end is waited for: until when, from which price, its direction and bin.
        self._open: deque[tuple[int, float, int, int]] = deque(maxlen=1)
        self._confidence = [0.0] * _BINS

    def update(self, now_ns: int, mid: float, signal: Signal) -> None:
        """The price is so now, and this is thought of it."""
        if self._open and now_ns >= self._open[0][0]:
            _, before, direction, place = self._open.popleft()
            if mid != before:
                self._count(place, right=(mid > before) == (direction > 0))
        if not self._open and signal.direction and signal.strength > 0.0:
            until_ns = now_ns + round(signal.horizon_s * 1e9)
            self._open.append((until_ns, mid, signal.direction, _bin(signal.strength)))

    def interrupted(self) -> None:
        """The market was not seen for a time: the view that was open counts for nothing."""
        self._open.clear()

    def confidence(self, strength: float) -> float:
        """Of a view as strong as that, between nothing and one."""
        return self._confidence[_bin(strength)]

    def probability(self, strength: float) -> float:
        """That a view as strong as that is right."""
        return self._pooled()[_bin(strength)]

    def _count(self, place: int, *, right: bool) -> None:
        for each in range(_BINS):
            # The prior stays.
            self._right[each] = 0.5 * _PRIOR + self._keep * (self._right[each] - 0.5 * _PRIOR)
            self._seen[each] = _PRIOR + self._keep * (self._seen[each] - _PRIOR)
        self._seen[place] += 1.0
        self._right[place] += right
        self._confidence = [max(0.0, 2.0 * p - 1.0) for p in self._pooled()]

    def _pooled(self) -> list[float]:
        """Frequencies that do not fall with strength: neighbours that do are made one."""
        blocks: list[list[float]] = []  # right, seen, bins
        for right, seen in zip(self._right, self._seen, strict=True):
            blocks.append([right, seen, 1.0])
            while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
                last = blocks.pop()
                blocks[-1] = [a + b for a, b in zip(blocks[-1], last, strict=True)]
        return [right / seen for right, seen, bins in blocks for _ in range(round(bins))]


def _bin(strength: float) -> int:
    return min(_BINS - 1, int(strength * _BINS))
