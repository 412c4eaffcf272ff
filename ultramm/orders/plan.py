"""From the orders that live and the quotes that are wanted to the least to send."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ultramm.market import Quote, Side
from ultramm.orders.live import LiveOrder, OrderState


class Refusal(msgspec.Struct, frozen=True):
    """A quote that is not sent, and in words why."""

    quote: Quote
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """What to send: order ids to cancel, quotes to submit; and what was held back until something ends."""

    cancels: tuple[str, ...] = ()
    submits: tuple[Quote, ...] = ()
    held: tuple[Refusal, ...] = ()

    @property
    def empty(self) -> bool:
        return not (self.cancels or self.submits)


def plan(
    live: Iterable[LiveOrder],
    desired: Sequence[Quote],
    now_ns: int,
    *,
    tolerance_ticks: int = 0,
    max_age_ns: int | None = None,
) -> Plan:
    """What to send so that the live orders become the desired ones.

    An order within `tolerance_ticks` of a wanted quote keeps its place in the queue, the closest pairs first, unless
    it is older than `max_age_ns`, larger than wanted, less than half of it is left, or it would meet a wanted quote
    of the other side. Only an open order is cancelled: one in flight has no answer yet and stands for its quote, one
    whose cancel travels is not cancelled twice. A quote that would meet one of our own live orders waits until that
    order is gone.

    Parameters
    ----------
    live : iterable of LiveOrder
        One instrument's orders, of both sides and any state.
    desired : sequence of Quote
        On the grid, best first on each side.
    """
    orders = list(live)
    bid, ask = _touch(desired)
    stays = [o for o in orders if _may_stay(o, ask if o.side is Side.BUY else bid, now_ns, max_age_ns)]
    kept = _match(stays, desired, tolerance_ticks)
    kept_ids = set(kept.values())
    cancels = tuple([order.id for order in orders if order.state is OrderState.OPEN and order.id not in kept_ids])
    missing = [quote for index, quote in enumerate(desired) if index not in kept]
    if not missing:
        return Plan(cancels)
    own_bid, own_ask = _touch(orders)
    submits: list[Quote] = []
    held: list[Refusal] = []
    for quote in missing:
        if _meets(quote.side, quote.ticks, own_ask if quote.side is Side.BUY else own_bid):
            held.append(_waiting(quote))
        else:
            submits.append(quote)
    return Plan(cancels, tuple(submits), tuple(held))


def _touch(placed: Sequence[LiveOrder] | Sequence[Quote]) -> tuple[int | None, int | None]:
    """The bid and the ask nearest to the market, None without any."""
    bids = [at.ticks for at in placed if at.side is Side.BUY]
    asks = [at.ticks for at in placed if at.side is Side.SELL]
    return max(bids, default=None), min(asks, default=None)


def _meets(side: Side, ticks: int, opposite: int | None) -> bool:
    """Whether an order would trade with one of ours at `opposite`."""
    return opposite is not None and (ticks >= opposite if side is Side.BUY else ticks <= opposite)


def _may_stay(order: LiveOrder, opposite: int | None, now_ns: int, max_age_ns: int | None) -> bool:
    if order.state is not OrderState.OPEN:
        return order.state is OrderState.SENT
    too_old = max_age_ns is not None and now_ns - order.sent_ns >= max_age_ns
    return not (too_old or _meets(order.side, order.ticks, opposite))


def _match(orders: Sequence[LiveOrder], desired: Sequence[Quote], tolerance_ticks: int) -> dict[int, str]:
    """For each quote that an order stands for, by its position: that order's id."""
    by_price = {(order.side, order.ticks): order for order in orders}
    kept: dict[int, str] = {}
    for index, quote in enumerate(desired):
        order = by_price.get((quote.side, quote.ticks))
        if order is not None and _fits(order, quote):
            kept[index] = order.id
    if tolerance_ticks > 0 and len(kept) < len(desired):
        _match_nearby(orders, desired, tolerance_ticks, kept)
    return kept


def _match_nearby(
    orders: Sequence[LiveOrder], desired: Sequence[Quote], tolerance_ticks: int, kept: dict[int, str]
) -> None:
    taken = set(kept.values())
    free: dict[Side, list[LiveOrder]] = {Side.BUY: [], Side.SELL: []}
    for order in orders:
        if order.id not in taken:
            free[order.side].append(order)
    pairs: list[tuple[int, int, int, str]] = []
    for index, quote in enumerate(desired):
        if index not in kept:
            low, high = quote.ticks - tolerance_ticks, quote.ticks + tolerance_ticks
            near = [order for order in free[quote.side] if low <= order.ticks <= high and _fits(order, quote)]
            pairs += [(abs(order.ticks - quote.ticks), index, order.sent_ns, order.id) for order in near]
    pairs.sort()
    for _, index, _, order_id in pairs:
        if index not in kept and order_id not in taken:
            kept[index] = order_id
            taken.add(order_id)


def _fits(order: LiveOrder, quote: Quote) -> bool:
    return order.lots <= quote.lots <= 2 * order.lots


def _waiting(quote: Quote) -> Refusal:
    other = "ask" if quote.side is Side.BUY else "bid"
    return Refusal(quote, f"waits for our own {other} in its way to end")
