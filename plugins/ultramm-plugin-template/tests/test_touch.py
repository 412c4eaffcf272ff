from ultramm_plugin_template.strategy import Touch, TouchParams

from ultramm.market import Book, Instrument, Level, Quote, Side

INSTRUMENT = Instrument(
    id="AB.X",
    tick_size=0.5,
    lot_size=0.1,
    price_precision=1,
    size_precision=1,
    quote_currency="USD",
    settlement_currency="USD",
)
BOOK = Book(0, (Level(99.5, 1.0),), (Level(100.5, 1.0),))


def test_joins_both_sides_of_the_touch() -> None:
    touch = Touch(TouchParams(order_size=0.2, max_position=1.0), INSTRUMENT)
    touch.on_book(BOOK)
    assert touch.decide(0, inventory=0.0).quotes == (Quote(Side.BUY, 199, 2), Quote(Side.SELL, 201, 2))


def test_says_why_it_does_not_add_to_a_full_position() -> None:
    touch = Touch(TouchParams(order_size=0.2, max_position=1.0), INSTRUMENT)
    touch.on_book(BOOK)
    decision = touch.decide(0, inventory=1.0)
    assert [quote.side for quote in decision.quotes] == [Side.SELL]
    assert "no room" in decision.reasons[Side.BUY]
