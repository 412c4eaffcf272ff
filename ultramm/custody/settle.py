"""Bringing our ledger and the venue's books to agree, by asking; nothing is assumed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Protocol

import msgspec

from ultramm.custody.account import compare, effects, equity
from ultramm.custody.desk import Desk, Holdings, NoAnswer, Terms
from ultramm.custody.ledger import OrderLedger
from ultramm.custody.own import OwnOrder
from ultramm.custody.records import Accepted, Amended, Checked, Ended, Ending, Filled, Funded, VenueFill, VenueOrder

# What a venue's clock may be behind ours, or its lists behind its streams.
_OVERLAP_NS = 60_000_000_000
# Why an order ended that the venue was asked about.
SO_IT_SAYS = "so the venue says"
NEVER_HAD = "the venue never had it"


class Told(Protocol):
    """Who hears of what the venue said and nobody had told us."""

    def accepted(self, order: OwnOrder, venue_order_id: str) -> None: ...

    def amended(self, order: OwnOrder, price: Decimal, size: Decimal) -> None: ...

    def filled(self, fill: Filled) -> None: ...

    def ended(self, order: OwnOrder, how: Ending, reason: str) -> None: ...


class ToLedger:
    """Writes it down; for when no node is running.

    Parameters
    ----------
    ledger : OrderLedger
        Where.
    now_ns : callable
        The clock.
    """

    def __init__(self, ledger: OrderLedger, now_ns: Callable[[], int]) -> None:
        self._ledger = ledger
        self._now_ns = now_ns

    def accepted(self, order: OwnOrder, venue_order_id: str) -> None:
        self._ledger.write(Accepted(ts_ns=self._now_ns(), order_id=order.id, venue_order_id=venue_order_id))

    def amended(self, order: OwnOrder, price: Decimal, size: Decimal) -> None:
        self._ledger.write(Amended(ts_ns=self._now_ns(), order_id=order.id, price=price, size=size))

    def filled(self, fill: Filled) -> None:
        self._ledger.write(fill)

    def ended(self, order: OwnOrder, how: Ending, reason: str) -> None:
        self._ledger.write(Ended(ts_ns=self._now_ns(), order_id=order.id, how=how, reason=reason))


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What came of asking.

    Parameters
    ----------
    unresolved : int
        Orders of which the venue could not say yet what became of them.
    orphans : tuple of str
        Orders that it held and we believed gone; their cancel was sent.
    accepted, amended, filled, ended : int
        What nobody had told us.
    """

    unresolved: int
    orphans: tuple[str, ...]
    accepted: int = 0
    amended: int = 0
    filled: int = 0
    ended: int = 0

    @property
    def agreed(self) -> bool:
        """Whether nothing is in doubt any more."""
        return not self.unresolved and not self.orphans

    @property
    def news(self) -> int:
        return self.accepted + self.amended + self.filled + self.ended


async def settle(
    desk: Desk,
    ledger: OrderLedger,
    told: Told,
    instruments: Iterable[str],
    now_ns: Callable[[], int],
    *,
    with_fills: bool,
) -> Settled:
    """Ask the venue about every order of ours on these instruments, and tell what was missed.

    Parameters
    ----------
    with_fills : bool
        Ask for all trades since the ledger was last known to have every one; otherwise only where an order has traded
        more than we know.

    Raises
    ------
    NoAnswer
        The venue did not answer; whatever it said before that was told.
    """
    asked_ns = now_ns()
    names = set(instruments)
    mine = [order for order in ledger.open.values() if order.sent.instrument in names]
    listed = {order.order_id: order for order in await desk.open_orders() if ledger.is_ours(order.order_id)}
    seen, lost, unresolved = {}, [], 0
    for order in mine:
        # An answer that took long says nothing of what came to the venue meanwhile: the age when it was asked counts.
        age_ns = now_ns() - order.sent.ts_ns
        said = listed.get(order.id) or await desk.order(order.sent.instrument, order.id)
        if said is not None:
            seen[order.id] = said
        elif age_ns > desk.forgets_after_s * 1e9:
            lost.append(order)
        else:
            unresolved += 1
    orphans = [order for order in listed.values() if _is_orphan(order, ledger, asked_ns)]
    accepted = _tell_accepted(ledger, told, (*seen.values(), *orphans))
    amended = _tell_amended(ledger, told, seen.values())
    filled = await _book_fills(desk, ledger, told, names, _since(ledger, seen, with_fills=with_fills))
    ended = 0
    for order_id, said in seen.items():
        own = ledger.open.get(order_id)
        if own is None:
            continue
        if own.filled < said.filled:
            unresolved += 1
        elif said.status != "open":
            told.ended(own, said.status, SO_IT_SAYS)
            ended += 1
    for order in lost:
        if order.id in ledger.open:
            told.ended(order, "rejected", NEVER_HAD)
            ended += 1
    for orphan in orphans:
        await desk.cancel(orphan)
    if with_fills:
        ledger.write(Checked(ts_ns=asked_ns))
    return Settled(
        unresolved=unresolved,
        orphans=tuple(order.order_id for order in orphans),
        accepted=accepted,
        amended=amended,
        filled=filled,
        ended=ended,
    )


def _is_orphan(order: VenueOrder, ledger: OrderLedger, asked_ns: int) -> bool:
    """Whether we believed it gone before we asked."""
    if order.order_id in ledger.open:
        return False
    own = ledger.find(order.order_id)
    return own is None or own.ended_ns < asked_ns


def _tell_accepted(ledger: OrderLedger, told: Told, orders: Iterable[VenueOrder]) -> int:
    """The venue's ids, by which its trades name our orders."""
    count = 0
    for said in orders:
        own = ledger.find(said.order_id)
        if own is not None and own.venue_order_id != said.venue_order_id:
            told.accepted(own, said.venue_order_id)
            count += 1
    return count


def _tell_amended(ledger: OrderLedger, told: Told, orders: Iterable[VenueOrder]) -> int:
    """Prices and sizes that are others than we know; an order at market has no price."""
    count = 0
    for said in orders:
        own = ledger.open.get(said.order_id)
        if own is None or not said.price or (said.price, said.size) == (own.sent.price, own.sent.size):
            continue
        told.amended(own, said.price, said.size)
        count += 1
    return count


def _since(ledger: OrderLedger, seen: dict[str, VenueOrder], *, with_fills: bool) -> int | None:
    """From when on trades are asked for: since all were known, or since the oldest order that has more than we know."""
    behind = [
        own.sent.ts_ns
        for order_id, said in seen.items()
        if (own := ledger.open.get(order_id)) is not None and own.filled < said.filled
    ]
    known = [*behind, *([ledger.checked_ns] if with_fills else [])]
    return max(0, min(known) - _OVERLAP_NS) if known else None


async def _book_fills(desk: Desk, ledger: OrderLedger, told: Told, names: set[str], since_ns: int | None) -> int:
    if since_ns is None:
        return 0
    count = 0
    for instrument in sorted(names):
        for fill in await desk.fills(instrument, since_ns):
            own = ledger.find_by_venue_id(instrument, fill.venue_order_id)
            if own is not None and not ledger.knows_trade(instrument, fill.trade_id):
                told.filled(filled(own, fill))
                count += 1
    return count


def filled(own: OwnOrder, fill: VenueFill) -> Filled:
    """A trade of the venue's as one of our order."""
    return Filled(
        ts_ns=fill.ts_ns,
        order_id=own.id,
        strategy=own.sent.strategy,
        instrument=fill.instrument,
        side=fill.side,
        trade_id=fill.trade_id,
        price=fill.price,
        size=fill.size,
        fee=fill.fee,
        fee_currency=fill.fee_currency,
        maker=fill.maker,
    )


async def cancel_listed(desk: Desk, wanted: Callable[[str], bool]) -> list[tuple[VenueOrder, bool]]:
    """Cancel what the venue's list has of the wanted ids: each of them, and whether there was something to cancel yet.

    Raises
    ------
    NoAnswer
        The venue did not answer.
    """
    return [(order, await desk.cancel(order)) for order in await desk.open_orders() if wanted(order.order_id)]


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What was found when a node took over.

    Parameters
    ----------
    terms : dict of str to Terms
        What a trade of each instrument moves.
    cancelled : int
        Orders of ours.
    news : int
        What nobody had told us.
    moved : dict of str to str
        Money and positions that somebody moved.
    """

    terms: dict[str, Terms]
    cancelled: int
    news: int
    moved: dict[str, str]


async def take_over(desk: Desk, ledger: OrderLedger, venue: str, told: Told, now_ns: Callable[[], int]) -> Opening:
    """Before a node trades: cancel what an earlier one left, book what it missed, and know what the account holds.

    Raises
    ------
    NoAnswer
        The venue does not say what became of every order.
    """
    terms = await desk.terms()
    cancelled = sum(done for _, done in await cancel_listed(desk, ledger.is_ours))
    if not ledger.checked_ns:
        ledger.write(Checked(ts_ns=now_ns()))
    settled = await settle(desk, ledger, told, terms, now_ns, with_fills=True)
    if not settled.agreed:
        raise NoAnswer(f"{settled.unresolved + len(settled.orphans)} orders are not accounted for yet")
    moved = fund(ledger, venue, terms, await desk.holdings(), now_ns())
    return Opening(terms=terms, cancelled=cancelled, news=settled.news, moved=moved)


def fund(ledger: OrderLedger, venue: str, terms: dict[str, Terms], held: Holdings, ts_ns: int) -> dict[str, str]:
    """Note what the account holds without us; says what differs from what was expected."""
    done = effects(ledger.fills, terms)
    before = ledger.funded.get(venue)
    if before is not None:
        gaps = {each.what: each for each in compare(before, done, held, terms) if each.gap}
        if not gaps:
            return {}
    else:
        gaps = {}
    balances = equity(held, terms)
    for name, amount in done.cash.items():
        balances[name] -= amount
    positions = defaultdict(Decimal, held.positions)
    for name, size in done.positions.items():
        positions[name] -= size
    ledger.write(
        Funded(
            ts_ns=ts_ns,
            venue=venue,
            balances=dict(balances),
            positions={name: size for name, size in positions.items() if size},
        )
    )
    return {name: f"{gap.gap:+f}" for name, gap in gaps.items()}
