"""A model that does not see what it learned from is not believed, and it is said why."""

from __future__ import annotations

import random
from pathlib import Path

from stored_models import familiar, keep

from ultramm.inference.familiarity import Familiarity

S, STEP_NS = 1_000_000_000, 100_000_000
HOUR_NS = 3_600 * S
NAMES = ("queue_imbalance", "weighted_mid_bps")


def followed(folder: Path, max_age_h: float = 24.0, last_ns: int = S) -> Familiarity:
    about = keep(folder, features=NAMES, last_ns=last_ns, familiar=familiar(NAMES, furthest=30.0))
    return Familiarity(about, max_age_h)


def play(of: Familiarity, seconds: float, begin_ns: int = S, mean: float = 0.0, seed: int = 1) -> int:
    """Normal rows, ten a second; gives when it ends."""
    rng, now_ns = random.Random(seed), begin_ns
    for _ in range(round(10 * seconds)):
        now_ns += STEP_NS
        of.heard(now_ns)
        of.on_row(now_ns, [rng.gauss(mean, 1.0), rng.gauss(0.0, 1.0)], 0.0)
    return now_ns


def test_what_it_learned_from_is_familiar_for_hours(tmp_path: Path) -> None:
    of = followed(tmp_path)
    assert of.strange(play(of, 7_500.0)) == ""


def test_a_model_of_old_data_is_not_believed(tmp_path: Path) -> None:
    of = followed(tmp_path, max_age_h=1.0)
    now_ns = play(of, 10.0, begin_ns=2 * HOUR_NS)
    assert of.strange(now_ns) == "the model learned from what is 2 h old: 1 h are allowed"
    assert followed(tmp_path, max_age_h=3.0).strange(now_ns) == ""
    # Of what is played again from before it, nothing is old.
    assert followed(tmp_path, last_ns=9 * HOUR_NS).strange(now_ns) == ""


def test_a_market_that_says_nothing_is_no_base_for_a_forecast(tmp_path: Path) -> None:
    of = followed(tmp_path)
    now_ns = play(of, 100.0)
    assert of.strange(now_ns + S) == ""
    assert of.strange(now_ns + 3 * S) == "what the model sees is 3.0 s old"
    slow = followed(tmp_path)
    for second in range(100):
        slow.heard(2 * second * S)
    assert slow.strange(198 * S + 10 * S) == ""  # it always was as slow


def test_features_that_are_cut_too_often_are_strange(tmp_path: Path) -> None:
    of = followed(tmp_path)
    now_ns = play(of, 10.0)
    for _ in range(600):
        now_ns += STEP_NS
        of.heard(now_ns)
        of.on_row(now_ns, [0.0, 0.0], 0.5)
    text = of.strange(now_ns)
    assert text.endswith("% of what the model sees is beyond what it learned from")


def test_a_row_far_from_all_others_tells_nothing_and_many_of_them_are_strange(tmp_path: Path) -> None:
    of = followed(tmp_path)
    now_ns = play(of, 60.0)
    assert of.on_row(now_ns + STEP_NS, [4.9, 0.0], 0.0)
    assert not of.on_row(now_ns + 2 * STEP_NS, [4.0, 4.0], 0.0)
    assert of.strange(now_ns + 2 * STEP_NS) == ""
    for step in range(20):
        of.heard(now_ns + (3 + step) * STEP_NS)
        of.on_row(now_ns + (3 + step) * STEP_NS, [4.0, 4.0], 0.0)
    text = of.strange(now_ns + 22 * STEP_NS)
    assert text.endswith("% of the moments that the model sees are unlike what it learned from")


def test_a_feature_that_has_moved_is_found_within_the_hour_after_the_first(tmp_path: Path) -> None:
    of = followed(tmp_path)
    now_ns = play(of, 3_700.0)
    assert of.strange(now_ns) == ""
    now_ns = play(of, 3_600.0, begin_ns=now_ns, mean=1.5)
    assert "queue_imbalance is not distributed as when the model learned: stability index" in of.strange(now_ns)


def test_a_leader_that_is_silent_is_found_though_the_market_goes_on(tmp_path: Path) -> None:
    about = keep(tmp_path, features=NAMES, familiar=familiar(NAMES), leader="BTCUSDT.FAR")
    of = Familiarity(about, 1e9)
    now_ns = S
    for step in range(600):
        now_ns += STEP_NS
        of.heard(now_ns)
        if step < 560:
            of.heard(now_ns, leader=True)
    assert of.strange(now_ns) == "what the model sees of BTCUSDT.FAR is 4.0 s old"
