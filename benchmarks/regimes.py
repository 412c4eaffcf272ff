"""Views combined where the market changes: against each of them alone, all of them alike, and the regret's bound.

::

    .venv/bin/python benchmarks/regimes.py                     12 seeds of 12 hours: half a minute
    .venv/bin/python benchmarks/regimes.py --seeds 3 --hours 6

Prices of a second, which by turns go on as they went for some minutes, and come back to where they were. Views hold
what they want at the mid and pay `--cost` for what they turn over. The best view changes with the market; the
combination does not know when.
"""

from __future__ import annotations

import argparse
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ultramm.combine.experts import fixed_share_bound, losses_of
from ultramm.market import Book, Level
from ultramm_strategies.combined.params import CombinedParams
from ultramm_strategies.combined.views import Views

_S = 1_000_000_000
_SIGMA = 1e-4  # of a second
_WILDER = 4.0  # where prices come back
_TREND_S, _BACK_S = 600.0, 30.0  # how long a drift lasts, and how soon half of a distance is gone
TREND = {"name": "trend", "use": "trend", "params": {"fast_s": 60, "slow_s": 300}}
REVERSION = {"name": "reversion", "use": "reversion", "params": {"tau_s": 60}}
MEMBERS: dict[str, list[dict[str, Any]]] = {
    "trend": [TREND],
    "reversion": [REVERSION],
    "equal weights": [TREND, REVERSION],
    "combined": [TREND, REVERSION],
}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Of one seed.

    Parameters
    ----------
    gains : dict of str to float
        Net of costs, basis points of a full position.
    regret, bound : float
        Losses of the combination's weights, less those of the best view of each regime, and the most that fixed share
        by itself may lose beyond these.
    """

    gains: dict[str, float]
    regret: float
    bound: float


def prices(seed: int, hours: float, regime_s: int) -> npt.NDArray[np.float64]:
    """Mids, a second each; odd regimes come back, even ones go on."""
    rng, count = np.random.default_rng(seed), round(hours * 3_600)
    shocks, turns = rng.normal(0.0, _SIGMA, count), rng.normal(size=count)
    keep, back = math.exp(-1.0 / _TREND_S), 1.0 - 0.5 ** (1.0 / _BACK_S)
    logs, drift, level = np.zeros(count), 0.0, 0.0
    for now in range(1, count):
        if now % regime_s == 0:
            level = logs[now - 1]
        drift = keep * drift + 0.1 * _SIGMA * math.sqrt(1.0 - keep * keep) * turns[now]
        goes_on = (now // regime_s) % 2 == 0
        pull = drift if goes_on else back * (level - logs[now - 1])
        logs[now] = logs[now - 1] + pull + (1.0 if goes_on else _WILDER) * shocks[now]
    return np.asarray(50_000.0 * np.exp(logs))


def params_of(name: str, cost_bps: float) -> CombinedParams:
    bounds = {"floor": 0.5, "cap": 1.0} if name == "equal weights" else {"turnover_per_h": 10.0}
    return msgspec.convert(
        {
            "core": {"use": "glft", "params": {"order_size": 0.1}},
            "max_position": 1.0,
            "members": MEMBERS[name],
            "period_s": 60.0,
            "cost_bps": cost_bps,
            "bounds": bounds,
        },
        CombinedParams,
    )


def play(seed: int, hours: float, regime_s: int, cost_bps: float) -> Outcome:
    mids, gains = prices(seed, hours, regime_s), {}
    lost: list[tuple[float, npt.NDArray[np.float64]]] = []
    for name in MEMBERS:
        params = params_of(name, cost_bps)
        views, held, gained = Views(params), 0.0, 0.0
        history: list[list[float]] = []
        for now, mid in enumerate(mids.tolist()):
            ts_ns = (now + 1) * _S
            if now:
                gained += held * (mid / mids[now - 1] - 1.0)
            views.on_book(Book(ts_ns, (Level(mid - 0.5, 1.0),), (Level(mid + 0.5, 1.0),)))
            if now % round(params.retarget_s) == 0:
                views.look(ts_ns, mid)
                wanted, _ = views.shares()
                gained -= 1e-4 * cost_bps * abs(wanted - held)
                held = wanted
            if now and now % round(params.period_s) == 0:
                if name == "combined":
                    history.append([view.gain for view in views._members.values()])
                    losses = losses_of(np.array(history[-1]), np.std(history, axis=0))
                    lost.append((float(np.array(list(views.weights.values())) @ losses), losses))
                views.end_period()
        gains[name] = 1e4 * gained
    return Outcome(gains=gains, regret=_regret(lost, round(regime_s / 60)), bound=_bound(len(lost), hours, regime_s))


def _regret(lost: list[tuple[float, npt.NDArray[np.float64]]], periods: int) -> float:
    """Beyond the best view of each regime."""
    best = math.fsum(
        float(np.sum([losses for _, losses in lost[begin : begin + periods]], axis=0).min())
        for begin in range(0, len(lost), periods)
    )
    return math.fsum(each for each, _ in lost) - best


def _bound(periods: int, hours: float, regime_s: int) -> float:
    return fixed_share_bound(2, periods, max(1, math.ceil(hours * 3_600 / regime_s) - 1))


def _play(task: tuple[int, float, int, float]) -> Outcome:
    return play(*task)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--regime", type=int, default=7_200, help="seconds")
    parser.add_argument("--cost", type=float, default=0.2, help="bps")
    arguments = parser.parse_args()
    tasks = [(seed, arguments.hours, arguments.regime, arguments.cost) for seed in range(arguments.seeds)]
    with ProcessPoolExecutor() as pool:
        found = list(track(pool.map(_play, tasks), "playing", len(tasks), console=Console(stderr=True)))
    table = Table(title=f"{len(found)} seeds, bps of a full position", title_justify="left")
    for column in ("", "gain", "combined less it", "t"):
        table.add_column(column, justify="right" if column else "left")
    combined = np.array([each.gains["combined"] for each in found])
    for name in MEMBERS:
        alone = np.array([each.gains[name] for each in found])
        more = combined - alone
        error = more.std(ddof=1) / math.sqrt(len(found))
        paired = ("", "") if name == "combined" else (f"{more.mean():+.1f} ± {error:.1f}", f"{more.mean() / error:.1f}")
        table.add_row(name, f"{alone.mean():+.1f} ± {alone.std(ddof=1) / math.sqrt(len(found)):.1f}", *paired)
    Console(width=None if sys.stdout.isatty() else 100).print(table)
    most = max(found, key=lambda each: each.regret / each.bound)
    print(f"regret against the best of each regime: at most {most.regret:.1f} of {most.bound:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
