"""Ways to quote are tried, and the one that earned is taken more often: in each kind of market its own."""

from __future__ import annotations

import pickle
from typing import Any

import msgspec
import pytest

from ultramm.market import Fill, Side
from ultramm_strategies.ai_market_maker.params import AiParams
from ultramm_strategies.ai_market_maker.profiles import Profiles

S = 1_000_000_000
WAYS = {"normal": {}, "wide": {"spread": 2.0}, "calm": {"aggressiveness": 0.3, "follow": 0.0}}


def params(**changes: Any) -> AiParams:
    given = {"order_size": 1.0, "max_position": 10.0, "model": "none", "profiles": WAYS} | changes
    return msgspec.convert(given, AiParams)


def bought_and_sold(profiles: Profiles, now_ns: int, gain: float) -> None:
    profiles.on_fill(Fill(now_ns, "a", Side.BUY, 100.0, 1.0, 0.0, True))
    profiles.on_fill(Fill(now_ns, "b", Side.SELL, 100.0 + gain, 1.0, 0.0, True))


def play(profiles: Profiles, earns: dict[str, str], periods: int, context: str = "calm") -> dict[str, int]:
    """The way that `earns` says is the best of that kind of market earns; gives how often each was taken."""
    taken = dict.fromkeys(WAYS, 0)
    for _ in range(periods):
        profiles.now_ns = getattr(profiles, "now_ns", 0) + 300 * S  # type: ignore[attr-defined]
        now_ns = profiles.now_ns  # type: ignore[attr-defined]
        profiles.on_time(now_ns, 100.0, 0.1, context)
        taken[profiles.name] += 1
        bought_and_sold(profiles, now_ns, 20.0 if earns[context] == profiles.name else -10.0)
    return taken


def test_without_any_the_usual_one_stays() -> None:
    profiles = Profiles(params(profiles={}))
    assert not profiles.on_time(300 * S, 100.0, 0.1, "calm")
    assert profiles.name == ""
    assert profiles.chosen.spread == 1.0


def test_what_is_left_out_stays_as_it_is() -> None:
    profiles = Profiles(params(profiles={"first": {"spread": 2.0}}, toxicity=0.7, aggressiveness=0.4))
    assert profiles.name == "first"
    assert (profiles.chosen.spread, profiles.chosen.toxicity, profiles.chosen.aggressiveness) == (2.0, 0.7, 0.4)


def test_the_one_that_earns_is_taken_more_often() -> None:
    taken = play(Profiles(params()), {"calm": "wide"}, 300)
    assert taken["wide"] > 200


def test_each_kind_of_market_has_its_own() -> None:
    profiles = Profiles(params())
    earns = {"calm": "calm", "restless": "wide"}
    for _ in range(10):
        for context in earns:
            last = play(profiles, earns, 30, context)
            if context == "restless":
                restless = last
    assert last["wide"] > 20
    assert restless["wide"] > 20
    assert play(profiles, earns, 30, "calm")["calm"] > 20


def test_a_choice_holds_for_two_periods_at_least() -> None:
    profiles, names = Profiles(params()), []
    for period in range(1, 200):
        profiles.on_time(period * 300 * S, 100.0, 0.1, "calm")
        names.append(profiles.name)
    runs, length = [], 1
    for before, after in zip(names, names[1:], strict=False):
        if before == after:
            length += 1
        else:
            runs.append(length)
            length = 1
    assert len(runs) > 10
    assert min(runs[1:]) >= 2


def test_before_volatility_is_known_nothing_is_rewarded() -> None:
    profiles = Profiles(params())
    assert not profiles.on_time(300 * S, 100.0, float("nan"), "calm")
    assert profiles.name == "normal"


def test_kept_it_goes_on_with_what_it_has_learnt() -> None:
    profiles = Profiles(params())
    play(profiles, {"calm": "wide"}, 100)
    again = pickle.loads(pickle.dumps(profiles))
    for period in range(200, 260):
        for each in (profiles, again):
            each.on_time(period * 300 * S, 100.0, 0.1, "calm")
        assert again.name == profiles.name


@pytest.mark.parametrize("wrong", [{"spread": 0.0}, {"spraed": 1.0}, {"toxicity": -1.0}])
def test_a_way_to_quote_that_is_none_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        params(profiles={"a": wrong})
