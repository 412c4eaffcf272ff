"""Changes are found as the literature's own code finds them, and what does not change is let be."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from river.drift import ADWIN

from ultramm.features.drift import AdaptiveWindow, bin_of, squared_distance, stability_index


def bernoulli(seed: int, *parts: tuple[int, float]) -> list[float]:
    rng = np.random.default_rng(seed)
    return [float(value) for count, share in parts for value in rng.random(count) < share]


def alarms(window: AdaptiveWindow, values: list[float]) -> list[int]:
    return [place for place, value in enumerate(values) if window.update(value)]


def test_what_does_not_change_is_let_be() -> None:
    """No false alarm in 20 streams of 20,000."""
    found = [alarms(AdaptiveWindow(), bernoulli(seed, (20_000, 0.2))) for seed in range(20)]
    assert sum(map(len, found)) == 0


def test_a_change_is_found_after_some_hundred_samples() -> None:
    """Of a share of 0.2 that becomes 0.35: the median delay is 240 samples."""
    delays = []
    for seed in range(100):
        found = alarms(AdaptiveWindow(), bernoulli(seed, (2_000, 0.2), (2_000, 0.35)))
        delays.append(next(place - 1_999 for place in found if place >= 2_000))
    assert statistics.median(delays) == pytest.approx(240, abs=32)


@pytest.mark.parametrize("delta", [0.002, 0.01])
@pytest.mark.parametrize("seed", range(5))
def test_it_cuts_where_another_code_cuts(seed: int, delta: float) -> None:
    values = bernoulli(seed, (2_000, 0.2), (1_500, 0.35), (1_500, 0.1))
    ours, theirs = AdaptiveWindow(delta), ADWIN(delta)
    for value in values:
        theirs.update(value)
        found = ours.update(value)
        assert found == theirs.drift_detected
        assert (ours.count, ours.mean) == (theirs.width, pytest.approx(theirs.estimation))
        if found:
            return  # that other one then forgets all
    pytest.fail("nothing was found")


def test_of_nothing_the_mean_is_not_known() -> None:
    assert math.isnan(AdaptiveWindow().mean)


def test_the_stability_index_by_hand() -> None:
    expected = (0.7505 - 0.5) * math.log(0.7505 / 0.5) + (0.2495 - 0.5) * math.log(0.2495 / 0.5)
    assert stability_index([0.5, 0.5], [750, 250]) == pytest.approx(expected, rel=1e-2)
    assert stability_index([0.2, 0.8], [200, 800]) == pytest.approx(0.0, abs=1e-5)
    assert math.isfinite(stability_index([0.5, 0.5], [1_000, 0]))
    assert [bin_of((-1.0, 1.0), value) for value in (-2.0, 0.0, 1.0, 5.0)] == [0, 1, 2, 2]


def test_distances_are_mahalanobis() -> None:
    rng = np.random.default_rng(1)
    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    factor = np.linalg.inv(np.linalg.cholesky(covariance))
    rows = tuple(tuple(row[: place + 1].tolist()) for place, row in enumerate(factor))
    for point in rng.normal(size=(20, 2)):
        assert squared_distance(point.tolist(), rows) == pytest.approx(point @ np.linalg.inv(covariance) @ point)
