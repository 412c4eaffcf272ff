"""Bar estimators: known answers, rolling equal to batch, efficiency."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.features.bars import Bar, Bars, BarVolatility, garman_klass, parkinson, rogers_satchell, seen_share

BARS = [
    Bar(*prices)
    for prices in zip(
        (100, 101.5, 101.8, 101.2, 102.7),
        (102, 103, 103, 104, 105),
        (99, 100, 100.5, 100.5, 102),
        (101, 102, 101, 103, 104),
        strict=True,
    )
]
S = 1_000_000_000


def test_known_answers() -> None:
    rolling = BarVolatility(5)
    for bar in BARS:
        rolling.update(bar)

    assert rolling.parkinson == pytest.approx(3.160119892419e-4, abs=1e-15)
    assert rolling.garman_klass == pytest.approx(3.875233354693e-4, abs=1e-15)
    assert rolling.rogers_satchell == pytest.approx(3.813286206638e-4, abs=1e-15)
    assert rolling.yang_zhang == pytest.approx(3.620842637537e-4, abs=1e-15)


def _random_bars(count: int, steps: int, rng: np.random.Generator, overnight: float = 0.0) -> list[Bar]:
    """Random walks of unit variance a bar, as logs around 0."""
    moves = rng.normal(0.0, 1e-2 / math.sqrt(steps), (count, steps))
    paths = np.concatenate([np.zeros((count, 1)), np.cumsum(moves, axis=1)], axis=1)
    starts = np.concatenate([[0.0], np.cumsum(paths[:-1, -1])]) + np.cumsum(rng.normal(0, overnight, count))
    paths = np.exp(paths + starts[:, None])
    return [Bar(path[0], path.max(), path.min(), path[-1]) for path in paths]


def test_the_window_rolls_as_a_batch_would() -> None:
    bars = _random_bars(100, 50, np.random.default_rng(3), overnight=2e-3)
    rolling = BarVolatility(20)
    for bar in bars:
        rolling.update(bar)

    window = bars[-20:]
    jumps = [math.log(bar.open / before.close) for before, bar in zip(bars[-21:-1], window, strict=True)]
    moves = [math.log(bar.close / bar.open) for bar in window]
    k = 0.34 / (1.34 + 21 / 19)
    drift_free = np.mean([rogers_satchell(bar) for bar in window])
    assert rolling.parkinson == pytest.approx(np.mean([parkinson(bar) for bar in window]), rel=1e-12)
    assert rolling.garman_klass == pytest.approx(np.mean([garman_klass(bar) for bar in window]), rel=1e-12)
    assert rolling.rogers_satchell == pytest.approx(drift_free, rel=1e-12)
    assert rolling.yang_zhang == pytest.approx(
        np.var(jumps, ddof=1) + k * np.var(moves, ddof=1) + (1 - k) * drift_free, rel=1e-9
    )


def test_they_need_fewer_bars_than_closes_do() -> None:
    """Efficiency against the variance of closes, 20 bars: about 5.7, 8.4, 6.6, 7.9 for many steps a bar."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(400):
        bars = _random_bars(21, 390, rng)
        rolling = BarVolatility(20)
        for bar in bars:
            rolling.update(bar)
        closes = np.var([math.log(bar.close / bar.open) for bar in bars[1:]], ddof=1)
        found.append((closes, rolling.parkinson, rolling.garman_klass, rolling.rogers_satchell, rolling.yang_zhang))
    relative = np.asarray(found) / np.mean(found, axis=0)
    efficiency = relative[:, 0].var() / relative.var(axis=0)

    assert efficiency[1:] == pytest.approx([5.0, 7.5, 6.0, 7.0], rel=0.25)


@pytest.mark.parametrize(("steps", "parkinson_share", "garman_klass_share"), [(30, 0.78, 0.70), (100, 0.87, 0.83)])
def test_few_steps_a_bar_hide_the_extremes(steps: int, parkinson_share: float, garman_klass_share: float) -> None:
    bars = _random_bars(4000, steps, np.random.default_rng(steps))

    assert np.mean([parkinson(bar) for bar in bars]) / 1e-4 == pytest.approx(parkinson_share, abs=0.02)
    assert np.mean([garman_klass(bar) for bar in bars]) / 1e-4 == pytest.approx(garman_klass_share, abs=0.02)
    assert seen_share(steps) == parkinson_share
    assert seen_share(steps, of="garman-klass") == garman_klass_share


def test_the_share_seen_between_and_beyond_the_table() -> None:
    assert 0.78 < seen_share(45) < 0.84
    assert seen_share(1) == 0.67
    assert seen_share(1e6) == 0.96


def test_bars_by_the_clock() -> None:
    bars = Bars(60.0)
    prices = [(0, 10.0), (10, 12.0), (59, 9.0), (60, 11.0), (61, math.nan), (200, 20.0)]
    ended = [bar for ts_s, price in prices if (bar := bars.update(ts_s * S, price)) is not None]

    assert ended == [Bar(10.0, 12.0, 9.0, 9.0), Bar(11.0, 11.0, 11.0, 11.0)]


def test_nothing_is_known_before_the_first_bars() -> None:
    rolling = BarVolatility(5)
    assert math.isnan(rolling.parkinson)
    rolling.update(BARS[0])
    rolling.update(BARS[1])
    assert math.isnan(rolling.yang_zhang)
