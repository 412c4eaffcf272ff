"""How large a position may be so that an unusual move costs no more than a budget."""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec

from ultramm.features.volatility import EwVolatility
from ultramm.market import Instrument

_MEMORY_S = 600.0
_WARM_S = 60


class VarLimit(msgspec.Struct, frozen=True, kw_only=True):
    """What a position may lose.

    Parameters
    ----------
    budget : float
        Settlement currency.
    confidence : float
        Share of times in which it loses no more, if moves were normal.
    over_s : float
        Time in which a position can be got rid of, seconds.
    """

    budget: float
    confidence: float = 0.99
    over_s: float = 60.0


def var_position(budget: float, sigma: float, over_s: float, confidence: float = 0.99) -> float:
    """The position whose value at risk is the budget.

    Parameters
    ----------
    budget : float
        Currency.
    sigma : float
        Of one unit's worth, currency / sqrt(second).
    over_s : float
        Seconds.

    Examples
    --------
    >>> round(var_position(1_000.0, 1.3e-4 * 60_000, 60.0), 4)
    7.1147
    """
    move = NormalDist().inv_cdf(confidence) * sigma * math.sqrt(over_s)
    return budget / move if move > 0.0 else math.inf


class VarSizing:
    """The largest position of one instrument, by how much its mid moves now.

    Parameters
    ----------
    limit : VarLimit
        What it may lose.
    instrument : Instrument
        Of what.
    """

    def __init__(self, limit: VarLimit, instrument: Instrument) -> None:
        self._instrument = instrument
        # What a volatility of one would leave: each decision asks.
        self._unit = var_position(limit.budget, 1.0, limit.over_s, limit.confidence)
        self._volatility = EwVolatility(_MEMORY_S, 1.0, _WARM_S)

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`, price."""
        self._volatility.update(ts_ns, mid)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._volatility.interrupted()

    def largest(self, mid: float) -> float:
        """Size, long or short; nothing before a minute of the market was seen."""
        sigma = self._volatility.value
        if not mid > sigma:
            return 0.0
        worth = self._instrument.value
        # Of one unit: an inverse contract's worth does not move as its price does.
        moved = abs(worth(mid - sigma) - worth(mid))
        return self._unit / moved if moved > 0.0 else math.inf
