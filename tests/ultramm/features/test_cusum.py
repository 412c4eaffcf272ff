import random

import pytest

from ultramm.features.cusum import Cusum, alarm_every

RUNS = 4_000


def mean_run(threshold: float, shift: float, seed: int) -> tuple[float, float]:
    """Mean number of values until the alarm, and its standard error."""
    rng, lengths = random.Random(seed), []
    for _ in range(RUNS):
        cusum, length = Cusum(0.5, threshold), 1
        while not cusum.update(rng.gauss(shift, 1.0)):
            length += 1
        lengths.append(length)
    mean = sum(lengths) / RUNS
    return mean, (sum((x - mean) ** 2 for x in lengths) / RUNS / RUNS) ** 0.5


@pytest.mark.parametrize(("threshold", "expected"), [(4.0, 338.1), (5.0, 938.2), (8.0, 19_112.0)])
def test_siegmunds_formula(threshold: float, expected: float) -> None:
    assert alarm_every(threshold) == pytest.approx(expected, rel=1e-4)


def test_of_nothing_it_alarms_as_rarely_as_that_says() -> None:
    mean, error = mean_run(4.0, 0.0, seed=1)
    assert mean == pytest.approx(alarm_every(4.0), rel=0.05)
    assert error < 0.02 * mean


def test_a_shift_of_one_is_found_after_ten() -> None:
    mean, error = mean_run(5.0, 1.0, seed=2)
    assert mean == pytest.approx(10.3, abs=4 * error + 0.1)


def test_it_begins_anew() -> None:
    cusum = Cusum(0.5, 2.0)
    assert not cusum.update(2.0)
    assert cusum.update(2.0)
    cusum.reset()
    assert cusum.value == 0.0
