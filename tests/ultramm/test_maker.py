import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.abilities import LearningFromOrders
from ultramm.maker import Maker, MakerParams, Resting
from ultramm.market import Book, Fill, Instrument, Level, Quote, Side, Trade
from ultramm.orders.live import OrderState
from ultramm.orders.plan import Amend, Plan
from ultramm.quoting.decision import Decision
from ultramm.risk.budget import MessageBudget
from ultramm.risk.burst import BurstLimits
from ultramm.risk.exposures import Exposures, Position, TotalLimits
from ultramm.risk.limits import Funds, Limits
from ultramm.risk.protection import Protections
from ultramm.risk.stops import Level as Rung
from ultramm.risk.value_at_risk import VarLimit

MS = 1_000_000
S = 1_000 * MS
INSTRUMENT = Instrument(
    id="X.SIM",
    tick_size=1.0,
    lot_size=0.1,
    price_precision=0,
    size_precision=1,
    quote_currency="USDT",
    settlement_currency="USDT",
)
BID, ASK = Quote(Side.BUY, 99, 10), Quote(Side.SELL, 101, 10)


class Scripted:
    """Wants what it was told, and remembers what it was asked."""

    def __init__(self, *quotes: Quote, fair: float = 100.0, reasons=None) -> None:
        self.decision = Decision(quotes, fair, fair, reasons or {})
        self.asked: list[float] = []
        self.seen: list[Book | Trade] = []

    def on_book(self, book: Book) -> None:
        self.seen.append(book)

    def on_trade(self, trade: Trade) -> None:
        self.seen.append(trade)

    def on_reference(self, book: Book) -> None:
        self.seen.append(("reference", book))

    def on_fill(self, fill: Fill) -> None:
        self.seen.append(fill)

    def decide(self, now_ns: int, inventory: float) -> Decision:
        self.asked.append(inventory)
        return self.decision

    def wants(self, *quotes: Quote, fair: float = 100.0) -> None:
        self.decision = Decision(quotes, fair, fair)


def book(ts_ns: int = 0, bid: float | None = 98.0, ask: float | None = 102.0) -> Book:
    bids = () if bid is None else (Level(bid, 5.0),)
    asks = () if ask is None else (Level(ask, 5.0),)
    return Book(ts_ns, bids, asks)


class Patient(MakerParams, frozen=True, kw_only=True):
    """Of a strategy whose orders may keep their places."""

    @property
    def watches_queues(self) -> bool:
        return True


def maker_of(strategy: Scripted, *, limits: Limits | None = None, budget=None, kind=MakerParams, **params) -> Maker:
    return Maker(
        "mm",
        INSTRUMENT,
        strategy,
        kind(**{"max_position": 5.0, "refresh_ms": 100.0, **params}),
        limits or Limits(),
        budget or MessageBudget(1e6, 1e6),
    )


class Desk:
    """A maker whose approved plans are sent, and a venue that answers when told."""

    def __init__(self, maker: Maker) -> None:
        self.maker = maker
        self.sent = 0

    def step(self, now_ns: int) -> Plan:
        approved = self.maker.step(now_ns).approved
        for order_id in approved.cancels:
            self.maker.orders.cancelling(order_id)
        for quote in approved.submits:
            self.sent += 1
            self.maker.orders.sent(f"o{self.sent}", quote, now_ns)
        return approved

    def accept_all(self, now_ns: int = 0) -> None:
        for order in list(self.maker.orders):
            if order.state is OrderState.SENT:
                self.maker.on_accepted(order.id, now_ns)

    def confirm_cancels(self, now_ns: int = 0) -> None:
        for order in list(self.maker.orders):
            if order.state is OrderState.CANCELLING:
                self.maker.on_cancelled(order.id, now_ns)

    def quote(self, now_ns: int = 0) -> None:
        """Decide, and let the venue take it all."""
        self.step(now_ns)
        self.accept_all(now_ns)


@pytest.fixture
def strategy() -> Scripted:
    return Scripted(BID, ASK)


@pytest.fixture
def maker(strategy) -> Maker:
    maker = maker_of(strategy)
    maker.on_book(book())
    return maker


@pytest.fixture
def desk(maker) -> Desk:
    return Desk(maker)


def fill(order_id="o1", side=Side.BUY, price=99.0, size=1.0, ts_ns=0, fee=0.0) -> Fill:
    return Fill(ts_ns, order_id, side, price, size, fee, True)


# -- the step ------------------------------------------------------------------------------------------------


def test_a_decision_becomes_orders(desk):
    assert desk.step(0) == Plan(submits=(BID, ASK))


def test_a_decision_that_stands_sends_nothing(desk):
    desk.quote()
    assert desk.step(S).empty


def test_a_decision_that_moved_cancels_and_replaces(desk, strategy):
    desk.quote()
    strategy.wants(Quote(Side.BUY, 98, 10), ASK)
    assert desk.step(S) == Plan(cancels=("o1",), submits=(Quote(Side.BUY, 98, 10),))


@pytest.mark.parametrize(("ticks", "keeps"), [(97, False), (98, True), (99, True), (100, True)])
def test_tolerance_is_relative_to_fair_value(strategy, ticks, keeps):
    # 100 bps of 100 is one tick of 1, and of 199 still one.
    maker = maker_of(strategy, tolerance_bps=100.0)
    maker.on_book(book())
    desk = Desk(maker)
    desk.quote()
    strategy.wants(Quote(Side.BUY, ticks, 10), ASK)
    assert desk.step(S).empty is keeps


def test_an_order_older_than_allowed_is_replaced(strategy):
    maker = maker_of(strategy, max_order_age_s=5.0)
    maker.on_book(book())
    desk = Desk(maker)
    desk.quote()
    maker.on_book(book(5 * S - 1))
    assert desk.step(5 * S - 1).empty
    assert desk.step(5 * S) == Plan(cancels=("o1", "o2"), submits=(BID, ASK))


def test_the_strategy_is_told_of_books_and_trades_and_of_the_inventory(maker, strategy):
    trade = Trade(1, 100.0, 1.0, Side.BUY)
    maker.on_trade(trade)
    assert strategy.seen == [book(), trade]
    maker.step(1)
    maker.on_fill(fill(size=0.4))
    maker.step(2)
    assert strategy.asked == [0.0, 0.4]


def test_decisions_are_no_nearer_than_the_refresh(maker):
    assert maker.due_ns <= 0
    maker.step(7)
    assert maker.due_ns > 7 + 100 * MS - 1
    assert maker.due_ns <= 7 + 100 * MS


def test_a_fill_brings_the_decision_forward(maker):
    maker.step(0)
    assert maker.due_ns > 1
    maker.on_fill(fill(ts_ns=1))
    assert maker.due_ns <= 1


@pytest.mark.parametrize("event", [lambda m: m.halt("operator", "paused"), lambda m: m.release("operator")])
def test_a_halt_and_its_end_bring_the_decision_forward(maker, event):
    maker.step(0)
    event(maker)
    assert maker.due_ns <= 1


# -- when nothing is quoted ----------------------------------------------------------------------------------


def reasons(maker: Maker, now_ns: int = 0) -> tuple[str | None, str | None]:
    status = maker.status(now_ns)
    return status.bid.reason, status.ask.reason


def test_without_a_book_nothing_is_quoted(strategy):
    maker = maker_of(strategy)
    assert maker.step(0).approved.empty
    assert reasons(maker) == ("waits for the first book",) * 2
    assert strategy.asked == []


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        (book(1, bid=None), "one side"),
        (book(1, ask=None), "one side"),
        (book(1, bid=None, ask=None), "one side"),
        (book(1, bid=102.0), "crossed or locked"),
        (book(1, bid=103.0), "crossed or locked"),
    ],
)
def test_a_book_that_cannot_be_trusted_pulls_the_quotes_in_words(desk, strategy, changed, word):
    desk.quote()
    desk.maker.on_book(changed)
    asked = len(strategy.asked)
    assert desk.step(S) == Plan(cancels=("o1", "o2"))
    assert all(word in reason for reason in reasons(desk.maker))
    assert len(strategy.asked) == asked


def test_a_silent_market_pulls_the_quotes_in_words(strategy):
    maker = maker_of(strategy, stale_after_s=2.0)
    maker.on_book(book())
    desk = Desk(maker)
    desk.quote()
    assert not maker.must_withdraw(2 * S)
    assert desk.step(2 * S).empty
    assert maker.must_withdraw(2 * S + 1)
    assert desk.step(2 * S + 1) == Plan(cancels=("o1", "o2"))
    assert reasons(maker) == ("no market data for more than 2 s",) * 2
    desk.confirm_cancels()
    assert not maker.must_withdraw(3 * S)


def test_a_market_that_is_heard_of_without_a_change_is_not_silent(strategy):
    maker = maker_of(strategy, stale_after_s=2.0)
    maker.on_book(book())
    desk = Desk(maker)
    desk.quote()
    maker.heard_ns = 2 * S
    assert not maker.must_withdraw(4 * S)
    assert desk.step(4 * S).empty
    assert maker.must_withdraw(4 * S + 1)


def test_a_trade_does_not_make_an_old_book_young(strategy):
    maker = maker_of(strategy, stale_after_s=2.0)
    maker.on_book(book())
    desk = Desk(maker)
    desk.quote()
    maker.on_trade(Trade(3 * S, 100.0, 1.0, Side.BUY))
    assert desk.step(3 * S).cancels == ("o1", "o2")


def test_a_halt_pulls_the_quotes_and_shows_its_reason_on_both_sides(desk, strategy):
    desk.quote()
    desk.maker.halt("operator", "paused by operator")
    assert desk.step(1) == Plan(cancels=("o1", "o2"))
    assert reasons(desk.maker) == ("paused by operator",) * 2
    assert desk.maker.status(1).state == "halted"
    assert len(strategy.asked) == 1


def test_every_halt_is_shown_and_each_source_releases_its_own(desk):
    maker = desk.maker
    maker.halt("operator", "paused by operator")
    maker.halt("journal", "the disk is full")
    maker.halt("operator", "paused by operator again")
    desk.step(0)
    assert set(maker.halts) == {"operator", "journal"}
    assert all("again" in reason and "disk" in reason for reason in reasons(maker))
    maker.release("operator")
    assert desk.step(1).empty
    assert reasons(maker) == ("the disk is full",) * 2
    maker.release("journal")
    assert desk.step(2).submits == (BID, ASK)
    assert maker.status(2).state == "running"


def test_releasing_what_was_not_halted_is_harmless(desk):
    desk.maker.release("nobody")
    assert desk.step(0).submits == (BID, ASK)


def test_an_order_in_flight_when_quotes_are_pulled_is_cancelled_once_it_is_open(desk):
    desk.step(0)
    desk.maker.halt("operator", "paused")
    assert desk.step(1).empty
    desk.accept_all(2)
    assert desk.step(3).cancels == ("o1", "o2")
    assert desk.step(4).empty


def test_withdrawing_cancels_exactly_what_is_open(desk):
    desk.step(0)
    assert desk.maker.withdraw(0).empty
    desk.accept_all()
    assert desk.maker.withdraw(0) == Plan(cancels=("o1", "o2"))
    desk.maker.orders.cancelling("o1")
    assert desk.maker.withdraw(0) == Plan(cancels=("o2",))


def test_a_degraded_maker_quotes_nothing_and_asks_its_strategy_nothing(desk, strategy):
    desk.quote()
    seen, asked = len(strategy.seen), len(strategy.asked)
    desk.maker.degrade("degraded: on_book: ValueError: boom")
    desk.maker.on_book(book(1))
    desk.maker.on_trade(Trade(1, 100.0, 1.0, Side.BUY))
    assert desk.step(2) == Plan(cancels=("o1", "o2"))
    assert (len(strategy.seen), len(strategy.asked)) == (seen, asked)
    assert desk.maker.status(2).state == "degraded"
    assert reasons(desk.maker) == ("degraded: on_book: ValueError: boom",) * 2


@pytest.mark.parametrize("source", ["error", "operator"])
def test_degraded_is_for_good(desk, strategy, source):
    desk.maker.degrade("broken")
    desk.maker.release(source)
    desk.maker.on_book(book(1))
    assert desk.step(2).empty
    assert strategy.asked == []
    assert reasons(desk.maker) == ("broken",) * 2


# -- limits --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("params", "limits"), [(1.0, 9.0), (9.0, 1.0)])
def test_the_tighter_of_the_two_position_limits_holds(params, limits):
    maker = maker_of(Scripted(Quote(Side.BUY, 99, 11)), max_position=params, limits=Limits(max_position=limits))
    maker.on_book(book())
    (refused,) = maker.step(0).refused
    assert "position" in refused.reason


def test_what_was_refused_is_shown_on_its_side():
    maker = maker_of(Scripted(Quote(Side.BUY, 99, 60), ASK))
    maker.on_book(book())
    Desk(maker).quote()
    bid_reason, ask_reason = reasons(maker)
    assert "position could reach 6" in bid_reason
    assert ask_reason is None


def test_what_waits_for_our_own_order_is_shown(desk, strategy):
    desk.quote()
    strategy.wants(Quote(Side.BUY, 101, 10))
    desk.step(1)
    desk.maker.on_cancelled("o1", 1)
    assert "waits for our own ask" in reasons(desk.maker)[0]


def test_an_unknown_fair_value_refuses_every_order():
    maker = maker_of(Scripted(BID, ASK, fair=math.nan))
    maker.on_book(book())
    result = maker.step(0)
    assert result.approved.empty
    assert {refusal.reason for refusal in result.refused} == {"fair value is unknown"}
    status = maker.status(0)
    assert (status.fair, status.reservation_price) == (None, None)


# -- the venue's answers and the status ----------------------------------------------------------------------


def test_the_status_shows_the_open_orders_best_first(strategy):
    strategy.wants(Quote(Side.BUY, 98, 20, 1), BID, Quote(Side.SELL, 103, 5, 1), ASK)
    maker = maker_of(strategy, kind=Patient)
    maker.on_book(book())
    desk = Desk(maker)
    desk.step(0)
    assert reasons(maker) == ("orders are on their way",) * 2
    desk.accept_all()
    status = maker.status(0)
    assert status.state == "running"
    assert status.bid.orders == (Resting(99.0, 1.0, 0.0), Resting(98.0, 2.0, 5.0))
    assert status.ask.orders == (Resting(101.0, 1.0, 0.0), Resting(103.0, 0.5))
    assert (status.bid.reason, status.ask.reason) == (None, None)
    assert (status.fair, status.reservation_price) == (100.0, 100.0)


def test_a_side_that_the_strategy_does_not_quote_shows_the_strategys_reason():
    maker = maker_of(Scripted(ASK, reasons={Side.BUY: "position 5 is at its limit"}))
    maker.on_book(book())
    Desk(maker).quote()
    assert reasons(maker) == ("position 5 is at its limit", None)


def test_a_fill_moves_inventory_orders_and_score(desk):
    desk.quote()
    desk.maker.on_fill(fill(size=0.4, fee=0.01))
    assert desk.maker.inventory == 0.4
    assert desk.maker.inventory_lots == 4
    assert desk.maker.orders.get("o1").lots == 6
    desk.maker.on_fill(fill(size=0.6, fee=0.01))
    assert "o1" not in desk.maker.orders
    score = desk.maker.status(0).score
    assert score.fills == 2
    assert score.quoting.orders_filled == 1
    assert score.quoting.fill_ratio == 0.5
    assert score.pnl.fees == pytest.approx(0.02)


def test_answers_are_counted(desk):
    desk.step(0)
    desk.maker.on_accepted("o1", 1)
    desk.maker.on_rejected("o2", 1)
    desk.maker.orders.cancelling("o1")
    desk.maker.on_cancelled("o1", 2)
    quoting = desk.maker.status(2).score.quoting
    assert (quoting.orders_accepted, quoting.orders_rejected, quoting.orders_cancelled) == (1, 1, 1)
    assert len(desk.maker.orders) == 0


def test_a_rejected_order_is_tried_again(desk):
    desk.step(0)
    desk.maker.on_rejected("o1", 1)
    assert desk.step(S).submits == (BID,)


def test_uptime_begins_with_the_first_book_and_counts_up_to_now(desk):
    desk.step(2 * S)
    desk.accept_all(4 * S)
    desk.maker.on_book(book(10 * S))
    quoting = desk.maker.status(10 * S).score.quoting
    assert quoting.uptime == pytest.approx(0.6)
    assert quoting.bid_uptime == pytest.approx(0.6)


# -- whatever happens ----------------------------------------------------------------------------------------

ladders = st.lists(
    st.builds(Quote, st.just(Side.BUY), st.integers(90, 99), st.integers(1, 30))
    | st.builds(Quote, st.just(Side.SELL), st.integers(101, 110), st.integers(1, 30)),
    max_size=5,
    unique_by=lambda quote: quote.ticks,
).map(lambda quotes: tuple(sorted(quotes, key=lambda quote: -quote.side * quote.ticks)))
events = st.one_of(
    st.tuples(st.just("decide"), ladders),
    st.tuples(st.just("book"), st.sampled_from([(98.0, 102.0), (None, 102.0), (102.0, 98.0), (97.0, 99.0)])),
    st.tuples(st.just("halt"), st.sampled_from(["a", "b"])),
    st.tuples(st.just("release"), st.sampled_from(["a", "b"])),
    st.tuples(st.sampled_from(["accept", "reject", "cancel", "fill"]), st.integers(0, 9)),
)


@given(st.lists(events, max_size=40))
def test_whatever_happens_the_maker_keeps_its_limits_and_its_word(sequence):
    strategy = Scripted()
    maker = maker_of(strategy, max_position=3.0, limits=Limits(max_open_orders=6))
    desk, now_ns = Desk(maker), 0
    maker.on_book(book())
    for verb, detail in sequence:
        now_ns += 100 * MS
        orders = list(maker.orders)
        if verb == "decide":
            strategy.wants(*detail)
            made = desk.step(now_ns)
            assert not (maker.halts and made.submits)
        elif verb == "book":
            maker.on_book(book(now_ns, *detail))
        elif verb == "halt":
            maker.halt(detail, f"halted by {detail}")
        elif verb == "release":
            maker.release(detail)
        elif orders:
            order = orders[detail % len(orders)]
            if verb == "fill":
                price = INSTRUMENT.price(order.ticks)
                maker.on_fill(fill(order.id, order.side, price, INSTRUMENT.size(max(1, order.lots // 2)), now_ns))
            elif verb == "accept" and order.state is OrderState.SENT:
                maker.on_accepted(order.id, now_ns)
            elif verb == "reject" and order.state is OrderState.SENT:
                maker.on_rejected(order.id, now_ns)
            elif verb == "cancel" and order.state is OrderState.CANCELLING:
                maker.on_cancelled(order.id, now_ns)
        assert maker.inventory_lots + maker.orders.lots(Side.BUY) <= 30
        assert maker.inventory_lots - maker.orders.lots(Side.SELL) >= -30
        assert len(maker.orders) <= 6
        status = maker.status(now_ns)
        assert status.score.pnl.identity_residual < 1e-9
        assert msgspec.json.decode(msgspec.json.encode(status), type=type(status)) == status


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_position", 0.0),
        ("max_position", math.inf),
        ("max_position", math.nan),
        ("refresh_ms", -1.0),
        ("refresh_ms", math.inf),
        ("tolerance_bps", -1.0),
        ("max_order_age_s", 0.0),
        ("max_order_age_s", math.inf),
        ("stale_after_s", 0.0),
        ("stale_after_s", math.inf),
        ("levels", 3),
    ],
)
def test_parameters_are_refused_or_make_a_maker_that_works(key, value):
    try:
        params = msgspec.convert({"max_position": 1.0, key: value}, MakerParams)
    except msgspec.ValidationError:
        return
    maker = Maker("mm", INSTRUMENT, Scripted(BID, ASK), params, Limits(), MessageBudget(1.0, 9.0))
    maker.on_book(book())
    assert maker.step(0).approved.submits == (BID, ASK)
    assert maker.due_ns <= 3600 * S


def test_the_strategy_is_told_of_a_fill_unless_it_is_degraded(maker, strategy):
    maker.tell_fill(fill())
    maker.degrade("broken")
    maker.tell_fill(fill("o2"))
    assert [seen.order_id for seen in strategy.seen if isinstance(seen, Fill)] == ["o1"]


# -- the reference -------------------------------------------------------------------------------------------


class Referring(MakerParams, frozen=True, kw_only=True):
    reference: str | None = "Y.SIM"


def referring(strategy: Scripted) -> Maker:
    params = Referring(max_position=5.0, refresh_ms=100.0, stale_after_s=2.0)
    return Maker("mm", INSTRUMENT, strategy, params, Limits(), MessageBudget(1e6, 1e6))


def test_nothing_is_quoted_until_the_reference_was_heard(strategy):
    desk = Desk(referring(strategy))
    desk.maker.on_book(book(10 * S))
    assert desk.step(10 * S).empty
    assert desk.maker.status(10 * S).bid.reason == "no market data of Y.SIM for more than 2 s"
    desk.maker.on_reference(book(10 * S))
    assert len(desk.step(10 * S).submits) == 2
    assert strategy.seen[-1] == ("reference", book(10 * S))


def test_a_silent_reference_pulls_the_quotes_and_one_that_is_heard_without_a_change_does_not(strategy):
    desk = Desk(referring(strategy))
    desk.maker.on_book(book(10 * S))
    desk.maker.on_reference(book(10 * S))
    desk.quote(10 * S)
    desk.maker.heard_ns = 12 * S
    desk.maker.hear_reference(12 * S)
    assert desk.step(13 * S).empty
    desk.maker.heard_ns = 15 * S
    assert len(desk.step(15 * S).cancels) == 2


class Basket(MakerParams, frozen=True, kw_only=True):
    other: tuple[str, ...] = ("Y.SIM", "Z.SIM")

    @property
    def references(self) -> tuple[str, ...]:
        return self.other


def test_of_several_references_each_is_told_by_its_place_and_none_may_be_silent(strategy):
    told = []
    strategy.on_references = lambda place, book: told.append((place, book.ts_ns))
    params = Basket(max_position=5.0, refresh_ms=100.0, stale_after_s=2.0)
    desk = Desk(Maker("mm", INSTRUMENT, strategy, params, Limits(), MessageBudget(1e6, 1e6)))
    desk.maker.on_book(book(10 * S))
    desk.maker.on_reference(book(10 * S), 0)
    assert desk.step(10 * S).empty
    assert desk.maker.status(10 * S).bid.reason == "no market data of Z.SIM for more than 2 s"
    desk.maker.on_reference(book(10 * S), 1)
    assert len(desk.step(10 * S).submits) == 2
    assert told == [(0, 10 * S), (1, 10 * S)]
    assert ("reference", book(10 * S)) not in strategy.seen


def test_a_degraded_maker_asks_nothing_of_its_strategy_about_the_reference(strategy):
    maker = referring(strategy)
    maker.degrade("broken")
    maker.on_reference(book(10 * S))
    assert strategy.seen == []


def test_that_a_model_is_doubted_and_believed_again_is_told_once(strategy):
    strategy.doubt, strategy.models = "", ()
    desk = live_desk(strategy)
    assert desk.maker.take_guard_changes() == []
    strategy.doubt = "there is none"
    told = desk.maker.take_guard_changes()
    assert [(each.guard, each.side, each.active, each.reason) for each in told] == [
        ("model", side, True, "there is none") for side in Side
    ]
    strategy.doubt = "still none"
    assert desk.maker.take_guard_changes() == []
    strategy.doubt = ""
    assert [(each.active, each.reason) for each in desk.maker.take_guard_changes()] == [(False, "")] * 2


# -- our own orders in the book ------------------------------------------------------------------------------


def live_desk(strategy: Scripted) -> Desk:
    params = MakerParams(max_position=5.0, refresh_ms=100.0)
    maker = Maker("mm", INSTRUMENT, strategy, params, Limits(), MessageBudget(1e6, 1e6), book_shows_ours=True)
    return Desk(maker)


def test_where_the_book_shows_our_orders_the_strategy_sees_it_without_them(strategy):
    desk = live_desk(strategy)
    desk.maker.on_book(book(0))
    desk.quote(0)  # a bid at 99 and an ask at 101, one of size each
    shown = Book(1, (Level(99.0, 1.0), Level(98.0, 5.0)), (Level(101.0, 3.0), Level(102.0, 5.0)))
    desk.maker.on_book(shown)
    assert strategy.seen[-1] == Book(1, (Level(98.0, 5.0),), (Level(101.0, 2.0), Level(102.0, 5.0)))
    assert desk.maker.score.mid == 100.0  # what is measured is measured by the public book


@pytest.mark.parametrize(
    ("bid", "hides"),
    [(99.0, True), (99.5, False), (98.0, False)],
    ids=["at our bid", "before it", "without it, as if it had not come yet"],
)
def test_only_where_ours_is_at_the_touch_others_is_looked_for_behind_it(strategy, bid, hides):
    desk = live_desk(strategy)
    desk.maker.on_book(book(0))
    assert not desk.maker.hides_touch
    desk.quote(0)
    desk.maker.on_book(Book(1, (Level(bid, 2.0),), (Level(103.0, 1.0),)))
    assert desk.maker.hides_touch == hides


def test_a_touch_is_read_once_more_when_ours_has_gone_after_the_book(strategy):
    desk = live_desk(strategy)
    desk.maker.on_book(book(0))
    desk.quote(0)
    order = next(order for order in desk.maker.orders if order.side is Side.BUY)
    gone = Book(1, (Level(99.0, 1.0),), (Level(103.0, 1.0),))  # another's, of the size that ours had
    desk.maker.on_book(gone)
    desk.maker.on_cancelled(order.id, 2)
    assert desk.maker.hides_touch
    desk.maker.on_depth(gone)
    assert strategy.seen[-1] == gone
    assert not desk.maker.hides_touch


def test_our_own_quotes_do_not_move_the_mid_that_the_next_ones_are_held_to(strategy):
    desk = live_desk(strategy)
    strategy.wants(Quote(Side.BUY, 104, 10), fair=105.0)
    desk.maker.on_book(book(0, 90.0, 110.0))
    desk.quote(0)
    assert [order.ticks for order in desk.maker.orders] == [104]
    # With ours the touch is 104 to 110: 107, from which 108 would not be far.
    seen = Book(1, (Level(104.0, 1.0), Level(90.0, 5.0)), (Level(110.0, 5.0),))
    strategy.wants(Quote(Side.BUY, 108, 10), fair=107.0)
    desk.maker.on_book(Book(1, seen.bids[:1], seen.asks))
    desk.maker.on_depth(seen)
    (refusal,) = desk.maker.step(200 * MS).refused
    assert refusal.reason == "price 108.0 is outside the collar of 500 bps around the mid 100"


def test_where_the_book_does_not_show_ours_nothing_is_hidden(strategy):
    params = MakerParams(max_position=5.0)
    desk = Desk(Maker("mm", INSTRUMENT, strategy, params, Limits(), MessageBudget(1e6, 1e6)))
    desk.maker.on_book(book(0))
    desk.quote(0)
    desk.maker.on_book(Book(1, (Level(99.0, 2.0),), (Level(101.0, 1.0),)))
    assert not desk.maker.hides_touch


def test_places_in_queues_are_also_seen_between_decisions(strategy):
    params = MakerParams(max_position=5.0, refresh_ms=100.0)
    maker = Maker(
        "mm",
        INSTRUMENT,
        strategy,
        params,
        Limits(),
        MessageBudget(1e6, 1e6),
        book_shows_ours=True,
        show_queues=True,
    )
    desk = Desk(maker)
    maker.on_book(book(bid=100.0, ask=102.0))
    desk.quote(0)
    seen = list(strategy.seen)
    assert [order.ahead for order in maker.status(0).bid.orders] == [None]
    maker.on_queues(Book(1, (Level(100.0, 2.0), Level(99.0, 5.0)), (Level(102.0, 1.0),)))
    assert [order.ahead for order in maker.status(0).bid.orders] == [4.0]
    assert strategy.seen == seen


def test_a_touch_that_is_ours_alone_is_no_news_to_the_strategy(strategy):
    desk = live_desk(strategy)
    desk.maker.on_book(book(0))
    desk.quote(0)
    before = list(strategy.seen)
    desk.maker.on_book(Book(1, (Level(99.0, 1.0),), (Level(102.0, 5.0),)))
    assert strategy.seen == before


def test_before_a_decision_the_strategy_sees_what_others_have_behind_us_and_where_there_is_nothing_nothing(strategy):
    desk = live_desk(strategy)
    desk.maker.on_book(book(0))
    desk.quote(0)
    alone = (Level(99.0, 1.0),)
    desk.maker.on_depth(Book(1, (*alone, Level(90.0, 5.0)), (Level(120.0, 5.0),)))
    assert strategy.seen[-1] == Book(1, (Level(90.0, 5.0),), (Level(120.0, 5.0),))
    desk.maker.on_depth(Book(2, alone, (Level(120.0, 5.0),)))
    assert strategy.seen[-1] == Book(2, (), (Level(120.0, 5.0),))


def test_where_the_book_is_of_others_alone_nothing_is_taken_off(strategy, maker):
    desk = Desk(maker)
    desk.maker.on_book(book(0))
    desk.quote(0)
    desk.maker.on_book(book(1, bid=99.0))
    assert strategy.seen[-1] == book(1, bid=99.0)


# -- a margin account ----------------------------------------------------------------------------------------


def margin_desk(equity: float, leverage: float, strategy: Scripted, instrument: Instrument = INSTRUMENT) -> Desk:
    params = MakerParams(max_position=1e6, refresh_ms=100.0)
    funds = Funds(equity=equity, leverage=leverage)
    maker = Maker("mm", instrument, strategy, params, Limits(), MessageBudget(1e6, 1e6), funds)
    maker.on_book(book(0))
    return Desk(maker)


def test_a_margin_account_bears_positions_up_to_its_equity_times_its_leverage(strategy):
    strategy.wants(Quote(Side.BUY, 99, 10), Quote(Side.BUY, 98, 10, 1))
    assert [quote.ticks for quote in margin_desk(100.0, 1.0, strategy).step(0).submits] == [99]
    assert [quote.ticks for quote in margin_desk(100.0, 2.0, strategy).step(0).submits] == [99, 98]
    desk = margin_desk(49.0, 2.0, strategy)
    assert desk.step(0).empty
    assert desk.maker.status(0).bid.reason == "position could be worth 100, the account's equity bears 98"


def test_what_was_earned_and_lost_changes_what_is_borne(strategy):
    strategy.wants(Quote(Side.BUY, 99, 10))
    desk = margin_desk(100.0, 1.0, strategy)
    desk.maker.on_fill(Fill(0, "o", Side.BUY, 99.0, 1.0, 0.0, True))
    desk.maker.on_fill(Fill(0, "o", Side.SELL, 96.0, 1.0, 0.0, True))
    assert desk.step(0).empty
    assert "bears 97" in desk.maker.status(0).bid.reason
    desk.maker.on_fill(Fill(0, "o", Side.BUY, 90.0, 1.0, 0.0, True))
    desk.maker.on_fill(Fill(0, "o", Side.SELL, 100.0, 1.0, 0.0, True))
    assert len(desk.step(MS).submits) == 1


def test_an_order_that_reduces_needs_no_equity(strategy):
    strategy.wants(Quote(Side.SELL, 101, 10))
    desk = margin_desk(10.0, 1.0, strategy)
    desk.maker.on_fill(Fill(0, "o", Side.BUY, 99.0, 1.0, 0.0, True))
    assert len(desk.step(0).submits) == 1


def test_the_worth_of_an_inverse_contract_is_in_its_base_currency(strategy):
    inverse = msgspec.structs.replace(INSTRUMENT, inverse=True, multiplier=100.0, settlement_currency="BTC")
    strategy.wants(Quote(Side.BUY, 99, 10))  # one contract of 100 at 99: a little more than one coin
    assert margin_desk(1.0, 1.0, strategy, inverse).step(0).empty
    assert len(margin_desk(1.02, 1.0, strategy, inverse).step(0).submits) == 1


# -- hours and expiry ----------------------------------------------------------------------------------------


def trading(strategy: Scripted, **values) -> Desk:
    params = MakerParams(max_position=5.0, refresh_ms=0.0, stale_after_s=1e9)
    instrument = msgspec.structs.replace(INSTRUMENT, **values)
    return Desk(Maker("mm", instrument, strategy, params, Limits(), MessageBudget(1e6, 1e6)))


NEW_YORK_CLOSES = 1_381_176_000 * S  # 2013-10-07 20:00 UTC


def test_at_the_close_the_quotes_are_pulled_and_it_is_said_when_the_market_opens(strategy):
    desk = trading(strategy, hours="XNYS")
    desk.maker.on_book(book(NEW_YORK_CLOSES - 1))
    desk.quote(NEW_YORK_CLOSES - 1)
    assert len(desk.maker.orders) == 2
    assert not desk.maker.must_withdraw(NEW_YORK_CLOSES - 1)
    assert desk.maker.must_withdraw(NEW_YORK_CLOSES)  # though nothing may be heard any more
    assert len(desk.step(NEW_YORK_CLOSES).cancels) == 2
    desk.confirm_cancels(NEW_YORK_CLOSES + S)
    assert desk.maker.score.score(NEW_YORK_CLOSES + 999 * S).quoting.uptime == 1.0  # closed hours count for nothing
    assert desk.maker.status(NEW_YORK_CLOSES).bid.reason == "the market is closed until 2013-10-08 13:30 UTC"


def test_a_contract_that_has_expired_is_not_quoted(strategy):
    desk = trading(strategy, expiry_ns=NEW_YORK_CLOSES)
    desk.maker.on_book(book(NEW_YORK_CLOSES - 1))
    desk.quote(NEW_YORK_CLOSES - 1)
    assert len(desk.maker.orders) == 2
    assert len(desk.step(NEW_YORK_CLOSES).cancels) == 2
    assert desk.maker.status(NEW_YORK_CLOSES).ask.reason == "expired at 2013-10-07 20:00 UTC"


# -- what a report looks at ------------------------------------------------------------------------------------


def test_the_best_quotes_are_those_that_the_venue_holds():
    near, far = Quote(Side.BUY, 99, 10), Quote(Side.BUY, 97, 10)
    desk = Desk(maker_of(Scripted(far, near, ASK)))
    desk.maker.on_book(book())
    desk.step(0)
    assert all(math.isnan(price) for price in desk.maker.best_quotes())
    desk.accept_all()
    assert desk.maker.best_quotes() == (99.0, 101.0)


def test_an_order_whose_cancel_travels_is_still_a_quote_until_the_venue_confirms():
    strategy = Scripted(BID, ASK)
    desk = Desk(maker_of(strategy))
    desk.maker.on_book(book())
    desk.quote()
    strategy.wants(BID)
    desk.step(S)
    assert desk.maker.best_quotes() == (99.0, 101.0)
    desk.confirm_cancels(S)
    bid, ask = desk.maker.best_quotes()
    assert bid == 99.0
    assert math.isnan(ask)


def test_the_book_and_the_limit_can_be_looked_at():
    maker = maker_of(Scripted(), limits=Limits(max_position=3.0))
    assert maker.book is None
    assert maker.max_position == 3.0
    maker.on_book(book(5))
    assert maker.book == book(5)


def test_closed_hours_count_for_nothing_though_the_market_went_silent_before_the_close(strategy):
    params = MakerParams(max_position=5.0, refresh_ms=0.0, stale_after_s=10.0)
    instrument = msgspec.structs.replace(INSTRUMENT, hours="XNYS")
    desk = Desk(Maker("mm", instrument, strategy, params, Limits(), MessageBudget(1e6, 1e6)))
    quiet = NEW_YORK_CLOSES - 20 * S
    desk.maker.on_book(book(quiet - 80 * S))
    desk.quote(quiet - 80 * S)
    desk.maker.on_book(book(quiet))
    assert desk.maker.must_withdraw(quiet + 11 * S)
    desk.step(quiet + 11 * S)
    desk.confirm_cancels(quiet + 11 * S)
    assert not desk.maker.must_withdraw(NEW_YORK_CLOSES)
    uptime = desk.maker.score.score(NEW_YORK_CLOSES + 9_999 * S).quoting.uptime
    assert uptime == pytest.approx(0.91)  # of the hundred seconds before the close, nine without quotes


# -- places in queues ----------------------------------------------------------------------------------------


def knowing(*quotes: Quote, kappa: float = 0.3, **nearest: float) -> Decision:
    return Decision(quotes, 100.0, 100.0, kappa=kappa, nearest={Side[side]: price for side, price in nearest.items()})


def first_in_a_worn_queue(strategy: Scripted, kind=Patient) -> tuple[Maker, Desk]:
    """A bid of ours at 98, first at its price, and 20 of others at 99; two trade at a price before it goes."""
    maker = maker_of(strategy, kind=kind)
    strategy.decision = knowing(Quote(Side.BUY, 98, 10))
    desk = Desk(maker)
    maker.on_book(book(bid=99.0))
    maker.on_trade(Trade(1, 99.0, 2.0, Side.SELL))
    maker.on_book(book(S, bid=97.0))
    desk.quote(S)
    assert maker.status(S).bid.orders == (Resting(98.0, 1.0, 0.0 if kind is Patient else None),)
    maker.on_book(Book(2 * S, (Level(99.0, 20.0),), (Level(102.0, 5.0),)))
    return maker, desk


def test_an_order_keeps_its_place_while_that_is_worth_more(strategy):
    _, desk = first_in_a_worn_queue(strategy)
    strategy.decision = knowing(Quote(Side.BUY, 99, 10))
    assert desk.step(2 * S).empty


def test_a_strategy_that_does_not_know_its_fills_moves_it(strategy):
    _, desk = first_in_a_worn_queue(strategy)
    strategy.decision = knowing(Quote(Side.BUY, 99, 10), kappa=math.nan)
    assert len(desk.step(2 * S).cancels) == 1


def test_places_that_are_not_watched_are_not_kept(strategy):
    _, desk = first_in_a_worn_queue(strategy, MakerParams)
    strategy.decision = knowing(Quote(Side.BUY, 99, 10))
    assert len(desk.step(2 * S).cancels) == 1


def test_a_node_shows_places_whatever_the_strategy_does_with_them(strategy):
    params = MakerParams(max_position=5.0)
    maker = Maker("mm", INSTRUMENT, strategy, params, Limits(), MessageBudget(1e6, 1e6), show_queues=True)
    maker.on_book(book(bid=99.0))
    Desk(maker).quote(0)
    assert maker.status(0).bid.orders == (Resting(99.0, 1.0, 5.0),)


def test_an_empty_queue_is_no_reason_to_stay(strategy):
    _, desk = first_in_a_worn_queue(strategy)
    strategy.decision = knowing(Quote(Side.BUY, 100, 10))
    assert len(desk.step(2 * S).cancels) == 1


@pytest.mark.parametrize(("nearest", "stays"), [(98.0, True), (97.0, False)])
def test_no_place_is_kept_nearer_than_the_strategy_allows(strategy, nearest, stays):
    maker, desk = first_in_a_worn_queue(strategy)
    maker.on_depth(Book(2 * S, (Level(99.0, 20.0), Level(97.0, 40.0)), (Level(102.0, 5.0),)))
    strategy.decision = knowing(Quote(Side.BUY, 97, 10), BUY=nearest)
    assert desk.step(2 * S).empty == stays


def test_a_place_ends_with_its_order(strategy):
    maker, desk = first_in_a_worn_queue(strategy)
    (order,) = maker.orders
    maker.queues._places._places[order.id].ahead = 7.0
    maker.on_fill(Fill(3 * S, order.id, Side.BUY, 98.0, 0.4, 0.0, maker=True))
    assert maker.queues.ahead(order.id) == 0.0, "a fill in part is the proof that nobody is ahead"
    maker.on_fill(Fill(3 * S, order.id, Side.BUY, 98.0, 0.6, 0.0, maker=True))
    assert math.isnan(maker.queues.ahead(order.id))
    desk.quote(4 * S)
    (other,) = maker.orders
    maker.on_cancelled(other.id, 5 * S)
    assert math.isnan(maker.queues.ahead(other.id))


# -- what our orders tell --------------------------------------------------------------------------------------


class Learning(Scripted):
    """Remembers what it was told of its orders."""

    learns = True

    def __init__(self, *quotes: Quote) -> None:
        super().__init__(*quotes)
        self.told: list[tuple[float, float, int]] = []

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        self.told.append((depth, seconds, fills))


def learning(*quotes: Quote) -> tuple[Learning, Maker, Desk]:
    """One whose quotes rest at the venue."""
    strategy = Learning(*quotes)
    maker = maker_of(strategy)
    maker.on_book(book())
    desk = Desk(maker)
    desk.quote(0)
    return strategy, maker, desk


def test_a_strategy_that_learns_is_told_how_long_its_orders_stood_where():
    strategy = Learning(BID, ASK)
    assert isinstance(strategy, LearningFromOrders)
    maker = maker_of(strategy)
    desk = Desk(maker)
    maker.on_book(book())
    desk.step(0)
    desk.step(S)  # in flight: they do not stand yet
    assert strategy.told == []
    desk.accept_all(S)
    maker.on_book(book(2 * S, bid=99.0, ask=103.0))
    desk.step(3 * S)
    assert strategy.told == [(1.0, 2.0, 0), (1.0, 2.0, 0)], "from the mid as it was at the step before"
    strategy.told.clear()
    desk.step(4 * S)
    assert strategy.told == [(2.0, 1.0, 0), (0.0, 1.0, 0)]


def test_a_fill_is_told_once_an_order_and_how_long_it_stood():
    strategy, maker, _ = learning(BID, ASK)
    (bid,) = (order for order in maker.orders if order.side is Side.BUY)
    for size in (0.3, 0.7):
        fill = Fill(S, bid.id, Side.BUY, 99.0, size, 0.0, maker=True)
        maker.on_fill(fill)
        maker.tell_fill(fill)
    assert strategy.told == [(1.0, 0.0, 1), (1.0, 1.0, 0)]


def test_who_does_not_want_to_learn_is_told_nothing():
    strategy = Learning(BID, ASK)
    strategy.learns = False
    desk = Desk(maker_of(strategy))
    desk.maker.on_book(book())
    desk.quote(0)
    desk.step(S)
    assert strategy.told == []


def test_an_order_that_is_cancelled_has_stood_until_then():
    strategy, maker, desk = learning(BID)
    strategy.wants()
    desk.step(2 * S)
    strategy.told.clear()
    maker.on_cancelled("o1", 3 * S)
    assert strategy.told == [(1.0, 1.0, 0)]


def test_a_fill_on_a_book_of_one_side_is_booked_though_nobody_can_say_how_deep_it_was():
    strategy, maker, desk = learning(BID, ASK)
    maker.on_book(book(S, ask=None))
    desk.step(S)
    strategy.told.clear()
    (bid,) = (order for order in maker.orders if order.side is Side.BUY)
    fill = Fill(2 * S, bid.id, Side.BUY, 99.0, 1.0, 0.0, maker=True)
    maker.on_fill(fill)
    maker.tell_fill(fill)
    assert maker.inventory == 1.0
    assert strategy.told == []
    assert fill in strategy.seen


def test_depths_are_told_from_the_mid_of_others():
    strategy = Learning(BID)
    maker = Maker(
        "mm",
        INSTRUMENT,
        strategy,
        MakerParams(max_position=5.0),
        Limits(),
        MessageBudget(1e6, 1e6),
        book_shows_ours=True,
    )
    desk = Desk(maker)
    maker.on_book(book(bid=97.0, ask=102.0))
    desk.quote(0)
    maker.on_book(Book(S, (Level(99.0, 1.0), Level(97.0, 5.0)), (Level(102.0, 5.0),)))
    desk.step(S)
    desk.step(2 * S)
    assert [depth for depth, _, _ in strategy.told] == [0.5, 0.5]


# -- live venues -----------------------------------------------------------------------------------------------


class Told(Scripted):
    """Hears of interruptions."""

    def __init__(self, *quotes: Quote) -> None:
        super().__init__(*quotes)
        self.interruptions: list[tuple[int, str]] = []
        self.shown: list[int] = []

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self.interruptions.append((ts_ns, reason))
        self.shown.append(len(self.seen))


def test_a_strategy_hears_once_of_each_silence_of_its_market():
    strategy = Told(BID)
    maker = Maker(
        "m", INSTRUMENT, strategy, MakerParams(max_position=10, stale_after_s=1), Limits(), MessageBudget(9, 9)
    )
    maker.on_book(book(0))
    for at in (0, 2 * S, 3 * S):
        maker.step(at)
    assert strategy.interruptions == [(2 * S, "no market data for more than 1 s")]
    maker.on_book(book(4 * S))
    maker.step(6 * S)
    assert [at for at, _ in strategy.interruptions] == [2 * S, 6 * S]


def test_a_silence_that_nobody_asked_about_is_told_before_its_end_is_shown():
    """As in a backtest, where nothing happens between two events."""
    strategy = Told(BID)
    params = MakerParams(max_position=10, stale_after_s=1)
    maker = Maker("m", INSTRUMENT, strategy, params, Limits(), MessageBudget(9, 9))
    maker.on_book(book(0))
    maker.on_book(book(1 * S))
    maker.on_book(book(5 * S))
    assert strategy.interruptions == [(5 * S, "no market data for more than 1 s")]
    assert strategy.shown == [2]
    # Also one that ends with news that leave the touch as it was.
    maker.hear(9 * S)
    maker.hear(10 * S)
    assert [at for at, _ in strategy.interruptions] == [5 * S, 9 * S]


def fill_at(price: float, size: float, side: Side, **fields) -> Fill:
    return Fill(0, "earlier", side, price, size, fields.pop("fee", 0.0), True, **fields)


def test_a_maker_goes_on_from_the_fills_of_earlier_runs_and_counts_its_funds_once():
    funds = Funds(sellable=5.0, spendable=1_000.0)
    maker = Maker("m", INSTRUMENT, Scripted(), MakerParams(max_position=100), Limits(), MessageBudget(9, 9), funds)
    maker.restore([(fill_at(100.0, 2.0, Side.BUY, fee=0.5), 101.0), (fill_at(102.0, 1.0, Side.SELL), 101.0)], 0)
    assert maker.inventory == 1.0
    score = maker.score.score(0)
    assert score.fills == 2
    # Bought at 100 with a mid of 101, sold at 102: three of capture, half of fees.
    assert score.pnl.total == pytest.approx(2 * 1 + 1 * 1 - 0.5)
    limits = maker._limits_now()
    # What the account has now is what it has to spend: the earlier fills are in it.
    assert limits.spendable == pytest.approx(1_000.0)
    assert limits.sellable + maker.inventory == pytest.approx(5.0)


class Keeper(Told):
    """Is kept between runs."""

    remembers = True

    def __init__(self, *quotes: Quote) -> None:
        super().__init__(*quotes)
        self.told: list[float] = []

    def on_fill(self, fill: Fill) -> None:
        self.told.append(fill.price)


def restored(strategy: Keeper, told_fills: int | None) -> Maker:
    params = MakerParams(max_position=100)
    maker = Maker("m", INSTRUMENT, strategy, params, Limits(), MessageBudget(9, 9), told_fills=told_fills)
    maker.restore([(fill_at(price, 1.0, Side.BUY), 100.0) for price in (98.0, 99.0, 97.0)], 5 * S)
    return maker


def test_a_strategy_of_an_earlier_run_is_told_of_the_fills_that_it_does_not_know_and_of_the_interruption():
    strategy = Keeper()
    maker = restored(strategy, 1)
    assert strategy.told == [99.0, 97.0]
    assert strategy.interruptions == [(5 * S, "the node was started again")]
    assert (maker.inventory, maker.score.fills) == (3.0, 3)


def test_a_new_strategy_is_told_of_no_earlier_fill():
    strategy = Keeper()
    restored(strategy, None)
    assert (strategy.told, strategy.interruptions) == ([], [])


def test_a_strategy_is_remembered_if_it_says_so_and_has_not_failed():
    strategy = Keeper()
    maker = restored(strategy, None)
    assert maker.remembered is strategy
    maker.degrade("it failed")
    assert maker.remembered is None
    strategy.remembers = False
    assert restored(strategy, None).remembered is None
    forgetful = Maker("m", INSTRUMENT, Scripted(), MakerParams(max_position=1), Limits(), MessageBudget(9, 9))
    assert forgetful.remembered is None


def test_a_fee_in_the_coin_bought_lessens_the_position_and_is_a_fee_of_its_worth():
    maker = Maker("m", INSTRUMENT, Scripted(), MakerParams(max_position=100), Limits(), MessageBudget(9, 9))
    maker.on_book(book(0))
    maker.on_fill(fill_at(98.0, 1.0, Side.BUY, base_fee=0.001))
    pnl = maker.score.score(0).pnl
    assert maker.inventory == pytest.approx(0.999)
    assert pnl.fees == pytest.approx(0.001 * 100.0)
    assert pnl.total == pytest.approx(0.999 * 100.0 - 98.0)
    assert pnl.identity_residual < 1e-12


@given(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.integers(90, 110), st.integers(1, 50), st.integers(0, 20)),
        max_size=30,
    )
)
def test_with_fees_in_coins_the_parts_still_add_up_to_the_whole(trades):
    maker = Maker("m", INSTRUMENT, Scripted(), MakerParams(max_position=1e6), Limits(), MessageBudget(9, 9))
    maker.on_book(book(0))
    coins, cash = 0.0, 0.0
    for side, price, lots, fee_bps in trades:
        size = INSTRUMENT.size(lots)
        base_fee = round(size * fee_bps * 1e-4, 8) if side is Side.BUY else 0.0
        maker.on_fill(fill_at(float(price), size, side, base_fee=base_fee))
        coins += side * size - base_fee
        cash -= side * size * price
    pnl = maker.score.score(0).pnl
    assert maker.inventory == pytest.approx(coins, abs=1e-9)
    assert pnl.total == pytest.approx(cash + coins * 100.0, abs=1e-6)
    assert pnl.identity_residual < 1e-9


def test_a_venue_that_changes_orders_is_sent_changes():
    strategy = Scripted(BID)
    maker = Maker(
        "m", INSTRUMENT, strategy, MakerParams(max_position=100), Limits(), MessageBudget(99, 99), amends=True
    )
    maker.on_book(book(0))
    (quote,) = maker.step(0).approved.submits
    maker.orders.sent("o", quote, 0)
    maker.on_accepted("o", 0)
    strategy.wants(Quote(Side.BUY, 97, 10))
    assert maker.step(S).approved == Plan(amends=(Amend("o", Quote(Side.BUY, 97, 10)),))
    maker.orders.amending("o", Quote(Side.BUY, 97, 10))
    assert maker.step(2 * S).approved == Plan()
    maker.on_amended("o", 97, 10)
    assert maker.orders.get("o").ticks == 97


def test_an_order_that_shrinks_at_its_price_keeps_its_place_and_one_that_moves_loses_it():
    maker = Maker("m", INSTRUMENT, Scripted(), Patient(max_position=100), Limits(), MessageBudget(9, 9), amends=True)
    maker.on_book(Book(0, (Level(98.0, 5.0),), (Level(102.0, 5.0),)))
    maker.orders.sent("o", Quote(Side.BUY, 98, 10), 0)
    maker.on_accepted("o", 0)
    maker.on_book(Book(S, (Level(98.0, 9.0),), (Level(102.0, 5.0),)))
    assert maker.queues.ahead("o") == 5.0
    maker.on_amended("o", 98, 4)
    assert maker.queues.ahead("o") == 5.0
    maker.on_amended("o", 98, 8)
    assert maker.queues.ahead("o") == 9.0


def test_an_order_that_was_changed_to_what_had_traded_is_no_more():
    strategy = Scripted(BID)
    desk = Desk(maker_of(strategy))
    desk.maker.on_book(book(0))
    desk.quote()
    (order,) = desk.maker.orders
    desk.maker.orders.amending(order.id, Quote(Side.BUY, 99, 4))
    desk.maker.on_fill(fill(order.id, size=0.4))
    desk.maker.on_amended(order.id, 99, 0)
    assert len(desk.maker.orders) == 0


def test_parts_of_a_lot_that_fees_have_taken_count_for_the_side_that_they_are_on():
    strategy = Scripted(Quote(Side.SELL, 101, 1), Quote(Side.BUY, 99, 1))
    maker = maker_of(strategy, max_position=1.0)
    maker.on_book(book(0))
    maker.on_fill(fill_at(98.0, 1.0, Side.BUY, base_fee=0.04))
    maker.on_fill(fill_at(98.0, 1.9, Side.SELL))
    assert (maker.inventory, maker.inventory_lots) == (pytest.approx(-0.94), -9)
    assert (maker.lots_towards(Side.SELL), maker.lots_towards(Side.BUY)) == (-10, -9)
    found = maker.step(0)
    # One more lot would be 1.04.
    assert [refusal.reason for refusal in found.refused] == ["position could reach 1.1, the limit is 1"]
    assert found.approved.submits == (Quote(Side.BUY, 99, 1),)


def test_a_cash_account_does_not_sell_the_part_of_a_lot_that_a_fee_took():
    funds = Funds(sellable=0.3, spendable=1e6)
    strategy = Scripted(Quote(Side.SELL, 101, 13))
    params = MakerParams(max_position=100)
    maker = Maker("m", INSTRUMENT, strategy, params, Limits(), MessageBudget(9, 9), funds)
    maker.on_book(book(0))
    maker.on_fill(fill_at(98.0, 1.0, Side.BUY, base_fee=0.04))
    assert [quote.lots for quote in maker.step(0).approved.submits] == [12]


@pytest.mark.parametrize(("sellable", "lots"), [(5.0, 10), (0.0, 9), (math.inf, 10)])
def test_a_position_is_closed_with_the_lots_that_the_account_has(sellable, lots):
    funds = Funds(sellable=sellable, spendable=1e6 if math.isfinite(sellable) else math.inf)
    maker = Maker("m", INSTRUMENT, Scripted(), MakerParams(max_position=100), Limits(), MessageBudget(9, 9), funds)
    maker.on_book(book(0))
    maker.on_fill(fill_at(98.0, 1.0, Side.BUY, base_fee=0.001))
    assert maker.closing_lots == lots


# -- protection and the other makers ---------------------------------------------------------------------------


def protected(strategy: Scripted, protections: Protections, exposures: Exposures | None = None) -> Desk:
    params = MakerParams(max_position=5.0, refresh_ms=100.0)
    budget = MessageBudget(1e6, 1e6)
    maker = Maker(
        "mm", INSTRUMENT, strategy, params, Limits(), budget, protections=protections, exposures=exposures
    )  # fmt: skip
    return Desk(maker)


def test_a_guard_holds_a_side_back_and_the_status_says_why():
    desk = protected(Scripted(BID, ASK), Protections(bursts=BurstLimits(orders=2, rest_s=2.0)))
    desk.maker.on_book(book())
    for number in range(2):
        desk.maker.on_fill(Fill(number, f"f{number}", Side.BUY, 99.0, 0.1, 0.0, True))
    assert desk.step(10).submits == (ASK,)
    status = desk.maker.status(10)
    assert status.caution == "bids: 2 orders of it were filled within 1 s: it rests"
    assert status.bid.reason == "2 orders of it were filled within 1 s: it rests"
    assert [(change.guard, change.side, change.active) for change in desk.maker.take_guard_changes()] == [
        ("fill burst", Side.BUY, True)
    ]
    desk.maker.hear(3 * S)
    assert desk.step(3 * S).submits == (BID,)
    assert desk.maker.status(3 * S).caution == ""


def test_what_a_position_may_lose_bounds_it_by_what_the_market_does():
    desk = protected(Scripted(BID, ASK), Protections(var=VarLimit(budget=3.0, over_s=1.0)))
    for second in range(100):
        mid = 100.0 + (second % 2)
        desk.maker.on_book(book(second * S, mid - 2, mid + 2))
    # A tick a second: 2.33 of them cost 3 with 1.29 of size, so that orders of 1.0 fit, and none after the first.
    desk.step(100 * S)
    desk.accept_all()
    desk.maker.on_fill(Fill(100 * S, "o1", Side.BUY, 99.0, 1.0, 0.0, True))
    bids = [quote for quote in desk.step(101 * S).submits if quote.side is Side.BUY]
    assert [quote.lots for quote in bids] == [2]


def test_before_it_is_known_what_a_position_may_lose_none_is_begun_and_the_status_says_so():
    desk = protected(Scripted(BID, ASK), Protections(var=VarLimit(budget=3.0)))
    desk.maker.on_book(book(0))
    assert desk.step(0).submits == ()
    reason = "position could reach 1, its value at risk is not known before a minute of the market was seen"
    assert desk.maker.status(0).bid.reason == reason
    # What was held before it may be closed.
    desk.maker.on_fill(Fill(1, "o1", Side.BUY, 99.0, 1.0, 0.0, True))
    assert desk.step(1).submits == (ASK,)


class Doubting(Scripted):
    volume_doubtful = False


def test_a_strategy_that_can_do_without_volume_hears_when_to():
    strategy = Doubting(BID, ASK)
    desk = protected(strategy, Protections(manipulation=True))
    now_ns = 0
    for second in range(400):
        now_ns = second * S
        desk.maker.on_book(book(now_ns))
        desk.maker.on_trade(Trade(now_ns, 100.0, 1.0 + second % 5, Side.BUY if second % 3 else Side.SELL))
    desk.step(now_ns)
    assert not strategy.volume_doubtful
    for _ in range(1_000):
        for side in Side:
            now_ns += 10 * MS
            desk.maker.on_trade(Trade(now_ns, 100.0, 7.0, side))
    desk.maker.on_book(book(now_ns))
    desk.step(now_ns)
    assert strategy.volume_doubtful
    assert "volume is" in desk.maker.status(now_ns).caution


def test_a_loss_of_the_whole_stops_each_and_arming_one_arms_it():
    exposures = Exposures(TotalLimits(currency="USDT", daily_loss=1.0))
    desk = protected(Scripted(BID, ASK), Protections(), exposures)
    exposures.join(desk.maker, lambda: None)
    desk.maker.on_book(book())
    desk.step(0)
    exposures.look(protected(Scripted(), Protections()).maker, 1, 0.0)
    exposures.look(protected(Scripted(), Protections()).maker, 1, -1.0)
    assert desk.step(2).cancels == ()
    assert desk.maker.stops.level is Rung.STOP
    assert desk.maker.stops.reason == "lost 1 today, 1 is allowed"
    desk.maker.arm()
    assert exposures.stops.level is Rung.NONE


# -- hedges -----------------------------------------------------------------------------------------------------


class HedgingScript(Scripted):
    """One that is told what others hold."""

    makers, unhedged = ("mm",), ""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[int, Position, tuple[Position, ...]]] = []

    def on_positions(self, ts_ns, own, others) -> None:
        self.told.append((ts_ns, own, others))


def hedging() -> tuple[Maker, HedgingScript, Exposures]:
    strategy, exposures = HedgingScript(), Exposures()
    params, budget = MakerParams(max_position=5.0), MessageBudget(9.0, 9.0)
    made = Maker("hedge", INSTRUMENT, strategy, params, Limits(), budget, exposures=exposures)
    exposures.join(made, lambda: None)
    return made, strategy, exposures


def test_a_hedge_is_told_of_positions_and_of_its_own_orders_before_each_decision():
    made, strategy, exposures = hedging()
    other = Maker("mm", INSTRUMENT, Scripted(), MakerParams(max_position=5.0), Limits(), MessageBudget(9.0, 9.0))
    exposures.join(other, lambda: None)
    made.on_book(book())
    made.orders.sent("o", BID, 0)
    made.step(0)
    ((ts_ns, own, others),) = strategy.told
    assert (ts_ns, own.strategy, own.size, own.mid, own.working) == (0, "hedge", 0.0, 100.0, 1.0)
    assert [each.strategy for each in others] == ["mm"]
    assert math.isnan(others[0].mid)


def test_a_hedge_that_cannot_decide_is_told_all_the_same():
    made, strategy, exposures = hedging()
    other = Maker("mm", INSTRUMENT, Scripted(), MakerParams(max_position=5.0), Limits(), MessageBudget(9.0, 9.0))
    made.watch_positions(0)
    assert exposures.unhedged(other) == "hedge cannot hedge: waits for the first book"
    made.on_book(book())
    made.halt("feed", "the connection is lost")
    made.step(S)
    assert len(strategy.told) == 1
    made.watch_positions(S)
    assert len(strategy.told) == 2
    assert exposures.unhedged(other) == ""
    made.watch_positions(12 * S)
    assert exposures.unhedged(other) == "hedge cannot hedge: no market data for more than 10 s"


def test_a_hedge_that_failed_is_told_nothing_more_and_the_others_hear_why():
    made, strategy, exposures = hedging()
    other = Maker("mm", INSTRUMENT, Scripted(), MakerParams(max_position=5.0), Limits(), MessageBudget(9.0, 9.0))
    made.on_book(book())
    made.degrade("degraded: on_positions: ValueError: nothing")
    made.watch_positions(0)
    assert strategy.told == []
    assert exposures.unhedged(other) == "hedge cannot hedge: degraded: on_positions: ValueError: nothing"


def test_what_makes_a_market_is_no_hedge():
    made = Maker("mm", INSTRUMENT, Scripted(), MakerParams(max_position=5.0), Limits(), MessageBudget(9.0, 9.0))
    made.watch_positions(0)
    assert made.hedge is None
    assert MakerParams(max_position=1.0).makers == MakerParams(max_position=1.0).basket == ()
