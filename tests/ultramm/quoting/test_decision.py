import math

from ultramm.market import Quote, Side
from ultramm.quoting.decision import Decision

BIDS = (Quote(Side.BUY, 99, 1), Quote(Side.BUY, 98, 2, 1))
ASKS = (Quote(Side.SELL, 101, 1),)


def test_a_side_is_its_quotes_best_first():
    decision = Decision((*BIDS, *ASKS))
    assert decision.side(Side.BUY) == BIDS
    assert decision.side(Side.SELL) == ASKS


def test_nothing_gives_the_reason_for_both_sides():
    decision = Decision.nothing("the market sleeps")
    assert decision.quotes == ()
    assert decision.reasons == {Side.BUY: "the market sleeps", Side.SELL: "the market sleeps"}
    assert math.isnan(decision.fair)
    assert math.isnan(decision.reservation_price)


def test_nothing_can_still_know_fair_value():
    assert Decision.nothing("toxic", fair=100.5).fair == 100.5


def test_two_decisions_share_no_reasons():
    Decision().reasons[Side.BUY] = "mine alone"
    assert Decision().reasons == {}
