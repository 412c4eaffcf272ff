"""From the orders that live and the quotes that are wanted to the least to send."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ultramm.market import Quote, Side
from ultramm.orders.live import LiveOrder, OrderState

Keeps = Callable[[LiveOrder, Quote], bool]

# Members of an enumeration are slow to look up, and this is done for every order at every decision.
_BUY, _SELL = Side.BUY, Side.SELL
_SENT, _OPEN, _AMENDING = OrderState.SENT, OrderState.OPEN, OrderState.AMENDING


class Refusal(msgspec.Struct, frozen=True):
    """A quote that is not sent, and in words why."""

    quote: Quote
    reason: str


class Amend(msgspec.Struct, frozen=True):
    """An order that is changed into a quote: one message, and never a moment without either."""

    order_id: str
    quote: Quote


class Plan(msgspec.Struct, frozen=True):
    """What to send: order ids to cancel, quotes to submit, changes; and what was held back until something ends."""

    cancels: tuple[str, ...] = ()
    submits: tuple[Quote, ...] = ()
    held: tuple[Refusal, ...] = ()
    amends: tuple[Amend, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.cancels or self.submits or self.amends)


def plan(
    live: Iterable[LiveOrder],
    desired: Sequence[Quote],
    now_ns: int,
    *,
    tolerance_ticks: int = 0,
    max_age_ns: int | None = None,
    keeps: Keeps | None = None,
    amends: bool = False,
) -> Plan:
    """What to send so that the live orders become the desired ones.

    An order within `tolerance_ticks` of a wanted quote keeps its place in the queue, the closest pairs first, unless
    it is older than `max_age_ns`, larger than wanted, less than half of it is left, or it would meet a wanted quote
    of the other side. Only an open order is cancelled: one in flight has no answer yet and stands for its quote, one
    whose cancel travels is not cancelled twice. A quote that would meet one of our own live orders waits until that
    order is gone, and one that takes is held back where it would meet another that is wanted.

    Parameters
    ----------
    live : iterable of LiveOrder
        One instrument's orders, of both sides and any state.
    desired : sequence of Quote
        On the grid, best first on each side.
    keeps : callable, optional
        Whether an open order further from a quote than the tolerance, its nearest without one, stands for it all the
        same.
    amends : bool
        The venue can change an order in one message. One that only has to be smaller then keeps its place; one that
        has to move is moved, instead of cancelled and sent anew. An order that has traded, or is too old, is not.
    """
    oldest_ns = -1 if max_age_ns is None else now_ns - max_age_ns
    orders = list(live)
    buys, sells = _by_side(orders)
    bids, asks = _by_side(desired)
    buys_then, sells_then = (_changed(buys), _changed(sells)) if amends else (buys, sells)
    kept, missing = _match(_staying(_BUY, buys_then, asks, oldest_ns), bids, tolerance_ticks, keeps)
    kept_sells, missing_asks = _match(_staying(_SELL, sells_then, bids, oldest_ns), asks, tolerance_ticks, keeps)
    kept |= kept_sells
    missing += missing_asks
    cancels = tuple([order.id for order in orders if order.state is _OPEN and order.id not in kept])
    if not missing:
        return Plan(cancels)
    bid, ask = _nearest(buys), _nearest(sells)
    held = [
        Refusal(quote, f"waits for our own {blocker} in its way to end")
        for quote in missing
        if (blocker := _blocker(quote, bid, ask)) is not None
    ]
    if any(quote.taking for quote in missing):
        held += _meeting(missing)
    if held:
        waiting = [refusal.quote for refusal in held]
        missing = [quote for quote in missing if quote not in waiting]
    changed = _changes([order for order in orders if order.id in cancels], missing, oldest_ns) if amends else ()
    if changed:
        amended = {amend.order_id for amend in changed}
        cancels = tuple([order_id for order_id in cancels if order_id not in amended])
        placed = {id(amend.quote) for amend in changed}
        missing = [quote for quote in missing if id(quote) not in placed]
    return Plan(cancels, tuple(missing), tuple(held), changed)


def _changes(orders: Sequence[LiveOrder], missing: Sequence[Quote], oldest_ns: int) -> tuple[Amend, ...]:
    """Of orders that would be cancelled: which become which of the quotes that no order stands for.

    One that stays at its price first; then the best with the best.
    """
    changes: list[Amend] = []
    for side in (_BUY, _SELL):
        free = [o for o in orders if o.side is side and o.lots == o.placed_lots and o.sent_ns > oldest_ns]
        at_price = {order.ticks: order for order in reversed(free)}
        moving: list[Quote] = []
        for quote in missing:
            if quote.side is not side or quote.taking:
                continue
            order = at_price.pop(quote.ticks, None)
            if order is None:
                moving.append(quote)
            else:
                free.remove(order)
                changes.append(Amend(order.id, quote))
        changes += [Amend(order.id, quote) for order, quote in zip(free, moving, strict=False)]
    return tuple(changes)


def _by_side[T: (LiveOrder, Quote)](placed: Sequence[T]) -> tuple[list[T], list[T]]:
    return [at for at in placed if at.side is _BUY], [at for at in placed if at.side is _SELL]


def _changed(orders: Sequence[LiveOrder]) -> list[LiveOrder]:
    """Orders as they will be: one whose change travels stands for its new quote, as one in flight does."""
    return [
        order
        if order.state is not _AMENDING or order.amended is None
        else msgspec.structs.replace(order, ticks=order.amended.ticks, lots=order.amended.lots, state=_SENT)
        for order in orders
    ]


def _nearest(orders: Sequence[LiveOrder]) -> int | None:
    """Ticks of the one nearest to the market, of a single side; None without any."""
    if not orders:
        return None
    ticks = [order.reach_ticks for order in orders]
    return max(ticks) if orders[0].side is _BUY else min(ticks)


def _blocker(quote: Quote, bid: int | None, ask: int | None) -> str | None:
    """What of our own must be gone before it: what it would trade with, and where it takes, what takes already."""
    ticks = quote.ticks
    if quote.side is _BUY:
        if ask is not None and ticks >= ask:
            return "ask"
        return "bid" if quote.taking and bid is not None and bid >= ticks else None
    if bid is not None and ticks <= bid:
        return "bid"
    return "ask" if quote.taking and ask is not None and ask <= ticks else None


def _meeting(wanted: Sequence[Quote]) -> list[Refusal]:
    """Quotes that take and would trade with another one of the same decision."""
    bids, asks = _by_side(wanted)
    if not bids or not asks:
        return []
    reach = {_BUY: min(quote.ticks for quote in asks), _SELL: max(quote.ticks for quote in bids)}
    return [
        Refusal(quote, f"would trade with our own {'ask' if quote.side is _BUY else 'bid'} that is wanted as well")
        for quote in wanted
        if quote.taking and quote.side * (quote.ticks - reach[quote.side]) >= 0
    ]


def _staying(side: Side, orders: Sequence[LiveOrder], opposite: Sequence[Quote], oldest_ns: int) -> list[LiveOrder]:
    """The orders of one side that may keep their place beside the wanted quotes of the other side."""
    sign = int(side)
    limit = sign * opposite[0].ticks if opposite else math.inf
    return [
        order
        for order in orders
        if order.state is _SENT or (order.state is _OPEN and order.sent_ns > oldest_ns and sign * order.ticks < limit)
    ]


def _match(
    orders: Sequence[LiveOrder], wanted: Sequence[Quote], tolerance_ticks: int, keeps: Keeps | None
) -> tuple[set[str], list[Quote]]:
    """Of one side: the ids of orders that stand for a wanted quote, and the quotes that no order stands for."""
    by_ticks = {order.ticks: order for order in orders}
    kept: set[str] = set()
    missing: list[Quote] = []
    for quote in wanted:
        order = by_ticks.pop(quote.ticks, None)
        if order is not None and order.lots <= quote.lots <= 2 * order.lots:
            kept.add(order.id)
        else:
            missing.append(quote)
    if missing and tolerance_ticks > 0 and len(kept) < len(orders):
        kept, missing = _match_nearby(orders, kept, missing, tolerance_ticks)
    if missing and keeps is not None and len(kept) < len(orders):
        return _match_worth_keeping(orders, kept, missing, keeps)
    return kept, missing


def _match_nearby(
    orders: Sequence[LiveOrder], kept: set[str], missing: Sequence[Quote], tolerance_ticks: int
) -> tuple[set[str], list[Quote]]:
    free = sorted([(order.ticks, order.sent_ns, order.id, order.lots) for order in orders if order.id not in kept])
    ticks = [order[0] for order in free]
    pairs: list[tuple[int, int, int, str]] = []
    for index, quote in enumerate(missing):
        if quote.taking:
            continue  # what rests beside its price does not trade
        at, lots = quote.ticks, quote.lots
        near = free[bisect_left(ticks, at - tolerance_ticks) : bisect_right(ticks, at + tolerance_ticks)]
        pairs += [
            (abs(its - at), index, sent_ns, order_id)
            for its, sent_ns, order_id, left in near
            if left <= lots <= 2 * left
        ]
    pairs.sort()
    found: set[int] = set()
    for _, index, _, order_id in pairs:
        if index not in found and order_id not in kept:
            found.add(index)
            kept.add(order_id)
    return kept, [quote for index, quote in enumerate(missing) if index not in found]


def _match_worth_keeping(
    orders: Sequence[LiveOrder], kept: set[str], missing: Sequence[Quote], keeps: Keeps
) -> tuple[set[str], list[Quote]]:
    """From the best quote outwards: the nearest order that nothing stands for yet, if its place is worth it."""
    left = []
    for quote in missing:
        free = [o for o in orders if o.state is _OPEN and o.id not in kept and o.lots <= quote.lots <= 2 * o.lots]
        order = None if quote.taking else min(free, key=lambda o: abs(o.ticks - quote.ticks), default=None)
        if order is not None and keeps(order, quote):
            kept.add(order.id)
        else:
            left.append(quote)
    return kept, left
