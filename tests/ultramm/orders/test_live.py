import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Quote, Side
from ultramm.orders.live import LiveOrders, OrderState

BID = Quote(Side.BUY, 99, 10)
ASK = Quote(Side.SELL, 101, 10, 2)


@pytest.fixture
def orders() -> LiveOrders:
    live = LiveOrders()
    live.sent("bid", BID, 7)
    return live


def state(orders: LiveOrders, order_id: str) -> OrderState | None:
    order = orders.get(order_id)
    return None if order is None else order.state


def test_an_order_counts_from_the_moment_it_is_sent(orders):
    order = orders.get("bid")
    assert (order.side, order.ticks, order.lots, order.placed_lots, order.sent_ns) == (Side.BUY, 99, 10, 10, 7)
    assert order.state is OrderState.SENT
    assert orders.lots(Side.BUY) == 10
    assert not orders.resting(Side.BUY)
    assert "bid" in orders


def test_an_accepted_order_rests_at_the_venue(orders):
    orders.accepted("bid")
    assert state(orders, "bid") is OrderState.OPEN
    assert orders.resting(Side.BUY)
    assert not orders.resting(Side.SELL)


def test_an_order_whose_cancel_travels_still_rests_and_still_counts(orders):
    orders.accepted("bid")
    orders.cancelling("bid")
    assert state(orders, "bid") is OrderState.CANCELLING
    assert orders.resting(Side.BUY)
    assert orders.lots(Side.BUY) == 10


def test_an_acceptance_that_overtakes_nothing_does_not_reopen_a_cancel(orders):
    orders.accepted("bid")
    orders.cancelling("bid")
    orders.accepted("bid")
    assert state(orders, "bid") is OrderState.CANCELLING


def test_an_order_that_the_venue_would_not_cancel_is_open_again(orders):
    orders.accepted("bid")
    orders.cancelling("bid")
    orders.cancel_failed("bid")
    assert state(orders, "bid") is OrderState.OPEN


def test_a_partial_fill_leaves_the_rest_live(orders):
    orders.accepted("bid")
    assert orders.filled("bid", 4) is True
    assert orders.get("bid").lots == 6
    assert orders.get("bid").placed_lots == 10
    assert orders.lots(Side.BUY) == 6
    assert state(orders, "bid") is OrderState.OPEN


def test_only_the_first_fill_of_an_order_is_its_first(orders):
    assert orders.filled("bid", 4) is True
    assert orders.filled("bid", 5) is False
    assert orders.filled("bid", 1) is False
    assert "bid" not in orders


def test_a_fill_of_everything_closes_the_order(orders):
    orders.accepted("bid")
    assert orders.filled("bid", 10) is True
    assert len(orders) == 0
    assert not orders.resting(Side.BUY)


def test_a_fill_before_the_acceptance_closes_the_order_just_the_same(orders):
    orders.filled("bid", 10)
    orders.accepted("bid")
    assert len(orders) == 0
    assert not orders.resting(Side.BUY)


def test_answers_about_an_unknown_order_change_nothing(orders):
    for answer in (orders.accepted, orders.cancelling, orders.cancel_failed, orders.closed):
        answer("stranger")
    assert orders.filled("stranger", 3) is False
    assert [order.id for order in orders] == ["bid"]
    assert not orders.resting(Side.BUY)


def test_the_sides_are_counted_apart(orders):
    orders.sent("ask", ASK, 8)
    orders.accepted("ask")
    assert (orders.lots(Side.BUY), orders.lots(Side.SELL)) == (10, 10)
    assert (orders.resting(Side.BUY), orders.resting(Side.SELL)) == (False, True)
    assert {order.id: order.level for order in orders} == {"bid": 0, "ask": 2}


answers = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "sent",
                "accepted",
                "cancelling",
                "cancel_failed",
                "amending",
                "amended",
                "amend_failed",
                "filled",
                "closed",
            ]
        ),
        st.integers(0, 3),
        st.integers(1, 6),
    ),
    max_size=40,
)


@given(answers)
def test_whatever_the_venue_answers_the_counts_are_those_of_the_orders(sequence):
    orders, number = LiveOrders(), 0
    for verb, pick, lots in sequence:
        ids = [order.id for order in orders]
        order_id = ids[pick] if pick < len(ids) else "stranger"
        if verb == "sent":
            number += 1
            orders.sent(str(number), Quote(Side.BUY if pick % 2 else Side.SELL, 100, lots), number)
        elif verb == "filled":
            orders.filled(order_id, lots)
        elif verb == "amending":
            orders.amending(order_id, Quote(Side.BUY, 101, lots))
        elif verb == "amended":
            orders.amended(order_id, 101, lots)
        else:
            getattr(orders, verb)(order_id)
        for side in Side:
            mine = [order for order in orders if order.side is side]
            assert orders.lots(side) == sum(order.most_lots for order in mine)
            assert orders.resting(side) == any(order.state is not OrderState.SENT for order in mine)
            assert all(0 < order.lots <= order.placed_lots for order in mine)
        assert len(orders) == len(list(orders))


def test_while_a_change_travels_an_order_counts_as_the_larger_and_reaches_as_the_nearer(orders):
    orders.accepted("bid")
    orders.amending("bid", Quote(Side.BUY, 105, 4))
    order = orders.get("bid")
    assert (order.state, order.ticks, order.reach_ticks, orders.lots(Side.BUY)) == (OrderState.AMENDING, 99, 105, 10)
    orders.amending("bid", Quote(Side.BUY, 95, 14))
    order = orders.get("bid")
    assert (order.reach_ticks, orders.lots(Side.BUY)) == (99, 14)
    assert orders.resting(Side.BUY)


def test_a_change_that_the_venue_made_or_refused_leaves_an_open_order(orders):
    orders.accepted("bid")
    orders.amending("bid", Quote(Side.BUY, 98, 4))
    orders.amended("bid", 98, 4)
    order = orders.get("bid")
    assert (order.state, order.ticks, order.lots, order.amended) == (OrderState.OPEN, 98, 4, None)
    orders.amending("bid", Quote(Side.BUY, 97, 4))
    orders.amend_failed("bid")
    order = orders.get("bid")
    assert (order.state, order.ticks, order.lots, order.amended) == (OrderState.OPEN, 98, 4, None)


def test_an_order_that_traded_while_its_change_travelled_has_traded_ever_after(orders):
    orders.accepted("bid")
    orders.amending("bid", Quote(Side.BUY, 98, 8))
    orders.filled("bid", 3)
    order = orders.amended("bid", 98, 5)
    assert (order.lots, order.placed_lots) == (5, 8)
    orders.amended("bid", 98, 5)
    assert orders.get("bid").lots < orders.get("bid").placed_lots


def test_a_cancel_that_follows_a_change_stays_a_cancel(orders):
    orders.accepted("bid")
    orders.amending("bid", Quote(Side.BUY, 98, 8))
    orders.cancelling("bid")
    assert orders.amended("bid", 98, 8).state is OrderState.CANCELLING
    orders.amend_failed("bid")
    assert state(orders, "bid") is OrderState.CANCELLING
    assert orders.amended("unknown", 1, 1) is None
