"""How good forecasts are on what they have not seen, with how sure that is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ultramm.learning.dataset import Dataset
from ultramm.learning.splits import Purging, walk_forward

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]
Predict = Callable[[Array], Array]
Fit = Callable[[Array, Array, Times], Predict]
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


def forecasts(dataset: Dataset, x: Array, y: Array, folds: int, purging: Purging, fit: Fit) -> Array:
    """Walk forward: each block's forecasts by a model that was fitted on what came before it.

    Parameters
    ----------
    x : array of shape (n, k)
    y : array of shape (n,)
        NaN where the outcome is not known: not learnt from.
    fit : callable
        ``fit(x, y, times_ns)`` gives ``predict(x)``.

    Returns
    -------
    array of shape (n,)
        NaN in the first block, which nothing came before.
    """
    found = np.full(len(y), np.nan)
    for split in walk_forward(dataset.row_ns, folds, purging):
        rows = split.train[np.isfinite(y[split.train])]
        predict = fit(x[rows], y[rows], dataset.row_ns[rows])
        found[split.test] = predict(x[split.test])
    return found


def explained(times_ns: Times, y: Array, forecast: Array, seed: int = 0) -> Interval:
    """Share of the outcomes' squares that forecasts explain, ``1 - sum (y - f)^2 / sum y^2``; below nothing where they
    are worse than none.

    Rows of ten seconds are drawn together, as they share what happened.
    """
    known = np.isfinite(y) & np.isfinite(forecast)
    left, whole = (y[known] - forecast[known]) ** 2, y[known] ** 2
    return _ratio_interval(times_ns[known], whole - left, whole, seed)


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


def _ratio_interval(times_ns: Times, parts: Array, whole: Array, seed: int) -> Interval:
    """A ratio of two sums, by drawing blocks of time with replacement (Kuensch, *Annals of Statistics* 17 (1989))."""
    blocks = np.unique(times_ns // round(_BLOCK_S * 1e9), return_inverse=True)[1]
    top, bottom = np.bincount(blocks, parts), np.bincount(blocks, whole)
    drawn = np.random.default_rng(seed).integers(0, len(top), (_DRAWS, len(top)))
    sums = bottom[drawn].sum(axis=1)
    ratios = np.divide(top[drawn].sum(axis=1), sums, out=np.zeros(_DRAWS), where=sums > 0.0)
    low, high = np.quantile(ratios, [0.025, 0.975])
    total = float(bottom.sum())
    return Interval(float(top.sum()) / total if total > 0.0 else 0.0, float(low), float(high))


def reliability(forecast: Array, y: Array, bins: int = 10) -> Sequence[tuple[float, float]]:
    """Mean forecast and mean outcome of equally many rows each, by forecast: how far they are to be believed."""
    known = np.isfinite(y) & np.isfinite(forecast)
    order = np.argsort(forecast[known], kind="stable")
    groups = np.array_split(order, bins)
    return [(float(forecast[known][each].mean()), float(y[known][each].mean())) for each in groups if len(each)]
