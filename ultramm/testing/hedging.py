"""A hedge at work without a kernel: its maker, positions that a script moves, and a venue of a touch alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from ultramm.maker import Maker
from ultramm.market import Book, Fill, Instrument, Level, Quote, Side
from ultramm.orders.live import LiveOrders, OrderState
from ultramm.risk.budget import MessageBudget
from ultramm.risk.exposures import Exposures, Hedge
from ultramm.risk.limits import Limits


class Holding:
    """A position that is to be hedged, as much of a maker as others see of one.

    Attributes
    ----------
    inventory_lots : int
        Signed.
    mid : float
        Its market's, price.
    """

    def __init__(self, name: str, instrument: Instrument, mid: float = math.nan) -> None:
        self.name = name
        self.instrument = instrument
        self.mid = mid
        self.inventory_lots = 0
        self.orders = LiveOrders()
        self.hedge: Hedge | None = None
        self.ratio: float | None = None

    def lots_towards(self, _side: Side) -> int:
        return self.inventory_lots

    def hedge_ratio(self, _instrument: str) -> float | None:
        return self.ratio

    def room(self, _side: Side) -> float:
        """All that may be wanted: nothing here asks for it."""
        return math.inf


class Sent(msgspec.Struct, frozen=True):
    """An order that the hedge sent."""

    ts_ns: int
    quote: Quote


class HedgeBench:
    """Drives one hedge: books come in, orders are filled or refused at once.

    What trades at once is filled at the touch, within its limit, up to the size that stands there. What rests is filled
    at its price when the touch has moved through it, and never at the touch itself: less often than at a venue.

    Parameters
    ----------
    strategy : type
        Built as ``strategy(params, instrument)``.
    params : MakerParams
    instrument : Instrument
        What it trades, with the fees that it pays.
    *holdings : Holding
        What it may have to hedge.
    name : str
    limits : Limits, optional
        That its orders are reviewed against.
    exposures : Exposures, optional
        Those that it shares with other hedges.

    Attributes
    ----------
    maker : Maker
        The hedge's.
    exposures : Exposures
        Of all together.
    refusing : bool
        The venue refuses all orders.
    touch_size : float
        Size at each best price.
    sent : list of Sent
    fills : list of Fill
    """

    def __init__(
        self,
        strategy: Callable[[Any, Instrument], Any],
        params: Any,
        instrument: Instrument,
        *holdings: Holding,
        name: str = "hedge",
        limits: Limits | None = None,
        exposures: Exposures | None = None,
    ) -> None:
        self.strategy = strategy(params, instrument)
        self.instrument = instrument
        self.holdings = holdings
        self.exposures = exposures or Exposures()
        self.maker = Maker(
            name=name,
            instrument=instrument,
            strategy=self.strategy,
            params=params,
            limits=limits or Limits(),
            budget=MessageBudget(1e9, 1e9),
            exposures=self.exposures,
        )
        self.exposures.join(self.maker, self._woken)
        for holding in holdings:
            self.exposures.join(holding, lambda: None)
        self.refusing = False
        self.touch_size = 1e9
        self.sent: list[Sent] = []
        self.fills: list[Fill] = []
        self._bid = self._ask = math.nan
        self._now_ns = 0
        self._count = 0

    def book(self, ts_ns: int, bid: float, ask: float) -> None:
        """The hedge's market is so now."""
        self._now_ns, self._bid, self._ask = ts_ns, bid, ask
        for order in list(self.maker.orders):
            price = self.instrument.price(order.ticks)
            passed = ask <= price if order.side is Side.BUY else bid >= price
            if order.state is OrderState.OPEN and passed:
                self._fill(order.id, order.side, price, order.lots, maker=True)
        self.maker.on_book(Book(ts_ns, (Level(bid, self.touch_size),), (Level(ask, self.touch_size),)))
        if ts_ns >= self.maker.due_ns:
            self._step(ts_ns)

    def hold(self, ts_ns: int, lots: int, holding: Holding | None = None) -> None:
        """A position becomes so many lots, by a trade of its maker: the hedge decides at once."""
        self._now_ns = max(ts_ns, self._now_ns)
        which = holding or self.holdings[0]
        which.inventory_lots = lots
        self.exposures.filled(which)

    def pass_time(self, ts_ns: int) -> None:
        """Nothing happens until then but what a heartbeat does."""
        self._now_ns = ts_ns
        self.maker.watch_positions(ts_ns)

    @property
    def unhedged(self) -> str:
        """Why the first position is not hedged, empty if it is."""
        return self.exposures.unhedged(self.holdings[0])

    @property
    def size(self) -> float:
        """The hedge's position."""
        return self.maker.inventory

    def equity(self, mid: float) -> float:
        """What the hedge has gained and lost at that mid, fees included, settlement currency."""
        return self.maker.score.attribution.equity_change(mid)

    def _woken(self) -> None:
        if self.maker.book is not None:
            self._step(self._now_ns)

    def _step(self, ts_ns: int) -> None:
        approved = self.maker.step(ts_ns).approved
        for order_id in approved.cancels:
            self.maker.on_cancelled(order_id, ts_ns)
        for quote in approved.submits:
            self._submit(ts_ns, quote)

    def _submit(self, ts_ns: int, quote: Quote) -> None:
        self._count += 1
        order_id = f"{self.maker.name}-{self._count}"
        self.maker.orders.sent(order_id, quote, ts_ns)
        self.sent.append(Sent(ts_ns, quote))
        price, best = self.instrument.price(quote.ticks), self._ask if quote.side is Side.BUY else self._bid
        meets = quote.side * (price - best) >= 0
        if self.refusing or (meets and not quote.taking):
            self.maker.on_rejected(order_id, ts_ns)
            return
        self.maker.on_accepted(order_id, ts_ns)
        if not quote.taking:
            return
        lots = min(quote.lots, self.instrument.whole_lots(self.touch_size)) if meets else 0
        if lots:
            self._fill(order_id, quote.side, best, lots, maker=False)
        if order_id in self.maker.orders:
            self.maker.on_cancelled(order_id, ts_ns)

    def _fill(self, order_id: str, side: Side, price: float, lots: int, *, maker: bool) -> None:
        instrument, size = self.instrument, self.instrument.size(lots)
        rate = instrument.maker_fee if maker else instrument.taker_fee
        fee = rate * instrument.exposure(price, size)
        fill = Fill(self._now_ns, order_id, side, price, size, fee, maker)
        self.fills.append(fill)
        self.maker.on_fill(fill)
        self.maker.tell_fill(fill)
