"""What our fills lose makes their side wider and smaller; what they gain changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_records import INSTRUMENT

from ultramm.market import Fill, Side
from ultramm.risk.toxicity import FillToxicity, ToxicityLimits

S = 1_000_000_000
TICK = INSTRUMENT.tick_size


def filled(moves: list[float], side: Side = Side.BUY, edge: float = 2.0, maker: bool = True, **limits):
    """A fill every ten seconds, `edge` ticks from the mid; then the mid moves against it by so many ticks."""
    toxicity = FillToxicity(ToxicityLimits(**limits), INSTRUMENT)
    mid, now_ns = 10_000.0, 0
    toxicity.on_mid(now_ns, mid)
    for number, ticks in enumerate(moves):
        now_ns = number * 10 * S
        toxicity.on_fill(Fill(now_ns, f"o{number}", side, mid - side * edge * TICK, 1.0, 0.0, maker), mid)
        mid -= side * ticks * TICK
        toxicity.on_mid(now_ns + S // 2, mid)
        toxicity.on_mid(now_ns + 6 * S, mid)
    return toxicity, now_ns + 6 * S


def test_fills_under_water_step_back_by_what_they_lose() -> None:
    toxicity, now_ns = filled([3.0] * 200, memory_s=600.0)
    # Two ticks from the mid, which then falls by three: one tick under water, less what is not known yet.
    assert toxicity.loss(Side.BUY, now_ns) == pytest.approx(1.0 * TICK, rel=0.06)
    ((side, caution),) = toxicity.cautions(now_ns)
    assert side is Side.BUY
    assert caution.further == toxicity.loss(Side.BUY, now_ns)
    assert caution.share == pytest.approx(0.5, abs=0.04)
    assert caution.reason == "its fills are 1.0 ticks under water soon after"


def test_fills_that_gain_change_nothing() -> None:
    toxicity, now_ns = filled([1.0] * 50)
    assert toxicity.loss(Side.BUY, now_ns) < 0.0
    assert toxicity.cautions(now_ns) == []


def test_one_that_went_wrong_says_little_and_silence_forgets() -> None:
    once, now_ns = filled([6.0])
    often, later_ns = filled([6.0] * 20)
    assert once.loss(Side.BUY, now_ns) < 0.4 * often.loss(Side.BUY, later_ns)
    assert often.cautions(later_ns)
    assert often.cautions(later_ns + 600 * S) == []


def test_what_took_does_not_count() -> None:
    toxicity, now_ns = filled([6.0] * 20, maker=False)
    assert toxicity.loss(Side.BUY, now_ns) == 0.0


def test_the_other_side_is_free() -> None:
    toxicity, now_ns = filled([6.0] * 20, side=Side.SELL)
    assert [side for side, _ in toxicity.cautions(now_ns)] == [Side.SELL]


@given(st.lists(st.floats(-20.0, 20.0), max_size=40), st.floats(0.1, 5.0), st.floats(0.0, 1.0))
def test_a_size_is_never_below_its_least_share_nor_above_all(moves, gain, least) -> None:
    toxicity, now_ns = filled(moves, gain=gain, least_share=least)
    for side in Side:
        for each, caution in toxicity.cautions(now_ns):
            if each is side:
                assert least <= caution.share <= 1.0
                assert caution.further == pytest.approx(gain * toxicity.loss(side, now_ns))
                assert caution.further >= 0.5 * TICK
