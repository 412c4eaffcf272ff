"""Standings against numbers by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from ultramm.analytics.contest import Played, standings
from ultramm.analytics.report.uncertainty import newey_west_error


def run(strategy: str, seed: int, pnl: float, **changes: Any) -> Played:
    given: dict[str, Any] = {
        "market": "wide",
        "currency": "USDT",
        "seconds": 60.0,
        "fees": 1.0,
        "spread_capture": 2.0,
        "steps": (),
        "fills": 10,
        "markout_bps": 1.0,
        "presence": 0.5,
        "mean_inventory": 0.1,
    }
    return Played(**{**given, "strategy": strategy, "seed": seed, "pnl": pnl, **changes})


def test_seeds_are_paired() -> None:
    first, second = standings(
        [run("a", 1, 1.0), run("a", 2, 5.0), run("a", 3, 3.0), run("b", 1, 2.0), run("b", 2, 7.0), run("b", 3, 3.0)]
    )
    assert (first.strategy, first.runs, first.pnl) == ("a", 3, 3.0)
    assert first.pnl_error == pytest.approx(2.0 / math.sqrt(3))
    assert (first.difference, first.t) == (None, None)
    # Differences 1, 2, 0.
    assert second.difference == pytest.approx(1.0)
    assert second.difference_error == pytest.approx(1.0 / math.sqrt(3))
    assert second.t == pytest.approx(math.sqrt(3))


def test_one_run_is_paired_by_steps() -> None:
    rng = np.random.default_rng(1)
    ours, theirs = rng.normal(0.1, 1.0, 200), rng.normal(0.0, 1.0, 200)
    _, found = standings(
        [
            run("a", 1, float(theirs.sum()), steps=tuple(theirs.tolist())),
            run("b", 1, float(ours.sum()), steps=tuple(ours.tolist())),
        ]
    )
    assert found.difference == pytest.approx(float((ours - theirs).sum()))
    assert found.difference_error == pytest.approx(200 * newey_west_error(ours - theirs))
    assert found.pnl_error == pytest.approx(200 * newey_west_error(ours))


def test_one_short_run_has_no_error() -> None:
    first, second = standings([run("a", 1, 1.0, steps=(1.0,)), run("b", 1, 2.0, steps=(2.0,))])
    assert first.pnl_error is None
    assert (second.difference, second.difference_error, second.t) == (1.0, None, None)


def test_runs_that_did_the_same_have_no_t() -> None:
    _, second = standings([run(name, seed, 1.0) for name in "ab" for seed in (1, 2)])
    assert (second.difference, second.t) == (0.0, None)


def test_markouts_are_weighted_by_fills_and_absent_without() -> None:
    (found,) = standings([run("a", 1, 0, markout_bps=1.0, fills=30), run("a", 2, 0, markout_bps=5.0, fills=10)])
    assert found.markout_bps == pytest.approx(2.0)
    assert found.fills == 20.0
    (none,) = standings([run("a", 1, 0, markout_bps=None, fills=0)])
    assert none.markout_bps is None


def test_each_market_has_its_own_first() -> None:
    found = standings(
        [run("a", 1, 1.0), run("b", 1, 2.0), run("a", 1, 10.0, market="tight"), run("b", 1, 5.0, market="tight")]
    )
    assert [(s.market, s.strategy, s.difference) for s in found] == [
        ("wide", "a", None),
        ("wide", "b", 1.0),
        ("tight", "a", None),
        ("tight", "b", -5.0),
    ]


def test_other_seeds_are_not_paired() -> None:
    with pytest.raises(ValueError, match="wide: b did not play the seeds of the first"):
        standings([run("a", 1, 1.0), run("b", 2, 1.0)])
