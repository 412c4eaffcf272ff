import msgspec
import pytest

from ultramm_strategies.market_maker.params import MarketMakerParams

LEAST = {"order_size": 0.01, "half_spread_bps": 5, "max_position": 0.1}


def params(**values) -> MarketMakerParams:
    return msgspec.convert({**LEAST, **values}, MarketMakerParams)


def test_size_spread_and_position_are_all_that_must_be_said():
    assert params().levels == 1
    for key in LEAST:
        with pytest.raises(msgspec.ValidationError, match=key):
            msgspec.convert({k: v for k, v in LEAST.items() if k != key}, MarketMakerParams)


def test_the_parameters_of_every_maker_belong_to_it():
    assert params(refresh_ms=100, stale_after_s=3).refresh_ms == 100


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("order_size", 0),
        ("order_size", -1),
        ("half_spread_bps", -1),
        ("levels", 0),
        ("levels", 51),
        ("levels", 1.5),
        ("level_step_bps", -0.1),
        ("level_growth", 0),
        ("fair_value", "next"),
        ("skew", -1),
        ("max_position", 0),
        ("max_position", "0.1"),
        ("cover_fees", 1),
        ("colour", "red"),
    ],
)
def test_values_out_of_range_and_unknown_keys_are_refused(key, value):
    with pytest.raises(msgspec.ValidationError):
        params(**{key: value})
