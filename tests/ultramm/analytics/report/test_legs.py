"""Makers that belong together: by leg, in sum, by round trip, beside what was foretold."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ultramm.analytics.report.legs import together
from ultramm.analytics.report.page import report_page
from ultramm.market import Instrument, Side

S = 1_000_000_000
START_NS = 1_700_000_000 * S
EFFECTS: dict[str, float | None] = {
    "expected_cycle_s": 30.0,
    "cost_bps": 12.0,
    "half_life_s": 4.0,
    "entry_sigma": 1.5,
    "deviation_bps": 20.0,
    "seen_half_life_s": 5.0,
}


def ended(*sessions: Any, at_s: float = 100.0) -> list[Any]:
    return [(played.score.score(START_NS + round(at_s * S)), played.end(at_s)) for played in sessions]


def pair(session: Any) -> tuple[Any, Any]:
    first, hedge = session("pair"), session("hedge", covers=("pair",))
    first.effects = dict(EFFECTS)
    for played in (first, hedge):
        played.mid(0.0, 100.0)
        played.mid(1.0, 100.0)
    return first, hedge


def turned(session: Any) -> tuple[Any, Any]:
    """Long at 100, turned to short at 101, closed at 100.5; the hedge pays half a point from the mid each time."""
    first, hedge = pair(session)
    first.fill(10.0, Side.BUY, 100.0, 1.0, fee=0.01)
    hedge.fill(10.1, Side.SELL, 99.5, 1.0, fee=0.05)
    first.mid(30.0, 101.0)
    hedge.mid(30.0, 100.2)
    first.fill(30.1, Side.SELL, 101.0, 2.0, fee=0.02)
    hedge.fill(30.2, Side.BUY, 100.7, 2.0, fee=0.10)
    first.mid(50.0, 100.5)
    first.fill(50.1, Side.BUY, 100.5, 1.0, fee=0.01)
    hedge.fill(50.2, Side.SELL, 99.7, 1.0, fee=0.05)
    return first, hedge


def test_a_maker_and_who_covers_it_are_one(session: Any) -> None:
    (group,) = together(ended(*turned(session)[::-1]))
    assert group.name == "pair"
    assert [leg.strategy for leg in group.legs] == ["pair", "hedge"]
    assert list(group.totals) == ["USD"]
    assert group.totals["USD"].total == pytest.approx(sum(leg.pnl.total for leg in group.legs))
    assert group.totals["USD"].fees == pytest.approx(0.24)


def test_each_round_trip_has_what_all_legs_did_for_it(session: Any) -> None:
    (group,) = together(ended(*turned(session)))
    long, short = group.trips
    assert (long.side, short.side) == (1, -1)
    assert (long.seconds, short.seconds) == (pytest.approx(20.1), pytest.approx(20.0))
    assert (long.worth, short.worth) == (pytest.approx(100.0), pytest.approx(101.0))
    # Long: 1.0 of the first, sold at 99.5 and bought back at 100.7; a turn's fees are half of each.
    assert long.net == pytest.approx(1.0 - 1.2 - 0.01 - 0.01 - 0.05 - 0.05)
    assert long.cost == pytest.approx(0.12 + 0.5 + 0.5)
    # Short: 0.5 of the first, bought at 100.7 and sold at 99.7.
    assert short.net == pytest.approx(0.5 - 1.0 - 0.02 - 0.10)
    assert short.cost == pytest.approx(0.12 + 0.5 + 0.5)
    assert long.net + short.net == pytest.approx(group.totals["USD"].total)


def test_means_stand_beside_what_was_foretold(session: Any) -> None:
    (group,) = together(ended(*turned(session)))
    found = {each.name: each for each in group.estimates}
    assert found["time"].foretold == 15.0
    assert found["time"].seen == pytest.approx(20.05)
    assert found["time"].error == pytest.approx(0.05)
    costs = [1e4 * trip.cost / trip.worth for trip in group.trips]
    assert (found["costs"].foretold, found["costs"].seen) == (12.0, pytest.approx(sum(costs) / 2))
    assert found["gain after costs"].foretold == pytest.approx(2 * 1.5 * 20.0 - 12.0)
    assert (found["half-life"].foretold, found["half-life"].seen) == (4.0, 5.0)


def test_what_was_not_foretold_is_left_out(session: Any) -> None:
    first, hedge = turned(session)
    bare = ended(first, hedge)
    for _, trace in bare:
        trace.effects._series.clear()
    (group,) = together(bare)
    assert [each.name for each in group.estimates] == ["time", "costs", "gain after costs"]
    assert all(each.foretold is None for each in group.estimates)


def test_a_position_that_is_still_held_is_no_round_trip(session: Any) -> None:
    first, hedge = pair(session)
    first.fill(10.0, Side.BUY, 100.0, 1.0)
    hedge.fill(10.1, Side.SELL, 99.5, 1.0)
    (group,) = together(ended(first, hedge))
    assert (group.trips, group.estimates) == ((), ())


def test_what_was_held_before_belongs_to_no_round_trip(session: Any) -> None:
    first, hedge = pair(session)
    hedge.fill(5.0, Side.BUY, 100.0, 1.0)
    first.fill(10.0, Side.BUY, 100.0, 1.0)
    first.fill(20.0, Side.SELL, 102.0, 1.0)
    (group,) = together(ended(first, hedge))
    assert [trip.net for trip in group.trips] == [pytest.approx(2.0)]


def test_a_leg_whose_ratio_is_negative_is_on_the_same_side(session: Any) -> None:
    first, hedge = pair(session)
    first.fill(10.0, Side.BUY, 100.0, 1.0)
    hedge.fill(10.1, Side.BUY, 100.0, 1.0)
    first.fill(20.0, Side.SELL, 101.0, 2.0)
    hedge.fill(20.1, Side.SELL, 99.5, 2.0)
    first.fill(30.0, Side.BUY, 100.0, 1.0)
    hedge.fill(30.1, Side.BUY, 99.0, 1.0)
    (group,) = together(ended(first, hedge))
    assert [trip.net for trip in group.trips] == [pytest.approx(0.5), pytest.approx(1.5)]


def test_currencies_are_not_added_up(session: Any) -> None:
    other = Instrument(
        id="BTCEUR.X",
        tick_size=0.5,
        lot_size=0.01,
        price_precision=1,
        size_precision=2,
        quote_currency="EUR",
        settlement_currency="EUR",
    )
    first, hedge = session("pair"), session("hedge", other, covers=("pair",))
    for played, side in ((first, Side.BUY), (hedge, Side.SELL)):
        played.mid(0.0, 100.0)
        played.fill(1.0, side, 100.0, 1.0)
        played.mid(2.0, 101.0)
        played.fill(3.0, Side(-side), 101.0, 1.0)
    (group,) = together(ended(first, hedge))
    assert {currency: pnl.total for currency, pnl in group.totals.items()} == {"USD": 1.0, "EUR": -1.0}
    assert group.trips == ()


def test_groups_that_share_a_maker_are_one(session: Any) -> None:
    makers = [session("a"), session("b"), session("c"), session("alone")]
    hedges = [session("h1", covers=("a", "b")), session("h2", covers=("b", "c"))]
    for played in (*makers, *hedges):
        played.mid(0.0, 100.0)
    (group,) = together(ended(*makers, *hedges))
    assert group.name == "a, b, c"
    assert {leg.strategy for leg in group.legs} == {"a", "b", "c", "h1", "h2"}


def test_none_where_nobody_covers_anybody(session: Any) -> None:
    makers = [session("a"), session("b")]
    for played in makers:
        played.mid(0.0, 100.0)
    assert together(ended(*makers)) == []


SIZES = st.integers(1, 5)
MOVES = st.lists(st.tuples(st.booleans(), SIZES, st.integers(-8, 8), st.integers(0, 3)), min_size=1, max_size=25)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES)
def test_round_trips_add_up_to_what_was_made(session: Any, moves: list[tuple[bool, int, int, int]]) -> None:
    """Whatever is traded in between, once all is closed: nothing is counted twice, nothing is left out."""
    first, hedge = session("pair"), session("hedge", covers=("pair",))
    for played in (first, hedge):
        played.mid(0.0, 100.0)
    held, at_s = 0.0, 1.0
    for buys, lots, move, fee in [*moves, (False, 0, 0, 0)]:
        side, size = (Side.BUY if buys else Side.SELL), lots / 10
        if not lots:  # the last one closes
            side, size = (Side.SELL if held > 0 else Side.BUY), abs(held)
        if not size:
            continue
        price = 100.0 + move / 2
        for played, direction in ((first, side), (hedge, Side(-side))):
            played.mid(at_s, price)
            played.fill(at_s + 0.1, direction, price + direction / 2, size, fee=fee / 100)
        held = round(held + side * size, 6)
        at_s += 1.0
    (group,) = together(ended(first, hedge, at_s=at_s + 1.0))
    assert math.fsum(trip.net for trip in group.trips) == pytest.approx(group.totals["USD"].total, abs=1e-9)
    assert len(group.trips) >= 1


def test_the_page_begins_with_them(session: Any, facts: Any) -> None:
    makers = ended(*turned(session))
    page = report_page(facts, makers)
    assert page.index("pair, with hedge") < page.index("pair · BTCUSD.X")
    for text in ("By leg", "Round trips: 2", "foretold", "P&amp;L by leg"):
        assert text in page


def test_names_are_no_markup(session: Any, facts: Any) -> None:
    makers = [
        (msgspec.structs.replace(score, strategy=f"<b>{score.strategy}"), trace)
        for score, trace in ended(*turned(session))
    ]
    for _, trace in makers:
        trace.covers = tuple(f"<b>{name}" for name in trace.covers)
    page = report_page(facts, makers)
    assert "<b>pair" not in page
