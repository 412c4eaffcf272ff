"""Every pair of a universe, held against one filter after another."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt
from statsmodels.stats.diagnostic import breaks_cusumolsresid
from statsmodels.stats.multitest import multipletests

from ultramm.bounds import Positive
from ultramm.selection.cointegration import Cointegration, engle_granger, unit_root
from ultramm.selection.hurst import hurst
from ultramm.statarb.ornstein_uhlenbeck import fit

Array = npt.NDArray[np.float64]


class Filters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a pair must be.

    Parameters
    ----------
    return_bars : int
        Returns over so many bars are correlated.
    min_correlation : float
        Of them.
    false_discovery : float
        Largest share of pairs that are found though nothing binds them, of those found.
    min_half_life_bars : float
        Faster than that is eaten by costs.
    max_half_life_share : float
        Of the window: slower than that has not been seen to come back.
    max_hurst : float
        Of what is left between the prices.
    held_out : float
        Share of the window, its end, on which the relation is tested once more.
    max_held_out_p : float
        Of a unit root there.
    min_stability_p : float
        Of a ratio that stayed the same, by the sum of what it left over.

    Notes
    -----
    The sum is of the surprises of the residual, not of itself, which has memory (Ploberger and Kraemer, *Econometrica*
    60 (1992)).
    """

    return_bars: int = 5
    min_correlation: float = 0.6
    false_discovery: float = 0.05
    min_half_life_bars: Positive = 2.0
    max_half_life_share: Positive = 0.1
    max_hurst: Positive = 0.45
    held_out: float = 0.2
    max_held_out_p: Positive = 0.2
    min_stability_p: float = 0.01


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """One pair, as far as it was looked at; NaN where it was not.

    Parameters
    ----------
    y, x : str
        Names: ``log y = alpha + beta log x + residual``.
    correlation : float
        Of returns.
    test : Cointegration or None
        Of the way round that is the less likely by chance.
    p_adjusted : float
        With all pairs counted that were tested.
    half_life_bars, half_life_low, half_life_high : float
        And between what it is in 95 of 100 cases.
    hurst, held_out_p, stability_p : float
    deviation : float
        Of the residual in the long run, log price.
    reason : str
        In words why it is not chosen; empty if it is.
    """

    y: str
    x: str
    correlation: float
    test: Cointegration | None = None
    p_adjusted: float = math.nan
    half_life_bars: float = math.nan
    half_life_low: float = math.nan
    half_life_high: float = math.nan
    hurst: float = math.nan
    held_out_p: float = math.nan
    stability_p: float = math.nan
    deviation: float = math.nan
    reason: str = ""


def scan(prices: Mapping[str, Array], filters: Filters | None = None) -> Iterator[Pair]:
    """Look at every pair.

    Parameters
    ----------
    prices : mapping of str to array of shape (n,)
        By name, each at the same moments.

    Yields
    ------
    Pair
        First those without correlation, then those tested, in order of their p; whoever iterates sees progress.
    """
    filters = filters or Filters()
    logs = {name: np.log(each) for name, each in prices.items()}
    formed = round(len(next(iter(logs.values()))) * (1.0 - filters.held_out))
    tested: list[Pair] = []
    for first, second in combinations(logs, 2):
        correlation = _correlation(logs[first][:formed], logs[second][:formed], filters.return_bars)
        pair = Pair(y=first, x=second, correlation=correlation)
        if not correlation >= filters.min_correlation:
            reason = f"correlation {correlation:.2f} is below {filters.min_correlation:g}"
            yield msgspec.structs.replace(pair, reason=reason)
            continue
        tested.append(_tested(pair, logs, formed))
    if not tested:
        return
    tested.sort(key=lambda pair: pair.test.p if pair.test else 1.0)
    adjusted = multipletests([pair.test.p for pair in tested if pair.test], method="fdr_bh")[1]
    for pair, p in zip(tested, adjusted.tolist(), strict=True):
        yield _filtered(msgspec.structs.replace(pair, p_adjusted=p), logs, formed, filters)


def _correlation(first: Array, second: Array, bars: int) -> float:
    moved = [each[bars::bars] - each[:-bars:bars] for each in (first, second)]
    if min(float(np.std(each)) for each in moved) == 0.0:
        return math.nan
    return float(np.corrcoef(moved[0], moved[1])[0, 1])


def _tested(pair: Pair, logs: Mapping[str, Array], formed: int) -> Pair:
    """Both ways round, of which the one counts that is the less likely by chance."""
    y, x = logs[pair.y][:formed], logs[pair.x][:formed]
    one, other = engle_granger(y, x), engle_granger(x, y)
    if one.p <= other.p:
        return msgspec.structs.replace(pair, test=one)
    return msgspec.structs.replace(pair, y=pair.x, x=pair.y, test=other)


def _filtered(pair: Pair, logs: Mapping[str, Array], formed: int, filters: Filters) -> Pair:
    test = pair.test
    assert test is not None
    if pair.p_adjusted > filters.false_discovery:
        reason = f"p {pair.p_adjusted:.3f} with all pairs counted is above {filters.false_discovery:g}"
        return msgspec.structs.replace(pair, reason=reason)
    residual = logs[pair.y] - test.alpha - test.beta * logs[pair.x]
    before = residual[:formed]
    process = fit(before, 1.0)
    low, high = process.half_life_interval_s
    pair = msgspec.structs.replace(
        pair,
        half_life_bars=process.half_life_s,
        half_life_low=low,
        half_life_high=high,
        hurst=hurst(before),
        held_out_p=unit_root(residual[formed:])[1] if len(residual) - formed >= 30 else math.nan,
        stability_p=float(breaks_cusumolsresid(_surprises(before), ddof=2)[1]),
        deviation=process.deviation,
    )
    return msgspec.structs.replace(pair, reason=_objection(pair, test, formed, filters))


def _surprises(residual: Array) -> Array:
    """What each step was beyond what the one before let expect."""
    slope, level = np.polyfit(residual[:-1], residual[1:], 1)
    return np.asarray(residual[1:] - slope * residual[:-1] - level)


def _objection(pair: Pair, test: Cointegration, formed: int, filters: Filters) -> str:
    """In words why a pair is not chosen, empty if it is."""
    longest = filters.max_half_life_share * formed
    found = (
        (test.beta <= 0.0, f"the ratio {test.beta:.3g} is not positive"),
        (
            pair.half_life_bars < filters.min_half_life_bars,
            f"half-life {pair.half_life_bars:.3g} bars is below {filters.min_half_life_bars:g}",
        ),
        (pair.half_life_bars > longest, f"half-life {pair.half_life_bars:.3g} bars is above {longest:g}"),
        (pair.hurst > filters.max_hurst, f"Hurst exponent {pair.hurst:.2f} is above {filters.max_hurst:g}"),
        (
            pair.held_out_p > filters.max_held_out_p,
            f"p {pair.held_out_p:.3f} on what was held out is above {filters.max_held_out_p:g}",
        ),
        (
            pair.stability_p < filters.min_stability_p,
            f"p {pair.stability_p:.2g} of a stable ratio is below {filters.min_stability_p:g}",
        ),
    )
    return next((words for objects, words in found if objects), "")
