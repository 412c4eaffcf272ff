import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Instrument, Quote, Side
from ultramm.orders.live import LiveOrders, OrderState
from ultramm.orders.plan import Amend, Plan, Refusal, plan
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Limits
from ultramm.risk.review import Review, review

S = 1_000_000_000
INSTRUMENT = Instrument(
    id="X.SIM",
    tick_size=0.5,
    lot_size=0.1,
    price_precision=1,
    size_precision=1,
    quote_currency="USDT",
    settlement_currency="USDT",
)
FAIR = 50.0  # 100 ticks


def buy(ticks=99, lots=10) -> Quote:
    return Quote(Side.BUY, ticks, lots)


def sell(ticks=101, lots=10) -> Quote:
    return Quote(Side.SELL, ticks, lots)


def live_with(*quotes: Quote, state: OrderState = OrderState.OPEN) -> LiveOrders:
    live = LiveOrders()
    for number, quote in enumerate(quotes):
        live.sent(f"o{number}", quote, 0)
        if state is not OrderState.SENT:
            live.accepted(f"o{number}")
        if state is OrderState.CANCELLING:
            live.cancelling(f"o{number}")
    return live


def reviewed(
    *submits: Quote,
    cancels=(),
    live=None,
    inventory=0,
    fair=FAIR,
    budget=None,
    now_ns=0,
    instrument=INSTRUMENT,
    mid=math.nan,
    **limits,
) -> Review:
    return review(
        Plan(tuple(cancels), tuple(submits)),
        live or LiveOrders(),
        inventory,
        fair,
        instrument,
        Limits(**limits),
        budget or MessageBudget(1e6, 1e6),
        now_ns,
        mid,
    )


def reason(result: Review) -> str:
    assert result.approved.submits == ()
    (refusal,) = result.refused
    return refusal.reason


# -- a strategy that is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fair", [40.0, 60.0])
def test_who_is_wrong_about_fair_value_is_held_to_the_market(fair):
    ticks = INSTRUMENT.ticks(fair)
    text = reason(reviewed(buy(ticks), fair=fair, mid=50.0, price_collar_bps=500.0))
    assert text == f"price {fair} is outside the collar of 500 bps around the mid 50"
    assert reviewed(buy(ticks), fair=fair, price_collar_bps=500.0).refused == ()


def test_a_finger_too_fat_is_refused_unless_it_closes():
    assert reviewed(buy(100, 20), max_order_notional=100.0).refused == ()
    text = reason(reviewed(buy(100, 21), inventory=-20, max_order_notional=100.0))
    assert text == "an order of 105, the limit is 100"
    assert reviewed(buy(100, 21), inventory=-21, max_order_notional=100.0).refused == ()


# -- position and notional -----------------------------------------------------------------------------------


def test_what_is_within_every_limit_passes():
    result = reviewed(buy(), sell(), cancels=["old"], max_position=1.0, max_notional=100.0)
    assert result == Review(Plan(("old",), (buy(), sell())))


@pytest.mark.parametrize(("side", "inventory"), [(Side.BUY, 1), (Side.SELL, -1)])
def test_an_order_that_could_carry_the_position_past_its_limit_is_refused(side, inventory):
    quote = Quote(side, 100, 10)
    assert reviewed(quote, inventory=0, max_position=1.0).refused == ()
    text = reason(reviewed(quote, inventory=inventory, max_position=1.0))
    assert "position" in text
    assert "1.1" in text
    assert "limit is 1" in text


@pytest.mark.parametrize("state", list(OrderState))
def test_every_live_order_of_the_side_counts_as_filled(state):
    live = live_with(buy(98, 6), state=state)
    assert reviewed(buy(99, 4), live=live, max_position=1.0).refused == ()
    assert "position" in reason(reviewed(buy(99, 5), live=live, max_position=1.0))


def test_a_live_order_of_the_other_side_makes_no_room():
    assert "position" in reason(reviewed(buy(99, 5), live=live_with(sell(101, 9)), inventory=6, max_position=1.0))


def test_orders_of_one_plan_count_against_each_other():
    result = reviewed(buy(99, 6), buy(98, 5), buy(97, 4), max_position=1.0)
    assert result.approved.submits == (buy(99, 6), buy(97, 4))
    assert [refusal.quote for refusal in result.refused] == [buy(98, 5)]


def test_limits_in_decimals_hold_in_lots():
    # 3 x 0.1 is 0.30000000000000004 in binary.
    assert reviewed(buy(99, 3), max_position=0.3).refused == ()
    assert reviewed(buy(99, 4), max_position=0.3).refused != ()


def test_notional_is_counted_at_the_worse_of_price_and_fair():
    assert reviewed(buy(99, 10), max_notional=50.0).refused == ()
    assert "notional" in reason(reviewed(buy(99, 10), max_notional=49.9))
    assert reviewed(sell(101, 10), max_notional=50.5).refused == ()
    assert "notional" in reason(reviewed(sell(101, 10), max_notional=50.4))


def test_notional_of_an_inverse_contract_is_in_contract_currency():
    inverse = msgspec.structs.replace(
        INSTRUMENT, lot_size=1.0, size_precision=0, multiplier=100.0, inverse=True, settlement_currency="BTC"
    )
    assert reviewed(buy(99, 10), instrument=inverse, max_notional=1000.0).refused == ()
    assert "notional" in reason(reviewed(buy(99, 10), instrument=inverse, max_notional=999.0))


@pytest.mark.parametrize("lots", [1, 40, 80])
def test_an_order_that_only_reduces_passes_position_and_notional_however_far_beyond_we_are(lots):
    result = reviewed(sell(101, lots), inventory=80, max_position=1.0, max_notional=10.0)
    assert result.approved.submits == (sell(101, lots),)
    result = reviewed(buy(99, lots), inventory=-80, max_position=1.0, max_notional=10.0)
    assert result.approved.submits == (buy(99, lots),)


def test_a_cash_account_sells_only_what_it_has():
    assert reviewed(sell(101, 10), sellable=1.0).refused == ()
    assert "to sell" in reason(reviewed(sell(101, 11), sellable=1.0))
    assert reviewed(sell(101, 25), inventory=15, sellable=1.0).refused == ()  # what was bought can be sold as well
    assert "to sell" in reason(reviewed(sell(101, 5), live=live_with(sell(102, 6)), sellable=1.0))
    assert reviewed(buy(99, 90), sellable=0.0).refused == ()


def test_a_cash_account_buys_only_what_it_can_pay():
    assert reviewed(buy(99, 10), spendable=50.0).refused == ()
    assert "to spend" in reason(reviewed(buy(99, 11), spendable=50.0))
    assert reviewed(buy(99, 20), inventory=-10, spendable=50.0).refused == ()  # what was sold has been paid for
    assert "to spend" in reason(reviewed(buy(99, 5), live=live_with(buy(98, 6)), spendable=50.0))
    assert reviewed(sell(101, 90), spendable=0.0).refused == ()


def test_what_bids_at_higher_prices_may_take_is_not_spent_again():
    # Two of 50 each, for all that the second is cheaper: all are counted at the highest price of them.
    live = live_with(buy(100, 10))
    assert "to spend" in reason(reviewed(buy(96, 10), live=live, spendable=99.0))
    assert reviewed(buy(96, 10), live=live, spendable=100.0).refused == ()
    both = reviewed(buy(100, 10), buy(96, 10), spendable=99.0)
    assert both.approved.submits == (buy(100, 10),)


def test_a_short_position_has_its_worth_set_aside_and_what_costs_more_to_close_is_to_be_paid():
    # 1 at 51, of which 50 are set aside: what is bought above the mid needs the rest.
    assert reviewed(buy(102, 10), inventory=-10, mid=FAIR, spendable=1.0).refused == ()
    assert "would cost 1" in reason(reviewed(buy(102, 10), inventory=-10, mid=FAIR, spendable=0.5))


def test_a_cash_account_with_nothing_still_reduces():
    assert reviewed(sell(101, 30), inventory=30, sellable=0.0, spendable=0.0).refused == ()
    assert reviewed(buy(99, 30), inventory=-30, sellable=0.0, spendable=0.0).refused == ()


def test_an_order_that_turns_the_position_is_no_reduction():
    assert "position" in reason(reviewed(sell(101, 91), inventory=80, max_position=1.0))
    assert reviewed(sell(101, 90), inventory=80, max_position=1.0).refused == ()


def test_live_orders_that_reduce_already_leave_less_to_reduce():
    live = live_with(sell(102, 70))
    assert reviewed(sell(101, 10), live=live, inventory=80, max_position=0.1).refused == ()
    assert "position" in reason(reviewed(sell(101, 12), live=live, inventory=80, max_position=0.1))


# -- other limits --------------------------------------------------------------------------------------------


def test_orders_that_reduce_are_looked_at_first():
    budget = MessageBudget(per_second=1.0, burst=1.0)
    result = reviewed(buy(99, 5), sell(101, 5), inventory=10, budget=budget, max_position=10.0)
    assert result.approved.submits == (sell(101, 5),)
    assert result.refused == (Refusal(buy(99, 5), "message budget is spent: 1 a second, 1 at once"),)


def test_the_limit_on_open_orders_counts_every_live_order():
    live = live_with(buy(97), sell(103))
    assert reviewed(buy(99, 1), live=live, max_open_orders=3).refused == ()
    assert "open orders" in reason(reviewed(buy(99, 1), live=live, max_open_orders=2))
    result = reviewed(buy(99, 1), buy(98, 1), live=live, max_open_orders=3)
    assert result.approved.submits == (buy(99, 1),)


@pytest.mark.parametrize(("ticks", "passes"), [(90, True), (110, True), (89, False), (111, False)])
@pytest.mark.parametrize("side", list(Side))
def test_a_price_outside_the_collar_is_refused(side, ticks, passes):
    # 1000 bps of 50 is 5: ten ticks.
    result = reviewed(Quote(side, ticks, 1), price_collar_bps=1000.0)
    assert (not result.refused) is passes
    if not passes:
        assert "collar" in reason(result)


def test_the_collar_holds_for_orders_that_reduce_as_well():
    assert "collar" in reason(reviewed(sell(200, 1), inventory=10))


@pytest.mark.parametrize("fair", [math.nan, math.inf, -math.inf])
def test_without_a_fair_value_no_order_passes_but_cancels_do(fair):
    result = reviewed(sell(101, 1), cancels=["a"], inventory=10, fair=fair)
    assert result.approved == Plan(("a",))
    assert "fair value" in result.refused[0].reason


def test_cancels_pass_a_spent_budget_and_are_counted():
    budget = MessageBudget(per_second=1.0, burst=2.0)
    assert reviewed(cancels=["a", "b", "c"], budget=budget).approved.cancels == ("a", "b", "c")
    assert reviewed(buy(), budget=budget, now_ns=S).refused[0].reason.startswith("message budget is spent")
    assert reviewed(buy(), budget=budget, now_ns=2 * S).refused == ()


def test_a_refused_order_costs_no_message():
    budget = MessageBudget(per_second=1.0, burst=1.0)
    assert "position" in reason(reviewed(buy(99, 20), budget=budget, max_position=1.0))
    assert reviewed(buy(99, 10), budget=budget, max_position=1.0).refused == ()


def test_what_the_plan_held_back_stays_in_it():
    held = (Refusal(buy(), "waits"),)
    result = review(Plan(held=held), LiveOrders(), 0, FAIR, INSTRUMENT, Limits(), MessageBudget(1.0, 1.0), 0)
    assert result == Review(Plan(held=held))


# -- properties ----------------------------------------------------------------------------------------------

MAX_LOTS = 20
LIMITS = Limits(max_position=2.0, max_open_orders=8, price_collar_bps=2_000.0)
sides = st.sampled_from(list(Side))
quotes = st.builds(Quote, sides, st.integers(90, 110), st.integers(1, 15))


@given(
    st.lists(quotes, max_size=6),
    st.lists(quotes, max_size=5),
    st.integers(-60, 60),
    st.integers(1, 12),
    st.floats(20.0, 400.0),
)
def test_approved_keeps_the_worst_case_within_limits_or_only_reduces(submits, at_venue, inventory, orders, notional):
    limits = Limits(max_position=2.0, max_notional=notional, max_open_orders=orders, price_collar_bps=2_000.0)
    live = live_with(*at_venue)
    result = review(Plan(submits=tuple(submits)), live, inventory, FAIR, INSTRUMENT, limits, MessageBudget(1e6, 1e6), 0)
    approved = result.approved.submits
    assert sorted([*approved, *(r.quote for r in result.refused)], key=repr) == sorted(submits, key=repr)
    assert not approved or len(live) + len(approved) <= orders
    for side in Side:
        mine = [quote for quote in approved if quote.side is side]
        worst = side * (inventory + side * (live.lots(side) + sum(quote.lots for quote in mine)))
        if mine and worst > 0:
            assert worst <= MAX_LOTS
            assert any(
                INSTRUMENT.notional(max(INSTRUMENT.price(quote.ticks), FAIR), worst / 10) <= notional + 1e-9
                for quote in mine
            )


@given(
    st.lists(quotes, max_size=6),
    st.lists(quotes, max_size=3),
    st.integers(-60, 60),
    st.floats(100.0, 4_000.0),
    st.floats(0.0, 100.0),
    st.integers(0, 7),
)
def test_a_plan_is_reviewed_as_its_orders_would_be_one_by_one(submits, at_venue, inventory, money, sellable, messages):
    limits = Limits(max_position=10.0, max_notional=money, max_open_orders=7, spendable=money, sellable=sellable)

    def reviewed_with(live: LiveOrders, budget: MessageBudget, *orders: Quote) -> Review:
        return review(Plan(submits=orders), live, inventory, FAIR, INSTRUMENT, limits, budget, 0)

    together = reviewed_with(live_with(*at_venue), MessageBudget(1.0, messages), *submits)
    live, budget = live_with(*at_venue), MessageBudget(1.0, messages)
    refused = []
    worst = {side: inventory + side * live.lots(side) for side in Side}
    for number, quote in enumerate(sorted(submits, key=lambda q: (worst[q.side] + q.side * q.lots) * q.side > 0)):
        alone = reviewed_with(live, budget, quote)
        refused += alone.refused
        for approved in alone.approved.submits:
            live.sent(f"sent-{number}", approved, 0)
    sent = [(order.side, order.ticks, order.lots) for order in live if order.id.startswith("sent-")]
    assert [(quote.side, quote.ticks, quote.lots) for quote in together.approved.submits] == sent
    assert list(together.refused) == refused


@given(st.lists(quotes, min_size=1, max_size=6), st.integers(-60, 60), st.floats(1.0, 400.0))
def test_a_first_order_that_only_reduces_is_never_refused(submits, inventory, notional):
    limits = Limits(max_position=0.1, max_notional=notional, price_collar_bps=2_000.0)
    result = review(
        Plan(submits=tuple(submits)),
        LiveOrders(),
        inventory,
        FAIR,
        INSTRUMENT,
        limits,
        MessageBudget(1e6, 1e6),
        0,
    )
    reducing = [q for q in submits if q.side * inventory < 0 and q.lots <= abs(inventory)]
    assert not reducing or reducing[0] in result.approved.submits


@given(st.lists(quotes, max_size=6), st.lists(quotes, max_size=4), st.integers(-30, 30))
def test_the_mirrored_plan_has_the_mirrored_review(submits, at_venue, inventory):
    def mirrored(quote: Quote) -> Quote:
        return Quote(quote.side.opposite, 200 - quote.ticks, quote.lots, quote.level)

    plain = reviewed(*submits, live=live_with(*at_venue), inventory=inventory, max_position=2.0)
    flipped = reviewed(
        *map(mirrored, submits), live=live_with(*map(mirrored, at_venue)), inventory=-inventory, max_position=2.0
    )
    assert flipped.approved.submits == tuple(map(mirrored, plain.approved.submits))


steps = st.tuples(st.just("step"), st.lists(quotes, max_size=5))
answers = st.tuples(
    st.sampled_from(["accept", "fill", "cancel confirmed", "cancel failed", "reject"]),
    st.tuples(st.integers(0, 9), st.integers(1, 15)),
)


class Session:
    """Plans, reviews and a venue that answers as it likes."""

    def __init__(self, inventory: int) -> None:
        self.live = LiveOrders()
        self.inventory = inventory
        self.start = inventory
        self.sent = 0

    def step(self, desired: list[Quote]) -> None:
        made = plan(self.live, desired, now_ns=self.sent, tolerance_ticks=1)
        result = review(made, self.live, self.inventory, FAIR, INSTRUMENT, LIMITS, MessageBudget(1e6, 1e6), self.sent)
        for order_id in result.approved.cancels:
            self.live.cancelling(order_id)
        for quote in result.approved.submits:
            self.sent += 1
            self.live.sent(f"o{self.sent}", quote, self.sent)

    def answer(self, verb: str, pick: int, lots: int) -> None:
        orders = list(self.live)
        if not orders:
            return
        order = orders[pick % len(orders)]
        if verb == "accept":
            self.live.accepted(order.id)
        elif verb == "fill":  # also of an order that nobody confirmed, or whose cancel travels
            filled = min(lots, order.lots)
            self.live.filled(order.id, filled)
            self.inventory += order.side * filled
        elif (verb == "reject" and order.state is OrderState.SENT) or (
            verb == "cancel confirmed" and order.state is OrderState.CANCELLING
        ):
            self.live.closed(order.id)
        elif verb == "cancel failed" and order.state is OrderState.CANCELLING:
            self.live.cancel_failed(order.id)

    def check(self) -> None:
        highest = self.inventory + self.live.lots(Side.BUY)
        lowest = self.inventory - self.live.lots(Side.SELL)
        assert highest <= max(MAX_LOTS, self.start)
        assert lowest >= min(-MAX_LOTS, self.start)
        assert len(self.live) <= LIMITS.max_open_orders


@given(st.integers(-40, 40), st.lists(st.one_of(steps, answers), max_size=40))
def test_whatever_fills_the_position_stays_within_its_limit(start, sequence):
    session = Session(start)
    for verb, detail in sequence:
        if verb == "step":
            session.step(detail)
        else:
            session.answer(verb, *detail)
        session.check()


# -- changes ---------------------------------------------------------------------------------------------------


def changed(*amends: Amend, live: LiveOrders, limits: Limits = Limits(), inventory=0, tokens=100.0) -> Review:  # noqa: B008
    made = Plan(amends=amends)
    return review(made, live, inventory, FAIR, INSTRUMENT, limits, MessageBudget(1.0, tokens), 0)


def test_a_change_is_approved_and_costs_one_message():
    live = live_with(buy(99, 10))
    budget = MessageBudget(1.0, 1.0)
    made = review(Plan(amends=(Amend("o0", buy(98, 5)),)), live, 0, FAIR, INSTRUMENT, Limits(), budget, 0)
    assert made == Review(Plan(amends=(Amend("o0", buy(98, 5)),)))
    assert not budget.take(0)


def test_a_change_that_may_not_be_made_cancels_its_order_and_says_why():
    live = live_with(buy(99, 10))
    far = changed(Amend("o0", buy(10, 10)), live=live)
    assert far.approved == Plan(cancels=("o0",))
    assert "outside the collar" in far.refused[0].reason
    spent = changed(Amend("o0", buy(98, 10)), live=live, tokens=0.0)
    assert spent.approved == Plan(cancels=("o0",))
    assert spent.refused[0].reason.startswith("message budget is spent")


@given(st.integers(-30, 30), st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.sampled_from(list(Side)))
def test_after_approved_changes_and_orders_the_worst_case_is_within_limits(inventory, before, after, more, side):
    quote = {Side.BUY: buy, Side.SELL: sell}[side]
    live = live_with(quote(lots=before))
    limit = 50
    worst_before = abs(inventory + side * before)
    made = review(
        Plan(submits=(quote(lots=more),), amends=(Amend("o0", quote(lots=after)),)),
        live,
        inventory,
        FAIR,
        INSTRUMENT,
        Limits(max_position=INSTRUMENT.size(limit)),
        MessageBudget(100.0, 100.0),
        0,
    )
    lots = [max(before, amend.quote.lots) for amend in made.approved.amends] or [before]
    worst = inventory + side * (sum(lots) + sum(submit.lots for submit in made.approved.submits))
    assert worst * side <= max(limit, worst_before)
