"""A scenario by its key in a configuration."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import msgspec
import pytest

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.errors import UserError
from ultramm.nautilus.build import feeds
from ultramm.nautilus.synthetic import EPOCH_NS
from ultramm.simulation import SCENARIOS
from ultramm_adapters.synthetic.params import SyntheticParams
from ultramm_adapters.synthetic.source import SyntheticSource

S = 1_000_000_000


def played(**params: Any) -> list[str]:
    """Each event as text: the kernel's have no other equality that looks into them."""
    source = SyntheticSource("SIM", ["BTCUSDT"], SyntheticParams(duration_s=40.0, preset="wide", **params), 7)
    return [f"{event.ts_init} {event!r}" for event in source.events()]


def test_every_scenario_has_its_name_in_the_parameters() -> None:
    (scenario,) = [field for field in msgspec.structs.fields(SyntheticParams) if field.name == "scenario"]
    assert set(SCENARIOS) <= set(scenario.type.__args__[0].__args__)


@pytest.mark.parametrize("name", SCENARIOS)
def test_it_comes_when_it_is_asked_for_and_not_before(name: str) -> None:
    plain, staged = played(), played(scenario=name, scenario_at_s=20)

    def before(events: list[str]) -> list[str]:
        return list(takewhile(lambda event: int(event.split()[0]) - EPOCH_NS < 20 * S, events))

    assert before(staged) == before(plain)
    assert staged != plain
    assert played(scenario=name, scenario_at_s=20) == staged


def test_its_moment_is_in_seconds_of_the_data_at_any_pace() -> None:
    plain, staged = played(pace=4), played(pace=4, scenario="drop", scenario_at_s=20)
    (differs,) = [i for i, (a, b) in enumerate(zip(plain, staged, strict=False)) if a != b][:1]
    assert 20.0 <= (int(plain[differs].split()[0]) - EPOCH_NS) / S < 20.2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (["scenario=crash"], "venues.SIM.params.scenario"),
        (["scenario_at_s=-1"], "venues.SIM.params.scenario_at_s"),
        (["scenario=flash-crash", "tick_bps=60"], "venues.SIM: params.scenario: flash-crash would take 60 % off"),
    ],
)
def test_one_that_cannot_be_is_told_in_a_line(settings: list[str], words: str) -> None:
    with pytest.raises(UserError) as caught:
        feeds(resolve(read(None, ["mode=backtest", *[f"venues.SIM.params.{each}" for each in settings]])))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_that_would_come_after_the_end_is_told_in_a_line() -> None:
    with pytest.raises(UserError, match=r"^params.scenario_at_s: 40 is not before the end, duration_s 40$"):
        played(scenario="drop", scenario_at_s=40)
