import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.quantile import StreamQuantile


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("draw", ["gauss", "expovariate", "lognormal"])
def test_it_is_near_the_quantile_of_all(probability: float, draw: str) -> None:
    rng = random.Random(7)
    make = {
        "gauss": lambda: rng.gauss(0.0, 1.0),
        "expovariate": lambda: rng.expovariate(1.0),
        "lognormal": lambda: rng.lognormvariate(0.0, 1.0),
    }[draw]
    seen = [make() for _ in range(50_000)]
    quantile = StreamQuantile(probability)
    for x in seen:
        quantile.update(x)
    below = sum(x <= quantile.value for x in seen) / len(seen)
    # Within five standard errors of the share below it, were it the sample's own.
    assert below == pytest.approx(probability, abs=5 * (probability * (1 - probability) / len(seen)) ** 0.5 + 0.002)


@given(st.lists(st.floats(-1e6, 1e6), min_size=5, max_size=300), st.floats(0.01, 0.99))
def test_it_is_within_what_was_seen(seen: list[float], probability: float) -> None:
    quantile = StreamQuantile(probability)
    for x in seen:
        quantile.update(x)
    assert min(seen) <= quantile.value <= max(seen)
    assert quantile.count == len(seen)


@given(st.integers(5, 200), st.floats(-1e3, 1e3))
def test_of_one_value_it_is_that(count: int, x: float) -> None:
    quantile = StreamQuantile(0.9)
    for _ in range(count):
        quantile.update(x)
    assert quantile.value == x


@pytest.mark.parametrize("probability", [0.0, 1.0, -1.0, float("nan")])
def test_a_probability_is_one(probability: float) -> None:
    with pytest.raises(ValueError, match="a probability"):
        StreamQuantile(probability)
