"""A side that is hit again and again rests; the other does not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Side
from ultramm.risk.burst import BurstLimits, FillBursts

MS = 1_000_000


def sides(bursts: FillBursts, now_ns: int) -> set[Side]:
    """Those that do not rest."""
    held = bursts.cautions(now_ns)
    assert all(caution.pulled for _, caution in held)
    return set(Side) - {side for side, _ in held}


def test_three_orders_of_a_side_within_a_second_let_it_rest_for_two() -> None:
    bursts = FillBursts(BurstLimits(orders=3))
    for number in range(3):
        assert sides(bursts, 300 * number * MS) == set(Side)
        bursts.on_fill(300 * number * MS, Side.BUY, f"o{number}")
    ((side, caution),) = bursts.cautions(600 * MS)
    assert (side, caution.reason) == (Side.BUY, "3 orders of it were filled within 1 s: it rests")
    assert sides(bursts, 2_599 * MS) == {Side.SELL}
    assert sides(bursts, 2_600 * MS) == set(Side)


def test_parts_of_one_order_and_fills_further_apart_are_no_burst() -> None:
    bursts = FillBursts(BurstLimits(orders=3))
    for number in range(50):
        bursts.on_fill(number * MS, Side.BUY, "one")
    for number in range(50):
        bursts.on_fill((1_200 + 600 * number) * MS, Side.SELL, f"o{number}")
    assert sides(bursts, 31_000 * MS) == set(Side)


@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from(list(Side)), st.integers(0, 30)), max_size=60),
    st.integers(2, 5),
)
def test_a_side_rests_just_when_so_many_orders_of_it_came_together(
    fills: list[tuple[int, Side, int]], orders: int
) -> None:
    bursts = FillBursts(BurstLimits(orders=orders))
    now_ms, seen, until = 0, [], dict.fromkeys(Side, 0)
    for gap_ms, side, number in fills:
        now_ms += gap_ms
        bursts.on_fill(now_ms * MS, side, f"o{number}")
        seen.append((now_ms, side, number))
        together = {n for at, s, n in seen if s is side and at >= now_ms - 1_000}
        if (
            len(together) >= orders
            and len([1 for at, s, _ in seen if s is side and at >= now_ms - 1_000]) <= 10 * orders
        ):
            until[side] = now_ms + 2_000
            assert sides(bursts, now_ms * MS) <= set(Side) - {side}
        elif now_ms >= until[side] and len(together) < orders:
            assert side in sides(bursts, now_ms * MS)
