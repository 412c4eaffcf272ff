"""Parameters of the hedger."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.maker import MakerParams

_LARGEST_BPS = 10_000.0

Ratio = Annotated[float, msgspec.Meta(ge=-100, le=100)]


class HedgerParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the hedger; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    makers : tuple of str
        Names of the strategies whose positions it offsets.
    gamma : float, optional
        Risk aversion, 1 / quote currency: with it the band is the optimal one. Either this or `band`.
    band : float, optional
        Half-width of the band in which an exposure is left alone, size of the hedge instrument.
    inner : float
        Share of the band to trade back to; 1 is its edge.
    ratio : float, optional
        Exposure of the hedge for an exposure of one; estimated when left out.
    start_ratio : float, optional
        The same until there is an estimate; 1 where a maker's instrument is of the same base currency.
    basket : tuple of str
        Names of other hedgers of the same makers, which share the exposure with it.
    ridge : float
        Added to the variances of a basket's legs, as a share of their mean.
    max_ratio : float
        Largest sum of all legs for an exposure of one.
    horizon_s : float
        Over which returns are compared, seconds: longer than one market lags the other.
    memory_s : float
        Time constant of what is estimated, seconds.
    warm_horizons : float
        Horizons to see before the estimates are used.
    rates : dict of str to float
        Worth of makers' quote currencies in that of the hedge instrument; needed where they differ.
    funding_8h_bps : float
        What a long position of the hedge pays in eight hours, basis points; negative where it is paid. Counts with
        `gamma`.
    urgent_at : float
        An exposure further out than so many bands is traded at once.
    patience_s : float
        And so is one that has been outside for longer, seconds; 0 = nothing is tried passively.
    order_size : float, optional
        Largest single order, size; whatever is needed when left out.
    slippage_bps : float
        How far beyond the best price an order that trades at once may go, basis points.
    retry_s : float
        Pause after the second order in a row that was to trade at once and did not, seconds; twice as long after each
        further one.
    max_pause_s : float
        Longest pause, seconds.
    max_tries : int
        So many of them in a row, and what it covers counts as unhedged.
    max_outside_s : float
        And so it does when the exposure was outside the band for longer, seconds.
    """

    makers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    gamma: Positive | None = None
    band: NonNegative | None = None
    inner: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    ratio: Ratio | None = None
    start_ratio: Ratio | None = None
    basket: tuple[str, ...] = ()
    ridge: NonNegative = 0.01
    max_ratio: Positive = 5.0
    horizon_s: Positive = 5.0
    memory_s: Positive = 600.0
    warm_horizons: Positive = 20.0
    rates: dict[str, Positive] = {}  # noqa: RUF012 (frozen)
    funding_8h_bps: Annotated[float, msgspec.Meta(ge=-_LARGEST_BPS, le=_LARGEST_BPS)] = 0.0
    urgent_at: Annotated[float, msgspec.Meta(ge=1, le=1e6)] = 2.0
    patience_s: NonNegative = 5.0
    order_size: Positive | None = None
    slippage_bps: Annotated[float, msgspec.Meta(ge=0, le=_LARGEST_BPS)] = 10.0
    retry_s: Positive = 1.0
    max_pause_s: Positive = 60.0
    max_tries: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5
    max_outside_s: Positive = 60.0

    def __post_init__(self) -> None:
        if (self.gamma is None) == (self.band is None):
            raise ValueError("give either gamma, for the optimal band, or band, for a fixed one")
        if self.funding_8h_bps and self.gamma is None:
            raise ValueError("funding_8h_bps moves the optimal band: give gamma instead of band")
        if self.ratio is not None and self.start_ratio is not None:
            raise ValueError("start_ratio is until there is an estimate: with ratio there is none")
        if self.basket and (self.ratio is not None or self.start_ratio is not None):
            raise ValueError("the legs of a basket have estimated ratios: leave ratio and start_ratio out")
        if len(set(self.makers)) < len(self.makers):
            raise ValueError("makers names one twice")
        if self.memory_s < self.warm_horizons * self.horizon_s:
            raise ValueError("memory_s is shorter than warm_horizons times horizon_s: it would forget before it knows")
        if self.max_outside_s <= self.patience_s:
            raise ValueError("max_outside_s is not longer than patience_s: nothing would be traded at once before it")
