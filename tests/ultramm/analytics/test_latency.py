"""Quantiles of times, against the exact ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.latency import Latencies

S = 1_000_000_000


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=300))
def test_quantiles_are_the_exact_ones_to_an_eighth(times: list[int]) -> None:
    latencies = Latencies()
    for took_ns in times:
        latencies.add(0, took_ns)
    status = latencies.status()
    assert status is not None
    for share, found in ((50, status.p50_us), (99, status.p99_us)):
        exact = float(np.percentile(times, share, method="inverted_cdf")) / 1e3
        assert exact <= found * (1 + 1e-12)
        assert found <= exact * 1.1251 + 1e-3
    assert (status.count, status.most_us) == (len(times), pytest.approx(max(times) / 1e3))


def test_what_is_more_than_two_minutes_ago_is_forgotten() -> None:
    latencies = Latencies()
    assert latencies.status() is None
    latencies.add(1 * S, 9_000_000)
    latencies.add(62 * S, 1_000)
    status = latencies.status()
    assert status is not None
    assert (status.count, status.most_us) == (2, 9_000.0)
    latencies.add(123 * S, 1_000)
    status = latencies.status()
    assert status is not None
    assert (status.count, status.most_us) == (2, 1.0)
    latencies.add(500 * S, 2_000)
    status = latencies.status()
    assert status is not None
    assert (status.count, status.most_us) == (1, 2.0)


def test_no_time_at_all_counts_as_the_least() -> None:
    latencies = Latencies()
    latencies.add(0, 0)
    latencies.add(0, -5)
    status = latencies.status()
    assert status is not None
    assert status.count == 2
    assert status.most_us == pytest.approx(0.001)
