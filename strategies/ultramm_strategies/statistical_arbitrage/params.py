"""Parameters of statistical arbitrage."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.maker import MakerParams
from ultramm.statarb.breaks import BreakLimits
from ultramm.statarb.model import Formation

_MOST_BARS = 20_000
_MOST_OTHERS = 5


class StatisticalArbitrageParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of statistical arbitrage; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    other : str or tuple of str
        The second of the pair, ``SYMBOL.VENUE``, or the others of a basket, at most five; a ``hedger`` trades each.
    target_deviation : float, optional
        Standard deviation that a position's worth is to have in the long run, quote currency; the position is
        `max_position` when left out, and never larger.
    neutral : {"beta", "dollar"}
        What is offset: moves by the ratios, or the first's worth whatever the ratios are.
    exit : {"band", "mean"}
        A position is held until the other band, where it turns, or until the mean.
    least_z : float
        No entry nearer to the mean than so many standard deviations.
    stop_z : float
        A position is closed when what is left has gone so far against it, standard deviations; at least two beyond
        the entry.
    max_cycles : float
        And when it is older than so many mean times from band to band and back.
    rest_half_lives : float
        Nothing is traded for so long after such a close, or a break.
    other_fee_bps : float
        What the hedge pays for taking, basis points.
    bar_s : float
        Time between two observations, seconds.
    bars : int
        Observations that a pair is formed on.
    reform_s : float
        How often it is formed anew, seconds: while a position is held, with the ratio that it has.
    max_p : float
        Of a unit root of what is left.
    half_lives : float
        How many of them the window has at least.
    breaks : BreakLimits
        What ends a relation.
    """

    other: str | tuple[str, ...]
    target_deviation: Positive | None = None
    neutral: Literal["beta", "dollar"] = "beta"
    exit: Literal["band", "mean"] = "band"
    least_z: NonNegative = 1.0
    stop_z: Positive = 4.0
    max_cycles: Positive = 1.5
    rest_half_lives: NonNegative = 1.0
    other_fee_bps: Annotated[float, msgspec.Meta(ge=-100, le=1000)] = 5.0
    bar_s: Positive = 60.0
    bars: Annotated[int, msgspec.Meta(ge=60, le=_MOST_BARS)] = 600
    reform_s: Positive = 3_600.0
    max_p: Positive = 0.05
    half_lives: Positive = 20.0
    breaks: BreakLimits = BreakLimits()

    @property
    def references(self) -> tuple[str, ...]:
        return (self.other,) if isinstance(self.other, str) else self.other

    def __post_init__(self) -> None:
        count = len(set(self.references))
        if count != len(self.references) or not 1 <= count <= _MOST_OTHERS:
            raise ValueError(f"other: name one instrument, or up to {_MOST_OTHERS} different ones")

    @property
    def formation(self) -> Formation:
        """What the pair is formed on."""
        return Formation(
            bar_s=self.bar_s, bars=self.bars, max_p=self.max_p, half_lives=self.half_lives, limits=self.breaks
        )
