"""Ledgers add up after every event, whatever the order."""

import math

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from journal_records import INSTRUMENT

from ultramm.combine.ledgers import Ledgers
from ultramm.market import Fill, Side

INVERSE = msgspec.structs.replace(INSTRUMENT, inverse=True, multiplier=100.0, settlement_currency="BTC")
prices = st.integers(90, 110).map(float)
sizes = st.integers(-20, 20).map(lambda lots: 0.1 * lots)


class EveryOrderOfEvents(RuleBasedStateMachine):
    """Fills, targets, members that come and go, a price that moves; beside it the account of the whole."""

    instrument = INSTRUMENT

    def __init__(self) -> None:
        super().__init__()
        self.ledgers = Ledgers(self.instrument, "core")
        self.mid, self.position, self.cash, self.number = 100.0, 0.0, 0.0, 0

    @rule(side=st.sampled_from(list(Side)), price=prices, lots=st.integers(1, 30), fee=st.floats(-1.0, 1.0))
    def fill(self, side, price, lots, fee) -> None:
        size = 0.1 * lots
        self.ledgers.fill(Fill(0, "o", side, price, size, fee, True))
        self.position += side * size
        self.cash -= side * size * self.instrument.value(price) + fee

    @rule(price=prices)
    def move(self, price) -> None:
        self.mid = price

    @rule()
    def add(self) -> None:
        self.number += 1
        self.ledgers.add(f"m{self.number}")

    @precondition(lambda self: len(self.ledgers.names) > 1)
    @rule(data=st.data(), size=sizes)
    def retarget(self, data, size) -> None:
        name = data.draw(st.sampled_from(self.ledgers.names[1:]))
        before = self.ledgers.profit(self.mid)
        self.ledgers.retarget({name: size}, self.mid)
        assert self.ledgers.size(name) == size
        # At the mid nobody gains by it.
        assert self.ledgers.profit(self.mid) == pytest.approx(before, abs=1e-9)

    @precondition(lambda self: len(self.ledgers.names) > 1)
    @rule(data=st.data())
    def remove(self, data) -> None:
        name = data.draw(st.sampled_from(self.ledgers.names[1:]))
        self.ledgers.remove(name, self.mid)
        assert name not in self.ledgers

    @invariant()
    def positions_add_up(self) -> None:
        assert self.ledgers.total == pytest.approx(self.position, abs=1e-9)

    @invariant()
    def profits_add_up(self) -> None:
        whole = self.cash + self.position * self.instrument.value(self.mid)
        assert self.ledgers.profit(self.mid) == pytest.approx(whole, abs=1e-8)


class OfAnInverseContract(EveryOrderOfEvents):
    instrument = INVERSE


TestEveryOrderOfEvents = EveryOrderOfEvents.TestCase
TestEveryOrderOfEvents.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestOfAnInverseContract = OfAnInverseContract.TestCase
TestOfAnInverseContract.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


def test_a_transfer_needs_no_fill() -> None:
    ledgers = Ledgers(INSTRUMENT, "core")
    ledgers.add("trend")
    assert ledgers.retarget({"trend": 2.0}, 100.0) == 2.0
    assert (ledgers.size("trend"), ledgers.size("core")) == (2.0, -2.0)
    assert ledgers.profits(110.0) == {"core": -20.0, "trend": 20.0}


def test_what_a_venue_takes_in_coins_is_the_cores() -> None:
    ledgers = Ledgers(INSTRUMENT, "core")
    ledgers.fill(Fill(0, "o", Side.BUY, 100.0, 1.0, 0.0, True, base_fee=0.001))
    assert ledgers.total == pytest.approx(0.999)


def test_what_left_is_still_counted() -> None:
    ledgers = Ledgers(INSTRUMENT, "core")
    ledgers.add("trend")
    ledgers.retarget({"trend": 1.0}, 100.0)
    ledgers.remove("trend", 110.0)
    assert ledgers.closed.cash == pytest.approx(10.0)
    assert ledgers.profit(200.0) == pytest.approx(0.0)
    assert math.isclose(ledgers.size("core"), 0.0, abs_tol=1e-12)


@pytest.mark.parametrize("name", ["core", "stranger"])
def test_only_a_member_can_leave(name) -> None:
    with pytest.raises(ValueError, match="could leave"):
        Ledgers(INSTRUMENT, "core").remove(name, 100.0)


def test_no_two_members_have_one_name() -> None:
    with pytest.raises(ValueError, match="already"):
        Ledgers(INSTRUMENT, "core").add("core")
