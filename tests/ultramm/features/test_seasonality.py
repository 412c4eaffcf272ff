"""The profile of the day, from days whose profile is known."""

from __future__ import annotations

import numpy as np
import pytest

from ultramm.features.seasonality import SeasonalProfile

S = 1_000_000_000
DAY_S = 86_400


def test_a_u_shape_is_recovered_from_twenty_days() -> None:
    rng = np.random.default_rng(4)
    profile = SeasonalProfile(bucket_s=300.0)
    times = np.arange(0, DAY_S, 10)
    shape = 1.0 + 1.5 * (2 * times / DAY_S - 1) ** 2
    for day in range(20):
        samples = shape * rng.chisquare(1, len(times))
        for at, sample in zip(times.tolist(), samples.tolist(), strict=True):
            profile.update((day * DAY_S + at) * S, sample)
    profile.update(20 * DAY_S * S, 1.0)

    found = np.array([profile.factor(at * S) for at in range(150, DAY_S, 300)])
    true = shape.reshape(288, 30).mean(axis=1) / shape.mean()
    assert np.sqrt(np.mean((found / true - 1.0) ** 2)) < 0.05
    assert np.mean(found) == pytest.approx(1.0, abs=1e-9)


def test_unknown_times_are_usual() -> None:
    profile = SeasonalProfile()
    assert profile.factor(0) == 1.0
    profile.update(0, 4.0)
    profile.update(301 * S, 4.0)
    assert profile.factor(12 * 3600 * S) == 1.0


def test_older_days_count_less() -> None:
    profile = SeasonalProfile(bucket_s=43_200.0, half_life_days=1.0)
    for day, (morning, evening) in enumerate([(1.0, 9.0), (9.0, 1.0)]):
        profile.update(day * DAY_S * S, morning)
        profile.update((day * DAY_S + 50_000) * S, evening)
    profile.update(3 * DAY_S * S, 5.0)

    # Two buckets are each other's neighbours: what is left is the direction.
    assert profile.factor(0) != 1.0
