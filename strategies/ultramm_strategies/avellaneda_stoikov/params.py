"""Parameters of the reference quoter."""

from __future__ import annotations

from ultramm.bounds import Positive
from ultramm.maker import MakerParams


class AvellanedaStoikovParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the quoter of the paper; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    order_size : float
        Size of the order on each side.
    gamma : float
        Risk aversion, 1 / (price x size).
    horizon_s : float
        From the first quote to the end, seconds; at the end another begins.
    sigma : float, optional
        Volatility, price / sqrt(second); estimated when left out.
    kappa : float, optional
        Decay of the fill rate with depth, 1 / price; estimated when left out.
    calibration_s : float
        Time over which fills are counted, seconds.
    max_error_pct : float
        Largest standard error of `kappa` to quote on, percent.
    recalibrate_s : float
        How often both are estimated, seconds.
    """

    order_size: Positive
    gamma: Positive
    horizon_s: Positive = 3600.0
    sigma: Positive | None = None
    kappa: Positive | None = None
    calibration_s: Positive = 600.0
    max_error_pct: Positive = 50.0
    recalibrate_s: Positive = 1.0
