import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.analytics.attribution import PnL
from ultramm.analytics.reporting import reported
from ultramm.rates import rates_to

PAIRS = [("BTC", "USDT", 60_000.0), ("ETH", "BTC", 0.05), ("EUR", "USD", 1.25)]


def pnl(currency: str, capture: float, inventory: float = 0.0, fees: float = 0.0) -> PnL:
    return PnL(
        total=capture + inventory - fees,
        spread_capture=capture,
        inventory=inventory,
        fees=fees,
        identity_residual=0.0,
        currency=currency,
    )


@pytest.mark.parametrize(
    ("to", "wanted", "stated", "expected"),
    [
        ("USDT", "BTC", {}, 60_000.0),  # a market
        ("USDT", "USDT", {}, 1.0),  # the currency itself
        ("BTC", "USDT", {}, 1 / 60_000.0),  # a market the other way around
        ("USDT", "ETH", {}, 3_000.0),  # over two markets
        ("USD", "BTC", {"USDT": 0.999}, 59_940.0),  # over a market and what was stated
        ("USD", "BTC", {"BTC": 1.0}, 1.0),  # what was stated goes before markets
        ("USD", "EUR", {}, 1.25),
        ("USD", "BTC", {}, None),  # nothing leads there
        ("USD", "XAU", {}, None),
    ],
)
def test_the_way_from_one_currency_to_another(to, wanted, stated, expected):
    found = rates_to(to, [wanted], stated, PAIRS)
    assert found == {wanted: pytest.approx(expected)}


def test_the_shorter_way_is_taken():
    pairs = [("A", "B", 2.0), ("B", "C", 2.0), ("A", "C", 5.0)]
    assert rates_to("C", ["A"], {}, pairs) == {"A": 5.0}


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_there_and_back_again_is_where_one_began(first, second):
    pairs = [("A", "B", first), ("B", "C", second)]
    there, back = rates_to("C", ["A"], {}, pairs)["A"], rates_to("A", ["C"], {}, pairs)["C"]
    assert there * back == pytest.approx(1.0)


def test_all_strategies_add_up_in_one_currency():
    together = reported([pnl("BTC", 0.5, -0.25, 0.05), pnl("USDT", 100.0, 20.0, 4.0)], "USD", {"BTC": 1e4, "USDT": 1.0})
    assert together.total == pytest.approx(2_000 + 116)
    assert (together.spread_capture, together.inventory, together.fees) == pytest.approx((5_100, -2_480, 504))
    assert together.rates == {"BTC": 1e4, "USDT": 1.0}


amounts = st.floats(-1e6, 1e6)


@given(st.lists(st.tuples(st.sampled_from(["BTC", "USDT"]), amounts, amounts, amounts), max_size=9))
def test_the_parts_add_up_to_the_total_here_too(rows):
    together = reported([pnl(*row) for row in rows], "USD", {"BTC": 61_234.5, "USDT": 0.9995})
    parts = together.spread_capture + together.inventory - together.fees
    assert together.total == pytest.approx(parts, rel=1e-9, abs=1.0)
