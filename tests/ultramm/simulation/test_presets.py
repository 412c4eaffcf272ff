import msgspec
import pytest

from ultramm.simulation import PRESETS, Preset, SyntheticMarket


def test_the_four_markets_are_there_and_tight_is_the_default():
    assert list(PRESETS) == ["tight", "wide", "benign", "wide2"]
    assert PRESETS["tight"] == Preset()


@pytest.mark.parametrize(
    "wrong",
    [
        {"lp_touch_share": 1.0},
        {"lp_block_mean_lots": 1.0},
        {"lp_rate_per_s": 0.0},
        {"lp_latency_median_s": 0.0},
        {"cancel_rate_per_s": -1.0},
        {"jump_rate_per_s": 0.0},
    ],
)
def test_a_preset_that_cannot_run_is_refused_by_name(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Preset(**wrong)


def test_a_preset_survives_a_round_trip():
    preset = PRESETS["wide2"]
    assert msgspec.convert(msgspec.to_builtins(preset), Preset) == preset


def test_presets_differ_in_their_events():
    events = {name: next(SyntheticMarket(preset, 1).events()) for name, preset in PRESETS.items()}
    assert len(set(events.values())) == len(PRESETS)
