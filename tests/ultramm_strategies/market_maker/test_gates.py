import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Fill, Instrument, Level, Side, Trade
from ultramm_strategies.market_maker.gates import Gates
from ultramm_strategies.market_maker.params import MarketMakerParams
from ultramm_strategies.market_maker.strategy import MarketMaker

S = 1_000_000_000
HOUR = 3_600 * S
X = Instrument(
    id="X.SIM",
    tick_size=0.01,
    lot_size=1.0,
    price_precision=2,
    size_precision=0,
    quote_currency="USD",
    settlement_currency="USD",
)


def params(**values) -> MarketMakerParams:
    return msgspec.convert({"order_size": 10, "max_position": 100, "half_spread_bps": 10, **values}, MarketMakerParams)


def gates(**values) -> Gates:
    return Gates(params(**values), X)


def fill(side: Side, size: float = 10.0, ts_ns: int = 0) -> Fill:
    return Fill(ts_ns, "o", side, 100.0, size, 0.0, True)


def closed(gate: Gates, now_ns: int = 0, fair: float = 100.0) -> set[Side]:
    return set(gate.closed(now_ns, fair)) | {side for side in Side if gate.rests(side, now_ns)}


def maker(**values) -> MarketMaker:
    made = MarketMaker(params(**values), X)
    made.on_book(Book(0, (Level(99.99, 5.0),), (Level(100.01, 5.0),)))
    return made


BOTH = {Side.BUY, Side.SELL}


def test_without_gates_both_sides_are_open():
    assert closed(gates()) == set()


# -- hours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "is_open"),
    [
        (("09:30", "16:00"), {9: False, 9.5: True, 15.99: True, 16: False, 33.5: True}),
        (("22:00", "05:00"), {21.9: False, 22: True, 23.99: True, 0: True, 4.99: True, 5: False}),
    ],
)
def test_a_maker_keeps_its_hours(hours, is_open):
    gate = gates(open_at=hours[0], close_at=hours[1])
    for hour, expected in is_open.items():
        assert closed(gate, round(hour * HOUR)) == (set() if expected else BOTH)
    assert gate.closed(12 * HOUR if hours[0] > hours[1] else 0, 100.0)[Side.BUY] == f"closed until {hours[0]} UTC"


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"open_at": "09:00"}, "open_at and close_at go together"),
        ({"close_at": "09:00"}, "open_at and close_at go together"),
        ({"open_at": "09:00", "close_at": "09:00"}, "are the same"),
        ({"open_at": "9:00", "close_at": "10:00"}, "matching regex"),
        ({"open_at": "24:00", "close_at": "10:00"}, "matching regex"),
        ({"price_floor": 2, "price_ceiling": 1}, "price_floor is above price_ceiling"),
    ],
)
def test_hours_and_limits_that_cannot_be_meant_are_refused(values, problem):
    with pytest.raises(msgspec.ValidationError, match=problem):
        params(**values)


# -- price limits --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fair", "expected"), [(95.0, set()), (105.0, set()), (105.01, {Side.BUY}), (94.99, {Side.SELL})]
)
def test_ceiling_and_floor_close_the_side_that_would_follow_the_price(fair, expected):
    assert closed(gates(price_ceiling=105, price_floor=95), fair=fair) == expected


def test_the_band_stands_until_it_is_set_anew():
    gate = gates(band_bps=100, band_refresh_s=60)
    assert closed(gate, 0, 100.0) == set()
    assert closed(gate, 30 * S, 101.01) == {Side.BUY}
    assert closed(gate, 59 * S, 98.99) == {Side.SELL}
    assert "below the band of 100 bps around 100" in gate.closed(59 * S, 98.99)[Side.SELL]
    assert closed(gate, 60 * S, 101.01) == set()
    assert closed(gate, 90 * S, 100.0) == set()
    assert closed(gate, 90 * S, 99.9) == {Side.SELL}


# -- after fills ---------------------------------------------------------------------------------------------


def test_a_side_rests_after_its_fill_and_the_other_does_not():
    gate = gates(fill_pause_s=5)
    gate.on_fill(fill(Side.BUY, ts_ns=10 * S))
    assert gate.rests(Side.BUY, 10 * S) == "rests after a fill for 5 s"
    assert gate.rests(Side.SELL, 10 * S) is None
    assert closed(gate, 15 * S - 1) == {Side.BUY}
    assert closed(gate, 15 * S) == set()


def test_ping_pong_gives_the_turn_to_the_other_side():
    gate = gates(ping_pong=True)
    gate.on_fill(fill(Side.BUY))
    assert closed(gate) == {Side.BUY}
    gate.on_fill(fill(Side.SELL, 4.0))
    assert closed(gate) == {Side.BUY}
    gate.on_fill(fill(Side.SELL, 6.0))
    assert closed(gate) == set()
    gate.on_fill(fill(Side.SELL))
    assert closed(gate) == {Side.SELL}


@given(st.lists(st.tuples(st.sampled_from(list(Side)), st.integers(1, 9)), max_size=30))
def test_ping_pong_never_closes_both_sides_and_never_lets_the_heavier_side_trade(fills):
    gate, balance = gates(ping_pong=True), 0
    for side, size in fills:
        gate.on_fill(fill(side, float(size)))
        balance += side * size
        expected = {Side.BUY} if balance > 0 else {Side.SELL} if balance < 0 else set()
        assert closed(gate) == expected


# -- in the decision -----------------------------------------------------------------------------------------


def test_a_closed_side_has_no_quote_but_a_reason():
    decision = maker(price_ceiling=99).decide(0, 0.0)
    assert decision.side(Side.BUY) == ()
    assert len(decision.side(Side.SELL)) == 1
    assert decision.reasons == {Side.BUY: "fair value 100 is above the ceiling of 99"}


def test_a_fill_reaches_the_gates():
    made = maker(ping_pong=True)
    made.on_fill(fill(Side.SELL))
    assert made.decide(0, 0.0).side(Side.SELL) == ()


def test_asks_may_stand_off_further_than_bids():
    bid, ask = maker(half_spread_bps=10, ask_half_spread_bps=30, skew=0, cover_fees=False).decide(0, 0.0).quotes
    assert (bid.ticks, ask.ticks) == (9_990, 10_030)


def test_the_skew_leans_by_the_mean_half_spread():
    one = maker(half_spread_bps=20, skew=1, cover_fees=False).decide(0, 100.0)
    two = maker(half_spread_bps=10, ask_half_spread_bps=30, skew=1, cover_fees=False).decide(0, 100.0)
    assert one.reservation_price == pytest.approx(two.reservation_price)
    assert one.reservation_price == pytest.approx(100.0 - 0.2)


def test_fair_value_may_be_the_last_trade():
    made = maker(fair_value="last")
    assert set(made.decide(0, 0.0).reasons.values()) == {"fair value is unknown"}
    made.on_trade(Trade(0, 100.005, 1.0, Side.BUY))
    assert made.decide(0, 0.0).fair == 100.005
    assert math.isfinite(made.decide(0, 0.0).reservation_price)
