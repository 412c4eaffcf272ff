"""A change of the mean, found as soon as may be."""

from __future__ import annotations

import math

_SHIFT = 1.166  # how far a sum of steps overshoots its boundary on average, Siegmund


class Cusum:
    """One-sided cumulative sum of standardised values: ``value <- max(0, value + z - slack)``.

    Parameters
    ----------
    slack : float
        Half the shift that matters, standard deviations.
    threshold : float
        Alarm from here; `alarm_every` says how often chance brings it about.

    References
    ----------
    E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954).
    """

    __slots__ = ("slack", "threshold", "value")

    def __init__(self, slack: float = 0.5, threshold: float = 5.0) -> None:
        self.slack = slack
        self.threshold = threshold
        self.value = 0.0

    def update(self, z: float) -> bool:
        """Take one value; gives whether there is an alarm. It stays until the sum has come back below."""
        self.value = max(0.0, self.value + z - self.slack)
        return self.value >= self.threshold

    def reset(self) -> None:
        """Begin anew."""
        self.value = 0.0


def alarm_every(threshold: float, slack: float = 0.5) -> float:
    """Mean number of independent standard normal values until a `Cusum` that has nothing to find alarms.

    Notes
    -----
    ``(exp(2 b k) - 2 b k - 1) / (2 k^2)`` with ``b = h + 1.166``.

    References
    ----------
    D. Siegmund, *Sequential Analysis* (1985), eq. 2.56.

    Examples
    --------
    >>> round(alarm_every(4.0), 1)
    338.1
    """
    twice = 2.0 * slack * (threshold + _SHIFT)
    return (math.exp(twice) - twice - 1.0) / (2.0 * slack**2)
