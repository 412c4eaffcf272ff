"""The last look at a plan: a refusal is a value with a reason."""

from __future__ import annotations

import math

import msgspec

from ultramm.market import Instrument, Quote, Side
from ultramm.orders.live import LiveOrders
from ultramm.orders.plan import Plan, Refusal
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Limits

_SIDES = tuple(Side)


class Review(msgspec.Struct, frozen=True):
    """What of a plan may be sent, and what may not."""

    approved: Plan
    refused: tuple[Refusal, ...] = ()


def review(
    plan: Plan,
    live: LiveOrders,
    inventory_lots: int,
    fair: float,
    instrument: Instrument,
    limits: Limits,
    budget: MessageBudget,
    now_ns: int,
) -> Review:
    """Approve the orders that keep the worst case within limits.

    The worst case of a side is the inventory after every live order of that side filled, orders in flight and
    orders whose cancel travels included, and none of the other side. Orders that can only reduce the inventory
    pass the limits on position and notional, and are looked at first, so that no order that adds takes their
    place. Cancels always pass.

    Parameters
    ----------
    inventory_lots : int
        Signed inventory, lots.
    fair : float
        Fair value, price; with NaN no order passes.
    """
    budget.spend(now_ns, len(plan.cancels))
    worst = {side: inventory_lots + side * live.lots(side) for side in _SIDES}
    open_orders = len(live)
    approved: list[Quote] = []
    refused: list[Refusal] = []
    for quote in sorted(plan.submits, key=lambda quote: not _reduces(quote, worst)):
        reason = _objection(quote, worst[quote.side], open_orders, fair, instrument, limits)
        if reason is None:
            going_lots = abs(worst[quote.side] - inventory_lots) + quote.lots
            reason = _unfunded(quote, going_lots, inventory_lots, instrument, limits)
        if reason is None and not budget.take(now_ns):
            reason = "message budget is spent"
        if reason is not None:
            refused.append(Refusal(quote, reason))
            continue
        worst[quote.side] += quote.side * quote.lots
        open_orders += 1
        approved.append(quote)
    return Review(Plan(plan.cancels, tuple(approved), plan.held), tuple(refused))


def _reduces(quote: Quote, worst: dict[Side, int]) -> bool:
    """Whether filling it, after all live orders of its side, leaves the inventory smaller and of the same sign."""
    return (worst[quote.side] + quote.side * quote.lots) * quote.side <= 0


def _objection(
    quote: Quote, worst_lots: int, open_orders: int, fair: float, instrument: Instrument, limits: Limits
) -> str | None:
    price = instrument.price(quote.ticks)
    if not math.isfinite(fair):
        return "fair value is unknown"
    if abs(price - fair) > limits.price_collar_bps * 1e-4 * fair:
        return f"price {price} is outside the collar of {limits.price_collar_bps:g} bps around {fair:.10g}"
    if open_orders >= limits.max_open_orders:
        return f"{open_orders} open orders, the limit is {limits.max_open_orders}"
    after_lots = worst_lots + quote.side * quote.lots
    if after_lots * quote.side <= 0:
        return None
    after = instrument.size(abs(after_lots))
    if after > limits.max_position:
        return f"position could reach {after:g}, the limit is {limits.max_position:g}"
    notional = instrument.notional(max(price, fair), after)
    if notional > limits.max_notional:
        return f"notional could reach {notional:.10g}, the limit is {limits.max_notional:g}"
    return None


def _unfunded(quote: Quote, going_lots: int, inventory_lots: int, instrument: Instrument, limits: Limits) -> str | None:
    """Whether the account could pay if all `going_lots` of the side filled: live orders and this one."""
    if quote.side is Side.SELL:
        short = instrument.size(max(0, going_lots - inventory_lots))
        if short > limits.sellable:
            return f"would sell {short:.10g} beyond what was bought, the account has {limits.sellable:.10g} to sell"
        return None
    beyond_cover = instrument.size(max(0, going_lots - max(0, -inventory_lots)))
    cost = instrument.cost(instrument.price(quote.ticks), beyond_cover)
    if cost > limits.spendable:
        return f"would cost {cost:.10g}, the account has {limits.spendable:.10g} to spend"
    return None
