"""What came of what was seen: for each part of a model, rows and their outcomes."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from operator import itemgetter

import msgspec
import numpy as np

from ultramm.features.alpha import of_side, turns
from ultramm.features.outcomes import (
    ARRIVALS_S,
    EVERY_S,
    VOLATILITY_S,
    ArrivalOutcomes,
    FillOutcomes,
    VolatilityOutcomes,
)
from ultramm.features.regime import Regimes
from ultramm.learning.dataset import Array, Dataset, Times
from ultramm.market import Side, Trade

_MOST_OF_OWN = 10.0


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of one part, in order of time.

    Parameters
    ----------
    names : tuple of str
        Of the columns.
    times_ns : array of shape (n,)
    rows : array of shape (n, k)
    y : array of shape (n,)
        NaN where the outcome is not known.
    weights : array of shape (n,)
        How much each is worth, beside how much it shares with others.
    reach_s : float
        From a row until its outcome is known.
    """

    names: tuple[str, ...]
    times_ns: Times
    rows: Array
    y: Array
    weights: Array
    reach_s: float

    def columns(self, names: tuple[str, ...]) -> Array:
        """Those of the rows, shape (n, len(names))."""
        return self.rows[:, [self.names.index(name) for name in names]]


def of_moves(dataset: Dataset, horizon_s: float, latency_s: float) -> Sample:
    """The mid's move over the horizon, from the latency on, basis points."""
    return Sample(
        names=dataset.about.features,
        times_ns=dataset.row_ns,
        rows=dataset.rows,
        y=dataset.moves(horizon_s, latency_s),
        weights=np.ones(len(dataset.row_ns)),
        reach_s=horizon_s + latency_s,
    )


def of_fills(dataset: Dataset, horizon_s: float, latency_s: float) -> Sample:
    """What passive fills at the trades' prices, and fills of ours, lost over the horizon, basis points.

    Ours are few, and what it is about: together they count as much as all trades, each as ten of them at most.
    """
    own = min(_MOST_OF_OWN, len(dataset.trade_ns) / max(1, len(dataset.own_ns)))
    outcomes = FillOutcomes[tuple[int, list[float], float]](dataset.about.features, horizon_s, latency_s)
    found: list[tuple[int, list[float], float]] = []
    weights: list[float] = []
    mid = math.nan
    for ts_ns, seen in heapq.merge(_own_fills(dataset), _events(dataset), key=itemgetter(0)):
        if seen is None:
            outcomes.interrupted()
        elif isinstance(seen, Trade | Side):
            side, weight = (seen.side.opposite, 1.0) if isinstance(seen, Trade) else (seen, own)
            told = outcomes.on_fill(ts_ns, side)
            if told is not None:
                outcomes.add(ts_ns, side, told[1], (ts_ns, told[0], weight))
        elif isinstance(seen, float):
            for (at_ns, row, weight), lost in outcomes.matured(ts_ns, seen):
                found.append((at_ns, row, lost))
                weights.append(weight)
            mid = seen
        elif math.isfinite(mid):
            outcomes.on_row(ts_ns, seen, mid)
    return _sample(dataset.about.features, found, weights, horizon_s + latency_s)


def of_volatility(dataset: Dataset, regimes: Regimes | None) -> Sample:
    """The next minute's volatility over what is quoted by, as a logarithm."""
    outcomes = VolatilityOutcomes[tuple[int, list[float]]](regimes)
    found: list[tuple[int, list[float], float]] = []
    next_ns = 0
    for ts_ns, seen in _events(dataset):
        if seen is None:
            outcomes.interrupted()
        elif isinstance(seen, float):
            outcomes.on_mid(ts_ns, seen)
        elif not isinstance(seen, Trade) and ts_ns >= next_ns:
            next_ns = ts_ns + round(EVERY_S * 1e9)
            found += [(at_ns, row, came) for (at_ns, row), came in outcomes.matured(ts_ns)]
            row = outcomes.row()
            if row is not None:
                outcomes.add(ts_ns, (ts_ns, row))
    return _sample(outcomes.names, found, [1.0] * len(found), VOLATILITY_S)


def of_arrivals(dataset: Dataset) -> Sample:
    """Trades against each side in the next seconds, as a share of the usual, which is what each counts for."""
    outcomes = ArrivalOutcomes[tuple[int, list[float]]]()
    turned = turns(dataset.about.features)
    found: list[tuple[int, list[float], float]] = []
    weights: list[float] = []
    next_ns = 0
    for ts_ns, seen in _events(dataset):
        if seen is None:
            outcomes.interrupted()
        elif isinstance(seen, Trade):
            outcomes.on_trade(seen)
        elif not isinstance(seen, float) and ts_ns >= next_ns:
            next_ns = ts_ns + round(EVERY_S * 1e9)
            for (at_ns, row), share, usual in outcomes.matured(ts_ns):
                found.append((at_ns, row, share))
                weights.append(usual)
            for side in Side:
                outcomes.add(ts_ns, side, (ts_ns, of_side(side, seen, turned)))
    return _sample(dataset.about.features, found, weights, ARRIVALS_S)


def second_moves(dataset: Dataset) -> Array:
    """Each second's move over the volatility of an hour before it: what regimes are fitted to."""
    outcomes = VolatilityOutcomes[None]()
    found, samples = [], 0
    for ts_ns, seen in _events(dataset):
        if seen is None:
            outcomes.interrupted()
        elif isinstance(seen, float):
            outcomes.on_mid(ts_ns, seen)
        if outcomes.levels.samples > samples:
            found.append(outcomes.levels.scaled)
            found += [0.0] * min(round(VOLATILITY_S), outcomes.levels.samples - samples - 1)
            samples = outcomes.levels.samples
    return np.array(found)


def _events(dataset: Dataset) -> Iterator[tuple[int, Trade | float | Sequence[float] | None]]:
    """Gaps (None), trades, mids and rows by time; at the same moment in this order, as a maker sees them."""
    count = len(dataset.gap_ns), len(dataset.trade_ns), len(dataset.touch_ns), len(dataset.row_ns)
    times = np.concatenate([dataset.gap_ns, dataset.trade_ns, dataset.touch_ns, dataset.row_ns])
    kinds = np.repeat([0, 1, 2, 3], count)
    places = np.concatenate([np.arange(each) for each in count])
    order = np.lexsort((kinds, times))
    mids, prices, sides = dataset.mids.tolist(), dataset.prices.tolist(), dataset.sides.astype(int).tolist()
    for ts_ns, kind, place in zip(times[order].tolist(), kinds[order].tolist(), places[order].tolist(), strict=True):
        if kind == 0:
            yield ts_ns, None
        elif kind == 1:
            yield ts_ns, Trade(ts_ns, prices[place], 1.0, Side(sides[place]))
        elif kind == 2:
            yield ts_ns, mids[place]
        else:
            yield ts_ns, dataset.rows[place].tolist()


def _own_fills(dataset: Dataset) -> Iterator[tuple[int, Side]]:
    """Sides of fills of ours, by time."""
    for ts_ns, side in zip(dataset.own_ns.tolist(), dataset.own_sides.astype(int).tolist(), strict=True):
        yield ts_ns, Side(side)


def _sample(
    names: tuple[str, ...], found: Sequence[tuple[int, list[float], float]], weights: Sequence[float], reach_s: float
) -> Sample:
    return Sample(
        names=names,
        times_ns=np.array([each[0] for each in found], dtype=np.int64),
        rows=np.array([each[1] for each in found], dtype=float).reshape(-1, len(names)),
        y=np.array([each[2] for each in found], dtype=float),
        weights=np.array(weights, dtype=float),
        reach_s=reach_s,
    )
