import math
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.market import Book, Instrument, Level, Side

LINEAR = Instrument(
    id="BTCUSDT.SIM",
    tick_size=0.01,
    lot_size=0.001,
    price_precision=2,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)
INVERSE = msgspec.structs.replace(
    LINEAR,
    id="BTCUSD.SIM",
    tick_size=0.5,
    lot_size=1.0,
    price_precision=1,
    size_precision=0,
    settlement_currency="BTC",
    multiplier=100.0,
    inverse=True,
)
ODD = msgspec.structs.replace(LINEAR, tick_size=0.05, lot_size=0.3, price_precision=2, size_precision=1)

instruments = st.sampled_from([LINEAR, INVERSE, ODD])


def book(*, bids=(), asks=()) -> Book:
    return Book(1, tuple(Level(*level) for level in bids), tuple(Level(*level) for level in asks))


def test_a_side_is_the_sign_of_the_inventory_change_it_brings():
    assert (Side.BUY, Side.SELL) == (1, -1)


@pytest.mark.parametrize("side", list(Side))
def test_the_opposite_of_the_opposite_is_the_side_itself(side):
    assert side.opposite is not side
    assert side.opposite.opposite is side


def test_mid_and_spread_of_a_two_sided_book():
    two_sided = book(bids=[(99.0, 1.0), (98.0, 5.0)], asks=[(101.0, 2.0)])
    assert two_sided.two_sided
    assert two_sided.mid == 100.0
    assert two_sided.spread == 2.0


def test_the_spread_of_a_crossed_book_is_negative():
    assert book(bids=[(101.0, 1.0)], asks=[(100.0, 1.0)]).spread == -1.0


@pytest.mark.parametrize("sides", [{}, {"bids": [(99.0, 1.0)]}, {"asks": [(101.0, 1.0)]}])
def test_mid_and_spread_are_unknown_unless_both_sides_are_there(sides):
    one_sided = book(**sides)
    assert not one_sided.two_sided
    assert math.isnan(one_sided.mid)
    assert math.isnan(one_sided.spread)


@pytest.mark.parametrize("frozen", [book(), Level(1.0, 2.0), LINEAR], ids=lambda struct: type(struct).__name__)
def test_the_words_of_the_market_do_not_change(frozen):
    field = frozen.__struct_fields__[0]
    with pytest.raises(AttributeError):
        setattr(frozen, field, getattr(frozen, field))


@given(instruments, st.integers(0, 10**8))
def test_a_price_on_the_grid_finds_its_ticks_again(instrument, ticks):
    assert instrument.ticks(instrument.price(ticks)) == ticks


@given(instruments, st.integers(0, 10**8))
def test_a_size_on_the_grid_finds_its_lots_again(instrument, lots):
    assert instrument.lots(instrument.size(lots)) == lots


@given(instruments, st.integers(0, 10**8), st.floats(0.0, 0.999))
def test_whole_lots_are_those_that_fit(instrument, lots, more):
    assert instrument.whole_lots((lots + more) * instrument.lot_size) == lots


@given(st.integers(1, 10**7), st.sampled_from(range(9)))
def test_a_size_meant_for_the_grid_has_all_its_whole_lots(lots, precision):
    instrument = msgspec.structs.replace(LINEAR, lot_size=10.0**-precision, size_precision=precision)
    assert instrument.whole_lots(float(Fraction(lots, 10**precision))) == lots


@given(st.integers(0, 10**8))
def test_grid_prices_are_the_decimals_that_people_write(ticks):
    assert LINEAR.price(ticks) == float(f"{ticks // 100}.{ticks % 100:02d}")


def test_a_price_between_two_ticks_goes_to_the_nearer():
    assert LINEAR.ticks(100.004) == 10_000
    assert LINEAR.ticks(100.006) == 10_001
    assert LINEAR.lots(0.0014) == 1
    assert LINEAR.lots(-0.0016) == -2


def test_value_of_a_linear_contract_is_price_times_multiplier():
    assert LINEAR.value(50_000.0) == 50_000.0
    assert msgspec.structs.replace(LINEAR, multiplier=5.0).value(100.0) == 500.0


def test_an_inverse_contract_earns_coins_as_the_price_rises():
    # 100 USD a contract: from 50 000 to 62 500 one contract earns 100/50000 - 100/62500 = 0.0004 BTC.
    assert INVERSE.value(62_500.0) - INVERSE.value(50_000.0) == pytest.approx(0.0004, abs=1e-15)


@given(instruments, st.floats(1.0, 1e6), st.floats(1.0, 1e6))
def test_value_rises_with_the_price(instrument, low, high):
    low, high = sorted((low, high))
    assert instrument.value(low) <= instrument.value(high)


def test_notional_of_a_linear_contract_is_in_quote_currency():
    assert LINEAR.notional(50_000.0, 0.2) == 10_000.0


def test_notional_of_an_inverse_contract_does_not_depend_on_the_price():
    assert INVERSE.notional(50_000.0, 3.0) == INVERSE.notional(10_000.0, 3.0) == 300.0


@given(instruments, st.floats(1.0, 1e6), st.floats(0.0, 1e3))
def test_notional_is_the_same_long_and_short(instrument, price, size):
    assert instrument.notional(price, size) == instrument.notional(price, -size) >= 0.0
