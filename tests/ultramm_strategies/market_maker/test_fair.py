import math

import pytest

from ultramm.features.price import weighted_mid
from ultramm.market import Book, Instrument, Level, Side, Trade
from ultramm_strategies.market_maker.fair import FairValue
from ultramm_strategies.market_maker.params import MarketMakerParams

S = 1_000_000_000
X = Instrument(
    id="X.SIM",
    tick_size=0.01,
    lot_size=1.0,
    price_precision=2,
    size_precision=0,
    quote_currency="USD",
    settlement_currency="USD",
)


def fair_value(kind: str, **values) -> FairValue:
    reference = {"reference": "Y.SIM"} if kind == "reference" else {}
    params = MarketMakerParams(
        order_size=10, max_position=100, half_spread_bps=10, fair_value=kind, **reference, **values
    )
    return FairValue(params, X)


def book(mid: float, s: float = 0.0, bid_size: float = 5.0) -> Book:
    return Book(round(s * S), (Level(mid - 0.01, bid_size),), (Level(mid + 0.01, 5.0),))


def test_the_mid_the_weighted_mid_and_the_last_price():
    at = book(100.0, bid_size=15.0)
    assert fair_value("mid").price(at) == 100.0
    assert fair_value("weighted-mid").price(at) == weighted_mid(at)
    last = fair_value("last")
    assert math.isnan(last.price(at))
    last.on_trade(Trade(0, 99.5, 1.0, Side.SELL))
    assert last.price(at) == 99.5
    # What was traded before a gap is no price of now; the next trade is.
    last.interrupted()
    assert math.isnan(last.price(at))
    last.on_trade(Trade(1, 99.0, 1.0, Side.SELL))
    assert last.price(at) == 99.0


def test_the_micro_price_is_learned_from_the_touch():
    micro = fair_value("micro-price")
    at = book(100.0, bid_size=15.0)
    assert micro.price(at) == weighted_mid(at)
    mid = 100.0
    for number in range(20_000):
        # After a heavy bid the mid rises by a tick, after a light one it falls.
        heavy = number % 3 != 0
        mid += 0.0
        micro.on_book(Book(number, (Level(99.99, 15.0 if heavy else 5.0),), (Level(100.01, 5.0 if heavy else 15.0),)))
    assert micro.price(at) == pytest.approx(100.0)  # what never moved is not expected to


def test_the_reference_is_another_markets_mid():
    fair = fair_value("reference")
    fair.on_book(book(100.0))
    assert math.isnan(fair.price(book(100.0)))
    fair.on_reference(book(101.5))
    assert fair.price(book(100.0)) == 101.5


@pytest.mark.parametrize(
    "broken",
    [Book(0, (), ()), Book(0, (Level(100.0, 1.0),), ()), Book(0, (Level(100.0, 1.0),), (Level(99.0, 1.0),))],
    ids=["empty", "one-sided", "crossed"],
)
def test_a_broken_reference_has_no_price(broken):
    fair = fair_value("reference")
    fair.on_reference(book(101.5))
    fair.on_reference(broken)
    assert math.isnan(fair.price(book(100.0)))


def test_the_basis_is_averaged_over_time_and_added():
    fair = fair_value("reference", basis_tau_s=10.0)
    for s in range(100):
        fair.on_reference(book(101.0, s))
        fair.on_book(book(100.0, s))
    assert fair.price(book(100.0, 100)) == pytest.approx(100.0, abs=1e-6)
    fair.on_reference(book(101.3, 100))  # the reference leads
    assert fair.price(book(100.0, 100)) == pytest.approx(100.3, abs=1e-6)
    for s in range(101, 200):  # and when the own market stays, it becomes the basis
        fair.on_book(book(100.0, s))
        fair.on_reference(book(101.3, s))
    assert fair.price(book(100.0, 200)) == pytest.approx(100.0, abs=1e-3)


def test_a_broken_reference_leaves_the_basis_as_it_was():
    fair = fair_value("reference", basis_tau_s=10.0)
    for s in range(50):
        fair.on_reference(book(101.0, s))
        fair.on_book(book(100.0, s))
    fair.on_reference(Book(50 * S, (), ()))
    fair.on_book(book(100.0, 60))
    fair.on_reference(book(101.0, 70))
    assert fair.price(book(100.0, 70)) == pytest.approx(100.0, abs=1e-6)
