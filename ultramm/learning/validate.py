"""How good forecasts are on what they have not seen, with how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.learning.dataset import Dataset
from ultramm.learning.samples import Sample
from ultramm.learning.significance import overfitting_probability
from ultramm.learning.splits import Purging, walk_forward

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Predict = Callable[[Array], Array]
Fit = Callable[[Times], Predict]
Loss = Literal["squares", "arrivals", "qlike"]
_BLOCK_S = 10.0
_DRAWS = 1_000
_MARKOUT_S = 1.0


class Interval(msgspec.Struct, frozen=True):
    """A figure, and where it is in 95 of 100 cases."""

    value: float
    low: float
    high: float


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What passive fills at trades' prices were worth a second later, and those of them that a forecast lets be.

    Parameters
    ----------
    base_bps, gated_bps : float
        Before fees.
    kept : float
        Share of the fills.
    gain_bps : Interval
        Of a fill that is kept, against all.
    """

    base_bps: float
    gated_bps: float
    kept: float
    gain_bps: Interval


def forecasts(sample: Sample, x: Array, folds: int, purging: Purging, fit: Fit) -> Array:
    """Walk forward: each block's forecasts by a model that was fitted on what came before it.

    Parameters
    ----------
    x : array of shape (n, k)
        What of the sample's rows is seen.
    fit : callable
        ``fit(places)`` learns from the rows at these places, all with a known outcome, and gives ``predict(x)``.

    Returns
    -------
    array of shape (n,)
        NaN in the first block, which nothing came before.
    """
    found = np.full(len(sample.y), np.nan)
    for split in walk_forward(sample.times_ns, folds, purging):
        found[split.test] = fit(split.train[np.isfinite(sample.y[split.train])])(x[split.test])
    return found


def explained(sample: Sample, base: Array, forecast: Array, loss: Loss = "squares", seed: int = 0) -> Interval:
    """Share of the loss of `base` that forecasts take away, 1 if they were right; below nothing they are worse.

    Of squares, ``1 - sum w (y - f)^2 / sum w (y - base)^2``. Of arrivals, the same of a Poisson's deviance; of a
    volatility's logarithm also of QLIKE, ``e^d - d - 1`` with ``d = 2 (y - f)``, by which it is worse to foretell too
    little than too much (A. Patton, *Journal of Econometrics* 160 (2011)). Rows of ten seconds, or of twice as
    long as outcomes take, are drawn together, as they share what happened.
    """
    known = np.isfinite(sample.y) & np.isfinite(forecast) & np.isfinite(base)
    y, weights = sample.y[known], sample.weights[known]
    left, whole = (weights * _loss(y, each[known], loss) for each in (forecast, base))
    block_s = max(_BLOCK_S, 2.0 * sample.reach_s)
    return _ratio_interval(sample.times_ns[known], whole - left, whole, seed, block_s)


def _loss(y: Array, forecast: Array, loss: Loss) -> Array:
    if loss == "squares":
        return (y - forecast) ** 2
    if loss == "qlike":
        more = 2.0 * (y - forecast)
        return np.asarray(np.expm1(more) - more)
    forecast = np.maximum(forecast, 1e-12)
    logs = np.log(np.where(y > 0.0, y, 1.0) / forecast)
    return np.asarray(2.0 * (np.where(y > 0.0, y * logs, 0.0) - (y - forecast)))


def overfitting(sample: Sample, tried: Sequence[Array]) -> float | None:
    """How often what explains most of the squares in one half of the time is below the middle in the other.

    To foretell nothing is one of what was tried. None where there is too little to tell.
    """
    known = np.isfinite(sample.y) & np.all(np.isfinite(np.array(tried)), axis=0)
    blocks = np.unique(sample.times_ns[known] // round(_BLOCK_S * 1e9), return_inverse=True)[1]
    y = sample.y[known]
    gains = [np.bincount(blocks, y**2 - (y - each[known]) ** 2) for each in tried]
    gains.append(np.zeros(len(gains[0])))
    try:
        return overfitting_probability(np.array(gains).T)
    except ValueError:
        return None


def gate(dataset: Dataset, forecast: Array, latency_s: float, seed: int = 0) -> Gate | None:
    """What a forecast is worth to a maker at the touch that only lets be filled where it is not against.

    Each trade is taken as a passive fill at its price, and the forecast as the last one that an order could have been
    moved by, `latency_s` earlier. None where there is no trade with a forecast.
    """
    places = np.searchsorted(dataset.row_ns, dataset.trade_ns - round(latency_s * 1e9), side="right") - 1
    later = dataset.mid_at(dataset.trade_ns + round(_MARKOUT_S * 1e9))
    side = -dataset.sides
    markout = side * 1e4 * np.log(later / dataset.prices)
    told = np.where(places >= 0, forecast[np.maximum(places, 0)], np.nan)
    known = np.isfinite(markout) & np.isfinite(told) & (side != 0.0)
    if not known.any():
        return None
    markout, times = markout[known], dataset.trade_ns[known]
    kept = side[known] * told[known] > 0.0
    if not kept.any():
        return None
    base = float(markout.mean())
    gain = _ratio_interval(times, np.where(kept, markout - base, 0.0), kept.astype(float), seed)
    return Gate(base_bps=base, gated_bps=float(markout[kept].mean()), kept=float(kept.mean()), gain_bps=gain)


def _ratio_interval(times_ns: Times, parts: Array, whole: Array, seed: int, block_s: float = _BLOCK_S) -> Interval:
    """A ratio of two sums, by drawing blocks of time with replacement (Kuensch, *Annals of Statistics* 17 (1989))."""
    blocks = np.unique(times_ns // round(block_s * 1e9), return_inverse=True)[1]
    top, bottom = np.bincount(blocks, parts), np.bincount(blocks, whole)
    drawn = np.random.default_rng(seed).integers(0, len(top), (_DRAWS, len(top)))
    sums = bottom[drawn].sum(axis=1)
    ratios = np.divide(top[drawn].sum(axis=1), sums, out=np.zeros(_DRAWS), where=sums > 0.0)
    low, high = np.quantile(ratios, [0.025, 0.975])
    total = float(bottom.sum())
    return Interval(float(top.sum()) / total if total > 0.0 else 0.0, float(low), float(high))
