import numpy as np
import pytest

from ultramm.signals.reliability import Reliability
from ultramm.signals.signal import NO_SIGNAL, Signal, of_score

S = 1_000_000_000


def history(seed: int, count: int, right: dict[float, float], memory: float = 500.0) -> Reliability:
    """Views of some strengths, each right so often."""
    rng, reliability, mid = np.random.default_rng(seed), Reliability(memory), 100.0
    strengths = list(right)
    for number in range(count):
        strength = strengths[int(rng.integers(len(strengths)))]
        direction = 1 if rng.random() < 0.5 else -1
        reliability.update(number * 2 * S, mid, Signal(direction, strength, 0.0, 1.0))
        mid += direction if rng.random() < right[strength] else -direction
        # The view ends, and no other begins.
        reliability.update(number * 2 * S + S, mid, NO_SIGNAL)
    return reliability


def test_before_anything_was_seen_there_is_no_confidence() -> None:
    assert Reliability().confidence(1.0) == 0.0
    assert Reliability().probability(0.5) == 0.5


def test_confidence_is_what_frequencies_say() -> None:
    """Within a twentieth of them, as far as a prior and a memory let it."""
    right = {0.1: 0.5, 0.5: 0.6, 0.9: 0.75}
    found = [history(seed, 6_000, right, memory=5_000.0) for seed in range(5)]
    for strength, probability in right.items():
        assert np.mean([each.probability(strength) for each in found]) == pytest.approx(probability, abs=0.05)
        assert np.mean([each.confidence(strength) for each in found]) == pytest.approx(2 * probability - 1, abs=0.1)


def test_what_is_more_often_wrong_has_none() -> None:
    assert history(1, 2_000, {0.5: 0.3}).confidence(0.5) == 0.0


def test_a_stronger_view_has_no_less_than_a_weaker_one() -> None:
    for seed in range(10):
        reliability = history(seed, 300, {0.1: 0.7, 0.5: 0.5, 0.9: 0.6})
        probabilities = [reliability.probability(strength) for strength in (0.1, 0.3, 0.5, 0.7, 0.9)]
        assert probabilities == sorted(probabilities)


def test_what_was_right_once_and_is_wrong_now_loses_its_confidence() -> None:
    rng, reliability, mid = np.random.default_rng(1), Reliability(memory=100.0), 100.0
    trusted = []
    for number in range(2_000):
        reliability.update(number * 2 * S, mid, Signal(1, 0.5, 0.0, 1.0))
        mid += 1.0 if rng.random() < (0.9 if number < 1_000 else 0.5) else -1.0
        reliability.update(number * 2 * S + S, mid, NO_SIGNAL)
        trusted.append(reliability.confidence(0.5))
    assert trusted[999] > 0.4
    assert trusted[-1] < 0.25


def test_views_are_counted_one_at_a_time_and_none_over_a_gap() -> None:
    reliability = Reliability()
    for number in range(100):
        reliability.update(number, 100.0 + number, Signal(1, 0.9, 0.0, 1.0))
    assert reliability.probability(0.9) == 0.5
    reliability.interrupted()
    reliability.update(5 * S, 200.0, NO_SIGNAL)
    assert reliability.probability(0.9) == 0.5


def test_a_score_becomes_a_view() -> None:
    assert of_score(1.0, 2.0, 60.0) == Signal(1, 0.5, 0.0, 60.0)
    assert of_score(-9.0, 2.0, 60.0) == Signal(-1, 1.0, 0.0, 60.0)
    assert of_score(float("nan"), 2.0, 60.0).direction == 0
    assert Signal(-1, 0.5, 0.4).view == pytest.approx(-0.2)
