"""What holds for all makers of a node together."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journal_records import INSTRUMENT

from ultramm.market import Quote, Side
from ultramm.orders.live import LiveOrders
from ultramm.orders.plan import Plan
from ultramm.risk.budget import MessageBudget
from ultramm.risk.exposures import Exposures, Position, TotalLimits, View
from ultramm.risk.limits import Limits
from ultramm.risk.review import review
from ultramm.risk.stops import Level

S = 1_000_000_000
MID = 100.0
BTC = msgspec.structs.replace(INSTRUMENT, base_currency="BTC", quote_currency="USDT", settlement_currency="USDT")
ELSEWHERE = msgspec.structs.replace(BTC, id="BTCUSDT.ELSEWHERE")
ETH = msgspec.structs.replace(BTC, id="ETHUSDT.X", base_currency="ETH")
IN_EURO = msgspec.structs.replace(BTC, id="BTCEUR.X", quote_currency="EUR", settlement_currency="EUR")


class Maker:
    """As much of one as the others see."""

    def __init__(self, name="mm", instrument=BTC, mid=MID, hedge=None) -> None:
        self.name, self.instrument, self.mid, self.hedge = name, instrument, mid, hedge
        self.orders = LiveOrders()
        self.inventory_lots = 0
        self.ratio = None
        self.ratios = {}
        self.most = 1.0
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    def hedge_ratio(self, instrument: str) -> float | None:
        return self.ratios.get(instrument, self.ratio)

    def lots_towards(self, side: Side) -> int:
        return self.inventory_lots

    def room(self, side: Side) -> float:
        return max(0.0, self.most - side * self.instrument.size(self.inventory_lots))


class Hedger:
    def __init__(self, *makers: str) -> None:
        self.makers, self.unhedged = makers, ""

    def on_positions(self, ts_ns, own, others) -> None:
        raise NotImplementedError


def together(*makers: Maker, rates=None, **limits) -> Exposures:
    exposures = Exposures(TotalLimits(currency="USDT", **limits), rates or {})
    for maker in makers:
        exposures.join(maker, maker.wake)
    return exposures


def adding(exposures: Exposures, maker: Maker, side: Side, after_lots: int) -> str | None:
    return View(exposures, maker, 0).adding(side, after_lots)


def worth(lots: int) -> float:
    return BTC.exposure(MID, BTC.size(lots))


# -- gross and net ------------------------------------------------------------------------------------------------


def test_gross_counts_both_signs_and_what_is_on_its_way() -> None:
    one, two = Maker("one"), Maker("two", ETH)
    exposures = together(one, two, gross=worth(10))
    two.inventory_lots = -3
    two.orders.sent("o", Quote(Side.SELL, 201, 4), 0)
    assert adding(exposures, one, Side.BUY, 3) is None
    said = adding(exposures, one, Side.BUY, 4)
    assert said == f"all positions could reach {worth(11):.10g} USDT, the limit is {worth(10):g}"
    assert adding(exposures, one, Side.SELL, -4) == said


def test_net_is_of_one_base_currency_and_offsets_between_venues() -> None:
    spot, perpetual, ether = Maker("spot"), Maker("perp", ELSEWHERE), Maker("eth", ETH)
    exposures = together(spot, perpetual, ether, net=worth(5))
    spot.inventory_lots, ether.inventory_lots = 4, 50
    assert adding(exposures, perpetual, Side.BUY, 1) is None
    assert "the net of BTC could reach" in str(adding(exposures, perpetual, Side.BUY, 2))
    assert adding(exposures, perpetual, Side.SELL, -9) is None
    assert adding(exposures, perpetual, Side.SELL, -10) is not None
    # What the other only may lose is not counted on.
    spot.orders.sent("o", Quote(Side.SELL, 201, 4), 0)
    assert adding(exposures, perpetual, Side.BUY, 2) is not None


def test_other_currencies_come_at_their_rates_and_without_one_nothing_is_added() -> None:
    one, two = Maker("one"), Maker("two", IN_EURO)
    two.inventory_lots = 2
    stated = together(one, two, gross=worth(10), rates={"EUR": 2.0})
    assert adding(stated, one, Side.BUY, 6) is None
    assert adding(stated, one, Side.BUY, 7) is not None
    # By way of the markets that are traded: 100 USDT for a BTC, which costs 100 EUR.
    assert adding(together(one, two, gross=worth(10)), one, Side.BUY, 8) is None
    alone = together(Maker("eth", ETH), two, gross=worth(10))
    assert "a rate to USDT, is missing" in str(adding(alone, two, Side.BUY, 3))


def test_without_a_mid_nothing_is_added() -> None:
    one, two = Maker("one", mid=math.nan), Maker("two")
    exposures = together(one, two, gross=worth(100))
    assert "a mid" in str(adding(exposures, one, Side.BUY, 1))
    assert adding(exposures, two, Side.BUY, 1) is None, "one that holds nothing is worth nothing"


steps = st.lists(
    st.tuples(
        st.integers(0, 2), st.sampled_from(list(Side)), st.integers(1, 6), st.sampled_from(["send", "fill", "end"])
    ),
    max_size=60,
)


@given(steps, st.integers(1, 20), st.integers(1, 20))
def test_approved_is_within_whatever_fills_before_whatever(steps, gross_lots: int, net_lots: int) -> None:
    """Fills of orders whose cancel travels included: an order counts until the venue has said that it ended."""
    makers = [Maker("a"), Maker("b", ELSEWHERE), Maker("c", ETH)]
    exposures = together(*makers, gross=worth(gross_lots), net=worth(net_lots))
    budget, number = MessageBudget(1e9, 1e9), 0
    reduced = False
    for index, side, lots, what in steps:
        maker = makers[index]
        if what == "send":
            quote = Quote(side, 200 - side, lots)
            before = maker.inventory_lots + side * maker.orders.lots(side)
            found = review(
                Plan(submits=(quote,)), maker.orders, maker.inventory_lots, MID, maker.instrument,
                Limits(), budget, 0, MID, View(exposures, maker, 0),
            )  # fmt: skip
            for approved in found.approved.submits:
                number += 1
                maker.orders.sent(f"{number}", approved, 0)
                reduced |= (before + side * lots) * side <= 0
            if not found.approved.submits:
                assert "could reach" in found.refused[0].reason
        else:
            for order in list(maker.orders):
                if order.side is side:
                    if what == "fill":
                        maker.inventory_lots += side * order.lots
                        maker.orders.filled(order.id, order.lots)
                    else:
                        maker.orders.closed(order.id)
                    break
        worst = [
            max(abs(m.inventory_lots + m.orders.lots(Side.BUY)), abs(m.inventory_lots - m.orders.lots(Side.SELL)))
            for m in makers
        ]
        assert sum(worst) <= gross_lots
        if not reduced:  # what makes one maker's position smaller passes, and may leave more of the others' net
            assert abs(sum(m.inventory_lots for m in makers[:2])) <= net_lots


# -- losses of the whole --------------------------------------------------------------------------------------


def test_losses_of_all_together_stop_all() -> None:
    one, two = Maker("one"), Maker("two", IN_EURO)
    exposures = together(one, two, daily_loss=100.0, rates={"EUR": 2.0})
    assert exposures.look(one, 0, 0.0) is Level.NONE
    assert exposures.look(two, 0, 0.0) is Level.NONE
    assert exposures.look(one, S, -40.0) is Level.NONE
    assert exposures.look(two, S, -15.0) is Level.WIDEN
    assert {caution.times for _, caution in exposures.cautions(one, S)} == {2.0}
    assert exposures.look(two, S, -30.0) is Level.STOP
    assert exposures.stops.reason == "lost 100 today, 100 is allowed"
    assert [caution.pulled for _, caution in exposures.cautions(one, S)] == [True, True]


# -- ways -----------------------------------------------------------------------------------------------------


def test_what_trades_at_once_waits_until_our_own_order_has_gone() -> None:
    one, two = Maker("one"), Maker("two")
    exposures = together(one, two)
    two.orders.sent("o", Quote(Side.SELL, 201, 4), 0)
    taking = Quote(Side.BUY, 202, 1, taking=True)

    def reviewed() -> tuple[str, ...]:
        found = review(
            Plan(submits=(taking,)), one.orders, 0, MID, BTC, Limits(), MessageBudget(9, 9), 0, MID,
            View(exposures, one, 0),
        )  # fmt: skip
        return tuple(refusal.reason for refusal in found.refused)

    assert reviewed() == ("would trade at 101 with an order of two, which is asked to go",)
    assert two.woken
    ((side, caution),) = exposures.cautions(two, 0)
    assert (side, caution.reason, caution.pulled) == (Side.SELL, "makes way for an order of one", True)
    assert exposures.cautions(one, 0) == ()
    two.orders.closed("o")
    assert reviewed() == ()
    assert exposures.cautions(two, S) == (), "only for a second"


def test_orders_that_would_not_meet_are_in_no_way() -> None:
    one, two, elsewhere = Maker("one"), Maker("two"), Maker("three", ELSEWHERE)
    exposures = together(one, two, elsewhere)
    two.orders.sent("o", Quote(Side.SELL, 203, 4), 0)
    two.orders.sent("p", Quote(Side.BUY, 199, 4), 0)
    elsewhere.orders.sent("q", Quote(Side.SELL, 201, 4), 0)
    assert exposures.in_the_way(one, Side.BUY, 202, 0) is None
    assert exposures.in_the_way(one, Side.BUY, 203, 0) is not None
    assert exposures.in_the_way(one, Side.SELL, 200, 0) is None
    assert exposures.in_the_way(one, Side.SELL, 199, 0) is not None


def test_nothing_comes_into_the_way_of_what_trades_at_once() -> None:
    one, two = Maker("one"), Maker("two")
    exposures = together(one, two)
    two.orders.sent("o", Quote(Side.SELL, 199, 4, taking=True), 0)
    view = View(exposures, one, 0)
    said = "at 99.5 it would be in the way of an order of two that trades at once"
    assert view.crossing(Side.BUY, 199, taking=False) == said
    assert view.crossing(Side.BUY, 198, taking=False) is None
    assert view.crossing(Side.SELL, 199, taking=False) is None
    assert not two.woken, "it goes by itself"
    two.orders.accepted("o")
    assert view.crossing(Side.BUY, 199, taking=False) == said
    two.orders.closed("o")
    assert view.crossing(Side.BUY, 199, taking=False) is None


# -- hedges ---------------------------------------------------------------------------------------------------


def test_a_hedge_hears_of_fills_that_it_covers_and_sees_all_positions() -> None:
    hedge = Hedger("one")
    one, two, hedger = Maker("one"), Maker("two", ETH), Maker("hedger", ELSEWHERE, hedge=hedge)
    exposures = together(one, two, hedger)
    one.inventory_lots = 3
    exposures.filled(two)
    assert not hedger.woken
    exposures.filled(one)
    assert hedger.woken == 1
    assert exposures.positions(hedger) == (
        Position("one", BTC, BTC.size(3), MID),
        Position("two", ETH, 0.0, MID),
    )


def test_those_that_it_covers_hear_that_it_cannot() -> None:
    hedge = Hedger("one")
    one, two, hedger = Maker("one"), Maker("two", ETH), Maker("hedger", ELSEWHERE, hedge=hedge)
    exposures = together(one, two, hedger)
    assert exposures.unhedged(one) == ""
    hedge.unhedged = "the venue refuses its orders"
    assert exposures.unhedged(one) == "hedger cannot hedge: the venue refuses its orders"
    assert exposures.unhedged(two) == ""


def test_a_maker_adds_no_more_than_its_hedge_can_still_take() -> None:
    hedge = Hedger("one")
    one, hedger = Maker("one"), Maker("hedger", ELSEWHERE, hedge=hedge)
    exposures = together(one, hedger)
    assert exposures.hedges(one)
    assert not exposures.hedges(hedger)
    hedger.most = 0.5
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(0.5)
    # What it holds already, and the hedge does not yet, comes out of it; the other side has more.
    one.inventory_lots = BTC.lots(0.2)
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(0.3)
    assert exposures.hedge_room(one, Side.SELL) == pytest.approx(0.5)
    hedger.inventory_lots = -ELSEWHERE.lots(0.2)
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(0.3)
    assert exposures.hedge_room(one, Side.SELL) == pytest.approx(0.7)


def test_at_another_ratio_it_is_the_exposure_that_counts() -> None:
    one, hedger = Maker("one"), Maker("hedger", ELSEWHERE, hedge=Hedger("one"))
    exposures = together(one, hedger)
    one.ratio = 2.0
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(0.5)
    one.ratio = -2.0
    hedger.inventory_lots = ELSEWHERE.lots(0.8)
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(0.1)
    for unknown in (math.nan, 0.0):
        one.ratio = unknown
        assert exposures.hedge_room(one, Side.BUY) == 0.0


def test_each_leg_of_a_basket_must_take_its_part() -> None:
    one, here, there = (
        Maker("one"),
        Maker("here", ELSEWHERE, hedge=Hedger("one")),
        Maker("there", ETH, hedge=Hedger("one")),
    )
    exposures = together(one, here, there)
    one.ratios = {ELSEWHERE.id: 0.5, ETH.id: -2.0}
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(0.5)  # one can sell 1 for half of it, the other buy 1
    assert exposures.hedge_room(one, Side.SELL) == pytest.approx(0.5)
    there.most = 10.0
    assert exposures.hedge_room(one, Side.BUY) == pytest.approx(2.0)
    assert {each.ratio for each in exposures.positions(here) if each.strategy == "one"} == {0.5}
    assert {each.ratio for each in exposures.positions(there) if each.strategy == "one"} == {-2.0}


def test_of_a_hedge_whose_market_was_not_seen_nothing_is_counted_on() -> None:
    one, hedger = Maker("one"), Maker("hedger", ELSEWHERE, mid=math.nan, hedge=Hedger("one"))
    assert together(one, hedger).hedge_room(one, Side.SELL) == 0.0


# -- pegs -----------------------------------------------------------------------------------------------------


def test_a_peg_that_breaks_holds_back_whatever_is_quoted_in_its_coins() -> None:
    tether, euro = Maker("usdt"), Maker("eur", IN_EURO)
    exposures = together(tether, euro)
    coins = frozenset({"USDC", "USDT"})

    def held(maker: Maker) -> set[tuple[bool, bool]]:
        return {(caution.reducing, caution.pulled) for _, caution in exposures.cautions(maker, 0)}

    exposures.on_peg("USDCUSDT.X", coins, -40.0, 50.0)
    assert held(tether) == set()
    exposures.on_peg("USDCUSDT.X", coins, -60.0, 50.0)
    assert held(tether) == {(True, False)}
    assert held(euro) == set()
    ((_, caution), _) = exposures.cautions(tether, 0)
    assert caution.reason == "USDCUSDT.X is -60 bps off its peg, 50 are allowed"
    exposures.on_peg("USDCUSDT.X", coins, -160.0, 50.0)
    assert held(tether) == {(True, True)}
    exposures.on_peg("USDCUSDT.X", coins, -30.0, 50.0)
    assert held(tether) == {(True, True)}, "free only once it is within half of it"
    exposures.on_peg("USDCUSDT.X", coins, -25.0, 50.0)
    assert held(tether) == set()
