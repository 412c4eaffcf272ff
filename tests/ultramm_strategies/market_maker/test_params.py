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


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"fair_value": "reference"}, "go together"),
        ({"reference": "BTCUSDT.BINANCE"}, "go together"),
        ({"fair_value": "reference", "reference": "BTCUSDT"}, "reference"),
        ({"bid_levels": []}, "bid_levels"),
        ({"bid_levels": [{"at_bps": 9, "size": 1}, {"at_bps": 5, "size": 1}]}, "begin with the nearest"),
        ({"ask_levels": [{"at_bps": 9, "size": 0}]}, "size"),
        ({"ask_levels": [{"at_bps": 9}]}, "size"),
        ({"ask_levels": [{"at_bps": 9, "size": 1, "colour": "red"}]}, "colour"),
        ({"placement": "front"}, "placement"),
        ({"placement_depth": -1}, "placement_depth"),
        ({"hanging_cancel_bps": 0}, "hanging_cancel_bps"),
    ],
)
def test_what_makes_no_sense_together_is_refused_with_the_reason(values, problem):
    with pytest.raises(msgspec.ValidationError, match=problem):
        params(**values)


def test_a_reference_and_levels_are_read_as_they_are_written():
    read = params(fair_value="reference", reference="BTC.USD.BINANCE", bid_levels=[{"at_bps": 5, "size": 1}])
    assert read.reference == "BTC.USD.BINANCE"
    assert (read.bid_levels[0].at_bps, read.bid_levels[0].size) == (5.0, 1.0)
    assert params().reference is None
