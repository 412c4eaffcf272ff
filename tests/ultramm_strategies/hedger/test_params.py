from typing import Any

import msgspec
import pytest

from ultramm.plugin import load
from ultramm_strategies.hedger import PLUGIN
from ultramm_strategies.hedger.params import HedgerParams
from ultramm_strategies.hedger.strategy import Hedger

LEAST: dict[str, Any] = {"makers": ["mm"], "max_position": 1.0}


def test_the_plugin_leads_here() -> None:
    assert load(PLUGIN.params) is HedgerParams
    assert load(PLUGIN.strategy) is Hedger


def test_makers_and_a_band_are_all_that_it_needs() -> None:
    params = msgspec.convert({**LEAST, "gamma": 1e-3}, HedgerParams)
    assert params.makers == ("mm",)
    assert params.basket == ()
    msgspec.convert({**LEAST, "band": 0.0}, HedgerParams)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "give either gamma"),
        ({"gamma": 1.0, "band": 1.0}, "give either gamma"),
        ({"band": 1.0, "funding_8h_bps": 1.0}, "give gamma instead of band"),
        ({"gamma": 1.0, "ratio": 1.0, "start_ratio": 1.0}, "start_ratio is until there is an estimate"),
        ({"gamma": 1.0, "ratio": 1.0, "basket": ["other"]}, "leave ratio and start_ratio out"),
        ({"gamma": 1.0, "makers": ["mm", "mm"]}, "names one twice"),
        ({"gamma": 1.0, "makers": []}, "length >= 1"),
        ({"gamma": 1.0, "horizon_s": 60.0}, "memory_s is shorter"),
        ({"gamma": 1.0, "patience_s": 60.0}, "max_outside_s is not longer"),
        ({"gamma": 1.0, "urgent_at": 0.5}, ">= 1"),
        ({"gamma": 0.0}, "> 0"),
        ({"gamma": 1.0, "rates": {"USD": 0.0}}, "> 0"),
        ({"gamma": 1.0, "maker": "mm"}, "unknown field"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(given: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words) as caught:
        msgspec.convert({**LEAST, **given}, HedgerParams)
    assert "\n" not in str(caught.value)
