"""Holds the orders of a running node against what its venue says, and keeps quotes out while the two may differ.

The kernel's own checks invent an outcome for an order that nobody answers about; they are off. Instead: whenever
something may have happened that we were not told (a request without an answer, a stream that was interrupted, an
order that has waited too long), every maker of the venue is halted, the venue is asked about every order and trade of
ours, and only when its list agrees with the ledger do they quote again. In quiet times it is asked now and then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from nautilus_trader.model.enums import LiquiditySide, OrderSide, OrderType
from nautilus_trader.model.identifiers import ClientId, ClientOrderId, InstrumentId, TradeId, VenueOrderId
from nautilus_trader.model.objects import Currency, Money

from ultramm.custody.desk import Desk, NoAnswer
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.own import OwnOrder
from ultramm.custody.records import Ending, Filled
from ultramm.custody.settle import Settled, ToLedger, cancel_listed, settle
from ultramm.journal.records import CustodyEvent, Record, VenueStatus
from ultramm.market import Side
from ultramm.nautilus.shell import MakerShell
from ultramm.orders.live import OrderState

_LOOK_S = 0.1
# An order on its way for longer is asked about.
_PATIENCE_S = 2.0
# What the venue's list does not show yet after so long was lost.
_TRAVEL_S = 0.5
_QUIET_S = 5.0
_FILLS_EVERY = 6
_AGAIN_S = 0.3
_LONGEST_AGAIN_S = 3.0
# While its messages do not arrive nothing is quoted, whatever it answers.
_DEAF_AGAIN_S = 1.0
_LISTEN_AGAIN_S = 3.0


class Custodian:
    """Of one venue.

    Parameters
    ----------
    venue : str
        Its name.
    desk : Desk
        Asks it.
    ledger : OrderLedger
        Our orders.
    shells : list of MakerShell
        The makers that trade there.
    instruments : list of str
        Of the venue.
    dead_man_s : float
        See `ultramm.nautilus.venue.LiveVenue`.
    record : callable
        Takes (ts_ns, record) for the journal.
    """

    def __init__(
        self,
        venue: str,
        desk: Desk,
        ledger: OrderLedger,
        shells: list[MakerShell],
        instruments: list[str],
        dead_man_s: float,
        record: Callable[[int, Record], None],
    ) -> None:
        self.venue = venue
        self.desk = desk
        self._ledger = ledger
        # Hears of the orders that no running maker is told of.
        self._to_ledger = ToLedger(ledger, time.time_ns)
        self._shells = {(shell.maker_name, shell.instrument_id.value): shell for shell in shells}
        self._instruments = instruments
        self._dead_man_s = dead_man_s
        self._record = record
        self._client: Any = None
        self._data: Any = None
        self._cache: Any = None
        self._doubts = 0
        self._doubt: str | None = None
        self._asking = False
        self._waiting_since: dict[tuple[str, OrderState], float] = {}
        self._heard_s = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._listening: asyncio.Task[None] | None = None

    # -- life ------------------------------------------------------------------------------------------------

    def begin(self, node: Any) -> None:
        """The node runs: watch."""
        client_id = ClientId(self.venue)
        self._client = node.kernel.exec_engine._clients[client_id]
        self._data = node.kernel.data_engine._clients[client_id]
        self._cache = node.kernel.cache
        self._client.on_doubt = self.doubt
        self._end_leftovers()
        for shell in self._shells.values():
            shell.on_question = self.ask
        self._tasks = [asyncio.create_task(self._watch())]
        if self._dead_man_s:
            self._tasks.append(asyncio.create_task(self._keep_alive()))

    def _end_leftovers(self) -> None:
        """What the kernel's cache has of earlier runs and the ledger knows to be over."""
        for known in (*self._cache.orders_open(), *self._cache.orders_inflight()):
            own = self._ledger.find(known.client_order_id.value)
            if own is not None and own.ended is not None:
                self._end_in_kernel(known, own.ended, "of an earlier run")

    async def end(self) -> None:
        """Stop watching."""
        tasks = [*self._tasks, *([self._listening] if self._listening is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def status(self) -> VenueStatus:
        """How it stands with the venue."""
        if self._doubt is not None:
            return VenueStatus(venue=self.venue, state="in doubt", detail=self._doubt)
        if not self._data.listening:
            return VenueStatus(venue=self.venue, state="in doubt", detail="the connection to its market is lost")
        return VenueStatus(venue=self.venue, state="connected")

    # -- doubt -----------------------------------------------------------------------------------------------

    def doubt(self, reason: str) -> None:
        """Something may have happened that we were not told: no quotes until the venue's list agrees."""
        self._doubts += 1
        if self._doubt is not None:
            return
        self._doubt = reason
        self._note("doubt", reason)
        for shell in self._shells.values():
            shell.withdraw("custody", f"{self.venue} is being asked about our orders: {reason}")

    def ask(self, _reason: str) -> None:
        """Have the venue asked soon, quoting meanwhile."""
        self._asking = True

    def _agree(self) -> None:
        self._doubt = None
        self._note("agreed", "")
        for shell in self._shells.values():
            shell.release("custody")

    def _note(self, event: str, detail: str) -> None:
        self._record(time.time_ns(), CustodyEvent(venue=self.venue, event=event, detail=detail))

    # -- watching --------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        again_s, quiet_since, looks, accounted = _AGAIN_S, time.monotonic(), 0, False
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                self._look_at_connections()
                self._look_for_overdue()
                now = time.monotonic()
                if self._doubt is None and not self._asking and now - quiet_since < _QUIET_S:
                    continue
                looks += 1
                # Trades weigh most, so in doubt they are asked for once all orders are accounted for.
                wanted = looks % _FILLS_EVERY == 0 if self._doubt is None else accounted
                settled = await self._settle(with_fills=wanted)
                accounted = settled.agreed and not wanted
            except NoAnswer as exc:
                self.doubt(f"no answer: {exc}")
                await asyncio.sleep(again_s)
                again_s = min(2 * again_s, _LONGEST_AGAIN_S)
            except Exception as exc:
                self.doubt(f"{type(exc).__name__}: {exc}")
                await asyncio.sleep(again_s)
            else:
                again_s, quiet_since = _AGAIN_S, time.monotonic()
                if not self._client.listening:
                    await asyncio.sleep(_DEAF_AGAIN_S)
                elif not settled.agreed:
                    await asyncio.sleep(_AGAIN_S)

    def _look_at_connections(self) -> None:
        listening = self._client.listening
        now = time.monotonic()
        if listening:
            self._heard_s = now
        else:
            self.doubt("the connection that tells of our orders is lost")
            if now - self._heard_s > _LISTEN_AGAIN_S and (self._listening is None or self._listening.done()):
                self._heard_s = now
                self._listening = asyncio.create_task(self._listen_again())
        self._halt_without_market(lost=not self._data.listening)

    async def _listen_again(self) -> None:
        try:
            await self._client.listen_again()
        except Exception as exc:
            self._note("doubt", f"cannot listen again: {type(exc).__name__}")

    def _halt_without_market(self, *, lost: bool) -> None:
        for shell in self._shells.values():
            if not shell.started or lost is ("feed" in shell.maker.halts):
                continue
            if lost:
                shell.withdraw("feed", f"the connection to {self.venue}'s market is lost")
            else:
                shell.release("feed")

    def _look_for_overdue(self) -> None:
        now = time.monotonic()
        waiting: dict[tuple[str, OrderState], float] = {}
        for shell in self._shells.values():
            if not shell.started:
                continue
            for order in shell.maker.orders:
                if order.state is not OrderState.OPEN:
                    key = order.id, order.state
                    since = waiting[key] = self._waiting_since.get(key, now)
                    if now - since > _PATIENCE_S:
                        self.doubt(f"order {order.id} has been {order.state.value} for {now - since:.0f} s")
        self._waiting_since = waiting

    async def _settle(self, *, with_fills: bool) -> Settled:
        before = self._doubts
        self._asking = False
        settled = await settle(self.desk, self._ledger, self, self._instruments, time.time_ns, with_fills=with_fills)
        if settled.orphans:
            self.doubt(f"{self.venue} holds orders that we believed gone: {', '.join(settled.orphans)}")
        elif settled.unresolved:
            self.doubt(f"{settled.unresolved} orders are not accounted for yet")
        elif self._doubt is not None and await self._cancel_overdue():
            self.doubt("cancels were lost on their way")
        elif self._doubt is not None and before == self._doubts and with_fills and self._client.listening:
            self._end_changes()
            self._agree()
        return settled

    def _end_changes(self) -> None:
        """The venue's word about every order is known: a change that it does not show was lost, or refused."""
        now = time.monotonic()
        for (order_id, state), since in self._waiting_since.items():
            if state is OrderState.AMENDING and now - since > _TRAVEL_S:
                for shell in self._shells.values():
                    if shell.started:
                        shell.maker.orders.amend_failed(order_id)

    async def _cancel_overdue(self) -> int:
        """Cancel by REST what the venue holds and the kernel believes to be cancelling: it would not ask again."""
        now = time.monotonic()
        late = {
            order_id
            for (order_id, state), since in self._waiting_since.items()
            if state is OrderState.CANCELLING and now - since > _TRAVEL_S
        }
        return sum(done for _, done in await cancel_listed(self.desk, late.__contains__)) if late else 0

    async def _keep_alive(self) -> None:
        while True:
            try:
                await self.desk.keep_alive(self._dead_man_s)
            except NoAnswer as exc:
                self._note("doubt", f"the dead man's switch was not set: {exc}")
            await asyncio.sleep(self._dead_man_s / 3)

    # -- what the venue said that nobody had told us ---------------------------------------------------------

    def accepted(self, order: OwnOrder, venue_order_id: str) -> None:
        shell = self._shell(order.sent.strategy, order.sent.instrument)
        if shell is None:
            self._to_ledger.accepted(order, venue_order_id)
            return
        shell.accepted(order.id, venue_order_id, time.time_ns())
        known = self._known(order)
        if known is not None and known.is_inflight:
            ids = known.strategy_id, known.instrument_id, known.client_order_id
            self._client.generate_order_accepted(*ids, VenueOrderId(venue_order_id), time.time_ns())

    def amended(self, order: OwnOrder, price: Decimal, size: Decimal) -> None:
        shell = self._shell(order.sent.strategy, order.sent.instrument)
        if shell is None:
            self._to_ledger.amended(order, price, size)
            return
        shell.amended(order.id, price, size, time.time_ns())
        known = self._known(order)
        if known is not None and not known.is_closed:
            instrument = self._cache.instrument(known.instrument_id)
            self._client.generate_order_updated(
                known.strategy_id,
                known.instrument_id,
                known.client_order_id,
                known.venue_order_id or VenueOrderId(order.venue_order_id),
                instrument.make_qty(size),
                instrument.make_price(price),
                None,
                time.time_ns(),
            )

    def filled(self, fill: Filled) -> None:
        shell = self._shell(fill.strategy, fill.instrument)
        if shell is None:
            self._to_ledger.filled(fill)
            return
        order = self._ledger.find(fill.order_id)
        shell.filled(fill)
        known = None if order is None else self._known(order)
        if known is not None and order is not None:
            self._tell_kernel_of_fill(known, order, fill)

    def ended(self, order: OwnOrder, how: Ending, reason: str) -> None:
        shell = self._shell(order.sent.strategy, order.sent.instrument)
        if shell is None:
            self._to_ledger.ended(order, how, reason)
            return
        shell.ended(order.id, how, time.time_ns(), reason)
        known = self._known(order)
        if known is not None and not known.is_closed:
            self._end_in_kernel(known, how, reason)

    def _end_in_kernel(self, known: Any, how: Ending, reason: str) -> None:
        ids = known.strategy_id, known.instrument_id, known.client_order_id
        now_ns = time.time_ns()
        if how == "rejected":
            self._client.generate_order_rejected(*ids, reason, now_ns)
        else:
            tell = self._client.generate_order_expired if how == "expired" else self._client.generate_order_canceled
            tell(*ids, known.venue_order_id or VenueOrderId("unknown"), now_ns)

    def _shell(self, strategy: str, instrument: str) -> MakerShell | None:
        """Its running maker."""
        shell = self._shells.get((strategy, instrument))
        return shell if shell is not None and shell.started else None

    def _known(self, order: OwnOrder) -> Any:
        """The kernel's order, if it is one of this run."""
        return None if self._cache is None else self._cache.order(ClientOrderId(order.id))

    def _tell_kernel_of_fill(self, known: Any, order: OwnOrder, fill: Filled) -> None:
        instrument = self._cache.instrument(InstrumentId.from_str(fill.instrument))
        self._client.generate_order_filled(
            strategy_id=known.strategy_id,
            instrument_id=known.instrument_id,
            client_order_id=known.client_order_id,
            venue_order_id=known.venue_order_id or VenueOrderId(order.venue_order_id or "unknown"),
            venue_position_id=None,
            trade_id=TradeId(fill.trade_id),
            order_side=OrderSide.BUY if fill.side is Side.BUY else OrderSide.SELL,
            order_type=OrderType.LIMIT if known.has_price else OrderType.MARKET,
            last_qty=instrument.make_qty(fill.size),
            last_px=instrument.make_price(fill.price),
            quote_currency=instrument.quote_currency,
            commission=Money(fill.fee, Currency.from_str(fill.fee_currency)),
            liquidity_side=LiquiditySide.MAKER if fill.maker else LiquiditySide.TAKER,
            ts_event=fill.ts_ns,
        )
