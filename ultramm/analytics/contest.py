"""Several strategies on one market: what each earned, and whether a difference to the first is more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from ultramm.analytics.report.comparison import LEAST_STEPS
from ultramm.analytics.report.uncertainty import newey_west_error


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy on one market and seed.

    Parameters
    ----------
    pnl, fees, spread_capture : float
        Settlement currency.
    steps : tuple of float
        P&L of equal steps of time.
    markout_bps : float or None
        Mean of five seconds over the fills that have one.
    presence : float or None
        Share of the time with both sides quoted.
    mean_inventory : float
        Absolute, size.
    """

    market: str
    strategy: str
    seed: int
    currency: str
    seconds: float
    pnl: float
    fees: float
    spread_capture: float
    steps: tuple[float, ...]
    fills: int
    markout_bps: float | None
    presence: float | None
    mean_inventory: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One strategy on one market, over all seeds; means of a run.

    Parameters
    ----------
    pnl_error : float or None
        Standard error of the mean P&L over seeds; over steps of time, by Newey and West, where there is one seed.
    difference, difference_error, t : float or None
        P&L less that of the first strategy, paired by seeds, or by steps where there is one; None for the first.
    """

    market: str
    strategy: str
    currency: str
    runs: int
    seconds: float
    pnl: float
    pnl_error: float | None
    difference: float | None
    difference_error: float | None
    t: float | None
    fees: float
    fills: float
    markout_bps: float | None
    presence: float | None
    mean_inventory: float


def standings(runs: Sequence[Played]) -> list[Standing]:
    """One for each market and strategy, in the order in which they first come.

    Raises
    ------
    ValueError
        When the strategies of a market did not play the same seeds.
    """
    grouped: dict[tuple[str, str], dict[int, Played]] = {}
    first: dict[str, str] = {}
    for run in runs:
        grouped.setdefault((run.market, run.strategy), {})[run.seed] = run
        first.setdefault(run.market, run.strategy)
    return [
        _standing(by_seed, None if first[market] == strategy else grouped[market, first[market]])
        for (market, strategy), by_seed in grouped.items()
    ]


def _standing(by_seed: dict[int, Played], base: dict[int, Played] | None) -> Standing:
    runs = list(by_seed.values())
    pnl, pnl_error = mean_over_runs([run.pnl for run in runs], [run.steps for run in runs])
    difference = difference_error = t = None
    if base is not None:
        if by_seed.keys() != base.keys():
            raise ValueError(f"{runs[0].market}: {runs[0].strategy} did not play the seeds of the first strategy")
        pairs = [(run, base[seed]) for seed, run in by_seed.items()]
        steps = [tuple(np.subtract(run.steps, other.steps)) for run, other in pairs]
        difference, difference_error = mean_over_runs([run.pnl - other.pnl for run, other in pairs], steps)
        t = difference / difference_error if difference_error else None
    return Standing(
        market=runs[0].market,
        strategy=runs[0].strategy,
        currency=runs[0].currency,
        runs=len(runs),
        seconds=float(np.mean([run.seconds for run in runs])),
        pnl=pnl,
        pnl_error=pnl_error,
        difference=difference,
        difference_error=difference_error,
        t=t,
        fees=float(np.mean([run.fees for run in runs])),
        fills=float(np.mean([run.fills for run in runs])),
        markout_bps=_weighted([(run.markout_bps, run.fills) for run in runs]),
        presence=_weighted([(run.presence, 1) for run in runs]),
        mean_inventory=float(np.mean([run.mean_inventory for run in runs])),
    )


def mean_over_runs(values: Sequence[float], steps: Sequence[Sequence[float]]) -> tuple[float, float | None]:
    """Mean over runs and its standard error: between them, or by the steps of the only one (Newey and West)."""
    mean = float(np.mean(values))
    if len(values) > 1:
        return mean, float(np.std(values, ddof=1)) / math.sqrt(len(values))
    (only,) = steps
    return mean, len(only) * newey_west_error(np.asarray(only)) if len(only) >= LEAST_STEPS else None


def _weighted(values: Sequence[tuple[float | None, int]]) -> float | None:
    known = [(value, weight) for value, weight in values if value is not None and weight > 0]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) / total if total else None
