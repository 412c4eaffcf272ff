"""The Nautilus strategy around a `Maker`: it converts events, sends what was approved, and never raises.

An exception that leaves a Nautilus callback ends the process with orders live. So every callback is guarded: the
quotes are pulled, the strategy is marked degraded, and the journal is told why.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.enums import LiquiditySide, TimeInForce
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId
from nautilus_trader.trading.strategy import Strategy

from ultramm.custody.ledger import OrderLedger
from ultramm.custody.records import Accepted, Amended, Ended, Ending, Filled, Sent
from ultramm.journal.records import FillEvent, GuardEvent, HaltEvent, MakerStarted, OrderEvent, Record
from ultramm.maker import Maker
from ultramm.market import Book, Fill, Instrument, Quote, Side, known
from ultramm.nautilus.bookkeeping import gone_on, to_fill, to_filled
from ultramm.nautilus.books import subscribe_book
from ultramm.nautilus.convert import (
    BookReader,
    to_book,
    to_float,
    to_instrument,
    to_order_side,
    to_side,
    to_trade,
    touch_reader,
)
from ultramm.orders.plan import Amend, Plan
from ultramm.risk.exposures import Exposures
from ultramm.risk.limits import Funds
from ultramm.risk.position_stop import SOURCE as POSITION_STOP
from ultramm.risk.protection import GuardChange
from ultramm.risk.stops import SOURCE as STOPS
from ultramm.risk.stops import Level

# Of an instrument, its funds, and why its strategy may not be that of an earlier run, empty if it may.
MakerBuilder = Callable[[Instrument, Funds, str], Maker]

_HEARTBEAT = timedelta(milliseconds=500)
_FORGET_EVERY_NS = 60_000_000_000
_REMEMBER_S = 120
# Levels of a book with our own orders in it, so that others' are found behind them.
_BEHIND_OURS = 20
# In how many slices the position is closed of a maker that lost too much, and how far apart.
_SLICES = 3
_SLICE_EVERY_NS = 2_000_000_000
# Who halts a maker for a while, and does not take back what an operator asked for.
_PASSING = ("custody", "feed")
# By whom a maker is halted whose position nothing offsets any more.
_HEDGE = "hedge"
# Halts under which positions are left as they are: people asked for them, or nothing could be written down.
_LEAVING = {"operator", "stop", "journal"}


def guarded[*Ts](method: Callable[[MakerShell, *Ts], None]) -> Callable[[MakerShell, *Ts], None]:
    """A callback whose exception degrades its strategy instead of ending the process."""

    @functools.wraps(method)
    def wrapper(self: MakerShell, /, *args: *Ts) -> None:
        try:
            method(self, *args)
        except Exception as exc:
            self._failed(method.__name__, exc)

    return wrapper


class MakerShell(Strategy):
    """Runs one maker on one instrument.

    Parameters
    ----------
    name, tag : str
        The strategy's name in the configuration, and a tag that is unique in the node: order ids carry it.
    instrument_id : str
        What it quotes.
    build : callable
        Makes the `Maker` once the instrument is known, and what it may use of the account.
    funds_share : float
        Share of the account that this maker may use, where several trade with it.
    depth_levels : int
        Levels of the book that the strategy reads at each decision; 1 is the touch.
    record : callable
        Takes (ts_ns, record) for the journal.
    references : tuple of str
        Other instruments whose touch the strategy is shown.
    reference_levels : int
        Levels of the first one's book that the strategy reads at each decision; 1 is the touch.
    ledger : OrderLedger, optional
        Where orders are written down before they are sent, and whose fills it goes on from.
    exposures : Exposures, optional
        All makers of the node, which it joins.
    stopped : str
        Why an earlier run stopped it, if nobody has armed it since: so it remains.
    """

    def __init__(
        self,
        name: str,
        tag: str,
        instrument_id: str,
        build: MakerBuilder,
        funds_share: float,
        depth_levels: int,
        record: Callable[[int, Record], None],
        references: tuple[str, ...] = (),
        reference_levels: int = 1,
        ledger: OrderLedger | None = None,
        exposures: Exposures | None = None,
        stopped: str = "",
    ) -> None:
        super().__init__(
            StrategyConfig(strategy_id=f"{name}-{tag}", order_id_tag=tag, log_events=False, log_commands=False)
        )
        self.maker_name = name
        self.instrument_id = InstrumentId.from_str(instrument_id)
        self._build = build
        self._funds_share = funds_share
        self._depth_levels = depth_levels
        self._record = record
        self._ledger = ledger
        self._exposures = exposures or Exposures()
        self._stopped_before = stopped
        # Called with a reason when the venue should be asked about our orders.
        self.on_question: Callable[[str], None] = lambda _: None
        self._maker: Maker | None = None
        self._read: BookReader | None = None
        self._references = {InstrumentId.from_str(each): place for place, each in enumerate(references)}
        self._read_references: dict[int, BookReader] = {}
        self._reference_levels = reference_levels
        self._nautilus_instrument: Any = None
        self._now_ns = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._flattening = False
        self._slices = 1
        self._slice_lots = 0
        self._slice_ns = 0
        self._seen_ns = 0
        self._forget_ns = 0
        self.market_events = 0

    @property
    def maker(self) -> Maker:
        assert self._maker is not None, "the strategy has not started"
        return self._maker

    @property
    def exposures(self) -> Exposures:
        """All makers of the node."""
        return self._exposures

    @property
    def listens_to(self) -> tuple[Any, ...]:
        """The instruments whose books it subscribes to."""
        return (self.instrument_id, *self._references)

    @property
    def started(self) -> bool:
        return self._maker is not None

    @property
    def now_ns(self) -> int:
        """Time of the last event seen."""
        return self._now_ns

    # -- life ------------------------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Not guarded: a strategy that cannot start must stop the node before it trades."""
        self._loop = _running_loop()
        self._nautilus_instrument = self.cache.instrument(self.instrument_id)
        build = functools.partial(self._build, to_instrument(self._nautilus_instrument), self._funds())
        if self._ledger is None:
            self._maker = build("")
        else:
            fills = self._ledger.fills_of(self.maker_name, self.instrument_id.value)
            self._maker = gone_on(build, fills, self.clock.timestamp_ns())
        self._exposures.join(self.maker, self._wake)
        self._now_ns = self._seen_ns = self.clock.timestamp_ns()
        limit = known(self.maker.max_position)
        self._record(
            self._now_ns,
            MakerStarted(
                strategy=self.maker_name,
                instrument=self.maker.instrument,
                max_position=limit,
                covers=self.maker.covers,
            ),
        )
        if self._stopped_before:
            self.maker.stops.trip(self._stopped_before)
            self.maker.halt(STOPS, self._stopped_before)
            # What is left of the position is closed by heartbeats, once nothing of it is in doubt.
            self._flattening, self._slices = True, _SLICES
            self._record_halt(STOPS, active=True, reason=self._stopped_before)
        subscribe_book(self, self.instrument_id)
        self.subscribe_trade_ticks(self.instrument_id)
        for reference in self._references:
            subscribe_book(self, reference)
        self.clock.set_timer(f"heartbeat-{self.id}", _HEARTBEAT, callback=self._on_timer)

    def _funds(self) -> Funds:
        """What this maker may use of the account: something to sell and to spend, or an equity to bear positions."""
        account = self.portfolio.account(self.instrument_id.venue)
        if account is None:
            return Funds()

        def share(currency: Any) -> float:
            balance = None if currency is None else account.balance_total(currency)
            return to_float(balance) * self._funds_share if balance else 0.0

        instrument = self._nautilus_instrument
        if account.is_cash_account:
            return Funds(sellable=share(instrument.get_base_currency()), spendable=share(instrument.quote_currency))
        leverage = account.leverage(self.instrument_id) or account.default_leverage
        return Funds(equity=share(instrument.get_cost_currency()), leverage=float(leverage))

    @guarded
    def on_stop(self) -> None:
        """The node has withdrawn before; this is for a kernel that stops by itself."""
        if self._maker is not None:
            self.maker.halt("stop", "the strategy was stopped")
            self.finish_withdrawal()

    def _failed(self, where: str, exc: Exception) -> None:
        self.degrade(f"{where}: {type(exc).__name__}: {exc}")

    def _on_timer(self, _event: Any) -> None:
        """Live timers fire on a thread of the kernel's: everything of ours happens on the loop."""
        if self._loop is None:
            self._heartbeat()
        else:
            self._loop.call_soon_threadsafe(self._heartbeat)

    @guarded
    def _heartbeat(self) -> None:
        """What must happen even when the market is silent; decisions wait for the market."""
        now_ns = self._market_ns()
        if self.maker.must_withdraw(now_ns) or (self.maker.halts and len(self.maker.orders)):
            self._step(now_ns)
        if self._depth_levels == 1 and self._read is not None and self.maker.queues is not None:
            self.maker.on_queues(self._deep(now_ns, _BEHIND_OURS))
        self.maker.watch_positions(now_ns)
        self._look_at_hedge()
        self._look_at_position(now_ns)
        self._unwind()
        if now_ns >= self._forget_ns:
            self._forget_ns = now_ns + _FORGET_EVERY_NS
            self._forget(now_ns)

    def _market_ns(self) -> int:
        """Market time: that of the last event and what has passed since."""
        now_ns: int = self.clock.timestamp_ns()
        # Without a loop it is the clock's; with one a replay's differs from it.
        return now_ns if self._loop is None else self._now_ns + max(0, now_ns - self._seen_ns)

    def _wake(self) -> None:
        """Another maker calls for a decision: after the event that it is in."""
        if self._loop is None:
            self._woken()
        else:
            self._loop.call_soon(self._woken)

    @guarded
    def _woken(self) -> None:
        if self.maker.book is not None:
            self._step(self._market_ns())

    def _look_at_hedge(self) -> None:
        """Quote nothing and close the position while nothing offsets it that should."""
        reason, halts = self._exposures.unhedged(self.maker), self.maker.halts
        if bool(reason) == (_HEDGE in halts):
            return
        if reason:
            if not _LEAVING & halts.keys():
                self.withdraw(_HEDGE, reason)
                self._flatten(slices=_SLICES)
            return
        if not _LEAVING & halts.keys():
            self._flattening = False
        self.release(_HEDGE)

    def _look_at_position(self, now_ns: int) -> None:
        """Quote again once a position that was stopped is closed, and has been for a while."""
        maker, stop = self.maker, self.maker.position_stop
        if stop is None or POSITION_STOP not in maker.halts:
            return
        if stop.rested(now_ns):
            if not (_LEAVING | {STOPS, _HEDGE}) & maker.halts.keys():
                self._flattening = False
            self.release(POSITION_STOP)

    def _forget(self, now_ns: int) -> None:
        """The kernel would keep every order, position and account state of a long session: drop what is long over."""
        self.cache.purge_closed_orders(ts_now=now_ns, buffer_secs=_REMEMBER_S)
        self.cache.purge_account_events(ts_now=now_ns, lookback_secs=_REMEMBER_S)
        # A maker is flat every now and then, and with the closed position go the copies that each reopening left.
        self.cache.purge_closed_positions(ts_now=now_ns)

    # -- the market ------------------------------------------------------------------------------------------

    # The two callbacks of the market are guarded in place and call little: they run at every event.

    def on_order_book_deltas(self, deltas: Any) -> None:
        try:
            now_ns = self._now_ns = deltas.ts_init
            if self._loop is not None:
                self._seen_ns = self.clock.timestamp_ns()
            self.market_events += 1
            if self._references and (reference := deltas.instrument_id) in self._references:
                self._on_reference(reference, now_ns)
                return
            maker, read = self._maker, self._read
            if maker is None or read is None:
                maker, read = self.maker, self._start_reading()
            book = read(now_ns)
            if book is None:
                maker.hear(now_ns, deltas.ts_event)
            else:
                maker.on_book(book, deltas.ts_event)
            if now_ns >= maker.due_ns:
                self._step(now_ns)
        except Exception as exc:
            self._failed("on_order_book_deltas", exc)

    def on_trade_tick(self, tick: Any) -> None:
        try:
            now_ns = self._now_ns = tick.ts_init
            if self._loop is not None:
                self._seen_ns = self.clock.timestamp_ns()
            self.market_events += 1
            maker = self.maker
            maker.on_trade(to_trade(tick))
            if now_ns >= maker.due_ns:
                self._step(now_ns)
        except Exception as exc:
            self._failed("on_trade_tick", exc)

    def _on_reference(self, reference: Any, now_ns: int) -> None:
        maker, place = self.maker, self._references[reference]
        read = self._read_references.get(place)
        if read is None:
            read = self._read_references[place] = touch_reader(self.cache.order_book(reference))
        book = read(now_ns)
        if book is None:
            maker.hear_reference(now_ns, place)
        else:
            maker.on_reference(book, place)
        if now_ns >= maker.due_ns:
            self._step(now_ns)

    def _start_reading(self) -> BookReader:
        self._read = touch_reader(self.cache.order_book(self.instrument_id))
        return self._read

    def _step(self, now_ns: int) -> None:
        maker = self.maker
        levels = self._depth_levels
        if maker.book_shows_ours and (levels > 1 or maker.hides_touch):
            levels = max(levels, _BEHIND_OURS)
        # The kernel makes objects of every level for it: only when a decision needs them.
        if levels > 1 and self._read is not None:
            maker.on_depth(self._deep(now_ns, levels))
        if self._reference_levels > 1 and 0 in self._read_references:
            reference = self.cache.order_book(next(iter(self._references)))
            maker.on_reference_depth(to_book(reference, now_ns, self._reference_levels))
        approved = maker.step(now_ns).approved
        if not approved.empty:
            self._send(approved, now_ns)
        for change in maker.take_guard_changes():
            self._record_guard(change, now_ns)
        if maker.stops.level is Level.STOP and STOPS not in maker.halts:
            self._stopped()
        position_stop = maker.position_stop
        if position_stop is not None and position_stop.reason and POSITION_STOP not in maker.halts:
            self.withdraw(POSITION_STOP, position_stop.reason)
            self._flatten(slices=_SLICES)
        if maker.recalibration_due(now_ns):
            # After the orders have left; with a loop, after the event as well.
            if self._loop is None:
                self._recalibrate()
            else:
                self._loop.call_soon(self._recalibrate)

    def _deep(self, now_ns: int, levels: int) -> Book:
        return to_book(self.cache.order_book(self.instrument_id), now_ns, levels)

    @guarded
    def _recalibrate(self) -> None:
        self.maker.recalibrate(self._now_ns)

    def _send(self, plan: Plan, now_ns: int) -> None:
        self._cancel(plan.cancels)
        for amend in plan.amends:
            self._amend(amend, now_ns)
        for quote in plan.submits:
            self.maker.score.submitted += 1
            self._submit(self._limit(quote), quote, now_ns)
        if self._loop is not None:
            sent_ns = self.clock.timestamp_ns()
            self.maker.latencies.add(sent_ns, sent_ns - self._seen_ns)

    def _limit(self, quote: Quote) -> Any:
        """The kernel's order for a quote."""
        instrument, make = self.maker.instrument, self._nautilus_instrument
        shown = self.maker.display_lots
        return self.order_factory.limit(
            self.instrument_id,
            to_order_side(quote.side),
            make.make_qty(instrument.size(quote.lots)),
            make.make_price(instrument.price(quote.ticks)),
            time_in_force=TimeInForce.IOC if quote.taking else TimeInForce.GTC,
            post_only=not quote.taking,
            display_qty=None if shown is None or shown >= quote.lots else make.make_qty(instrument.size(shown)),
            client_order_id=self._new_id(),
        )

    def _new_id(self) -> Any:
        """None lets the kernel choose."""
        return None if self._ledger is None else ClientOrderId(self._ledger.new_id())

    def _submit(self, order: Any, quote: Quote, now_ns: int, reason: str = "") -> None:
        order_id, instrument = order.client_order_id.value, self.maker.instrument
        if self._ledger is not None:
            self._ledger.write(
                Sent(
                    # Its age is what is known of it when the venue has never heard of it: not the time of the last
                    # event of a market that may have been silent for long.
                    ts_ns=self.clock.timestamp_ns(),
                    order_id=order_id,
                    strategy=self.maker_name,
                    instrument=instrument.id,
                    side=quote.side,
                    price=Decimal(str(instrument.price(quote.ticks))),
                    size=order.quantity.as_decimal(),
                )
            )
        self.maker.orders.sent(order_id, quote, now_ns)
        self._record_order(now_ns, order_id, "sent", quote, reason)
        self.submit_order(order)

    def _amend(self, amend: Amend, now_ns: int) -> None:
        order = self._changeable(amend.order_id)
        if order is not None:
            self.maker.orders.amending(amend.order_id, amend.quote)
            self._record_order(now_ns, amend.order_id, "amending", amend.quote)
            self._modify(order, amend.quote)

    def _changeable(self, order_id: str) -> Any:
        """The kernel's order, unless it has ended or is changing already."""
        order = self.cache.order(ClientOrderId(order_id))
        busy = order is None or not order.is_open or order.is_pending_update or order.is_pending_cancel
        return None if busy else order

    def _modify(self, order: Any, quote: Quote) -> None:
        instrument, make = self.maker.instrument, self._nautilus_instrument
        self.modify_order(
            order,
            quantity=make.make_qty(instrument.size(quote.lots)),
            price=make.make_price(instrument.price(quote.ticks)),
        )

    def _cancel(self, order_ids: tuple[str, ...]) -> None:
        orders = [self.cache.order(ClientOrderId(order_id)) for order_id in order_ids]
        live = [order for order in orders if order is not None and order.is_open]
        for order in live:
            self.maker.orders.cancelling(order.client_order_id.value)
        if len(live) == 1:
            self.cancel_order(live[0])
        elif live:
            self.cancel_orders(live)

    # -- the venue's answers ---------------------------------------------------------------------------------

    @guarded
    def on_order_accepted(self, event: Any) -> None:
        self.accepted(event.client_order_id.value, event.venue_order_id.value, event.ts_init)

    def accepted(self, order_id: str, venue_order_id: str, ts_ns: int) -> None:
        """The venue holds an order; told twice, it counts once."""
        if self._ledger is not None and not self._ledger.write(
            Accepted(ts_ns=ts_ns, order_id=order_id, venue_order_id=venue_order_id)
        ):
            return
        if order_id in self.maker.orders:
            self.maker.on_accepted(order_id, ts_ns)
            self._record_order(ts_ns, order_id, "accepted")

    def _learn_id(self, event: Any) -> None:
        """Whatever the venue says of an order is its word that it held it, and names the id that its trades go by."""
        own = None if self._ledger is None else self._ledger.find(event.client_order_id.value)
        if own is not None and not own.venue_order_id and event.venue_order_id is not None:
            self.accepted(event.client_order_id.value, event.venue_order_id.value, event.ts_init)

    @guarded
    def on_order_rejected(self, event: Any) -> None:
        self._refused(event, "rejected")

    @guarded
    def on_order_denied(self, event: Any) -> None:
        self._refused(event, "denied")

    def _refused(self, event: Any, how: str) -> None:
        self.ended(event.client_order_id.value, "rejected", self._now_ns, event.reason, how)

    @guarded
    def on_order_canceled(self, event: Any) -> None:
        self._ended(event, "cancelled")

    @guarded
    def on_order_expired(self, event: Any) -> None:
        self._ended(event, "expired")

    def _ended(self, event: Any, how: Ending) -> None:
        self._learn_id(event)
        self.ended(event.client_order_id.value, how, event.ts_init)

    def ended(self, order_id: str, how: Ending, ts_ns: int, reason: str = "", words: str = "") -> None:
        """The venue says that an order is no more; told twice, it counts once."""
        if self._ledger is not None and not self._ledger.write(
            Ended(ts_ns=ts_ns, order_id=order_id, how=how, reason=reason)
        ):
            return
        if how == "rejected":
            self.maker.on_rejected(order_id, ts_ns)
        else:
            self.maker.on_cancelled(order_id, ts_ns)
        self._record_order(ts_ns, order_id, words or how, reason=reason)

    @guarded
    def on_order_updated(self, event: Any) -> None:
        order_id = event.client_order_id.value
        if order_id in self.maker.orders and event.price is not None:
            self.amended(order_id, event.price.as_decimal(), event.quantity.as_decimal(), event.ts_init)

    def amended(self, order_id: str, price: Decimal, size: Decimal, ts_ns: int) -> None:
        """The venue changed an order: `size` counts what of it had traded by then."""
        instrument, own = self.maker.instrument, None
        if self._ledger is not None:
            self._ledger.write(Amended(ts_ns=ts_ns, order_id=order_id, price=price, size=size))
            own = self._ledger.find(order_id)
        left = size if own is None else size - own.filled
        ticks, lots = instrument.ticks(float(price)), instrument.lots(float(left))
        self.maker.on_amended(order_id, ticks, lots)
        order = self.maker.orders.get(order_id)
        if order is not None:
            self._record_order(ts_ns, order_id, "amended", Quote(order.side, ticks, lots))

    @guarded
    def on_order_modify_rejected(self, event: Any) -> None:
        order_id = event.client_order_id.value
        self.maker.orders.amend_failed(order_id)
        self._record_order(self._now_ns, order_id, "amend rejected", reason=event.reason)
        self.on_question("a change was refused")

    @guarded
    def on_order_cancel_rejected(self, event: Any) -> None:
        order_id = event.client_order_id.value
        order = self.cache.order(event.client_order_id)
        if order is not None and order.is_closed:
            self.maker.closed_order(order_id)
        else:
            self.maker.orders.cancel_failed(order_id)
        self._record_order(self._now_ns, order_id, "cancel rejected", reason=event.reason)
        self.on_question("a cancel was refused")

    @guarded
    def on_order_filled(self, event: Any) -> None:
        if self._ledger is not None:
            self._learn_id(event)
            self.filled(to_filled(event, self.maker_name))
            return
        self._book(
            Fill(
                # Our clock, as for books and trades: the venue's may be seconds away from it.
                ts_ns=event.ts_init,
                order_id=event.client_order_id.value,
                side=to_side(event.order_side),
                price=to_float(event.last_px),
                size=to_float(event.last_qty),
                fee=event.commission.as_double(),
                maker=event.liquidity_side == LiquiditySide.MAKER,
            )
        )

    def filled(self, fill: Filled) -> None:
        """One of our orders traded; told twice, it counts once."""
        assert self._ledger is not None
        if self._ledger.write(msgspec.structs.replace(fill, mid=known(self.maker.score.mid))):
            self._book(to_fill(fill, self.maker.instrument))

    def _book(self, fill: Fill) -> None:
        maker = self.maker
        maker.on_fill(fill)
        self._record(
            fill.ts_ns,
            FillEvent(
                strategy=self.maker_name,
                instrument=maker.instrument.id,
                order_id=fill.order_id,
                side=fill.side.name,
                price=fill.price,
                size=fill.size,
                fee=fill.fee,
                maker=fill.maker,
                mid=known(maker.score.mid),
                position=maker.inventory,
            ),
        )
        self._exposures.filled(maker)
        maker.tell_fill(fill)

    def _record_order(
        self, ts_ns: int, order_id: str, event: str, quote: Quote | None = None, reason: str = ""
    ) -> None:
        instrument = self.maker.instrument
        self._record(
            ts_ns,
            OrderEvent(
                strategy=self.maker_name,
                instrument=instrument.id,
                order_id=order_id,
                event=event,
                side=quote.side.name if quote else "",
                price=instrument.price(quote.ticks) if quote else 0.0,
                size=instrument.size(quote.lots) if quote else 0.0,
                reason=reason,
            ),
        )

    # -- control ---------------------------------------------------------------------------------------------

    def withdraw(self, source: str, reason: str) -> None:
        """Quote nothing until `source` releases it, and cancel what is open now."""
        if self._maker is None:
            return
        if source not in _PASSING and not (source == "operator" and STOPS in self.maker.halts):
            self._flattening = False
        self.maker.halt(source, reason)
        try:
            if source == "feed":
                self.maker.interrupted(self._now_ns, reason)
            self._step(self._now_ns)
        except Exception as exc:
            self.degrade(f"withdraw: {type(exc).__name__}: {exc}")
        self._record_halt(source, active=True, reason=reason)

    @guarded
    def finish_withdrawal(self) -> None:
        """Cancel what was in flight when the quotes were pulled and is open by now."""
        self._cancel(self.maker.withdraw(self._now_ns).cancels)

    def release(self, source: str) -> None:
        """Undo `withdraw` of the same source."""
        self.maker.release(source)
        if STOPS in self.maker.halts:
            self._flattening = True
        elif source == "operator":
            self._flattening = False
        self._record_halt(source, active=False)

    def flatten(self) -> None:
        """Pull the quotes, then close the position at what the market takes, within the slippage allowed."""
        self.withdraw("operator", "flattened by operator")
        self._flatten()

    def arm(self) -> bool:
        """Quote again after a stop, whose counts begin anew; False where none was."""
        if STOPS not in self.maker.halts:
            return False
        self.maker.arm()
        self._flattening = False
        self.release(STOPS)
        return True

    def _stopped(self) -> None:
        """Pull the quotes until somebody arms it again, and close the position in slices."""
        self.withdraw(STOPS, self.maker.stops.reason)
        self._flatten(slices=_SLICES)

    def _flatten(self, slices: int = 1) -> None:
        self._flattening = True
        self._slices, self._slice_lots, self._slice_ns = slices, 0, 0
        self._unwind()

    def degrade(self, reason: str) -> None:
        """Pull the quotes for good: something of ours is broken. Said once; after that only orders are cancelled."""
        if self._maker is None:
            self.log.error(f"degraded: {reason}")
            return
        first = not self.maker.degraded
        self.maker.degrade(f"degraded: {reason}")
        self._cancel(self.maker.withdraw(self._now_ns).cancels)
        if first:
            self.log.error(f"degraded: {reason}")
            self._record_halt("error", active=True, reason=reason)

    def _record_halt(self, source: str, *, active: bool, reason: str = "") -> None:
        self._record(
            self._now_ns,
            HaltEvent(
                strategy=self.maker_name,
                source=source,
                active=active,
                reason=reason,
                instrument=self.instrument_id.value,
            ),
        )

    def _record_guard(self, change: GuardChange, now_ns: int) -> None:
        self._record(
            now_ns,
            GuardEvent(
                strategy=self.maker_name,
                instrument=self.instrument_id.value,
                guard=change.guard,
                side=change.side.name,
                active=change.active,
                reason=change.reason,
            ),
        )

    def _unwind(self) -> None:
        """Close the position once nothing unknown can change it any more; one order at a time."""
        maker = self.maker
        if not self._flattening or "custody" in maker.halts or len(maker.orders) or not maker.score.mid > 0:
            return
        lots = self._slice()
        if not lots:
            return
        side = Side.SELL if maker.inventory > 0 else Side.BUY
        quote = Quote(side, maker.worst_ticks(side), lots, taking=True)
        if self._exposures.in_the_way(maker, side, quote.ticks, self._market_ns()) is not None:
            return  # what is in the way goes, and this comes with the next heartbeat
        # What the book cannot fill within the slippage is cancelled, and sent again at the next heartbeat.
        self._submit(self._limit(quote), quote, self._now_ns, "flatten")

    def _slice(self) -> int:
        """Lots to close now; all of them if it is not to be done in slices, or if too few would be left to be sent."""
        maker, now_ns = self.maker, self.clock.timestamp_ns()
        lots = maker.closing_lots
        if maker.stops.runs_on or self._exposures.stops.runs_on:
            # What slices save is less than what waiting costs in a fall.
            self._slices = 1
        if not lots or self._slices == 1 or now_ns < self._slice_ns:
            return lots if self._slices == 1 else 0
        self._slice_ns = now_ns + _SLICE_EVERY_NS
        self._slice_lots = self._slice_lots or -(-lots // self._slices)
        least = maker.instrument.smallest_lots(maker.score.mid)
        one = max(self._slice_lots, least)
        return lots if lots - one < least else one


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
