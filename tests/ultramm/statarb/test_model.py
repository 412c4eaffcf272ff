"""What became of residuals after the windows they were formed on."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ultramm.statarb.model import Formation, PairModel, SeenProcess

GOLD = Path(__file__).parents[3].parent / "shared" / "data" / "futures" / "lean_gc_minute_20131007_quote.zip"
MINUTE_NS = 60_000_000_000
recorded = pytest.mark.skipif(not GOLD.is_file(), reason=f"the recordings are not at {GOLD.parent}")


def test_it_finds_the_half_life_of_what_comes_back() -> None:
    rng, keep = np.random.default_rng(1), 0.5 ** (1.0 / 20.0)
    seen, distance = SeenProcess(2.0), 0.0
    for _ in range(100_000):
        distance = keep * distance + rng.normal()
        seen.update(distance)
    assert seen.half_life_s == pytest.approx(40.0, rel=0.06)


def test_another_formation_is_not_a_step_of_the_one_before() -> None:
    seen = SeenProcess(1.0)
    for distance in (8.0, 4.0, 2.0):
        seen.update(distance)
    seen.begin()
    for distance in (-800.0, -400.0):
        seen.update(distance)
    assert seen.half_life_s == pytest.approx(1.0)


def test_before_it_has_seen_two_it_does_not_know() -> None:
    seen = SeenProcess(1.0)
    assert math.isnan(seen.half_life_s)
    seen.update(3.0)
    assert math.isnan(seen.half_life_s)


@pytest.mark.parametrize(("distances", "half_life"), [((1.0, 2.0, 4.0), math.inf), ((1.0, -1.0, 1.0), 0.0)])
def test_what_runs_away_never_comes_back_and_what_jumps_across_does_at_once(distances, half_life) -> None:
    seen = SeenProcess(1.0)
    for distance in distances:
        seen.update(distance)
    assert seen.half_life_s == half_life


@recorded
@pytest.mark.integration
def test_two_expiries_of_gold_are_formed_at_every_quarter_of_an_hour() -> None:
    """There is a window in it in which the likelihood rises without end, the more of all a walk explains."""
    closes = []
    with zipfile.ZipFile(GOLD) as archive:
        for expiry in ("201408", "201312"):
            rows = [row.split(b",") for row in archive.open(f"20131007_gc_minute_quote_{expiry}.csv")]
            closes.append({int(row[0]): 0.5 * (float(row[4]) + float(row[9])) for row in rows if row[4] and row[9]})
    model, formed = PairModel(Formation(bar_s=60.0, bars=240)), 0
    for number, ms in enumerate(sorted(closes[0].keys() & closes[1].keys())):
        model.update((number + 1) * MINUTE_NS, closes[0][ms], closes[1][ms])
        if model.ready and number % 15 == 1:
            model.form()
            formed += model.relation is not None
    assert formed > 3
    assert math.isfinite(model.beta_now)
