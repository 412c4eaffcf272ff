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
    """The least to send so that the live orders become the desired ones.

    An order within `tolerance_ticks` of a wanted quote keeps its place in the queue, unless it is older than
    `max_age_ns`, larger than wanted, or less than half of it is left. Only an open order is cancelled: one in
    flight has no answer yet, one whose cancel travels is not cancelled twice. A quote that would meet one of our
    own live orders waits until that order is gone.

    Parameters
    ----------
    live : iterable of LiveOrder
        One instrument's orders, of both sides and any state.
    desired : sequence of Quote
        On the grid, best first on each side.
    """
    cancels: list[str] = []
    missing: list[Quote] = []
    highest_bid: int | None = None
    lowest_ask: int | None = None
    bids: list[LiveOrder] = []
    asks: list[LiveOrder] = []
    for order in live:
        if order.side is Side.BUY:
            highest_bid = order.ticks if highest_bid is None else max(highest_bid, order.ticks)
        else:
            lowest_ask = order.ticks if lowest_ask is None else min(lowest_ask, order.ticks)
        if order.state is OrderState.CANCELLING:
            continue
        if max_age_ns is not None and now_ns - order.sent_ns >= max_age_ns:
            if order.state is OrderState.OPEN:
                cancels.append(order.id)
            continue
        (bids if order.side is Side.BUY else asks).append(order)
    for quote in desired:
        candidates = bids if quote.side is Side.BUY else asks
        kept = _closest(candidates, quote, tolerance_ticks)
        if kept is None:
            missing.append(quote)
        else:
            candidates.remove(kept)
    cancels += [order.id for order in (*bids, *asks) if order.state is OrderState.OPEN]
    held: list[Refusal] = []
    submits: list[Quote] = []
    for quote in missing:
        if quote.side is Side.BUY:
            meets_own = lowest_ask is not None and lowest_ask <= quote.ticks
        else:
            meets_own = highest_bid is not None and highest_bid >= quote.ticks
        if meets_own:
            held.append(_waiting(quote))
        else:
            submits.append(quote)
    return Plan(tuple(cancels), tuple(submits), tuple(held))


def _closest(orders: Sequence[LiveOrder], quote: Quote, tolerance_ticks: int) -> LiveOrder | None:
    ticks, lots = quote.ticks, quote.lots
    best: LiveOrder | None = None
    best_distance = tolerance_ticks + 1
    for order in orders:
        distance = abs(order.ticks - ticks)
        if distance < best_distance and order.lots <= lots <= 2 * order.lots:
            best, best_distance = order, distance
    return best


def _waiting(quote: Quote) -> Refusal:
    other = "ask" if quote.side is Side.BUY else "bid"
    return Refusal(quote, f"waits for our own {other} at the same price to end")
