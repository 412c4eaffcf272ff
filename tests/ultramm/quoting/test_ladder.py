import math
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ultramm.market import Book, Instrument, Level, Quote, Side
from ultramm.quoting.ladder import cap_lots, ladder

COARSE = Instrument(
    id="X.SIM",
    tick_size=1.0,
    lot_size=1.0,
    price_precision=0,
    size_precision=0,
    quote_currency="USDT",
    settlement_currency="USDT",
)
FINE = msgspec.structs.replace(COARSE, tick_size=0.01, lot_size=0.001, price_precision=2, size_precision=3)
EIGHTH = msgspec.structs.replace(COARSE, tick_size=0.125, lot_size=0.25, price_precision=3, size_precision=2)
EMPTY = Book(0, (), ())
GRID_NOISE = 1e-6  # ticks


def market(instrument: Instrument, bid_ticks: int, ask_ticks: int) -> Book:
    bid, ask = Level(instrument.price(bid_ticks), 5.0), Level(instrument.price(ask_ticks), 5.0)
    return Book(0, (bid,), (ask,))


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """Whatever a strategy may ask for, in ticks and lots."""

    instrument: Instrument = FINE
    reference: float = 100.0
    depth: float = 1.0
    step: float = 1.0
    lots: tuple[float, ...] = (10.0, 10.0, 10.0)
    bid: int = 99
    ask: int = 101

    def quotes(self, side: Side, book: Book | None = None) -> tuple[Quote, ...]:
        tick = self.instrument.tick_size
        return ladder(
            self.instrument,
            side,
            self.reference * tick,
            [(self.depth + level * self.step) * tick for level in range(len(self.lots))],
            [self.instrument.whole_lots(lots * self.instrument.lot_size) for lots in self.lots],
            market(self.instrument, self.bid, self.ask) if book is None else book,
        )


ticks = st.one_of(st.floats(0.0, 2_000.0), st.integers(0, 2_000).map(float))
distances = st.one_of(st.floats(0.0, 50.0), st.integers(0, 50).map(float), st.just(0.0))


@st.composite
def cases(draw):
    bid = draw(st.integers(1, 2_000))
    return Case(
        instrument=draw(st.sampled_from([COARSE, FINE, EIGHTH])),
        reference=draw(ticks),
        depth=draw(distances),
        step=draw(distances),
        lots=tuple(draw(st.lists(st.floats(0.0, 20.0), min_size=1, max_size=6))),
        bid=bid,
        ask=bid + draw(st.integers(1, 20)),
    )


sides = st.sampled_from(list(Side))


# -- known answers -------------------------------------------------------------------------------------------


def test_levels_stand_step_by_step_behind_each_other():
    case = Case(reference=100.5, depth=2.0, step=3.0, bid=90, ask=110)
    assert [quote.ticks for quote in case.quotes(Side.BUY)] == [98, 95, 92]
    assert [quote.ticks for quote in case.quotes(Side.SELL)] == [103, 106, 109]
    assert [quote.level for quote in case.quotes(Side.BUY)] == [0, 1, 2]


def test_without_a_step_levels_stand_one_tick_apart():
    case = Case(reference=100.0, depth=2.0, step=0.0, bid=90, ask=110)
    assert [quote.ticks for quote in case.quotes(Side.BUY)] == [98, 97, 96]
    assert [quote.ticks for quote in case.quotes(Side.SELL)] == [102, 103, 104]


def test_a_reference_beyond_the_market_is_clamped_behind_the_opposite_best():
    case = Case(reference=150.0, depth=1.0, step=0.0, bid=99, ask=101)
    assert [quote.ticks for quote in case.quotes(Side.BUY)] == [100, 99, 98]
    assert [quote.ticks for quote in case.quotes(Side.SELL)] == [151, 152, 153]


def test_an_empty_opposite_side_clamps_nothing():
    case = Case(reference=150.0, depth=1.0)
    assert case.quotes(Side.BUY, EMPTY)[0].ticks == 149
    assert case.quotes(Side.SELL, EMPTY)[0].ticks == 151


@pytest.mark.parametrize("reference", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("side", list(Side))
def test_without_a_reference_there_is_no_quote(reference, side):
    assert Case(reference=reference).quotes(side) == ()


def test_no_quote_is_made_at_or_below_price_zero():
    case = Case(reference=2.0, depth=1.0, step=1.0, bid=1, ask=5)
    assert [quote.ticks for quote in case.quotes(Side.BUY)] == [1]


def test_levels_below_the_smallest_size_are_left_out_and_the_rest_keep_their_level():
    picky = msgspec.structs.replace(COARSE, min_size=3.0)
    case = Case(instrument=picky, lots=(5.0, 2.0, 3.0), bid=90, ask=110)
    assert [(quote.level, quote.lots) for quote in case.quotes(Side.BUY)] == [(0, 5), (2, 3)]


def test_levels_below_the_smallest_notional_are_left_out():
    picky = msgspec.structs.replace(COARSE, min_notional=400.0)
    case = Case(instrument=picky, reference=101.0, depth=1.0, lots=(4.0, 4.0), bid=90, ask=110)
    assert [quote.ticks for quote in case.quotes(Side.BUY)] == [100]  # 4 x 99 is too little
    assert [quote.ticks for quote in case.quotes(Side.SELL)] == [102, 103]


# -- properties ----------------------------------------------------------------------------------------------


@given(cases())
@example(Case(reference=100.0, depth=0.0, bid=99, ask=101))
def test_our_bids_stay_below_our_asks(case):
    bids, asks = case.quotes(Side.BUY), case.quotes(Side.SELL)
    assert all(bid.ticks < ask.ticks for bid in bids for ask in asks)


@given(cases())
def test_no_quote_crosses_or_locks_the_market(case):
    assert all(quote.ticks < case.ask for quote in case.quotes(Side.BUY))
    assert all(quote.ticks > case.bid for quote in case.quotes(Side.SELL))


@given(cases(), sides)
def test_each_level_is_at_least_a_tick_behind_the_one_before(case, side):
    for nearer, farther in pairwise(case.quotes(side)):
        assert side * (nearer.ticks - farther.ticks) >= 1
        assert farther.level > nearer.level


@given(cases(), sides)
def test_rounding_never_moves_a_quote_towards_fair(case, side):
    for quote in case.quotes(side):
        exact = case.reference - side * (case.depth + quote.level * case.step)
        assert side * (exact - quote.ticks) >= -GRID_NOISE


@given(cases(), sides)
def test_rounding_and_clamping_move_a_quote_no_further_than_they_must(case, side):
    """One tick by rounding, unless the market or the level before pushed it."""
    before = None
    must = 1.0 if case.depth >= 0.5 else 1.5  # at no depth at all the two sides have to part
    for quote in case.quotes(side):
        exact = case.reference - side * (case.depth + quote.level * case.step)
        limit = (case.ask if side is Side.BUY else case.bid) - side
        pushed = quote.ticks in (limit, None if before is None else before - side)
        assert pushed or side * (exact - quote.ticks) < must + GRID_NOISE
        before = quote.ticks


@given(cases(), sides)
def test_sizes_are_whole_lots_and_never_more_than_wanted(case, side):
    for quote in case.quotes(side):
        wanted = case.lots[quote.level]
        assert isinstance(quote.lots, int)
        assert 1 <= quote.lots <= wanted + GRID_NOISE
        assert quote.lots > wanted - 1 - GRID_NOISE


@given(cases(), sides, st.sampled_from([0.125, 0.5, 4.0, 1024.0]))
def test_the_unit_of_price_does_not_matter(case, side, scale):
    instrument = case.instrument
    scaled = msgspec.structs.replace(instrument, tick_size=scale * instrument.tick_size, price_precision=9)
    assert msgspec.structs.replace(case, instrument=scaled).quotes(side) == case.quotes(side)


@given(cases(), sides, st.sampled_from([0.125, 0.5, 4.0, 1024.0]))
def test_the_unit_of_size_does_not_matter(case, side, scale):
    instrument = case.instrument
    scaled = msgspec.structs.replace(instrument, lot_size=scale * instrument.lot_size, size_precision=9)
    assert msgspec.structs.replace(case, instrument=scaled).quotes(side) == case.quotes(side)


@given(cases())
def test_the_mirrored_market_has_the_mirrored_ladder(case):
    around = 4_000
    mirrored = msgspec.structs.replace(
        case, reference=around - case.reference, bid=around - case.ask, ask=around - case.bid
    )
    for ask, bid in zip(case.quotes(Side.SELL), mirrored.quotes(Side.BUY), strict=False):
        exact = case.reference + case.depth + ask.level * case.step
        if abs(exact - round(exact)) > GRID_NOISE:
            assert (ask.ticks, ask.lots, ask.level) == (around - bid.ticks, bid.lots, bid.level)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("precision", range(9))
@given(reference=st.integers(1, 10**7), depth=st.integers(1, 10**4))
@example(reference=7_164_890, depth=3_882)  # 71 648.90 and 38.82 in cents
@example(reference=7_844_196, depth=1)
def test_a_quote_meant_for_the_grid_stays_where_it_was_meant(precision, side, reference, depth):
    """Sixty thousand dollars in cents are six million ticks: binary fractions must not cost one of them."""
    tick = 10.0**-precision
    instrument = msgspec.structs.replace(COARSE, tick_size=tick, price_precision=precision)
    meant = reference - side * depth
    quotes = ladder(instrument, side, instrument.price(reference), (instrument.price(depth),), (1,), EMPTY)
    assert [quote.ticks for quote in quotes] == ([meant] if meant > 0 else [])


# -- the cap -------------------------------------------------------------------------------------------------

ladders = st.lists(st.integers(1, 9), max_size=6).map(
    lambda lots: tuple(Quote(Side.BUY, 100 - level, n, level) for level, n in enumerate(lots))
)


def test_the_cap_fills_from_the_touch_outwards():
    rungs = tuple(Quote(Side.BUY, 100 - level, 4, level) for level in range(3))
    assert cap_lots(rungs, 6) == (rungs[0], Quote(Side.BUY, 99, 2, 1))
    assert cap_lots(rungs, 8) == rungs[:2]
    assert cap_lots(rungs, 0) == ()


@given(ladders, st.integers(-5, 60))
def test_the_cap_gives_out_what_there_is_and_no_more(rungs, lots):
    capped = cap_lots(rungs, lots)
    assert sum(quote.lots for quote in capped) == max(0, min(lots, sum(quote.lots for quote in rungs)))
    assert all(quote.lots > 0 for quote in capped)
    assert [(q.side, q.ticks, q.level) for q in capped] == [(q.side, q.ticks, q.level) for q in rungs[: len(capped)]]
