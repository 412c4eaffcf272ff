"""How likely a market is to be in its restless state: a filter of two volatilities."""

from __future__ import annotations

import math

import msgspec


class Regimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A market that is calm or restless, and changes between them by itself.

    Parameters
    ----------
    stay_calm, stay_restless : float
        Probability to be there still at the next sample.
    calm, restless : float
        Standard deviations, in the unit of the samples; the second is larger.
    """

    stay_calm: float
    stay_restless: float
    calm: float
    restless: float

    def check(self) -> None:
        """Raises ValueError where these are no probabilities, or no deviations."""
        if not (0.0 < self.stay_calm < 1.0 and 0.0 < self.stay_restless < 1.0):
            raise ValueError("stay_calm and stay_restless are probabilities between 0 and 1")
        if not 0.0 < self.calm < self.restless < math.inf:
            raise ValueError("calm and restless are deviations, the second larger")

    @property
    def usual(self) -> float:
        """Share of the time that is restless."""
        leave_calm, leave_restless = 1.0 - self.stay_calm, 1.0 - self.stay_restless
        return leave_calm / (leave_calm + leave_restless)


class RegimeFilter:
    """The probability of the restless state, by what was seen until now. O(1) a sample.

    Parameters
    ----------
    regimes : Regimes

    Attributes
    ----------
    probability : float
        Of the restless state now.

    References
    ----------
    J. Hamilton, "A new approach to the economic analysis of nonstationary time series and the business cycle",
    *Econometrica* 57 (1989), eq. 4: for two normals of mean nothing.
    """

    __slots__ = ("_regimes", "probability")

    def __init__(self, regimes: Regimes) -> None:
        self._regimes = regimes
        self.probability = regimes.usual

    def update(self, sample: float) -> float:
        """Take the next sample; gives the probability."""
        of = self._regimes
        ahead = self.probability * of.stay_restless + (1.0 - self.probability) * (1.0 - of.stay_calm)
        # The likelihoods' ratio alone: neither is ever lost to rounding.
        log_ratio = math.log(of.calm / of.restless)
        log_ratio += 0.5 * sample * sample * (1.0 / of.calm**2 - 1.0 / of.restless**2)
        odds = ahead / (1.0 - ahead) * math.exp(min(_LARGEST_LOG, log_ratio))
        self.probability = min(_SUREST, odds / (1.0 + odds))
        return self.probability


_LARGEST_LOG = 600.0
_SUREST = 1.0 - 1e-12  # from a certainty nothing would lead back
