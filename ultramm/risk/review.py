"""The last look at a plan: a refusal is a value with a reason."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from ultramm.market import Instrument, Quote, Side
from ultramm.orders.live import LiveOrders
from ultramm.orders.plan import Amend, Plan, Refusal
from ultramm.risk.budget import MessageBudget
from ultramm.risk.limits import Guarding, Limits

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
    mid: float = math.nan,
    others: Guarding | None = None,
    towards: Mapping[Side, int] | None = None,
) -> Review:
    """Approve the orders that keep the worst case within limits.

    The worst case of a side is the inventory after every live order of that side filled, orders in flight and
    orders whose cancel travels included, and none of the other side. Orders that can only reduce the inventory
    pass the limits on position and notional, and are looked at first, so that no order that adds takes their
    place. Cancels always pass; an order whose change is refused is cancelled.

    Parameters
    ----------
    inventory_lots : int
        Signed inventory, lots.
    fair : float
        Fair value, price; with NaN no order passes.
    mid : float
        The market's, price: a strategy that is wrong about fair value is held to it too. NaN where none is known.
    others : Guarding, optional
        What holds for all makers together.
    towards : mapping of Side to int, optional
        The inventory rounded to each side, where fees in coin have left parts of a lot; by default `inventory_lots`.
    """
    held = dict.fromkeys(_SIDES, inventory_lots) if towards is None else towards
    worst = {side: held[side] + side * live.lots(side) for side in _SIDES}
    check = _Check(held, fair, mid, instrument, limits, others)
    cancels, amends = plan.cancels, plan.amends
    refused: list[Refusal] = []
    dearest = _dearest((order.reach_ticks for order in live if order.side is Side.BUY), limits)
    if amends:
        amends, refused = _amends(check, plan.amends, live, worst, dearest, budget, now_ns)
        dearest = max(dearest, _dearest((each.quote.ticks for each in amends if each.quote.side is Side.BUY), limits))
        if refused:
            cancels += tuple([each.order_id for each in plan.amends if each not in amends])
    budget.spend(now_ns, len(cancels))
    if not plan.submits:
        return Review(Plan(cancels, (), plan.held, amends), tuple(refused))
    submits = sorted(plan.submits, key=lambda quote: not _reduces(quote, worst))
    if _all_pass(check, submits, worst, len(live), dearest) and budget.take(now_ns, len(submits)):
        return Review(Plan(cancels, tuple(submits), plan.held, amends), tuple(refused))
    open_orders = len(live)
    approved: list[Quote] = []
    for quote in submits:
        reason = check.objection(quote, worst[quote.side], open_orders, dearest)
        if reason is None and not budget.take(now_ns):
            reason = budget.spent
        if reason is not None:
            refused.append(Refusal(quote, reason))
            continue
        worst[quote.side] += quote.side * quote.lots
        dearest = max(dearest, quote.ticks) if quote.side is Side.BUY else dearest
        open_orders += 1
        approved.append(quote)
    return Review(Plan(cancels, tuple(approved), plan.held, amends), tuple(refused))


def _amends(
    check: _Check,
    wanted: Sequence[Amend],
    live: LiveOrders,
    worst: dict[Side, int],
    dearest: int,
    budget: MessageBudget,
    now_ns: int,
) -> tuple[tuple[Amend, ...], list[Refusal]]:
    """Changes that may be made, counted into `worst`; an order that may not be changed is to be cancelled.

    What a larger order could fill beyond what it could before is reviewed as a new order of that size.
    """
    approved: list[Amend] = []
    refused: list[Refusal] = []
    for amend in wanted:
        quote, order = amend.quote, live.get(amend.order_id)
        more = quote.lots if order is None else max(0, quote.lots - order.lots)
        reason = check.objection(Quote(quote.side, quote.ticks, more, quote.level), worst[quote.side], 0, dearest)
        if reason is None and not budget.take(now_ns):
            reason = budget.spent
        if reason is None:
            worst[quote.side] += quote.side * more
            dearest = max(dearest, quote.ticks) if quote.side is Side.BUY else dearest
            approved.append(amend)
        else:
            refused.append(Refusal(quote, reason))
    return tuple(approved), refused


def _all_pass(
    check: _Check, quotes: Sequence[Quote], worst: Mapping[Side, int], open_orders: int, dearest: int
) -> bool:
    """Whether an order as large as all of a side together would pass at either end of them.

    Then each passes: what an order is checked for grows with its lots and is largest at one of the ends.
    """
    others = open_orders + len(quotes) - 1
    for side in _SIDES:
        ticks = [quote.ticks for quote in quotes if quote.side is side]
        if not ticks:
            continue
        lots = sum([quote.lots for quote in quotes if quote.side is side])
        taking = any(quote.taking for quote in quotes if quote.side is side)
        for end in (min(ticks), max(ticks)):
            if check.objection(Quote(side, end, lots, taking=taking), worst[side], others, dearest) is not None:
                return False
    return True


def _dearest(bids: Iterable[int], limits: Limits) -> int:
    """The highest of some prices, ticks, where it is asked whether all of them could be paid."""
    return 0 if math.isinf(limits.spendable) else max(bids, default=0)


def _reduces(quote: Quote, worst: dict[Side, int]) -> bool:
    """Whether filling it, after all live orders of its side, leaves the inventory smaller and of the same sign."""
    return (worst[quote.side] + quote.side * quote.lots) * quote.side <= 0


def _of_var(allowed: float) -> str:
    if allowed > 0.0:
        return f"its value at risk allows {allowed:.10g}"
    return "its value at risk is not known before a minute of the market was seen"


class _Check(msgspec.Struct, frozen=True, gc=False):
    """What one order is held against."""

    held: Mapping[Side, int]
    fair: float
    mid: float
    instrument: Instrument
    limits: Limits
    others: Guarding | None

    def objection(self, quote: Quote, worst_lots: int, open_orders: int, dearest: int) -> str | None:
        """In words why it may not leave, after the orders that `worst_lots` and `open_orders` count.

        The highest of their bids is at `dearest` ticks.
        """
        fair, instrument, limits = self.fair, self.instrument, self.limits
        price = instrument.price(quote.ticks)
        if not math.isfinite(fair):
            return "fair value is unknown"
        collar = limits.price_collar_bps * 1e-4
        if abs(price - fair) > collar * fair:
            return f"price {price} is outside the collar of {limits.price_collar_bps:g} bps around {fair:.10g}"
        if abs(price - self.mid) > collar * self.mid:
            return (
                f"price {price} is outside the collar of {limits.price_collar_bps:g} bps around the mid {self.mid:.10g}"
            )
        if open_orders >= limits.max_open_orders:
            return f"{open_orders} open orders, the limit is {limits.max_open_orders}"
        after_lots = worst_lots + quote.side * quote.lots
        if after_lots * quote.side > 0:
            order = instrument.notional(price, instrument.size(quote.lots))
            if order > limits.max_order_notional:
                return f"an order of {order:.10g}, the limit is {limits.max_order_notional:g}"
            after = instrument.size(abs(after_lots))
            if after > limits.max_position:
                return f"position could reach {after:g}, the limit is {limits.max_position:g}"
            if after > limits.var_position:
                return f"position could reach {after:g}, {_of_var(limits.var_position)}"
            notional = instrument.notional(max(price, fair), after)
            if notional > limits.max_notional:
                return f"notional could reach {notional:.10g}, the limit is {limits.max_notional:g}"
            worth = max(instrument.exposure(price, after), instrument.exposure(fair, after))
            if worth > limits.bearable:
                return f"position could be worth {worth:.10g}, the account's equity bears {limits.bearable:.10g}"
        if self.others is not None:
            reason = self._of_others(self.others, quote, after_lots)
            if reason is not None:
                return reason
        return self._unfunded(quote, abs(worst_lots - self.held[quote.side]) + quote.lots, dearest)

    def _of_others(self, others: Guarding, quote: Quote, after_lots: int) -> str | None:
        reason = others.crossing(quote.side, quote.ticks, taking=quote.taking)
        if reason is None and after_lots * quote.side > 0:
            return others.adding(quote.side, after_lots)
        return reason

    def _unfunded(self, quote: Quote, going_lots: int, dearest: int) -> str | None:
        """Whether the account could pay if all `going_lots` of the side filled: live orders and this one.

        All bids at the price of the highest of them; for what closes a short position its worth is set aside.
        """
        instrument, limits = self.instrument, self.limits
        if quote.side is Side.SELL:
            short = instrument.size(max(0, going_lots - self.held[Side.SELL]))
            if short > limits.sellable:
                return f"would sell {short:.10g} beyond what was bought, the account has {limits.sellable:.10g} to sell"
            return None
        price = instrument.price(max(quote.ticks, dearest))
        short = instrument.size(max(0, -self.held[Side.BUY]))
        aside = instrument.notional(price if math.isnan(self.mid) else self.mid, short) if short else 0.0
        cost = instrument.cost(price, instrument.size(going_lots), taking=quote.taking) - aside
        if cost > limits.spendable:
            return f"would cost {cost:.10g}, the account has {limits.spendable:.10g} to spend"
        return None
