import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.features.vpin import Vpin, null_level
from ultramm.market import Side, Trade


def fed(trades: list[tuple[float, Side]], size: float, buckets: int = 50) -> Vpin:
    vpin = Vpin(size, buckets)
    for lots, side in trades:
        vpin.update(Trade(0, 100.0, lots, side))
    return vpin


def test_the_known_answer() -> None:
    trades = [(3.0, Side.BUY), (4.0, Side.SELL), (5.0, Side.BUY), (2.0, Side.SELL), (6.0, Side.SELL)]
    assert fed(trades, 5.0).value == pytest.approx(0.4, abs=1e-12)


def test_coin_tosses_are_at_the_null_level() -> None:
    rng = random.Random(3)
    trades = [(1.0, Side.BUY if rng.random() < 0.5 else Side.SELL) for _ in range(50 * 4_000)]
    vpin = fed(trades, 50.0, buckets=4_000)
    assert vpin.full
    assert vpin.value == pytest.approx(0.1128, rel=0.03)
    assert abs(vpin.z) < 3.0, "N = 50 is discrete: .1123 rather than .1128"
    assert null_level(50) == pytest.approx(0.1128, abs=5e-5)


def test_one_sided_flow_is_all_of_it() -> None:
    vpin = fed([(1.0, Side.BUY)] * 100, 5.0, buckets=10)
    assert vpin.value == pytest.approx(1.0)
    assert vpin.z > 5.0


@given(st.lists(st.tuples(st.floats(0.01, 40.0), st.sampled_from(list(Side))), max_size=40), st.floats(0.5, 10.0))
def test_it_is_a_share(trades: list[tuple[float, Side]], size: float) -> None:
    vpin = fed(trades, size)
    volume = sum(lots for lots, _ in trades)
    if volume < size * (1 - 1e-9):
        assert vpin.value != vpin.value
    elif volume > size * (1 + 1e-9):
        assert -1e-9 <= vpin.value <= 1.0 + 1e-9


def test_a_bucket_holds_something() -> None:
    with pytest.raises(ValueError, match="a bucket"):
        Vpin(0.0)
