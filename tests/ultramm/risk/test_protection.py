"""What a maker's guards hold back together, what they say of it, and what it costs."""

from __future__ import annotations

import math

import pytest
from journal_records import INSTRUMENT

from ultramm.market import Book, Fill, Level, Quote, Side, Trade
from ultramm.risk.abnormal import MarketLimits
from ultramm.risk.burst import BurstLimits
from ultramm.risk.protection import GuardChange, Protection, Protections
from ultramm.risk.session import SessionEdges
from ultramm.risk.toxicity import ToxicityLimits
from ultramm.risk.value_at_risk import VarLimit

S = 1_000_000_000
ALL = Protections(
    bursts=BurstLimits(orders=2),
    toxicity=ToxicityLimits(),
    market=MarketLimits(),
    manipulation=True,
    edges=SessionEdges(),
    var=VarLimit(budget=100.0),
)


def touch(ts_ns: int, mid: float = 100.0, spread: float = 1.0) -> Book:
    return Book(ts_ns, (Level(mid - spread / 2, 5.0),), (Level(mid + spread / 2, 5.0),))


def fill(ts_ns: int, order_id: str, side: Side = Side.BUY) -> Fill:
    return Fill(ts_ns, order_id, side, 99.5, 1.0, 0.0, True)


def test_without_any_there_is_nothing_to_feed() -> None:
    protection = Protection(Protections(), INSTRUMENT)
    assert not protection.watches
    assert protection.cautions(0) == []
    assert protection.effects(0) == {}
    assert math.isinf(protection.largest_position)


def test_a_guard_that_begins_and_lets_go_is_told_once_each() -> None:
    protection = Protection(ALL, INSTRUMENT)
    protection.on_touch(touch(0))
    for number in range(2):
        protection.on_fill(fill(number, f"o{number}"))
    for _ in range(3):
        assert [side for side, _ in protection.cautions(S)] == [Side.BUY]
    reason = "2 orders of it were filled within 1 s: it rests"
    assert protection.take_changes() == [GuardChange(guard="fill burst", side=Side.BUY, active=True, reason=reason)]
    assert protection.take_changes() == []
    assert protection.cautions(3 * S) == []
    assert protection.take_changes() == [GuardChange(guard="fill burst", side=Side.BUY, active=False)]


def test_all_of_them_can_be_fed_with_anything() -> None:
    protection = Protection(ALL, INSTRUMENT)
    for second in range(400):
        now_ns = second * S
        protection.on_message(now_ns, now_ns - 5)
        protection.on_touch(touch(now_ns, 100.0 + (second % 7) * 0.5))
        protection.on_depth(touch(now_ns, 100.0 + (second % 7) * 0.5))
        protection.on_trade(Trade(now_ns, 100.0, 1.0, Side.BUY if second % 2 else Side.SELL))
        protection.on_fill(fill(now_ns, f"o{second}", Side.SELL))
        protection.cautions(now_ns)
    assert set(protection.effects(now_ns)) == {"bid_fill_loss_bps", "ask_fill_loss_bps", "vpin_z"}
    assert 0.0 < protection.largest_position < math.inf
    protection.interrupted()
    assert protection.cautions(now_ns + 600 * S) == []


def test_what_was_held_back_and_would_have_traded_is_what_it_costs() -> None:
    protection = Protection(ALL, INSTRUMENT)
    protection.on_touch(touch(0))
    bid, ask = Quote(Side.BUY, 199, 20), Quote(Side.SELL, 201, 20)  # 99.5 and 100.5, 2.0 each
    protection.held_back((bid, ask), (ask,))
    protection.on_trade(Trade(1, 100.5, 5.0, Side.BUY))
    protection.on_trade(Trade(2, 100.0, 5.0, Side.SELL))
    assert protection.foregone == 0.0, "one came to what was there, one did not reach what was not"
    protection.on_trade(Trade(3, 99.0, 5.0, Side.SELL))
    assert protection.foregone == pytest.approx(2.0 * 0.5)
    protection.held_back((bid, ask), (bid, ask))
    protection.on_trade(Trade(4, 99.0, 5.0, Side.SELL))
    assert protection.foregone == pytest.approx(1.0)
