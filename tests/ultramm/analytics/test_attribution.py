from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.attribution import Attribution, PnL
from ultramm.market import Fill, Instrument, Side

LINEAR = Instrument(
    id="BTCUSDT.SIM",
    tick_size=0.01,
    lot_size=0.001,
    price_precision=2,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)
INVERSE = Instrument(
    id="BTCUSD.SIM",
    tick_size=0.1,
    lot_size=1.0,
    price_precision=1,
    size_precision=0,
    quote_currency="USD",
    settlement_currency="BTC",
    multiplier=100.0,
    inverse=True,
)


def fill(side: Side, price: float, size: float, fee: float = 0.0) -> Fill:
    return Fill(0, "o", side, price, size, fee, True)


def attributed(instrument: Instrument, *fills_and_mids: tuple[Fill, float]) -> Attribution:
    attribution = Attribution(instrument)
    for each, mid in fills_and_mids:
        attribution.on_fill(each, mid)
    return attribution


# -- known answers -------------------------------------------------------------------------------------------


def test_nothing_happened_is_nothing_earned():
    pnl = Attribution(LINEAR).pnl(100.0)
    assert (pnl.total, pnl.spread_capture, pnl.inventory, pnl.fees, pnl.identity_residual) == (0, 0, 0, 0, 0)
    assert pnl.currency == "USDT"


def test_nothing_happened_is_nothing_earned_even_before_the_first_mid():
    assert Attribution(INVERSE).pnl(float("nan")).total == 0.0


def test_a_round_trip_splits_into_capture_inventory_and_fees():
    """Buy 2 at 99 with mid 100, mid falls to 98, sell 2 at 98.5 with mid 98."""
    attribution = attributed(
        LINEAR,
        (fill(Side.BUY, 99.0, 2.0, fee=0.1), 100.0),
        (fill(Side.SELL, 98.5, 2.0, fee=0.2), 98.0),
    )
    pnl = attribution.pnl(1234.5)  # flat: the mid does not matter
    assert pnl.spread_capture == pytest.approx(2 * 1.0 + 2 * 0.5)
    assert pnl.inventory == pytest.approx(2 * -2.0)
    assert pnl.fees == pytest.approx(0.3)
    assert pnl.total == pytest.approx(2 * (98.5 - 99.0) - 0.3)
    assert attribution.position == 0.0
    assert attribution.volume == pytest.approx(2 * 99.0 + 2 * 98.5)


def test_open_inventory_is_valued_at_the_mid():
    attribution = attributed(LINEAR, (fill(Side.SELL, 101.0, 3.0), 100.0))
    assert attribution.position == -3.0
    pnl = attribution.pnl(99.0)
    assert (pnl.spread_capture, pnl.inventory, pnl.total) == pytest.approx((3.0, 3.0, 6.0))


def test_an_inverse_contract_earns_coins():
    """Ten contracts of 100 USD bought at 50 000 and worth 62 500: 1000/50000 - 1000/62500 BTC."""
    pnl = attributed(INVERSE, (fill(Side.BUY, 50_000.0, 10.0), 50_000.0)).pnl(62_500.0)
    assert pnl.total == pytest.approx(0.004, rel=1e-12)
    assert pnl.inventory == pytest.approx(0.004, rel=1e-12)
    assert pnl.currency == "BTC"


def test_a_rebate_is_a_negative_fee_and_adds():
    assert attributed(LINEAR, (fill(Side.BUY, 100.0, 1.0, fee=-0.5), 100.0)).pnl(100.0).total == 0.5


def test_an_unknown_mid_leaves_the_inventory_at_its_last_value():
    attribution = attributed(LINEAR, (fill(Side.BUY, 99.0, 1.0), 100.0))
    assert attribution.pnl(float("nan")).total == attribution.pnl(100.0).total == 1.0


def test_the_position_of_many_small_fills_is_exact():
    attribution = attributed(LINEAR, *[(fill(Side.BUY, 100.0, 0.1), 100.0)] * 3)
    assert attribution.position == 0.3


def test_what_is_realised_is_what_the_average_entry_says():
    """Bought 1 at 100 and 3 at 104, average 103; sold 2 at 110: 14 realised, whatever the rest is worth."""
    fills = [fill(Side.BUY, 100.0, 1.0), fill(Side.BUY, 104.0, 3.0), fill(Side.SELL, 110.0, 2.0, fee=0.5)]
    pnl = attributed(LINEAR, *[(each, 100.0) for each in fills]).pnl(90.0)
    assert pnl.realised == pytest.approx(2 * 7.0 - 0.5)
    assert pnl.total == pytest.approx(pnl.realised + 2 * (90.0 - 103.0))


def test_a_position_that_turns_is_entered_where_it_turned():
    fills = [fill(Side.BUY, 100.0, 1.0), fill(Side.SELL, 101.0, 3.0), fill(Side.BUY, 98.0, 1.0)]
    pnl = attributed(LINEAR, *[(each, 100.0) for each in fills]).pnl(98.0)
    assert pnl.realised == pytest.approx(1.0 + 3.0)
    assert pnl.total == pytest.approx(1.0 + 3.0 + 3.0)


# -- against exact fractions ---------------------------------------------------------------------------------


def exact_value(instrument: Instrument, price: float) -> Fraction:
    multiplier = Fraction(instrument.multiplier)
    return -multiplier / Fraction(price) if instrument.inverse else multiplier * Fraction(price)


def exact(instrument: Instrument, history: list[tuple[Fill, float]], mid: float) -> dict[str, Fraction]:
    """Cash, position, the two sums of the identity and what was closed, in fractions, from the definitions alone."""
    cash = capture = inventory = fees = position = gained = cost = Fraction(0)
    value_before = None
    for each, mid_then in history:
        value_then, size = exact_value(instrument, mid_then), Fraction(str(each.size))
        if value_before is not None:
            inventory += position * (value_then - value_before)
        value_before = value_then
        capture += each.side * (value_then - exact_value(instrument, each.price)) * size
        cash -= each.side * exact_value(instrument, each.price) * size
        fees += Fraction(each.fee)
        change, entry_value = each.side * size, exact_value(instrument, each.price)
        closed = min(abs(position), size) if position * change < 0 else Fraction(0)
        if closed:
            gained += (1 if position > 0 else -1) * closed * (entry_value - cost / position)
            cost -= cost * closed / abs(position)
        position += change
        cost += (1 if change > 0 else -1) * (size - closed) * entry_value
    if value_before is not None:
        inventory += position * (exact_value(instrument, mid) - value_before)
    return {
        "total": cash + position * exact_value(instrument, mid) - fees,
        "spread_capture": capture,
        "inventory": inventory,
        "fees": fees,
        "realised": gained - fees,
    }


@st.composite
def histories(draw):
    instrument = draw(st.sampled_from([LINEAR, INVERSE]))
    # A market that moves by up to 2 % around its price, fills within 0.2 % of the mid.
    around = draw(st.integers(100, 100_000))
    moves = st.integers(-200, 200).map(lambda bps: round(around * (1 + bps * 1e-4), instrument.price_precision))
    history = []
    for _ in range(draw(st.integers(0, 25))):
        mid = draw(moves)
        price = round(mid * (1 + draw(st.integers(-20, 20)) * 1e-4), instrument.price_precision)
        size = instrument.size(draw(st.integers(1, 500)))
        fee = draw(st.integers(-10, 10)) * 1e-4 * instrument.notional(price, size)
        fee = fee / price if instrument.inverse else fee
        history.append((fill(draw(st.sampled_from(list(Side))), price, size, fee), mid))
    return instrument, history, draw(moves)


@given(histories())
def test_every_part_is_what_exact_arithmetic_says(case):
    instrument, history, mid = case
    pnl = attributed(instrument, *history).pnl(mid)
    expected = exact(instrument, history, mid)
    assert expected["total"] == expected["spread_capture"] + expected["inventory"] - expected["fees"]
    turnover = float(sum(abs(exact_value(instrument, f.price)) * Fraction(str(f.size)) for f, _ in history))
    for part, value in expected.items():
        assert getattr(pnl, part) == pytest.approx(float(value), rel=1e-9, abs=1e-12 * turnover + 1e-15)


@given(histories())
def test_the_split_adds_up(case):
    instrument, history, mid = case
    pnl = attributed(instrument, *history).pnl(mid)
    assert pnl.identity_residual < 1e-9


def test_the_split_adds_up_after_a_long_and_busy_day():
    attribution, mid, cash = Attribution(LINEAR), 60_000.0, Fraction(0)
    for i in range(20_000):
        mid = round(mid + (-1) ** (i // 3) * 7.13, 2)
        side = Side.BUY if (i * 7919) % 13 < 6.5 else Side.SELL
        price = round(mid - side * 0.37, 2)
        attribution.on_fill(fill(side, price, 0.017, 0.017 * price * 1e-4), mid)
        cash -= side * Fraction(price) * Fraction("0.017") + Fraction(0.017 * price * 1e-4)
    pnl = attribution.pnl(mid)
    assert pnl.total == pytest.approx(float(cash + Fraction(str(attribution.position)) * Fraction(mid)), abs=1e-6)
    assert pnl.identity_residual < 1e-9


@pytest.mark.parametrize(("price", "sizes"), [(100.0, (0.001, 0.001, 0.001)), (61_234.57, (0.001, 0.002, 0.007))])
def test_trading_at_the_mid_for_nothing_leaves_no_residual(price, sizes):
    """Nothing was earned but a rounding error: it must not be measured against itself."""
    pnl = attributed(LINEAR, *[(fill(Side.BUY, price, size), price) for size in sizes]).pnl(price)
    assert pnl.total == pytest.approx(0.0, abs=1e-9)
    assert pnl.identity_residual < 1e-9


def test_a_flat_and_even_book_of_a_large_account_has_no_residual_worth_a_name():
    """A thousand coins through the book, and a P&L of next to nothing: rounding is no broken identity."""
    attribution = Attribution(LINEAR)
    for i in range(200):
        side = Side.BUY if i % 2 else Side.SELL
        attribution.on_fill(fill(side, 61_234.57, 4.999), 61_234.57)
    attribution.on_fill(fill(Side.BUY, 61_234.56, 0.001), 61_234.57)
    assert attribution.pnl(61_234.57).total == pytest.approx(1e-5, abs=1e-6)
    assert attribution.pnl(61_234.57).identity_residual < 1e-9


@given(histories())
def test_the_mirrored_trades_in_the_mirrored_market_earn_the_same(case):
    _, history, mid = case

    def flip(price: float) -> float:
        return 300_000.0 - price

    attribution = attributed(LINEAR, *history)
    mirrored = attributed(LINEAR, *[(fill(f.side.opposite, flip(f.price), f.size, f.fee), flip(m)) for f, m in history])
    plain, turned = attribution.pnl(mid), mirrored.pnl(flip(mid))
    assert mirrored.position == -attribution.position
    assert turned.total == pytest.approx(plain.total, rel=1e-6, abs=1e-3)
    assert turned.spread_capture == pytest.approx(plain.spread_capture, rel=1e-6, abs=1e-3)


@given(histories())
def test_asking_changes_nothing(case):
    instrument, history, mid = case
    asked, silent = Attribution(instrument), Attribution(instrument)
    for each, mid_then in history:
        asked.on_fill(each, mid_then)
        asked.pnl(mid_then * 1.01)
        silent.on_fill(each, mid_then)
    assert asked.pnl(mid) == silent.pnl(mid)
    assert isinstance(msgspec.to_builtins(asked.pnl(mid)), dict)
    assert isinstance(asked.pnl(mid), PnL)
