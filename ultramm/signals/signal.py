"""A view of where a price goes."""

from __future__ import annotations

import math

import msgspec


class Signal(msgspec.Struct, frozen=True):
    """One view.

    Parameters
    ----------
    direction : {-1, 0, 1}
    strength : float
        Expected gain against what acting on it costs, between nothing and one.
    confidence : float
        How much more often than not it is right: twice the probability of that, less one; between nothing and one.
    horizon_s : float
        For how long it holds, seconds.
    """

    direction: int = 0
    strength: float = 0.0
    confidence: float = 0.0
    horizon_s: float = math.inf

    @property
    def view(self) -> float:
        """All three together, between -1 and 1."""
        return self.direction * self.strength * self.confidence


NO_SIGNAL = Signal()


def of_score(z: float, full: float, horizon_s: float) -> Signal:
    """The view of a standardised score: full strength from `full` on; no confidence yet. None of a NaN."""
    if math.isnan(z) or z == 0.0:
        return Signal(horizon_s=horizon_s)
    return Signal(1 if z > 0 else -1, min(1.0, abs(z) / full), 0.0, horizon_s)
