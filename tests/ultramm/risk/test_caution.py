"""What is left of a decision that cautions hold back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from journal_records import INSTRUMENT

from ultramm.market import Quote, Side
from ultramm.quoting.decision import Decision
from ultramm.risk.caution import tempered
from ultramm.risk.stops import Level, StopLimits, Stops

FAIR = 100.0  # 200 ticks


def on(level: Level, widen: float = 2.0) -> Stops:
    stops = Stops(StopLimits(widen=widen))
    stops.level, stops.reason = level, "lost 80 today, 100 is allowed"
    return stops


def carefully(decision: Decision, stops: Stops, inventory_lots: int) -> Decision:
    caution = stops.caution
    both = [] if caution is None else [(side, caution) for side in Side]
    return tempered(decision, both, inventory_lots, INSTRUMENT)


def decided(*quotes: Quote) -> Decision:
    return Decision(quotes, FAIR, FAIR)


LADDER = (
    Quote(Side.BUY, 199, 3),
    Quote(Side.BUY, 197, 3, level=1),
    Quote(Side.SELL, 201, 3),
    Quote(Side.SELL, 203, 3, level=1),
)


def test_careful_is_twice_as_far_from_fair_value() -> None:
    careful = carefully(decided(*LADDER), on(Level.WIDEN), 0)
    assert [(quote.side, quote.ticks, quote.lots) for quote in careful.quotes] == [
        (Side.BUY, 198, 3),
        (Side.BUY, 194, 3),
        (Side.SELL, 202, 3),
        (Side.SELL, 206, 3),
    ]


def test_small_is_what_closes_the_position_and_no_more() -> None:
    careful = carefully(decided(*LADDER), on(Level.REDUCE), 4)
    assert [(quote.side, quote.ticks, quote.lots) for quote in careful.quotes] == [
        (Side.SELL, 201, 3),
        (Side.SELL, 203, 1),
    ]
    assert careful.reasons == {Side.BUY: "lost 80 today, 100 is allowed: only what makes the position smaller"}


def test_without_a_position_nothing_makes_it_smaller() -> None:
    careful = carefully(decided(*LADDER), on(Level.REDUCE), 0)
    assert careful.quotes == ()
    assert set(careful.reasons) == set(Side)


def test_stopped_is_nothing() -> None:
    careful = carefully(decided(*LADDER), on(Level.STOP), 4)
    assert careful.quotes == ()
    assert careful.reasons[Side.SELL] == "lost 80 today, 100 is allowed"


def test_what_takes_stays_where_it_takes() -> None:
    taking = Quote(Side.SELL, 198, 2, taking=True)
    assert carefully(decided(taking), on(Level.REDUCE), 4).quotes == (taking,)


quotes = st.builds(Quote, st.sampled_from(list(Side)), st.integers(100, 300), st.integers(1, 20))


@given(
    st.lists(quotes, max_size=8),
    st.sampled_from(list(Level)),
    st.integers(-30, 30),
    st.floats(1.0, 10.0),
)
def test_it_is_never_nearer_and_never_adds(wanted: list[Quote], level: Level, inventory: int, widen: float) -> None:
    careful = carefully(decided(*wanted), on(level, widen), inventory)
    for side in Side:
        before = [quote.ticks * -side for quote in wanted if quote.side is side]
        after = [quote.ticks * -side for quote in careful.quotes if quote.side is side]
        assert not after or min(after) >= min(before)
    if level >= Level.REDUCE:
        total = sum(quote.side * quote.lots for quote in careful.quotes)
        assert abs(inventory + total) <= abs(inventory)
        assert all(quote.side * inventory < 0 for quote in careful.quotes)
