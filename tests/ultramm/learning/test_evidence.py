"""Evidence by hand, and that what is lacking is said."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from ultramm.analytics.contest import Played
from ultramm.learning.evidence import Evidence, by_minute, evidence, utility


def run(steps: Any, seconds: float = 1_800.0, strategy: str = "x", seed: int = 1) -> Played:
    return Played(
        market="m",
        strategy=strategy,
        seed=seed,
        currency="USDT",
        seconds=seconds,
        pnl=float(np.sum(steps)),
        fees=0.0,
        spread_capture=0.0,
        steps=tuple(np.asarray(steps, dtype=float).tolist()),
        fills=1,
        markout_bps=None,
        presence=None,
        mean_inventory=0.0,
    )


def pairs(gain: float, count: int = 20, seed: int = 1) -> list[tuple[Played, Played]]:
    """Runs of half an hour that share most of what happens to them; one earns so much more a minute."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        shared = rng.normal(0.0, 1.0, 900)
        ours = shared + rng.normal(gain / 30.0, 0.05, 900)
        found.append((run(ours, seed=number), run(shared, seed=number)))
    return found


def test_minutes_are_sums_of_steps() -> None:
    assert by_minute(run(np.ones(900))).tolist() == [30.0] * 30
    assert by_minute(run([5.0] * 10, seconds=1_200.0)).tolist() == [5.0] * 10  # longer steps stay what they are


def test_utility_takes_half_a_deviation_off() -> None:
    minutes = np.array([1.0, -1.0, 3.0, 1.0] * 15)
    assert utility(minutes) == pytest.approx(60.0 - 0.5 * float(minutes.std()) * 60.0**0.5)


def test_of_a_day_whose_steps_are_longer_the_utility_is_the_same_in_the_mean() -> None:
    rng = np.random.default_rng(1)
    minutes = rng.normal(1.0, 3.0, 1_440)
    day = run(minutes.reshape(-1, 2).sum(axis=1), seconds=86_400.0)
    assert len(by_minute(day)) == 720
    assert utility(by_minute(day), 120.0) == pytest.approx(utility(minutes), rel=0.05)
    less = run(minutes.reshape(-1, 2).sum(axis=1) - 2.0, seconds=86_400.0)
    found = evidence("engine", [(day, less)], {}, 1, None).utility
    assert found is not None
    assert found.value == pytest.approx(60.0)


def test_what_earns_more_on_every_seed_lacks_nothing() -> None:
    made = pairs(0.3)
    found = evidence("engine", made, {"half as much latency again": pairs(0.2, seed=2)}, 20, 0.05)
    assert found.lacking == []
    assert found.harder[0].difference == pytest.approx(6.0, abs=2.0)
    assert found.runs == 20
    assert found.difference == pytest.approx(np.mean([ours.pnl - theirs.pnl for ours, theirs in made]))
    assert found.t > 5.0
    assert found.utility is not None
    assert found.utility.low > 0.0
    assert found.deflated is not None
    assert found.deflated > 0.99


def test_what_earns_the_same_lacks_all_that_counts() -> None:
    found = evidence("engine", pairs(0.0), {}, 20, None)
    text = " ".join(found.lacking)
    assert "utility may be lower" in text
    assert "deflated Sharpe ratio" in text


def test_the_more_was_tried_the_less_it_is_worth() -> None:
    made = pairs(0.06)
    few, many = (evidence("engine", made, {}, trials, None).deflated for trials in (1, 1_000))
    assert few is not None
    assert many is not None
    assert few > many + 0.05


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"overfitting": 0.3}, "it is overfitted with a probability of 0.30: 0.2 at most"),
        ({"drawdown": 900.0}, "its drawdown is larger: 900, "),
        ({"utility": None}, "too little was seen"),
        ({"deflated": None}, "is not known"),
    ],
)
def test_each_thing_that_lacks_is_said(changes: dict[str, Any], why: str) -> None:
    found = evidence("engine", pairs(0.3), {}, 20, 0.05)
    assert any(why in each for each in msgspec.structs.replace(found, **changes).lacking)


def test_what_does_not_last_where_it_is_harder_is_said() -> None:
    worse = pairs(-0.3)
    found = evidence("engine", pairs(0.3), {"half as much latency again": worse}, 20, None)
    (said,) = found.lacking
    assert said.startswith("with half as much latency again it earns less: -")


def test_a_single_short_run_is_no_evidence() -> None:
    ours, theirs = pairs(0.3, 1)[0]
    short = [(run(ours.steps[:200], 400.0), run(theirs.steps[:200], 400.0))]
    found: Evidence = evidence("engine", short, {}, 3, None)
    assert (found.utility, found.deflated) == (None, None)
    assert len(found.lacking) >= 2
    assert found.error is not None
    assert found.error > 0.0


def test_the_same_runs_are_the_same_evidence() -> None:
    assert evidence("engine", pairs(0.1), {}, 5, None) == evidence("engine", pairs(0.1), {}, 5, None)
