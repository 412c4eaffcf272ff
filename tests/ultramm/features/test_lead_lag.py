"""Lead and lag of asynchronous prices: known lags, online equal to batch."""

from __future__ import annotations

import numpy as np
import pytest

from ultramm.features.lead_lag import OnlineLeadLag, lead_lag

MS = 1_000_000
LAGS_S = tuple(round(lag, 3) for lag in np.arange(-0.2, 0.201, 0.02).tolist())


def _pair(lag_ms: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A walk, seen at random times; the second sees it `lag_ms` later."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=120_000))  # a step each millisecond
    seen = [np.sort(rng.choice(np.arange(500, 119_000), 4_000, replace=False)) for _ in range(2)]
    return seen[0] * MS, walk[seen[0]], seen[1] * MS, walk[seen[1] - lag_ms]


@pytest.mark.parametrize("lag_ms", [-80, 0, 40, 120])
def test_a_known_lag_is_found(lag_ms: int) -> None:
    first_ns, first, second_ns, second = _pair(lag_ms, seed=abs(lag_ms) + 1)

    found = lead_lag(first_ns, first, second_ns, second, LAGS_S)

    assert found.best_lag_s == pytest.approx(lag_ms / 1e3, abs=0.021)
    if lag_ms:
        assert (found.ratio > 1.5) == (lag_ms > 0)
        assert found.ratio > 1.5 or found.ratio < 1 / 1.5


def test_covariance_counts_each_overlapping_pair() -> None:
    """Hayashi, Yoshida (2005): by hand and by the sum over all pairs."""
    rng = np.random.default_rng(5)
    first_ns, second_ns = np.sort(rng.choice(1000, 30, False)), np.sort(rng.choice(1000, 20, False))
    first, second = rng.normal(size=30), rng.normal(size=20)
    # Within both: pairs at the ends have half an overlap, which counts whole.
    total = 0.0
    for i in range(1, 30):
        for j in range(1, 20):
            if max(first_ns[i - 1], second_ns[j - 1]) < min(first_ns[i], second_ns[j]):
                total += (first[i] - first[i - 1]) * (second[j] - second[j - 1])

    assert lead_lag(first_ns, first, second_ns, second, [0.0]).covariances[0] == pytest.approx(total, rel=1e-12)


def test_online_equals_batch() -> None:
    first_ns, first, second_ns, second = (values[:600] for values in _pair(40, seed=9))
    online = OnlineLeadLag(LAGS_S)
    events = [(int(t), 0, float(p)) for t, p in zip(first_ns, first, strict=True)]
    events += [(int(t), 1, float(p)) for t, p in zip(second_ns, second, strict=True)]
    for ts_ns, which, price in sorted(events):
        (online.on_second if which else online.on_first)(ts_ns, price)

    result = online.result()
    for lag_s, covariance in zip(LAGS_S, result.covariances, strict=True):
        # What has no later price of the first yet is still to come, online.
        known = second_ns - round(lag_s * 1e9) <= first_ns[-1]
        batch = lead_lag(first_ns, first, second_ns[known], second[known], [lag_s]).covariances[0]
        assert covariance == pytest.approx(batch, rel=1e-9, abs=1e-6)
    assert result.best_lag_s == pytest.approx(0.04, abs=0.041)
