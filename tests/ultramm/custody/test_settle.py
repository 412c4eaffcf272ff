"""After asking, the ledger says what the venue says, whatever the node missed and however badly the venue answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from orders import INSTRUMENT, S, accepted, ended, fill, sent

from ultramm.custody.desk import Holdings, NoAnswer, Terms
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.records import Accepted, Checked, Ended, Funded, Sent, VenueFill, VenueOrder
from ultramm.custody.settle import Settled, ToLedger, fund, settle, take_over
from ultramm.market import Side

TERMS = {INSTRUMENT: Terms(base="BTC", quote="USDT", settlement="USDT", cash=True)}
START_NS = 1_000 * S
WINDOW_NS = 3 * S


@dataclass
class VenueDesk:
    """A venue in memory.

    `happens` is called before each answer is found, `travels` before it arrives; `silent` says whether none comes.
    """

    forgets_after_s: float = 5.0
    now_ns: int = START_NS
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    trades: list[VenueFill] = field(default_factory=list)
    deposits: dict[str, Decimal] = field(default_factory=lambda: {"USDT": Decimal(1000), "BTC": Decimal(1)})
    happens: Callable[[], None] = lambda: None
    travels: Callable[[], None] = lambda: None
    silent: Callable[[], bool] = lambda: False
    asked: list[str] = field(default_factory=list)
    since_ns: list[int] = field(default_factory=list)

    def clock(self) -> int:
        return self.now_ns

    def _answer[T](self, name: str, find: Callable[[], T]) -> T:
        self.asked.append(name)
        self.happens()
        if self.silent():
            raise NoAnswer("no answer")
        found = find()
        self.travels()
        if self.silent():
            raise NoAnswer("no answer")
        return found

    def arrive(self, order: Sent, *, known_as: str = "") -> None:
        if self.now_ns - order.ts_ns <= WINDOW_NS:
            self.orders[order.order_id] = VenueOrder(
                order_id=order.order_id,
                venue_order_id=known_as or f"v-{order.order_id}",
                instrument=order.instrument,
                side=order.side,
                price=order.price,
                size=order.size,
                filled=Decimal(0),
                status="open",
            )

    def trade(self, order_id: str, size: Decimal) -> VenueFill | None:
        order = self.orders.get(order_id)
        if order is None or order.status != "open":
            return None
        size = min(size, order.size - order.filled)
        filled = order.filled + size
        self._change(order, filled=filled, status="filled" if filled == order.size else "open")
        self.trades.append(
            VenueFill(
                ts_ns=self.now_ns,
                venue_order_id=order.venue_order_id,
                instrument=order.instrument,
                side=order.side,
                trade_id=str(len(self.trades)),
                price=order.price,
                size=size,
                fee=Decimal("0.001"),
                fee_currency="USDT",
                maker=True,
            )
        )
        return self.trades[-1]

    def end(self, order_id: str, how: Any) -> bool:
        order = self.orders.get(order_id)
        if order is None or order.status != "open":
            return False
        self._change(order, status=how)
        return True

    def _change(self, order: VenueOrder, **changes: Any) -> None:
        self.orders[order.order_id] = msgspec.structs.replace(order, **changes)

    # -- Desk ----------------------------------------------------------------------------------------------------

    async def terms(self) -> dict[str, Terms]:
        return self._answer("terms", lambda: TERMS)

    async def open_orders(self) -> list[VenueOrder]:
        return self._answer("open orders", lambda: [o for o in self.orders.values() if o.status == "open"])

    async def order(self, instrument: str, order_id: str) -> VenueOrder | None:
        return self._answer("order", lambda: self.orders.get(order_id))

    async def fills(self, instrument: str, since_ns: int) -> list[VenueFill]:
        self.since_ns.append(since_ns)
        return self._answer(
            "fills", lambda: [t for t in self.trades if t.instrument == instrument and t.ts_ns >= since_ns]
        )

    async def holdings(self) -> Holdings:
        def balances() -> Holdings:
            held = dict(self.deposits)
            for trade in self.trades:
                held["BTC"] += int(trade.side) * trade.size
                held["USDT"] -= int(trade.side) * trade.size * trade.price + trade.fee
            return Holdings(balances={name: amount for name, amount in held.items() if amount})

        return self._answer("holdings", balances)

    async def cancel(self, order: VenueOrder) -> bool:
        return self._answer("cancel", lambda: self.end(order.order_id, "cancelled"))

    async def keep_alive(self, seconds: float) -> bool:
        return False

    async def close(self) -> None: ...


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[OrderLedger]:
    opened = OrderLedger(tmp_path / "node.orders")
    yield opened
    opened.close()


@pytest.fixture
def desk() -> VenueDesk:
    return VenueDesk()


def ask(desk: VenueDesk, ledger: OrderLedger, *, with_fills: bool = True) -> Settled:
    told = ToLedger(ledger, desk.clock)
    return asyncio.run(settle(desk, ledger, told, [INSTRUMENT], desk.clock, with_fills=with_fills))


def place(desk: VenueDesk, ledger: OrderLedger, size: str = "2") -> str:
    """An order of ours that the venue has, of which the node has heard nothing."""
    order = sent(ledger.new_id(), size, ts_ns=desk.now_ns)
    ledger.write(order)
    desk.arrive(order)
    return order.order_id


# -- whatever was missed -----------------------------------------------------------------------------------------

CHANCE = st.booleans()
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["send", "arrive", "trade", "trade", "end", "wait"]),
        st.integers(0, 4),  # which order
        st.sampled_from(["0.5", "1", "2"]),
        st.sampled_from(["cancelled", "expired"]),
        CHANCE,  # whether the node hears of it
    ),
    min_size=1,
    max_size=40,
)


class History:
    """What truly happens, an event at a time, and what the node hears of it."""

    def __init__(self, desk: VenueDesk, ledger: OrderLedger, events: list[Any]) -> None:
        self._desk = desk
        self._ledger = ledger
        self._events = iter(events)
        self._sent: dict[int, Sent] = {}
        self.over = False

    def step(self) -> None:
        event = next(self._events, None)
        self.over = event is None
        if event is not None:
            self._happen(*event)

    def _happen(self, what: str, number: int, size: str, how: Any, heard: bool) -> None:
        desk, ledger = self._desk, self._ledger
        order = self._sent.get(number)
        if what == "send" and order is None:
            self._sent[number] = sent(ledger.new_id(), size, ts_ns=desk.now_ns)
            ledger.write(self._sent[number])
        elif what == "wait":
            desk.now_ns += S
        elif order is not None and what == "arrive" and order.order_id not in desk.orders:
            desk.arrive(order)
            if order.order_id in desk.orders and heard:
                self._hear_of(order.order_id)
        elif order is not None and what == "trade":
            trade = desk.trade(order.order_id, Decimal(size))
            if trade is not None and heard:
                self._hear_of(order.order_id)
                ledger.write(fill(order.order_id, trade.trade_id, str(trade.size), ts_ns=desk.now_ns, fee=trade.fee))
        elif order is not None and what == "end" and desk.end(order.order_id, how) and heard:
            self._hear_of(order.order_id)
            ledger.write(Ended(ts_ns=desk.now_ns, order_id=order.order_id, how=how))

    def _hear_of(self, order_id: str) -> None:
        """Every message of the venue's about an order has its id there."""
        venue_order_id = self._desk.orders[order_id].venue_order_id
        self._ledger.write(Accepted(ts_ns=self._desk.now_ns, order_id=order_id, venue_order_id=venue_order_id))


@given(
    before=EVENTS,
    meanwhile=EVENTS,
    delays_s=st.lists(st.sampled_from([0.0, 0.0, 0.1, 4.0, 6.0]), max_size=30),
    silence=st.lists(CHANCE, max_size=30),
)
def test_after_settling_until_both_agree_the_ledger_is_what_the_venue_says(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[Any],
    meanwhile: list[Any],
    delays_s: list[float],
    silence: list[bool],
) -> None:
    desk, ledger = VenueDesk(), OrderLedger(tmp_path_factory.mktemp("settle") / "node.orders")
    ledger.write(Checked(ts_ns=desk.now_ns))
    history = History(desk, ledger, [*before, *meanwhile])
    for _ in before:
        history.step()
    delays, silences = iter(delays_s), iter(silence)

    def travels() -> None:
        desk.now_ns += round(next(delays, 0.0) * S) + 1
        history.step()

    desk.happens, desk.travels = history.step, travels
    desk.silent = lambda: next(silences, False)
    for _ in range(200):
        began_when_all_was_over = history.over
        try:
            settled = ask(desk, ledger)
        except NoAnswer:
            continue
        assert settled.orphans == ()
        if settled.agreed and began_when_all_was_over:
            break
        desk.now_ns += S
    else:
        raise AssertionError("they never agreed")

    assert set(ledger.open) == {name for name, order in desk.orders.items() if order.status == "open"}
    assert all(order.venue_order_id and order.filled == desk.orders[name].filled for name, order in ledger.open.items())
    truth = sorted((t.venue_order_id, t.trade_id, t.price, t.size, t.fee) for t in desk.trades)
    assert sorted((f"v-{f.order_id}", f.trade_id, f.price, f.size, f.fee) for f in ledger.fills) == truth
    for order in history._sent.values():
        own, said = ledger.find(order.order_id), desk.orders.get(order.order_id)
        assert own is not None
        assert own.ended == (None if order.order_id in ledger.open else "rejected" if said is None else said.status)
    desk.silent = lambda: False
    news = [ask(desk, ledger).news for _ in range(2)]
    assert news == [0, 0]
    ledger.close()


# -- orders of which the venue knows nothing -----------------------------------------------------------------------


def test_an_order_that_may_still_be_on_its_way_is_unresolved_and_an_older_one_was_never_there(
    desk: VenueDesk, ledger: OrderLedger
) -> None:
    ledger.write(sent("a", ts_ns=desk.now_ns))
    desk.now_ns += 5 * S
    assert ask(desk, ledger) == Settled(unresolved=1, orphans=())
    assert "a" in ledger.open
    desk.now_ns += 1
    assert ask(desk, ledger) == Settled(unresolved=0, orphans=(), ended=1)
    found = ledger.find("a")
    assert found is not None
    assert found.ended == "rejected"


def test_an_answer_that_took_long_says_nothing_about_what_arrived_meanwhile(
    desk: VenueDesk, ledger: OrderLedger
) -> None:
    """Asked when the order was young, answered when it was old: it may have come in between, and been filled."""
    order = sent("a", "1", ts_ns=desk.now_ns)
    ledger.write(order)

    def travels() -> None:
        if desk.asked[-1] == "order" and "a" not in desk.orders:
            desk.now_ns += S
            desk.arrive(order)
            desk.trade("a", Decimal(1))
            desk.now_ns += 6 * S

    desk.travels = travels
    assert not ask(desk, ledger).agreed
    assert ask(desk, ledger).agreed
    assert [each.order_id for each in ledger.fills] == ["a"]


def test_an_order_that_is_filled_as_far_as_told_but_whose_trade_is_not_listed_yet_is_unresolved(
    desk: VenueDesk, ledger: OrderLedger
) -> None:
    name = place(desk, ledger)
    desk.trade(name, Decimal(2))
    held_back = desk.trades.pop()
    assert ask(desk, ledger) == Settled(unresolved=1, orphans=(), accepted=1)
    assert name in ledger.open
    desk.trades.append(held_back)
    assert ask(desk, ledger) == Settled(unresolved=0, orphans=(), filled=1)


# -- trades --------------------------------------------------------------------------------------------------------


def test_trades_are_asked_for_only_where_an_order_has_more_than_we_know(desk: VenueDesk, ledger: OrderLedger) -> None:
    name = place(desk, ledger)
    assert ask(desk, ledger, with_fills=False).agreed
    assert "fills" not in desk.asked
    desk.trade(name, Decimal(1))
    assert ask(desk, ledger, with_fills=False).filled == 1
    assert desk.asked.count("fills") == 1


def test_a_fill_that_came_after_the_end_was_told_is_booked(desk: VenueDesk, ledger: OrderLedger) -> None:
    name = place(desk, ledger)
    desk.trade(name, Decimal(1))
    for record in (accepted(name, f"v-{name}"), ended(name, ts_ns=desk.now_ns)):
        ledger.write(record)
    desk.end(name, "cancelled")
    assert ask(desk, ledger, with_fills=False).filled == 0
    assert ask(desk, ledger).filled == 1
    assert ask(desk, ledger).filled == 0


def test_trades_are_asked_for_since_all_were_known_and_a_minute_before(desk: VenueDesk, ledger: OrderLedger) -> None:
    ledger.write(Checked(ts_ns=500 * S))
    ask(desk, ledger)
    assert desk.since_ns == [440 * S]
    assert ledger.checked_ns == START_NS
    ask(desk, ledger)
    assert desk.since_ns[-1] == START_NS - 60 * S


def test_what_is_known_is_not_moved_on_when_the_trades_were_not_told(desk: VenueDesk, ledger: OrderLedger) -> None:
    ledger.write(Checked(ts_ns=500 * S))
    desk.silent = lambda: desk.asked[-1] == "fills"
    with pytest.raises(NoAnswer):
        ask(desk, ledger)
    assert ledger.checked_ns == 500 * S


def test_trades_of_somebody_else_on_the_same_account_are_not_ours(desk: VenueDesk, ledger: OrderLedger) -> None:
    desk.arrive(sent("web_1", ts_ns=desk.now_ns))
    desk.trade("web_1", Decimal(1))
    assert ask(desk, ledger) == Settled(unresolved=0, orphans=())
    assert ledger.fills == []
    assert desk.orders["web_1"].status == "open"


# -- orders that the venue holds and we believed gone ----------------------------------------------------------------


def test_an_orphan_is_cancelled_and_reported_and_what_it_traded_is_booked(desk: VenueDesk, ledger: OrderLedger) -> None:
    name = place(desk, ledger)
    ledger.write(ended(name, "rejected", ts_ns=desk.now_ns))
    desk.now_ns += S
    desk.trade(name, Decimal("0.5"))
    settled = ask(desk, ledger)
    assert settled.orphans == (name,)
    assert not settled.agreed
    assert desk.orders[name].status == "cancelled"
    assert [each.size for each in ledger.fills] == [Decimal("0.5")]
    assert ask(desk, ledger).agreed


def test_an_order_under_our_name_that_we_never_sent_is_an_orphan(desk: VenueDesk, ledger: OrderLedger) -> None:
    rogue = f"{ledger.prefix}rogue-1"
    desk.arrive(sent(rogue, ts_ns=desk.now_ns))
    assert ask(desk, ledger).orphans == (rogue,)
    assert desk.orders[rogue].status == "cancelled"


def test_an_order_that_ended_while_the_list_was_on_its_way_is_no_orphan(desk: VenueDesk, ledger: OrderLedger) -> None:
    name = place(desk, ledger)
    ledger.write(accepted(name, f"v-{name}"))

    def travels() -> None:
        if desk.asked[-1] == "open orders":
            desk.now_ns += 1000
            ledger.write(ended(name, ts_ns=desk.now_ns))

    desk.travels = travels
    assert ask(desk, ledger) == Settled(unresolved=0, orphans=())


def test_an_order_that_was_sent_while_the_list_was_on_its_way_is_no_orphan(
    desk: VenueDesk, ledger: OrderLedger
) -> None:
    def happens() -> None:
        if desk.asked == ["open orders"]:
            place(desk, ledger)

    desk.happens = happens
    assert ask(desk, ledger) == Settled(unresolved=0, orphans=(), accepted=0)
    assert len(ledger.open) == 1


def test_orders_on_other_instruments_are_left_alone(desk: VenueDesk, ledger: OrderLedger) -> None:
    ledger.write(sent("e", ts_ns=0, instrument="ETHUSDT.Y"))
    assert ask(desk, ledger).agreed
    assert "e" in ledger.open


# -- taking over -----------------------------------------------------------------------------------------------------


def over(desk: VenueDesk, ledger: OrderLedger) -> Any:
    return asyncio.run(take_over(desk, ledger, "X", ToLedger(ledger, desk.clock), desk.clock))


def test_a_first_node_notes_what_there_is_and_from_when_it_knows_all(desk: VenueDesk, ledger: OrderLedger) -> None:
    found = over(desk, ledger)
    assert (found.cancelled, found.news, found.moved) == (0, 0, {})
    assert ledger.funded["X"].balances == desk.deposits
    assert ledger.checked_ns == START_NS


def test_what_an_earlier_node_left_is_cancelled_and_what_it_missed_is_booked(
    desk: VenueDesk, ledger: OrderLedger
) -> None:
    over(desk, ledger)
    resting, traded = place(desk, ledger), place(desk, ledger)
    desk.trade(traded, Decimal(2))
    theirs = sent("web_1", ts_ns=desk.now_ns)
    desk.arrive(theirs)
    desk.now_ns += 3600 * S
    found = over(desk, ledger)
    assert found.cancelled == 1
    assert found.moved == {}
    assert found.news == 4  # two were accepted, one was filled, one cancelled
    assert ledger.open == {}
    assert desk.orders[resting].status == "cancelled"
    assert [each.order_id for each in ledger.fills] == [traded]
    assert desk.orders["web_1"].status == "open", "somebody else's order is not ours to cancel"


def test_a_venue_that_does_not_know_an_order_that_may_still_come_is_not_taken_over(
    desk: VenueDesk, ledger: OrderLedger
) -> None:
    over(desk, ledger)
    ledger.write(sent(ledger.new_id(), ts_ns=desk.now_ns))
    with pytest.raises(NoAnswer, match="1 orders are not accounted for"):
        over(desk, ledger)
    desk.now_ns += 6 * S
    assert over(desk, ledger).news == 1


@given(silence=st.lists(CHANCE, max_size=40))
def test_a_venue_that_answers_now_and_then_is_taken_over_in_the_end(
    tmp_path_factory: pytest.TempPathFactory, silence: list[bool]
) -> None:
    desk, ledger = VenueDesk(), OrderLedger(tmp_path_factory.mktemp("over") / "node.orders")
    over(desk, ledger)
    for _ in range(3):
        desk.trade(place(desk, ledger), Decimal(1))
    silences = iter(silence)
    desk.silent = lambda: next(silences, False)
    for _ in range(100):
        try:
            found = over(desk, ledger)
        except NoAnswer:
            continue
        break
    assert found.moved == {}
    assert ledger.open == {}
    assert len(ledger.fills) == 3
    assert not [order for order in desk.orders.values() if order.status == "open"]
    ledger.close()


# -- money ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "amount", "moved"),
    [("USDT", "-100.00000001", "-100.00000001"), ("BNB", "3", "+3"), ("BTC", "-3", "-3")],
    ids=["withdrawn", "a new coin", "all of a coin that we had bought"],
)
def test_money_that_somebody_moved_is_noticed_once_and_afterwards_agreed_on(
    desk: VenueDesk, ledger: OrderLedger, currency: str, amount: str, moved: str
) -> None:
    over(desk, ledger)
    desk.trade(place(desk, ledger), Decimal(2))
    assert over(desk, ledger).moved == {}
    desk.deposits[currency] = desk.deposits.get(currency, Decimal(0)) + Decimal(amount)
    assert over(desk, ledger).moved == {currency: moved}
    assert over(desk, ledger).moved == {}
    desk.trade(place(desk, ledger), Decimal(1))
    assert over(desk, ledger).moved == {}


PERP = "BTCUSDT-PERP.X"
LINEAR = {PERP: Terms(base="BTC", quote="USDT", settlement="USDT", cash=False)}


def perpetual(wallet: str, size: str = "0", unrealised: str = "0", mark: str = "100") -> Holdings:
    held = {PERP: Decimal(size)} if Decimal(size) else {}
    return Holdings(
        balances={"USDT": Decimal(wallet)},
        positions=held,
        unrealised={PERP: Decimal(unrealised)},
        marks={PERP: Decimal(mark)},
    )


def test_a_position_that_somebody_closed_by_hand_is_noticed_once_and_afterwards_agreed_on(ledger: OrderLedger) -> None:
    assert fund(ledger, "X", LINEAR, perpetual("1000"), 1) == {}
    ledger.write(fill("a", "1", "3", instrument=PERP))
    assert fund(ledger, "X", LINEAR, perpetual("1000", "3", "15", mark="105"), 2) == {}
    assert fund(ledger, "X", LINEAR, perpetual("1030", mark="110"), 3) == {PERP: "-3"}
    assert fund(ledger, "X", LINEAR, perpetual("1030", mark="90"), 4) == {}


def test_a_position_that_was_there_before_us_is_no_difference_wherever_the_market_goes(ledger: OrderLedger) -> None:
    assert fund(ledger, "X", LINEAR, perpetual("1000", "5", "50", mark="100"), 1) == {}
    assert fund(ledger, "X", LINEAR, perpetual("1000", "5", "100", mark="110"), 2) == {}
    ledger.write(fill("a", "1", "2", side=Side.SELL, price=Decimal(120), instrument=PERP))
    # Its entry was 90: the two that were sold won 30 each, the three that are left 10 each at 100.
    assert fund(ledger, "X", LINEAR, perpetual("1060", "3", "30", mark="100"), 3) == {}
    assert set(ledger.funded) == {"X"}


def test_what_is_moved_is_written_down_as_a_new_beginning(desk: VenueDesk, ledger: OrderLedger) -> None:
    over(desk, ledger)
    first = ledger.funded["X"]
    over(desk, ledger)
    assert ledger.funded["X"] is first, "nothing moved, nothing is written"
    desk.deposits["USDT"] += 1
    over(desk, ledger)
    assert ledger.funded["X"] == Funded(ts_ns=START_NS, venue="X", balances={"USDT": Decimal(1001), "BTC": Decimal(1)})
