import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.quoting.spread import fixed_half_spread, inventory_skew

fairs = st.floats(0.01, 1e6)
bps = st.floats(0.0, 500.0)
fees = st.floats(-0.001, 0.01)
inventories = st.floats(-100.0, 100.0)
positive = st.floats(0.01, 100.0)
strengths = st.floats(0.0, 3.0)


# -- half-spread ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("half_spread_bps", "maker_fee", "min_edge_bps", "expected"),
    [
        (5.0, 0.0, 0.0, 25.0),  # 5 bps of 50 000
        (5.0, 0.001, 0.0, 50.0),  # the fee of 10 bps is the floor
        (5.0, 0.001, 2.0, 60.0),  # and an edge beyond it
        (20.0, 0.001, 2.0, 100.0),  # wide enough anyway
        (0.0, -0.0002, 0.0, 0.0),  # a rebate never makes it negative
        (0.0, -0.0002, 3.0, 5.0),  # but pays a part of the edge
        (5.0, -math.inf, 9.0, 25.0),  # no floor wanted
    ],
)
def test_known_half_spreads(half_spread_bps, maker_fee, min_edge_bps, expected):
    assert fixed_half_spread(50_000.0, half_spread_bps, maker_fee, min_edge_bps) == pytest.approx(expected)


@given(fairs, bps, fees, bps)
def test_never_narrower_than_wanted_than_fee_and_edge_or_than_nothing(fair, half_spread_bps, fee, edge_bps):
    half_spread = fixed_half_spread(fair, half_spread_bps, fee, edge_bps)
    slack = 1e-12 * fair
    assert half_spread >= 0.0
    assert half_spread >= half_spread_bps * 1e-4 * fair - slack
    assert half_spread >= (fee + edge_bps * 1e-4) * fair - slack


@given(fairs, bps, fees, bps)
def test_a_round_trip_at_the_half_spread_earns_the_edge_after_both_fees(fair, half_spread_bps, fee, edge_bps):
    half_spread = fixed_half_spread(fair, half_spread_bps, fee, edge_bps)
    earned = 2 * half_spread - 2 * fee * fair
    assert earned >= 2 * edge_bps * 1e-4 * fair - 1e-9 * fair


@given(fairs, bps, fees, bps, st.sampled_from([0.5, 1024.0]))
def test_half_spread_scales_with_the_price(fair, half_spread_bps, fee, edge_bps, scale):
    plain = fixed_half_spread(fair, half_spread_bps, fee, edge_bps)
    assert fixed_half_spread(scale * fair, half_spread_bps, fee, edge_bps) == pytest.approx(scale * plain)


# -- skew ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inventory", "target", "strength", "expected"),
    [
        (0.0, 0.0, 1.0, 0.0),
        (2.0, 0.0, 1.0, -5.0),  # long half of 4: quotes move down by half of 10
        (-2.0, 0.0, 1.0, 5.0),
        (4.0, 0.0, 1.0, -10.0),
        (4.0, 0.0, 0.5, -5.0),
        (1.0, 3.0, 1.0, 5.0),  # short of the target
        (-4.0, 3.0, 1.0, 10.0),  # further than a full position: no more than a full lean
    ],
)
def test_known_skews(inventory, target, strength, expected):
    assert inventory_skew(inventory, target, 4.0, 10.0, strength) == pytest.approx(expected)


@given(inventories, inventories, positive, positive, strengths)
def test_skew_leans_against_the_inventory(inventory, target, max_position, half_spread, strength):
    shift = inventory_skew(inventory, target, max_position, half_spread, strength)
    assert shift * (inventory - target) <= 0.0
    assert abs(shift) <= strength * half_spread * (1 + 1e-12)


@given(inventories, inventories, positive, positive, strengths)
def test_the_mirrored_position_has_the_mirrored_skew(inventory, target, max_position, half_spread, strength):
    shift = inventory_skew(inventory, target, max_position, half_spread, strength)
    assert inventory_skew(-inventory, -target, max_position, half_spread, strength) == -shift


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), positive, strengths)
def test_skew_is_linear_in_the_inventory_and_never_turns(first, second, half_spread, strength):
    def skew(inventory: float) -> float:
        return inventory_skew(inventory, 0.0, 1.0, half_spread, strength)

    assert skew(first) + skew(second) == pytest.approx(2 * skew((first + second) / 2), abs=1e-9)
    assert skew(min(first, second)) >= skew(max(first, second))


@given(inventories, positive, positive, strengths, st.sampled_from([0.25, 8.0]))
def test_skew_does_not_know_the_unit_of_size_and_scales_with_the_price(
    inventory, max_position, half_spread, strength, scale
):
    plain = inventory_skew(inventory, 0.0, max_position, half_spread, strength)
    assert inventory_skew(scale * inventory, 0.0, scale * max_position, half_spread, strength) == pytest.approx(plain)
    larger = inventory_skew(inventory, 0.0, max_position, scale * half_spread, strength)
    assert larger == pytest.approx(scale * plain)


@given(positive, positive)
def test_at_full_position_and_strength_one_the_reducing_side_quotes_at_fair_value(max_position, half_spread):
    shift = inventory_skew(max_position, 0.0, max_position, half_spread, 1.0)
    assert shift + half_spread == 0.0
