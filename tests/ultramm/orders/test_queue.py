"""Places in the queue: by hand, by properties, and against a queue whose orders are all known."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Side
from ultramm.orders.queue import QueuePlaces


def joined(level: float = 100.0, power: float | None = 3.0) -> QueuePlaces:
    places = QueuePlaces(power)
    places.join("ours", Side.BUY, 1000, level)
    return places


def test_trades_take_from_the_front_and_the_rest_reaches_us() -> None:
    """The example of the kernel's documentation: 100 ahead; 80, 30 and 50 are sold."""
    places = joined()
    assert places.on_trade(Side.SELL, 1000, 80.0) == {}
    assert places.ahead("ours") == 20.0
    assert places.on_trade(Side.SELL, 1000, 30.0) == {"ours": pytest.approx(10.0)}
    assert places.on_trade(Side.SELL, 1000, 50.0) == {"ours": 50.0}


def test_a_trade_through_our_price_has_passed_everybody() -> None:
    places = joined()
    assert places.on_trade(Side.SELL, 999, 3.0) == {"ours": 3.0}
    assert places.ahead("ours") == 0.0


def test_trades_elsewhere_do_not_reach_us() -> None:
    places = joined(level=0.0)
    assert places.on_trade(Side.SELL, 1001, 5.0) == {}
    assert places.on_trade(Side.BUY, 1000, 5.0) == {}
    assert places.on_trade(None, 1000, 5.0) == {"ours": 5.0}


def test_a_level_that_shrinks_by_what_was_traded_has_not_been_cancelled() -> None:
    places = joined()
    places.on_trade(Side.SELL, 1000, 40.0)
    places.on_level(Side.BUY, 1000, 60.0)
    assert places.ahead("ours") == pytest.approx(60.0)


def test_a_cancel_takes_from_ahead_by_the_cube_of_what_is_there() -> None:
    """60 ahead and 40 behind; 10 are cancelled."""
    places = joined(60.0)
    places.on_level(Side.BUY, 1000, 100.0)  # 40 came behind us
    assert places.ahead("ours") == 60.0
    places.on_level(Side.BUY, 1000, 90.0)
    assert places.ahead("ours") == pytest.approx(60.0 - 10.0 * 60**3 / (60**3 + 40**3))


def test_all_behind_is_cancelled_before_the_pessimist_moves() -> None:
    places = joined(60.0, power=None)
    places.on_level(Side.BUY, 1000, 100.0)
    places.on_level(Side.BUY, 1000, 70.0)
    assert places.ahead("ours") == 60.0
    places.on_level(Side.BUY, 1000, 30.0)
    assert places.ahead("ours") == 30.0


def test_other_prices_and_sides_do_not_matter() -> None:
    places = joined()
    places.on_level(Side.BUY, 999, 1.0)
    places.on_level(Side.SELL, 1000, 1.0)
    assert places.ahead("ours") == 100.0


def test_an_order_that_left_is_forgotten() -> None:
    places = joined()
    places.leave("ours")
    places.leave("ours")
    assert "ours" not in places
    assert len(places) == 0
    assert places.on_trade(Side.SELL, 999, 1.0) == {}


@given(
    power=st.sampled_from([None, 1.0, 2.0, 3.0]),
    level=st.floats(0.0, 100.0),
    steps=st.lists(st.tuples(st.booleans(), st.floats(0.0, 200.0)), max_size=30),
)
def test_what_is_ahead_never_grows_and_never_exceeds_the_level(
    power: float | None, level: float, steps: list[tuple[bool, float]]
) -> None:
    places = joined(level, power)
    before = places.ahead("ours")
    for trades, size in steps:
        if trades:
            past = places.on_trade(Side.SELL, 1000, size).get("ours", 0.0)
            assert 0.0 <= past <= size
        else:
            places.on_level(Side.BUY, 1000, size)
            assert places.ahead("ours") <= size + 1e-9
        assert 0.0 <= places.ahead("ours") <= before + 1e-9
        before = places.ahead("ours")


def test_estimates_bracket_a_queue_whose_orders_are_known() -> None:
    """Orders of one lot come, are cancelled at random and trade: the pessimist is behind, the other is near."""
    rng = random.Random(9)
    errors: dict[str, list[float]] = {"probable": [], "pessimist": []}
    for _ in range(300):
        queue = [object() for _ in range(20)]
        ours = object()
        estimates = {"probable": joined(20.0, 1.0), "pessimist": joined(20.0, None)}
        queue.append(ours)
        for _ in range(60):
            draw = rng.random()
            others = [order for order in queue if order is not ours]
            if draw < 0.35:
                queue.append(object())
            elif draw < 0.75 and others:
                queue.remove(rng.choice(others))
            elif queue[0] is not ours:
                queue.pop(0)
                for places in estimates.values():
                    places.on_trade(Side.SELL, 1000, 1.0)
            for places in estimates.values():
                places.on_level(Side.BUY, 1000, float(len(queue) - 1))
        for name, places in estimates.items():
            errors[name].append(places.ahead("ours") - queue.index(ours))
    assert abs(sum(errors["probable"]) / 300) < 0.3
    assert sum(errors["pessimist"]) / 300 > 2.0


# -- what is in sight ------------------------------------------------------------------------------------------


def test_a_place_out_of_sight_is_unknown_until_it_is_seen() -> None:
    places = joined(level=float("nan"))
    assert places.on_trade(Side.SELL, 1000, 5.0) == {}
    places.on_levels(Side.BUY, {1002: 1.0, 1001: 1.0})
    assert places.ahead("ours") != places.ahead("ours")
    places.on_levels(Side.BUY, {1002: 1.0, 999: 1.0})
    assert places.ahead("ours") == 0.0


def test_the_best_of_others_tells_of_itself_and_of_all_before_it() -> None:
    places = joined(100.0)
    places.on_best(Side.BUY, 1001, 7.0)
    assert places.ahead("ours") == 100.0
    places.on_best(Side.SELL, 1000, 7.0)
    assert places.ahead("ours") == 100.0
    places.on_best(Side.BUY, 1000, 40.0)
    assert places.ahead("ours") == pytest.approx(40.0)
    places.on_best(Side.BUY, 999, 7.0)
    assert places.ahead("ours") == 0.0


def test_no_levels_tell_nothing() -> None:
    places = joined(100.0)
    places.on_levels(Side.BUY, {})
    assert places.ahead("ours") == 100.0


def test_whoever_traded_in_part_is_first() -> None:
    places = joined(100.0)
    places.front("ours")
    places.front("never heard of")
    assert places.ahead("ours") == 0.0


def test_a_trade_past_us_is_not_forgotten_when_the_level_comes_into_sight() -> None:
    places = joined(level=float("nan"))
    places.on_trade(Side.SELL, 999, 1.0)
    places.on_level(Side.BUY, 1000, 50.0)
    assert places.ahead("ours") == 0.0
