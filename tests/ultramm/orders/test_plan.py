import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ultramm.market import Quote, Side
from ultramm.orders.live import LiveOrder, OrderState
from ultramm.orders.plan import Amend, Plan, plan

NOW = 1_000
MAX_AGE = 500
YOUNG = NOW - 1
OLD = NOW - MAX_AGE

SENT, OPEN, CANCELLING = OrderState.SENT, OrderState.OPEN, OrderState.CANCELLING


def bid(ticks, lots=10, *, order_id=None, state=OPEN, sent_ns=YOUNG, placed=None) -> LiveOrder:
    return LiveOrder(order_id or f"bid-{ticks}", Side.BUY, ticks, lots, placed or lots, 0, sent_ns, state)


def ask(ticks, lots=10, *, order_id=None, state=OPEN, sent_ns=YOUNG) -> LiveOrder:
    return LiveOrder(order_id or f"ask-{ticks}", Side.SELL, ticks, lots, lots, 0, sent_ns, state)


def buy(ticks, lots=10) -> Quote:
    return Quote(Side.BUY, ticks, lots)


def sell(ticks, lots=10) -> Quote:
    return Quote(Side.SELL, ticks, lots)


def planned(live, desired, tolerance=0, max_age=MAX_AGE, now=NOW, keeps=None) -> Plan:
    return plan(live, desired, now, tolerance_ticks=tolerance, max_age_ns=max_age, keeps=keeps)


def any_place(order: LiveOrder, quote: Quote) -> bool:
    return True


# -- places worth keeping --------------------------------------------------------------------------------------


def test_an_order_whose_place_is_worth_it_stands_for_its_quote():
    assert planned([bid(95)], [buy(99)], keeps=any_place) == Plan()
    assert planned([bid(95)], [buy(99)], keeps=lambda order, quote: False) == planned([bid(95)], [buy(99)])


def test_the_nearest_order_is_asked_for_each_quote_from_the_best_on():
    asked = []

    def keeps(order, quote):
        asked.append((order.ticks, quote.ticks))
        return order.ticks == 94

    made = planned([bid(97), bid(94)], [buy(98), buy(93)], keeps=keeps)
    assert asked == [(97, 98), (94, 93)]
    assert made == Plan(cancels=("bid-97",), submits=(buy(98),))


def test_an_order_where_it_is_wanted_is_not_asked_for():
    assert planned([bid(99), bid(98)], [buy(99), buy(97)], keeps=any_place) == Plan()


@pytest.mark.parametrize(
    ("order", "quote"),
    [
        (bid(95, sent_ns=OLD), buy(99)),
        (bid(95, lots=11), buy(99)),
        (bid(95, lots=4), buy(99)),
        (bid(95), Quote(Side.BUY, 99, 10, taking=True)),
    ],
    ids=["too old", "too large", "too little left", "a taking quote"],
)
def test_no_place_is_worth_an_order_that_may_not_stay(order, quote):
    assert planned([order], [quote], keeps=any_place).cancels == (order.id,)


def test_an_order_in_flight_has_no_place_yet():
    assert planned([bid(95, state=SENT)], [buy(99)], keeps=any_place) == Plan(submits=(buy(99),))


def test_a_place_in_the_way_of_the_other_side_is_given_up():
    assert planned([bid(101)], [buy(99), sell(101)], keeps=any_place).cancels == ("bid-101",)


# -- one step at a time --------------------------------------------------------------------------------------


def test_an_empty_book_gets_every_quote_and_nothing_is_cancelled():
    assert planned([], [buy(99), sell(101)]) == Plan(submits=(buy(99), sell(101)))


def test_nothing_wanted_cancels_everything_open():
    assert planned([bid(99), ask(101)], []) == Plan(cancels=("bid-99", "ask-101"))


def test_an_order_where_it_is_wanted_stays():
    made = planned([bid(99), ask(101)], [buy(99), sell(101)])
    assert made == Plan()
    assert made.empty


def test_an_order_that_moved_is_cancelled_and_replaced():
    assert planned([bid(98)], [buy(99)]) == Plan(cancels=("bid-98",), submits=(buy(99),))


@pytest.mark.parametrize("ticks", [97, 98, 99, 100, 101])
def test_an_order_within_tolerance_keeps_its_place(ticks):
    assert planned([bid(ticks)], [buy(99)], tolerance=2).empty


@pytest.mark.parametrize("ticks", [96, 102])
def test_an_order_beyond_tolerance_does_not(ticks):
    assert not planned([bid(ticks)], [buy(99)], tolerance=2).empty


def test_an_order_that_rests_nearby_does_not_stand_for_one_that_takes():
    taking = Quote(Side.BUY, 101, 10, taking=True)
    assert planned([bid(100)], [taking], tolerance=2) == Plan(cancels=("bid-100",), submits=(taking,))


@pytest.mark.parametrize("state", [SENT, CANCELLING])
def test_while_an_order_that_takes_has_no_answer_no_other_is_sent(state):
    taking = Quote(Side.SELL, 99, 25, taking=True)
    made = planned([ask(99, state=state)], [taking])
    assert made.empty
    assert [refusal.reason for refusal in made.held] == ["waits for our own ask in its way to end"]


def test_a_quote_that_takes_is_held_back_where_it_would_meet_another_that_is_wanted():
    taking = Quote(Side.SELL, 99, 5, taking=True)
    made = planned([], [buy(99), taking])
    assert made.submits == (buy(99),)
    assert [(refusal.quote, refusal.reason) for refusal in made.held] == [
        (taking, "would trade with our own bid that is wanted as well")
    ]
    assert planned([], [buy(98), taking]).submits == (buy(98), taking)


def test_an_order_that_takes_waits_for_our_own_order_that_it_would_meet():
    taking = Quote(Side.BUY, 101, 10, taking=True)
    made = planned([ask(101)], [taking])
    assert made.cancels == ("ask-101",)
    assert [refusal.reason for refusal in made.held] == ["waits for our own ask in its way to end"]


def test_of_two_orders_within_tolerance_the_closer_stays():
    assert planned([bid(97), bid(99)], [buy(99)], tolerance=2) == Plan(cancels=("bid-97",))


@pytest.mark.parametrize(("left", "stays"), [(10, True), (5, True), (4, False), (11, False)])
def test_an_order_stays_while_at_least_half_and_no_more_than_wanted_is_left(left, stays):
    assert planned([bid(99, left, placed=20)], [buy(99, 10)]).empty is stays


def test_an_order_in_flight_stands_for_its_quote():
    assert planned([bid(99, state=SENT)], [buy(99)]).empty


def test_an_order_in_flight_is_never_cancelled():
    assert planned([bid(99, state=SENT), ask(101, state=SENT)], []).empty


def test_a_cancel_that_travels_is_not_sent_twice():
    assert planned([bid(99, state=CANCELLING)], []).empty


def test_an_order_whose_cancel_travels_stands_for_no_quote():
    assert planned([bid(99, state=CANCELLING)], [buy(99)]) == Plan(submits=(buy(99),))


def test_an_order_is_replaced_when_it_is_old():
    assert planned([bid(99, sent_ns=OLD)], [buy(99)]) == Plan(cancels=("bid-99",), submits=(buy(99),))
    assert planned([bid(99, sent_ns=OLD + 1)], [buy(99)]).empty
    assert planned([bid(99, sent_ns=OLD)], [buy(99)], max_age=None).empty


def test_an_order_in_flight_for_long_still_stands_for_its_quote():
    """A time-out is not an answer: a second order beside it would be a second exposure."""
    assert planned([bid(99, state=SENT, sent_ns=OLD)], [buy(99)]).empty


@pytest.mark.parametrize(
    ("live", "wanted", "other"),
    [(ask(99), buy(99), "ask"), (ask(98), buy(99), "ask"), (bid(101), sell(101), "bid"), (bid(102), sell(101), "bid")],
)
@pytest.mark.parametrize("state", list(OrderState))
def test_a_quote_that_would_meet_our_own_order_waits_in_words(live, wanted, other, state):
    made = planned([msgspec.structs.replace(live, state=state)], [wanted])
    assert made.submits == ()
    (held,) = made.held
    assert held.quote == wanted
    assert f"our own {other}" in held.reason


def test_a_quote_one_tick_from_our_own_order_goes_out():
    assert planned([ask(100)], [buy(99)]).submits == (buy(99),)


def test_an_order_that_keeps_its_place_does_not_hold_back_the_other_side_for_good():
    """The bid at 101 is within tolerance of 100, but the ask wanted at 101 waits for it: one of the two must go."""
    made = planned([bid(101)], [buy(100), sell(101)], tolerance=1)
    assert made.cancels == ("bid-101",) or made.submits == (sell(101),)


# -- properties ----------------------------------------------------------------------------------------------

states = st.sampled_from(list(OrderState))


@st.composite
def live_orders(draw, only_open=False):
    """Orders of both sides, our bids below our asks."""
    between = draw(st.integers(8, 22))
    live = []
    for number in range(draw(st.integers(0, 7))):
        side = draw(st.sampled_from(list(Side)))
        away = draw(st.integers(0, 7))
        lots = draw(st.integers(1, 8))
        live.append(
            LiveOrder(
                f"o{number}",
                side,
                between - 1 - away if side is Side.BUY else between + away,
                lots,
                draw(st.integers(lots, 9)),
                0,
                draw(st.sampled_from([YOUNG, OLD, OLD - 100])),
                OPEN if only_open else draw(states),
            )
        )
    return live


@st.composite
def wanted(draw):
    """A ladder a side, bids below asks, best first."""
    between = draw(st.integers(8, 22))
    quotes = []
    for side in Side:
        for level, away in enumerate(sorted(draw(st.sets(st.integers(0, 7), max_size=3)))):
            ticks = between - 1 - away if side is Side.BUY else between + away
            quotes.append(Quote(side, ticks, draw(st.integers(1, 8)), level))
    return quotes


tolerances = st.integers(0, 3)


def venue(live: list[LiveOrder], made: Plan, round_: int) -> list[LiveOrder]:
    """Every answer arrives: cancels are confirmed, what was sent is open."""
    answered = [
        msgspec.structs.replace(order, state=OPEN)
        for order in live
        if order.state is not CANCELLING and order.id not in made.cancels
    ]
    return answered + [
        LiveOrder(f"n{round_}.{index}", quote.side, quote.ticks, quote.lots, quote.lots, quote.level, NOW, OPEN)
        for index, quote in enumerate(made.submits)
    ]


def settle(live: list[LiveOrder], desired: list[Quote], tolerance: int) -> tuple[list[LiveOrder], Plan]:
    made = planned(live, desired, tolerance)
    for round_ in range(4):
        if made.empty and all(order.state is OPEN for order in live):
            break
        live = venue(live, made, round_)
        made = planned(live, desired, tolerance)
    return live, made


def stands_for(order: LiveOrder, quote: Quote, tolerance: int) -> bool:
    near = order.side is quote.side and abs(order.ticks - quote.ticks) <= tolerance
    return near and order.lots <= quote.lots <= 2 * order.lots


def crosses(live: list[LiveOrder]) -> bool:
    bids = [order.ticks for order in live if order.side is Side.BUY]
    asks = [order.ticks for order in live if order.side is Side.SELL]
    return bool(bids and asks) and max(bids) >= min(asks)


@given(live_orders(), wanted())
def test_once_every_answer_arrived_the_book_is_the_desired_one(live, desired):
    live, made = settle(live, desired, tolerance=0)
    assert made == Plan()
    assert sorted((o.side, o.ticks) for o in live) == sorted((q.side, q.ticks) for q in desired)
    for quote in desired:
        assert any(stands_for(order, quote, 0) for order in live)


@given(live_orders(), wanted(), tolerances)
@example([bid(101)], [buy(100), sell(101)], 1)
def test_once_every_answer_arrived_no_quote_is_still_held_back(live, desired, tolerance):
    live, made = settle(live, desired, tolerance)
    assert made == Plan()
    assert len(live) == len(desired)


@given(live_orders(only_open=True), wanted(), tolerances)
@example([bid(15)], [buy(13), buy(12)], 2)  # the order sent for 12 must not be taken for 13 afterwards
def test_one_plan_is_enough_when_nothing_is_held_back(live, desired, tolerance):
    made = planned(live, desired, tolerance)
    assume(not made.held)
    assert planned(venue(live, made, 0), desired, tolerance) == Plan()


@given(live_orders(), wanted(), tolerances)
def test_only_open_orders_are_cancelled_and_each_once(live, desired, tolerance):
    cancels = planned(live, desired, tolerance).cancels
    is_open = {order.id for order in live if order.state is OPEN}
    assert set(cancels) <= is_open
    assert len(set(cancels)) == len(cancels)


@given(live_orders(), wanted(), tolerances)
def test_no_submitted_quote_meets_a_live_order_of_our_own(live, desired, tolerance):
    submits = planned(live, desired, tolerance).submits
    for quote in submits:
        against = [order for order in live if order.side is not quote.side]
        assert all(quote.side * (order.ticks - quote.ticks) > 0 for order in against)


@given(live_orders(), wanted(), tolerances)
def test_the_book_never_crosses_itself_on_the_way(live, desired, tolerance):
    for round_ in range(4):
        made = planned(live, desired, tolerance)
        # The worst order of answers: everything new is there before anything old is gone.
        assert not crosses(live + venue([], made, round_))
        live = venue(live, made, round_)


@given(live_orders(), wanted(), tolerances)
def test_every_wanted_quote_is_standing_sent_or_held(live, desired, tolerance):
    made = planned(live, desired, tolerance)
    standing = [order for order in live if order.state is not CANCELLING and order.id not in made.cancels]
    missing = list(made.submits) + [refusal.quote for refusal in made.held]
    assert len(missing) == len(set(map(id, missing)))
    for quote in desired:
        assert quote in missing or any(stands_for(order, quote, tolerance) for order in standing)
    assert all(quote in desired for quote in missing)


@given(live_orders(), wanted(), tolerances)
def test_no_order_of_old_age_stays_open(live, desired, tolerance):
    cancels = planned(live, desired, tolerance).cancels
    assert {o.id for o in live if o.state is OPEN and NOW - o.sent_ns >= MAX_AGE} <= set(cancels)


@given(live_orders(), wanted(), tolerances)
def test_the_mirrored_book_has_the_mirrored_plan(live, desired, tolerance):
    def mirrored(item):
        return msgspec.structs.replace(item, side=item.side.opposite, ticks=30 - item.ticks)

    made = planned(live, desired, tolerance)
    flipped = planned([mirrored(order) for order in live], [mirrored(quote) for quote in desired], tolerance)
    assert set(flipped.cancels) == set(made.cancels)
    assert set(flipped.submits) == {mirrored(quote) for quote in made.submits}
    assert {refusal.quote for refusal in flipped.held} == {mirrored(refusal.quote) for refusal in made.held}


# -- venues that can change an order ---------------------------------------------------------------------------


def amending(live, desired, **options) -> Plan:
    return plan(live, desired, NOW, max_age_ns=MAX_AGE, amends=True, **options)


def changing(order: LiveOrder, quote: Quote) -> LiveOrder:
    return msgspec.structs.replace(order, state=OrderState.AMENDING, amended=quote)


def test_an_order_that_has_to_move_is_changed_instead_of_cancelled_and_sent_anew():
    assert amending([bid(95)], [buy(99)]) == Plan(amends=(Amend("bid-95", buy(99)),))
    assert planned([bid(95)], [buy(99)]) == Plan(cancels=("bid-95",), submits=(buy(99),))


def test_an_order_that_has_to_shrink_is_changed_at_its_price_whatever_else_moves():
    made = amending([bid(99, 30), bid(97)], [buy(98), buy(99)])
    assert set(made.amends) == {Amend("bid-99", buy(99)), Amend("bid-97", buy(98))}
    assert not made.cancels
    assert not made.submits


def test_what_has_traded_is_too_old_or_has_no_answer_is_not_changed():
    assert amending([bid(95, 6, placed=10)], [buy(99)]) == Plan(cancels=("bid-95",), submits=(buy(99),))
    assert amending([bid(95, sent_ns=OLD)], [buy(99)]) == Plan(cancels=("bid-95",), submits=(buy(99),))
    assert amending([bid(95, state=SENT)], [buy(99)]) == Plan(submits=(buy(99),))
    assert amending([bid(95, state=CANCELLING)], [buy(99)]) == Plan(submits=(buy(99),))


def test_an_order_whose_change_travels_stands_for_its_new_quote():
    assert amending([changing(bid(95), buy(99))], [buy(99)]) == Plan()
    # It may be at either price, and is in the way of the other side at both.
    made = amending([changing(bid(95), buy(99))], [sell(98)])
    assert [refusal.reason for refusal in made.held] == ["waits for our own bid in its way to end"]
    assert not made.submits


def test_nothing_moves_to_where_it_would_meet_our_own_orders():
    made = amending([bid(95), ask(101)], [buy(102), sell(105)])
    assert made.amends == (Amend("ask-101", sell(105)),)
    assert made.cancels == ("bid-95",)
    assert [refusal.quote for refusal in made.held] == [buy(102)]


def test_a_quote_that_takes_is_sent_and_never_made_of_an_order_that_rests():
    taking = Quote(Side.BUY, 105, 10, taking=True)
    assert "bid-95" in amending([bid(95)], [taking]).cancels
    assert not amending([bid(95)], [taking]).amends


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(90, 110), st.integers(1, 20)),
        max_size=8,
        unique_by=lambda x: x[:2],
    ),
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(90, 110), st.integers(1, 20)),
        max_size=8,
        unique_by=lambda x: x[:2],
    ),
)
def test_with_changes_the_same_book_is_reached_with_fewer_messages(orders, wanted):
    live = [LiveOrder(f"o{i}", side, ticks, lots, lots, 0, YOUNG, OPEN) for i, (side, ticks, lots) in enumerate(orders)]
    desired = sorted([Quote(*item) for item in wanted], key=lambda quote: -quote.side * quote.ticks)
    without, made = planned(live, desired), amending(live, desired)

    def after(done: Plan) -> list[tuple[Side, int, int]]:
        changed = {amend.order_id: amend.quote for amend in done.amends}
        stay = [changed.get(o.id, o) for o in live if o.id not in done.cancels]
        return sorted((x.side, x.ticks, x.lots) for x in (*stay, *done.submits))

    assert after(made) == after(without)
    assert made.held == without.held
    messages = len(made.cancels) + len(made.submits) + len(made.amends)
    assert messages == len(without.cancels) + len(without.submits) - len(made.amends)
