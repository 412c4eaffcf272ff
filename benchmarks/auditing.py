"""Who judges whether a limit was broken: by what the venue was sent and the account holds, and by nothing of ours.

Two witnesses see each order as it comes, with all that were open at that moment: one hears the kernel's events and
reads its cache, the other sits in the venue at the far end of the sockets. Judges know a limit's number and what it
means, worked out here anew.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

SLACK = 1.0 + 1e-9
# Of two makers the first, as the kernel and the venue call it.
FIRST = ("abuser-0", "spot")
_HOUR_S = 3_600.0
_HALF_A_LOT = 0.5e-3 * SLACK
# Of what closes a position, from the mid: the configuration's default, and half a spread, by which another maker's
# orders may have moved the mid that it was reckoned from.
_SLIPPAGE = 0.01 + 1e-4


class Placed(NamedTuple):
    """An order that is at the venue, or comes there: signed by `side`, `left` of it to be filled."""

    owner: str
    side: int
    price: float
    left: float
    taking: bool = False


class Seen(NamedTuple):
    """The moment at which an order comes.

    Parameters
    ----------
    at_s : float
    new : Placed
        The order, or what one was changed into.
    live : list of Placed
        All that are open, with it.
    held : mapping of str to float
        Signed position by owner.
    mid : float
        Of the market without us, price.
    coin, money : float
        What a cash account has, orders' share included.
    equity : float
        What a margin account is worth.
    """

    at_s: float
    new: Placed
    live: list[Placed]
    held: Mapping[str, float]
    mid: float
    coin: float = 0.0
    money: float = 0.0
    equity: float = 0.0

    def reach(self, owner: str, side: int) -> float:
        """How far to a side a position can come, all its orders there filled; negative if it stays on the other."""
        return side * self.held.get(owner, 0.0) + sum(o.left for o in self.live if o.owner == owner and o.side == side)

    @property
    def reached(self) -> float:
        """How far its owner can come with the order."""
        return self.reach(self.new.owner, self.new.side)

    @property
    def adds(self) -> bool:
        """Whether it could make its owner's position larger, or one of the other sign."""
        return self.reached > 1e-12


class Judge:
    """Of one limit.

    Parameters
    ----------
    look : callable
        Says in words what an order breaks; None if nothing.
    """

    def __init__(self, look: Callable[[Seen], str | None]) -> None:
        self.look = look

    def cancelled(self, at_s: float) -> None:
        """A cancel came."""

    def filled(self, at_s: float, side: int, order_id: str) -> None:
        """An order traded."""

    def moved(self, at_s: float, mid: float) -> None:
        """The market is there."""


def _over(what: str, value: float, limit: float) -> str | None:
    return f"{what} {value:.10g}, the limit is {limit:g}" if value > limit * SLACK else None


def position(limit: float) -> Judge:
    """Whatever is filled, of a size."""
    return Judge(lambda seen: _over("position", seen.reached, limit) if seen.adds else None)


def notional(limit: float) -> Judge:
    """The same, of a worth."""

    def judge(seen: Seen) -> str | None:
        return _over("notional", seen.reached * seen.new.price, limit)

    return Judge(judge)


def order_notional(limit: float, *, overtaken: bool = False) -> Judge:
    """One order that adds; all of it, or what of it adds, where one that was reviewed later can arrive before it."""

    def judge(seen: Seen) -> str | None:
        size = min(seen.new.left, seen.reached) if overtaken else seen.new.left
        return _over("order of", size * seen.new.price, limit) if seen.adds else None

    return Judge(judge)


def own_order_notional(limit: float, *, overtaken: bool = False) -> Judge:
    """The same of one of two makers; the other has a limit of its own."""
    judge = order_notional(limit, overtaken=overtaken)
    return Judge(lambda seen: judge.look(seen) if seen.new.owner.startswith(FIRST) else None)


def open_orders(limit: float) -> Judge:
    """Of one maker."""
    return Judge(lambda seen: _over("open orders", sum(o.owner == seen.new.owner for o in seen.live), limit))


def collar(limit_bps: float) -> Judge:
    """From the market's mid."""
    return Judge(lambda seen: _over("bps from the mid", abs(seen.new.price / seen.mid - 1.0) * 1e4, limit_bps))


def coin_to_sell(_: float) -> Judge:
    """All that is offered is there."""
    return Judge(lambda seen: _over("offered", sum(o.left for o in seen.live if o.side < 0), seen.coin))


def money_to_spend(_: float) -> Judge:
    """All that is bid for can be paid."""
    return Judge(lambda seen: _over("bid", sum(o.left * o.price for o in seen.live if o.side > 0), seen.money))


def borne(leverage: float) -> Judge:
    """By the equity, so many times; a ten-thousandth is the mid's, which moves between our look and the venue's."""

    def judge(seen: Seen) -> str | None:
        if not seen.adds:
            return None
        worth = seen.reached * min(seen.new.price, seen.mid)
        return _over("worth", worth, seen.equity * leverage * (1.0 + 1e-4))

    return Judge(judge)


def gross(limit: float) -> Judge:
    """All positions, whatever is filled."""

    def judge(seen: Seen) -> str | None:
        owners = {order.owner for order in seen.live} | set(seen.held)
        worst = sum(max(abs(seen.reach(owner, 1)), abs(seen.reach(owner, -1))) for owner in owners)
        return _over("gross", worst * seen.mid, limit * (1.0 + 1e-6)) if seen.adds else None

    return Judge(judge)


def net(limit: float, overtaken_s: float = 0.0) -> Judge:
    """One coin, over all that trade it.

    What makes its own maker's position smaller may leave more of the net, and passes. Over sockets it can arrive before
    what was reviewed earlier: for `overtaken_s` it is not counted against others.
    """
    passed: deque[tuple[float, Placed]] = deque()

    def judge(seen: Seen) -> str | None:
        while passed and passed[0][0] < seen.at_s - overtaken_s:
            passed.popleft()
        if not seen.adds:
            passed.append((seen.at_s, seen.new))
            return None
        overtook = sum(o.left for _, o in passed if o.side == seen.new.side and o.owner != seen.new.owner)
        owners = {order.owner for order in seen.live} | set(seen.held)
        reach = sum(seen.reach(owner, seen.new.side) for owner in owners)
        return _over("net", (reach - overtook) * seen.mid, limit * (1.0 + 1e-6))

    return Judge(judge)


def own_way(_: float) -> Judge:
    """What trades at once meets none of ours."""

    def judge(seen: Seen) -> str | None:
        new = seen.new
        met = [o for o in seen.live if o.side == -new.side and new.side * (new.price - o.price) >= 0.0]
        if not new.taking or not met:
            return None
        return f"an order of {new.owner} at {new.price:g} meets one of {met[0].owner} at {met[0].price:g}"

    return Judge(judge)


class Messages(Judge):
    """So many a second and at once; cancels are free to go, and count.

    Parameters
    ----------
    per_second, burst : float
        The limit.
    jitter_s : float
        By how much the distance of two messages may be other than when they were sent.
    """

    def __init__(self, per_second: float, burst: float, jitter_s: float) -> None:
        super().__init__(self._look)
        self._rate, self._burst = per_second, burst
        self._slack = jitter_s * per_second
        self._tokens, self._last_s = burst, 0.0

    def cancelled(self, at_s: float) -> None:
        self._spend(at_s)

    def _look(self, seen: Seen) -> str | None:
        self._spend(seen.at_s)
        if self._tokens >= -1e-6 - self._slack:
            return None
        return f"messages {self._burst - self._tokens:.1f} beyond {self._rate:g} a second, the limit is {self._burst:g}"

    def _spend(self, at_s: float) -> None:
        self._tokens = min(self._burst, self._tokens + max(0.0, at_s - self._last_s) * self._rate) - 1.0
        self._last_s = max(at_s, self._last_s)


class MessagesPerTrade(Judge):
    """So many to each trade over an hour, older ones weighing less; some are free, and cancels are free to go.

    Parameters
    ----------
    per_trade, free : float
        The limit.
    """

    def __init__(self, per_trade: float, free: float) -> None:
        super().__init__(self._look)
        self._per_trade, self._free = per_trade, free
        self._messages: list[float] = []
        self._trades: list[float] = []

    def cancelled(self, at_s: float) -> None:
        self._messages.append(at_s)

    def filled(self, at_s: float, side: int, order_id: str) -> None:
        self._trades.append(at_s)

    def _look(self, seen: Seen) -> str | None:
        self._messages.append(seen.at_s)
        messages, trades = (
            sum(math.exp((then_s - seen.at_s) / _HOUR_S) for then_s in times)
            for times in (self._messages, self._trades)
        )
        # A thousandth is for what comes a moment later than it was sent.
        return _over("messages", messages, max(self._free, self._per_trade * trades) * 1.001)


class ValueAtRisk(Judge):
    """What a position loses in a move that one in a hundred exceeds stays within a budget.

    The market's moves are measured here as the mean square of all that it moved from second to second.

    Parameters
    ----------
    budget : float
        Money.
    over_s : float
        How long the move takes.
    slack : float
        By how much what is measured may differ, as a share.
    """

    def __init__(self, budget: float, over_s: float, slack: float) -> None:
        super().__init__(self._look)
        self._budget, self._over_s, self._slack = budget, over_s, slack
        self._next_s = self._last = self._standing = math.nan
        self._squares: list[float] = []

    def moved(self, at_s: float, mid: float) -> None:
        if math.isnan(self._standing):
            self._next_s, self._last = at_s + 1.0, mid
        while at_s > self._next_s:
            self._squares.append((self._standing - self._last) ** 2)
            self._next_s, self._last = self._next_s + 1.0, self._standing
        self._standing = mid

    def _look(self, seen: Seen) -> str | None:
        if not seen.adds or not self._squares:
            return None if not seen.adds else "an order before it is known how the market moves"
        sigma = math.sqrt(sum(self._squares) / len(self._squares))
        loss = seen.reached * NormalDist().inv_cdf(0.99) * sigma * math.sqrt(self._over_s)
        return _over("at risk", loss, self._budget * (1.0 + self._slack))


class Loss(Judge):
    """Whoever has lost too much only closes, and within the slippage.

    Fees in coin leave parts of a lot: what comes nearest to closing a position may be half a lot more than it.

    Parameters
    ----------
    limit : float
        Money; a twentieth more is surely too much.
    drawdown : bool
        From the highest, not from the beginning.
    grace_s : float
        For what was on its way.
    one : bool
        Whether the account is one maker's: of several it is not known whose position an order closes.
    """

    def __init__(self, limit: float, *, drawdown: bool = False, grace_s: float = 0.5, one: bool = True) -> None:
        super().__init__(self._look)
        self._limit, self._drawdown, self._grace_s, self._one = limit, drawdown, grace_s, one
        self._began: tuple[float, float] | None = None
        self._from = 0.0
        self._lost_s: float | None = None

    def _look(self, seen: Seen) -> str | None:
        new, (coin, money) = seen.new, self._began or (seen.coin, seen.money)
        self._began = coin, money
        worth = seen.money - money + (seen.coin - coin) * seen.mid
        self._from = max(self._from, worth) if self._drawdown else 0.0
        if self._lost_s is None:
            self._lost_s = seen.at_s if self._from - worth >= 1.05 * self._limit else None
            return None
        if seen.at_s < self._lost_s + self._grace_s:
            return None
        if (self._one and seen.reached > _HALF_A_LOT) or not new.taking:
            lost = f"after {self._from - worth:.4g} were lost, the limit is {self._limit:g}"
            return f"an order at {new.price:g}, which brings its maker to {seen.reached:.8g}, {lost}"
        return _over("closed at a price off by", abs(new.price / seen.mid - 1.0), _SLIPPAGE)


class Burst(Judge):
    """A side of which several orders were filled at once rests.

    Parameters
    ----------
    orders : float
        So many.
    within_s, rest_s, grace_s : float
        How fast, for how long, and what is allowed for what was on its way, either way.
    """

    def __init__(self, orders: float, within_s: float, rest_s: float, grace_s: float) -> None:
        super().__init__(self._look)
        self._orders, self._within_s, self._rest_s, self._grace_s = orders, within_s, rest_s, grace_s
        self._fills: dict[int, list[tuple[float, str]]] = {1: [], -1: []}
        self._rests: dict[int, tuple[float, float]] = {1: (0.0, 0.0), -1: (0.0, 0.0)}

    def filled(self, at_s: float, side: int, order_id: str) -> None:
        recent = [(then_s, each) for then_s, each in self._fills[side] if then_s >= at_s - self._within_s]
        self._fills[side] = recent = [*recent, (at_s, order_id)]
        if len({each for _, each in recent}) >= self._orders:
            began_s, until_s = self._rests[side]
            self._rests[side] = (began_s if at_s < until_s else at_s, at_s + self._rest_s)

    def _look(self, seen: Seen) -> str | None:
        began_s, until_s = self._rests[seen.new.side]
        if began_s + self._grace_s <= seen.at_s < until_s - self._grace_s:
            return f"an order {seen.at_s - began_s:.3f} s after {self._orders:g} were filled, the side rests"
        return None


class Witness:
    """Counts what came, and what was broken.

    Parameters
    ----------
    judge : callable
        Of one limit.

    Attributes
    ----------
    orders : int
        New ones and changes that came.
    breaches : list of str
        In words.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.orders = 0
        self.breaches: list[str] = []

    def came(self, seen: Seen) -> None:
        """An order, as it comes."""
        self.orders += 1
        found = self.judge.look(seen)
        if found is not None:
            self.breaches.append(found)

    def cancelled(self, at_s: float) -> None:
        """A cancel comes."""
        self.judge.cancelled(at_s)

    def refused(self, reason: str) -> None:
        """The venue would not have an order: for want of money, that is a limit of ours that did not hold."""
        if any(word in reason.lower() for word in ("insufficient", "free_balance", "cum_notional", "margin")):
            self.breaches.append(f"the venue refused an order: {reason}")


class KernelWitness(Witness):
    """Hears what the backtest's kernel does with orders, and reads what it holds."""

    def watch(self, shell: Any) -> None:
        """Hear of everything that a strategy's kernel tells of orders; once for all strategies."""
        self._cache = shell.cache
        self._venue = shell.instrument_id.venue
        self._portfolio = shell.portfolio
        shell.msgbus.subscribe("events.order.*", self._on_event)
        shell.msgbus.subscribe("data.book.deltas.*", self._on_deltas)

    def _on_deltas(self, deltas: Any) -> None:
        book = self._cache.order_book(deltas.instrument_id)
        if book is not None and book.midpoint() is not None:
            self.judge.moved(deltas.ts_init * 1e-9, float(book.midpoint()))

    def _on_event(self, event: Any) -> None:
        kind = type(event).__name__
        if kind in ("OrderSubmitted", "OrderUpdated"):
            self._look(event)
        elif kind == "OrderPendingCancel":
            self.cancelled(event.ts_event * 1e-9)
        elif kind == "OrderFilled":
            side = 1 if event.is_buy else -1
            self.judge.filled(event.ts_event * 1e-9, side, event.client_order_id.value)
        elif kind in ("OrderDenied", "OrderRejected"):
            self.refused(event.reason)

    def _look(self, event: Any) -> None:
        cache = self._cache
        new = cache.order(event.client_order_id)
        if new.is_closed:
            return
        live = {order.client_order_id: order for order in (*cache.orders_open(), *cache.orders_inflight(), new)}
        held: dict[str, float] = {}
        mid = float(cache.order_book(new.instrument_id).midpoint())
        open_profit = 0.0
        for place in cache.positions_open():
            owner = place.strategy_id.value
            held[owner] = held.get(owner, 0.0) + place.signed_qty
            open_profit += place.signed_qty * (mid - place.avg_px_open)
        balances = self._portfolio.account(self._venue).balances_total()
        has = {currency.code: float(amount) for currency, amount in balances.items()}
        self.came(
            Seen(
                at_s=event.ts_event * 1e-9,
                new=_of_kernel(new),
                live=[_of_kernel(order) for order in live.values()],
                held=held,
                mid=mid,
                coin=has.get("BTC", 0.0),
                money=has.get("USDT", 0.0),
                equity=has.get("USDT", 0.0) + open_profit,
            )
        )


def _of_kernel(order: Any) -> Placed:
    side = 1 if order.is_buy else -1
    return Placed(order.strategy_id.value, side, float(order.price), float(order.leaves_qty), not order.is_post_only)


class VenueWitness(Witness):
    """Sits in the emulator, and sees each order before it is matched.

    Parameters
    ----------
    member : Account
        Who trades.
    mid : int
        Of its market, which stays.
    """

    def __init__(self, judge: Judge, member: Any, mid: int) -> None:
        super().__init__(judge)
        self._member, self._mid = member, mid
        self._coin = self._has("BTC")
        self._venues: list[Any] = []

    def watch(self, venue: Any) -> None:
        """See what a venue is sent; to be called where it runs."""
        self._venues.append(venue)
        place, cancel, amend = venue.place, venue.cancel, getattr(venue, "amend", None)
        tell = venue._tell_fill

        def placed(account: Any, request: Any, *, dry: bool = False) -> Any:
            if not dry:
                self._look(venue, self._heard(lambda: place(account, request, dry=True)))
            return place(account, request, dry=dry)

        def amended(account: Any, request: Any) -> Any:
            assert amend is not None
            order = self._heard(lambda: amend(account, request))
            if order.open:
                self._look(venue, order)
            return order

        def cancelled(account: Any, request: Any) -> Any:
            self.cancelled(venue.now_ms() * 1e-3)
            return cancel(account, request)

        def filled(fill: Any) -> None:
            self.judge.filled(venue.now_ms() * 1e-3, int(fill.order.side), fill.order.client_id)
            tell(fill)

        venue.place, venue.cancel, venue._tell_fill = placed, cancelled, filled
        if amend is not None:
            venue.amend = amended

    def _heard(self, ask: Callable[[], Any]) -> Any:
        """What the venue does, or that it would not."""
        try:
            return ask()
        except Exception as exc:
            self.refused(str(exc))
            raise

    def _look(self, at: Any, new: Any) -> None:
        live = [(venue.product, order) for venue in self._venues for order in venue.ledger.open(self._member)]
        if not any(order is new for _, order in live):
            live.append((at.product, new))
        wallet = self._member.wallet
        places = wallet.positions.values()
        self.came(
            Seen(
                at_s=at.now_ms() * 1e-3,
                new=_of_venue(at.product, new),
                live=[_of_venue(product, order) for product, order in live],
                # Fees that were taken in the coin are gone from it.
                held={"spot": self._has("BTC") - self._coin, "usdm": float(sum(each.quantity for each in places))},
                mid=self._mid,
                coin=self._has("BTC"),
                money=self._has("USDT"),
                equity=float(wallet.balance + sum(each.unrealised(self._mid) for each in places)),
            )
        )

    def _has(self, asset: str) -> float:
        balance = self._member.balance(asset)
        return float(balance.free + balance.locked)


def _of_venue(owner: str, order: Any) -> Placed:
    return Placed(owner, int(order.side), float(order.price), float(order.left), not order.post_only)
