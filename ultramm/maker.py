"""The trading step of one maker on one instrument, on one page and free of any kernel.

::

    book, trade -> strategy.decide -> orders.plan -> risk.review -> what to send
    the venue's answers            -> live orders, inventory, score

The shell (`ultramm.nautilus.shell`) feeds it and sends what it approves; a strategy cannot send. Time is what the
events say: the same events give the same orders in backtest, paper and live.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec

from ultramm.abilities import Abilities, QuotingStrategy, Remembering
from ultramm.analytics.latency import Latencies, LatencyStatus
from ultramm.analytics.scorecard import Score, Scorecard
from ultramm.bounds import NonNegative, Positive
from ultramm.inference.state import ModelState
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade, known
from ultramm.orders.live import LiveOrder, LiveOrders, OrderState
from ultramm.orders.others import others
from ultramm.orders.plan import Plan, Refusal, plan
from ultramm.orders.watch import QueueWatch
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import cap_lots
from ultramm.risk.budget import MessageBudget
from ultramm.risk.caution import Caution, tempered
from ultramm.risk.exposures import Exposures, Hedge, NoHedge, View, position_of
from ultramm.risk.limits import Funds, Limits
from ultramm.risk.position_stop import PositionStop
from ultramm.risk.protection import GuardChange, Protection, Protections
from ultramm.risk.review import Review, review
from ultramm.risk.stops import DAY_NS, Level, StopLimits, Stops
from ultramm.risk.stops import SOURCE as STOPS
from ultramm.trading_hours import TradingHours

if TYPE_CHECKING:
    # Beside numpy, which a list of plugins does not need.
    from ultramm.plugin import Capability

_BEYOND_ALL = 1e12
_MOST_LOTS = 500  # a table is solved for each lot
_QUEUES_SEEN = 10


class MakerParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters that every maker has; a strategy's own parameters extend them.

    Parameters
    ----------
    max_position : float
        Largest inventory, long or short, size.
    refresh_ms : float
        Least time between two decisions, milliseconds; a fill brings the next decision forward.
    tolerance_bps : float
        An order this near to where it should be keeps its place in the queue, basis points.
    max_order_age_s : float
        An order is replaced when older, seconds.
    stale_after_s : float
        Quotes are pulled when the market has been silent for longer, seconds.
    display_size : float, optional
        What of an order the book shows, size; all of it when left out. The venue must honour it.
    """

    max_position: Positive
    refresh_ms: NonNegative = 250.0
    tolerance_bps: NonNegative = 0.0
    max_order_age_s: Positive = 1800.0
    stale_after_s: Positive = 10.0
    display_size: Positive | None = None

    @property
    def requires(self) -> frozenset[Capability]:
        """What a venue must be able to do for these parameters."""
        return frozenset() if self.display_size is None else frozenset({"iceberg"})

    @property
    def depth_levels(self) -> int:
        """Levels a side of the book that each decision reads; beside that, the strategy sees the touch."""
        return 1

    @property
    def watches_queues(self) -> bool:
        """Whether orders may keep their places in queues: a decision with a `kappa` is then understood."""
        return False

    @property
    def reference(self) -> str | None:
        """Another instrument whose touch the strategy wants to see, ``SYMBOL.VENUE``."""
        return None

    @property
    def references(self) -> tuple[str, ...]:
        """All such instruments; of several, the strategy is `ultramm.abilities.SeeingSeveral`."""
        return () if self.reference is None else (self.reference,)

    @property
    def reference_levels(self) -> int:
        """Levels a side of the first one's book that each decision reads; beside that, the strategy sees its touch."""
        return 1

    @property
    def mark(self) -> str:
        """What else decides what it does beside these: of models that trade under a name, which."""
        return ""

    @property
    def backtest_only(self) -> str:
        """In words why these are for backtests alone; empty where they are not."""
        return ""

    @property
    def makers(self) -> tuple[str, ...]:
        """Names of the strategies whose positions it offsets; none for one that makes a market."""
        return ()

    @property
    def basket(self) -> tuple[str, ...]:
        """Names of the strategies that offset the same positions together with it."""
        return ()


class EngineParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Appetite and calibration of a strategy that quotes by `ultramm.quoting.engine`.

    Parameters
    ----------
    order_size : float
        Size of each order, and of a lot of the engine's inventory.
    levels : int
        Orders a side: each at the depth that is optimal once those before it are filled.
    aggressiveness : float
        How easily inventory is borne: at full position both quotes have moved by the single fill's optimal depth over
        it.
    calibration_s : float
        Time over which fills are counted, seconds.
    max_error_pct : float
        Largest standard error of the fill intensity to quote on, percent.
    recalibrate_s : float
        How often everything is estimated and solved anew, seconds.
    own_fills : bool
        The fill intensity is learned from our own orders too, not only from market orders.
    keep_place : bool
        An order keeps its place in the queue while that is worth more than to stand where it should.
    """

    order_size: Positive
    levels: Annotated[int, msgspec.Meta(ge=1, le=50)] = 1
    aggressiveness: Positive = 1.0
    calibration_s: Positive = 600.0
    max_error_pct: Positive = 50.0
    recalibrate_s: Positive = 1.0
    own_fills: bool = False
    keep_place: bool = True

    @property
    def watches_queues(self) -> bool:
        return self.keep_place

    @property
    def depth_levels(self) -> int:
        """A queue further back than the touch must be seen to be compared."""
        return _QUEUES_SEEN if self.keep_place else 1

    def __post_init__(self) -> None:
        if self.max_position < self.order_size:
            raise ValueError("max_position is below order_size: no order would fit")
        if self.max_position > _MOST_LOTS * self.order_size:
            raise ValueError(f"max_position is more than {_MOST_LOTS} times order_size: make orders larger")


_WITHOUT_BOUND = Funds()
_WITHOUT_STOPS = StopLimits()
_WITHOUT_PROTECTIONS = Protections()


class Resting(msgspec.Struct, frozen=True, array_like=True):
    """An order at the venue: its price, what is left of its size, and the size before it in its queue where known."""

    price: float
    size: float
    ahead: float | None = None


class SideStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One side: the orders at the venue, or in words why there are none."""

    orders: tuple[Resting, ...]
    reason: str | None


class EdgeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What virtual quotes at one depth earned before fees, and how sure that is."""

    depth_bps: float
    fills_per_s: float
    edge_bps: float | None
    error_bps: float | None


class MakerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a maker does now, for people.

    `halts` is why it does not quote, by who stopped it; `caution` why it quotes less, or nothing: its losses, its
    market, the other makers; `stops` how far each limit on losses and faults has come; `latency` from an event's
    arrival to the orders that it brought about, handed to the kernel; `foregone` what guards of its market held back
    would have captured of the spread at most, settlement currency, None without any; `models` how it stands with what
    was learned.
    """

    state: str
    bid: SideStatus
    ask: SideStatus
    fair: float | None
    reservation_price: float | None
    score: Score
    effects: dict[str, float | None] = {}
    max_position: float | None = None
    halts: dict[str, str] = {}
    latency: LatencyStatus | None = None
    bid_edges: tuple[EdgeStatus, ...] = ()
    ask_edges: tuple[EdgeStatus, ...] = ()
    caution: str = ""
    stops: dict[str, str] = {}
    foregone: float | None = None
    models: tuple[ModelState, ...] = ()


class Maker:
    """One strategy on one instrument: decides, plans, reviews, and keeps score.

    Parameters
    ----------
    name : str
        The strategy's name in the configuration.
    instrument : Instrument
        What it quotes.
    strategy : QuotingStrategy
        What decides.
    params : MakerParams
        How often and how carefully to requote.
    limits : Limits
        What every order is reviewed against; `MakerParams.max_position` holds beside them.
    budget : MessageBudget
        Messages that may be sent.
    funds : Funds
        What of the account it may use.
    book_shows_ours : bool
        Whether the venue's book has our own orders in it, as a live one does: the strategy is shown it without them.
    show_queues : bool
        Estimate where orders stand in their queues for the status, also where the strategy does not need it.
    amends : bool
        The venue can change an order in one message.
    protections : Protections
        What to watch its market and its fills for.
    exposures : Exposures, optional
        All makers of the node, which whoever sends lets it join; None for one alone.
    told_fills : int, optional
        Fills of its own that a strategy of an earlier run knows already; None for a new one, which is not told of
        earlier fills.

    Attributes
    ----------
    orders : LiveOrders
        Its orders that are, or may be, at the venue.
    book_shows_ours : bool
        As given.
    covers : tuple of str
        Whose positions it offsets.
    queues : QueueWatch or None
        Where they stand, if that is watched.
    latencies : Latencies
        From events to orders; whoever sends adds to it.
    due_ns : int
        When it is time for the next `step`.
    stops : Stops
        What its losses and faults have come to; who sends withdraws it once that is `Level.STOP`.
    display_lots : int or None
        Lots of an order that the book shows at most; None for all.
    heard_ns : int
        When the market was last heard of; whoever saw an event that left all as it was for the strategy calls `hear`,
        or for a reference `hear_reference`.
    """

    def __init__(
        self,
        name: str,
        instrument: Instrument,
        strategy: QuotingStrategy,
        params: MakerParams,
        limits: Limits,
        budget: MessageBudget,
        funds: Funds = _WITHOUT_BOUND,
        book_shows_ours: bool = False,
        show_queues: bool = False,
        amends: bool = False,
        told_fills: int | None = None,
        stops: StopLimits = _WITHOUT_STOPS,
        protections: Protections = _WITHOUT_PROTECTIONS,
        exposures: Exposures | None = None,
    ) -> None:
        self.name = name
        self.instrument = instrument
        self.orders = LiveOrders()
        self.queues = QueueWatch(instrument) if show_queues or params.watches_queues else None
        self._keeps_places = params.watches_queues
        self.score = Scorecard(name, instrument)
        self.latencies = Latencies()
        self._strategy = strategy
        self._may = Abilities.of(strategy)
        self._goes_on_from = told_fills
        self._silent = False
        self._no_hedge = ""
        # Since when, and around which mid, our orders have stood that have not been told of.
        self._exposed_ns, self._exposed_mid = 0, math.nan
        self._others_mid = math.nan
        self._doubts = False
        # Whether the last book that the strategy was shown lacked something of ours.
        self._told_others = False
        # Of the fill that is told next.
        self._filled: LiveOrder | None = None
        self._first_fill = False
        self._recalibrate_ns = 0
        self._limits = msgspec.structs.replace(
            limits,
            max_position=min(limits.max_position, params.max_position),
            sellable=funds.sellable,
            spendable=funds.spendable,
        )
        self._funds = funds
        self.book_shows_ours = book_shows_ours
        self._amends = amends
        shown = params.display_size
        self.display_lots = None if shown is None else max(1, instrument.whole_lots(shown))
        self._hours = TradingHours(instrument.hours) if instrument.hours else None
        self._budget = budget
        self._refresh_ns = round(params.refresh_ms * 1e6)
        self._max_age_ns = round(params.max_order_age_s * 1e9)
        self._stale_ns = round(params.stale_after_s * 1e9)
        self._tolerance = params.tolerance_bps * 1e-4
        self._halts: dict[str, str] = {}
        self.stops = Stops(stops)
        self._exposures = exposures
        self._protection = Protection(protections, instrument)
        self._watched = self._protection.watches
        self._cautions: list[tuple[Side, Caution]] = []
        self._reads_depth = params.depth_levels > 1
        self.degraded = False
        self._book: Book | None = None
        self.references = params.references
        self.covers = params.makers
        self.heard_ns = 0
        self._references_heard_ns = [0] * len(self.references)
        self._mid = math.nan
        self.due_ns = 0
        self._decision = Decision.nothing("waits for the first book")
        self._refusals: tuple[Refusal, ...] = ()
        # Of a side that nothing was left for: what ran short.
        self._short: dict[Side, str] = {}

    # -- the market ------------------------------------------------------------------------------------------

    def on_book(self, book: Book, venue_ns: int = 0) -> None:
        """The touch changed; `venue_ns` is the venue's own time of it, 0 where unknown."""
        if self._book is None:
            self.score.started(book.ts_ns)
        self._book = book
        self.hear(book.ts_ns, venue_ns)
        mid = book.mid
        if mid != self._mid:
            self._mid = mid
            self.score.on_mid(book.ts_ns, mid)
        if self.degraded:
            return
        of_others = self._of_others(book)
        self._told_others = of_others is not book
        self._others_mid = of_others.mid
        if self._watched and of_others.two_sided:
            self._protection.on_touch(of_others)
        if self.queues is not None:
            self.queues.on_touch(of_others)
        if of_others is book or of_others.two_sided:
            self._strategy.on_book(of_others)
        # Else only we are at the touch: what others have further back is seen before the decision.

    def hear(self, now_ns: int, venue_ns: int = 0) -> None:
        """The market was heard of, whatever it said."""
        if self._watched:
            self._protection.on_message(now_ns, venue_ns)
        if self.heard_ns and now_ns - self.heard_ns > self._stale_ns:
            # So also where nobody asked in between, as in a backtest.
            self._fell_silent(now_ns)
        self.heard_ns = now_ns
        self._silent = False

    def _fell_silent(self, now_ns: int) -> str:
        reason = f"no market data for more than {self._stale_ns * 1e-9:g} s"
        if not self._silent:
            self._silent = True
            self.interrupted(now_ns, reason)
        return reason

    def on_depth(self, book: Book) -> None:
        """The book as deep as the strategy reads it, before a decision."""
        if not self.degraded:
            of_others, lacked_ours = self._of_others(book), self._told_others
            self._told_others = of_others is not book
            self._others_mid = of_others.mid
            if self.queues is not None:
                self.queues.on_depth(of_others)
            if self._watched:
                self._protection.on_depth(of_others)
            if self._reads_depth or self._told_others or lacked_ours:
                self._strategy.on_book(of_others)

    @property
    def hides_touch(self) -> bool:
        """Whether orders of ours stand at the touch: others' has to be looked for behind them, see `on_depth`."""
        # Once more after ours has gone: the book may have changed before the venue said so.
        return self._book is not None and (self._told_others or self._of_others(self._book) is not self._book)

    def on_queues(self, book: Book) -> None:
        """The book as deep as our orders stand, between decisions: what the status shows of their places."""
        if self.queues is not None and not self.degraded:
            self.queues.on_depth(self._of_others(book))

    def _of_others(self, book: Book) -> Book:
        return others(book, self.orders, self.instrument) if self.book_shows_ours else book

    def hear_reference(self, now_ns: int, place: int = 0) -> None:
        """An event of one of the references left its touch as it was."""
        self._references_heard_ns[place] = now_ns

    def on_reference(self, book: Book, place: int = 0) -> None:
        """The touch of one of the references changed."""
        self._references_heard_ns[place] = book.ts_ns
        if self.degraded:
            return
        if self._may.several is not None:
            self._may.several.on_references(place, book)
        else:
            self._strategy.on_reference(book)

    def on_reference_depth(self, book: Book) -> None:
        """The first reference's book as deep as the strategy reads it, before a decision."""
        if not self.degraded:
            self._strategy.on_reference(book)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        if not self.degraded:
            if self._watched:
                self._protection.on_trade(trade)
            if self.queues is not None:
                self.queues.on_trade(trade)
            self._strategy.on_trade(trade)

    # -- the step --------------------------------------------------------------------------------------------

    def step(self, now_ns: int) -> Review:
        """Decide, plan and review; what is approved must be sent, and noted in `orders` first."""
        self.due_ns = now_ns + self._refresh_ns
        self._tell_exposures(now_ns)
        self._look_at_stops(now_ns)
        self._decision = self._decide(now_ns)
        limits = self._limits_now()
        fair = self._decision.fair
        tolerance = self._tolerance * fair / self.instrument.tick_size if math.isfinite(fair) else 0.0
        planned = plan(
            self.orders,
            self._affordable(limits),
            now_ns,
            tolerance_ticks=math.floor(tolerance),
            max_age_ns=self._max_age_ns,
            keeps=self._keeps if self._keeps_places and math.isfinite(self._decision.kappa) else None,
            amends=self._amends,
        )
        if planned.empty:
            self._refusals = planned.held
            return Review(planned)
        reviewed = review(
            planned,
            self.orders,
            self.inventory_lots,
            fair,
            self.instrument,
            limits,
            self._budget,
            now_ns,
            # Not moved by our own orders, where that is known.
            self._others_mid if math.isfinite(self._others_mid) else self._mid,
            None if self._exposures is None else View(self._exposures, self, now_ns),
            {side: self.lots_towards(side) for side in Side},
        )
        self._refusals = planned.held + reviewed.refused
        return reviewed

    def _look_at_stops(self, now_ns: int) -> None:
        if self.position_stop is not None:
            held = self.closing_lots if self.inventory > 0 else -self.closing_lots
            self.position_stop.look(now_ns, self._others_mid, held)
        pnl = self.score.attribution.equity_change(self.score.mid)
        if math.isnan(pnl):
            return
        self.stops.look(now_ns, pnl)
        if self._exposures is not None and self._exposures.look(self, now_ns, pnl) is Level.STOP:
            self.stops.trip(self._exposures.stops.reason)

    def _tell_exposures(self, now_ns: int) -> None:
        """How long each order has stood since the last step, and how far from the mid of then."""
        if self._may.learning is None or self.degraded:
            return
        for order in self.orders:
            self._tell_exposure(order, now_ns)
        self._exposed_ns, self._exposed_mid = now_ns, self._others_mid

    def _tell_exposure(self, order: LiveOrder | None, until_ns: int) -> None:
        """How long one has stood since the last step."""
        if order is None or order.state is OrderState.SENT or self._may.learning is None or self.degraded:
            return
        depth, since_ns = self._depth_of(order), max(self._exposed_ns, order.sent_ns)
        if not math.isnan(depth) and until_ns > since_ns:
            self._may.learning.on_exposure(until_ns, depth, (until_ns - since_ns) * 1e-9, 0)

    def _depth_of(self, order: LiveOrder) -> float:
        """Distance from the mid at the last step, price; NaN where there was none."""
        return order.side * (self._exposed_mid - self.instrument.price(order.ticks))

    def _keeps(self, order: LiveOrder, quote: Quote) -> bool:
        """Whether an order stays for its place in the queue, although it should be elsewhere."""
        decision, side = self._decision, order.side
        nearest = decision.nearest.get(side)
        if nearest is not None and side * (self.instrument.price(order.ticks) - nearest) > 0:
            return False
        return self.queues is not None and self.queues.keeps(order, quote, decision.kappa)

    def _limits_now(self) -> Limits:
        """The limits, with what the account has left to spend, or bears, after the trades so far."""
        limits = self._limits
        var_position = self._protection.largest_position
        if var_position < limits.max_position:
            limits = msgspec.structs.replace(limits, var_position=var_position)
        if math.isinf(limits.spendable):
            if math.isinf(self._funds.equity):
                return limits
            equity = self._funds.equity + self.score.attribution.equity_change(self.score.mid)
            return msgspec.structs.replace(limits, bearable=max(0.0, equity) * self._funds.leverage)
        to_cover = self.instrument.notional(self.score.mid, min(0.0, self.inventory)) if self.inventory < 0 else 0.0
        spendable = limits.spendable + self.score.attribution.cash - to_cover
        return msgspec.structs.replace(limits, spendable=spendable)

    def _affordable(self, limits: Limits) -> tuple[Quote, ...]:
        """The wanted quotes, cut down to what the account can pay for, its position may lose, and its hedge can take.

        What may not lose anything more is left to the review, which says so.
        """
        quotes, exposures = self._decision.quotes, self._exposures
        self._short = {}
        # Who states the ratio of its hedge has no business without it; what others hold is no less theirs for it.
        hedged = self._may.paired is not None and exposures is not None and exposures.hedges(self)
        if not quotes or not (hedged or math.isfinite(limits.var_position) or math.isfinite(limits.spendable)):
            return quotes
        return tuple([quote for side in Side for quote in self._within(side, limits, hedged=hedged)])

    def _within(self, side: Side, limits: Limits, *, hedged: bool) -> tuple[Quote, ...]:
        instrument, quotes = self.instrument, self._decision.side(side)
        if math.isfinite(limits.var_position):
            left = instrument.whole_lots(limits.var_position) - side * self.lots_towards(side)
            quotes = cap_lots(quotes, left, instrument) if left > 0 else quotes
        if math.isfinite(limits.spendable):
            quotes = self._cut(side, quotes, self._funded_lots(side, limits, self._decision.fair), "the account")
        if hedged and self._exposures is not None:
            room = self._exposures.hedge_room(self, side)
            # What makes a position smaller makes its hedge smaller as well.
            lots = max(0, -side * self.inventory_lots) + instrument.whole_lots(room)
            quotes = self._cut(side, quotes, lots, "its hedge")
        return quotes

    def _cut(self, side: Side, quotes: tuple[Quote, ...], lots: int, what: str) -> tuple[Quote, ...]:
        kept = cap_lots(quotes, lots, self.instrument)
        if quotes and not kept:
            self._short[side] = f"{what} has nothing left for it"
        return kept

    def _funded_lots(self, side: Side, limits: Limits, price: float) -> int:
        """Lots that a cash account can pay for at a price, or has to sell."""
        instrument = self.instrument
        if side is Side.SELL:
            return max(0, instrument.whole_lots(limits.sellable + self.inventory))
        cost = instrument.cost(price, instrument.lot_size)
        return max(0, math.floor(limits.spendable / cost) - min(0, self.inventory_lots)) if cost > 0 else 0

    def room(self, side: Side) -> float:
        """What its account and its largest position leave to trade on a side beyond its orders there, size."""
        limits, instrument = self._limits_now(), self.instrument
        lots = instrument.whole_lots(min(limits.max_position, _BEYOND_ALL)) - side * self.lots_towards(side)
        if math.isfinite(limits.spendable):
            lots = min(lots, self._funded_lots(side, limits, self.score.mid))
        return instrument.size(max(0, lots - self.orders.lots(side)))

    def recalibration_due(self, now_ns: int) -> bool:
        """Whether to call `recalibrate` now; said once each time."""
        strategy = self._may.recalibrating
        if strategy is None or now_ns < self._recalibrate_ns:
            return False
        self._recalibrate_ns = now_ns + round(strategy.recalibrate_s * 1e9)
        return True

    def recalibrate(self, now_ns: int) -> None:
        """Let the strategy compute what decisions look up: between events, never before the answer to one."""
        if self._may.recalibrating is not None and not self.degraded:
            self._may.recalibrating.recalibrate(now_ns)

    def restore(self, fills: Iterable[tuple[Fill, float]], now_ns: int) -> None:
        """Go on from the fills of earlier runs, each with the mid of its time: inventory, P&L, and funds beside them.

        What the account has now was read when this run began, and holds what those fills did. A strategy of an earlier
        run is told of those that it does not know, and that its market was interrupted.
        """
        pnl = 0.0
        for count, (fill, mid) in enumerate(fills):
            today = fill.ts_ns // DAY_NS == now_ns // DAY_NS
            if today:
                self.stops.seen(fill.ts_ns, pnl)
            self.score.restore(fill, mid)
            pnl = self.score.attribution.equity_change(mid)
            if today:
                self.stops.seen(fill.ts_ns, pnl)
            if self._goes_on_from is not None and count >= self._goes_on_from:
                self._strategy.on_fill(fill)
        gone = self.score.attribution
        self._limits = msgspec.structs.replace(
            self._limits, sellable=self._limits.sellable - gone.position, spendable=self._limits.spendable - gone.cash
        )
        equity = self._funds.equity - gone.equity_change(self.score.mid)
        self._funds = msgspec.structs.replace(self._funds, equity=equity)
        if self._goes_on_from is not None:
            self.interrupted(now_ns, "the node was started again")

    def withdraw(self, now_ns: int) -> Plan:
        """Cancel whatever is open; orders in flight and those that change follow when the venue has answered."""
        cancels = tuple(order.id for order in self.orders if order.state is OrderState.OPEN)
        self._budget.spend(now_ns, len(cancels))
        return Plan(cancels=cancels)

    def _decide(self, now_ns: int) -> Decision:
        self._cautions = []
        if self._halts:
            return Decision.nothing("; ".join(self._halts.values()))
        problem = self._market_problem(now_ns)
        if problem is not None:
            return Decision.nothing(problem)
        if self._may.doubting is not None:
            self._may.doubting.volume_doubtful = self._protection.doubts_volume
        self._tell_positions(now_ns)
        decision = self._strategy.decide(now_ns, self.inventory)
        cautions = self._cautions = self._look_around(now_ns)
        kept = tempered(decision, cautions, self.inventory_lots, self.instrument) if cautions else decision
        if self._watched:
            self._protection.held_back(decision.quotes, kept.quotes)
        return kept

    def _tell_positions(self, now_ns: int) -> None:
        if self._may.hedging is not None and self._exposures is not None:
            own = position_of(self, self.instrument.id)
            self._may.hedging.on_positions(now_ns, own, self._exposures.positions(self))

    def watch_positions(self, now_ns: int) -> None:
        """Tell a hedge of what it covers although it decides nothing: it is halted, or its market silent."""
        if self._may.hedging is None:
            return
        self._no_hedge = self._why_no_hedge(now_ns)
        if not self.degraded:
            self._tell_positions(now_ns)

    def _why_no_hedge(self, now_ns: int) -> str:
        """In words what keeps it from trading, and will for longer; what may pass, its strategy waits for."""
        for source in ("error", STOPS):
            if source in self._halts:
                return self._halts[source]
        if self._book is None:
            return "waits for the first book"
        closed = self._closed(now_ns)
        if closed is not None:
            return closed
        return self._fell_silent(now_ns) if now_ns - self.heard_ns > self._stale_ns else ""

    def _look_around(self, now_ns: int) -> list[tuple[Side, Caution]]:
        """All that calls for care on a side."""
        found = self._protection.cautions(now_ns)
        if self.stops.careful:
            caution = self.stops.caution
            found += [(side, caution) for side in Side if caution is not None]
        if self._exposures is not None:
            found += self._exposures.cautions(self, now_ns)
        return found

    def _market_problem(self, now_ns: int) -> str | None:
        book = self._book
        if book is None:
            return "waits for the first book"
        closed = self._closed(now_ns)
        if closed is not None:
            return closed
        if now_ns - self.heard_ns > self._stale_ns:
            return self._fell_silent(now_ns)
        if not book.two_sided:
            return "the book has one side only"
        if book.asks[0].price <= book.bids[0].price:
            return "the book is crossed or locked"
        for reference, heard_ns in zip(self.references, self._references_heard_ns, strict=True):
            if now_ns - heard_ns > self._stale_ns:
                return f"no market data of {reference} for more than {self._stale_ns * 1e-9:g} s"
        return None

    def _closed(self, now_ns: int) -> str | None:
        """In words why nothing is traded now; closed hours are no time to be present in."""
        expiry_ns = self.instrument.expiry_ns
        reopens_ns = self._hours.reopens_ns(now_ns) if self._hours is not None else None
        if reopens_ns is None and not 0 < expiry_ns <= now_ns:
            self.score.uptime.resume(now_ns)
            return None
        self.score.uptime.pause(now_ns)
        return (
            f"expired at {_utc(expiry_ns)}" if reopens_ns is None else f"the market is closed until {_utc(reopens_ns)}"
        )

    # -- the venue's answers ---------------------------------------------------------------------------------

    def on_accepted(self, order_id: str, ts_ns: int) -> None:
        self.orders.accepted(order_id)
        order = self.orders.get(order_id)
        if order is not None and self.queues is not None:
            self.queues.joined(order)
        self.score.accepted += 1
        self.stops.on_accepted()
        self._presence(ts_ns)

    def on_amended(self, order_id: str, ticks: int, lots: int) -> None:
        """The venue changed an order: `lots` are left of it, at `ticks`."""
        if lots <= 0:
            # All that it was changed to has traded, and we heard of that first: it is no more.
            self.closed_order(order_id)
            return
        before = self.orders.get(order_id)
        order = self.orders.amended(order_id, ticks, lots)
        # Smaller at its price, it kept its place.
        if order is None or before is None or self.queues is None or (ticks == before.ticks and lots <= before.lots):
            return
        self.queues.left(order_id)
        self.queues.joined(order)

    def on_rejected(self, order_id: str, ts_ns: int) -> None:
        self.closed_order(order_id)
        self.score.rejected += 1
        self.stops.on_rejected()
        self._presence(ts_ns)

    def on_cancelled(self, order_id: str, ts_ns: int) -> None:
        ended = self.orders.get(order_id)
        self.closed_order(order_id)
        self.score.cancelled += 1
        self._presence(ts_ns)
        if self._refusals:
            # It may have been in the way of a quote that was held back or refused.
            self.due_ns = 0
        self._tell_exposure(ended, ts_ns)

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded; brings the next decision forward."""
        order = self.orders.get(fill.order_id)
        first = self.orders.filled(fill.order_id, self.instrument.lots(fill.size))
        self.score.filled += first
        self._filled = order if order is not None and fill.maker else None
        self._first_fill = first
        if fill.order_id not in self.orders:
            self.closed_order(fill.order_id)
        elif self.queues is not None:
            self.queues.filled(fill.order_id)
        if self._watched:
            self._protection.on_fill(fill)
        self._budget.traded(fill.ts_ns)
        gain = self.score.on_fill(fill)
        if gain is not None:
            self.stops.on_closed(gain)
        self._presence(fill.ts_ns)
        self.due_ns = 0

    def tell_fill(self, fill: Fill) -> None:
        """Let the strategy know of a fill that is booked and recorded: it may raise."""
        if self.degraded:
            return
        self._strategy.on_fill(fill)
        order = self._filled
        if self._may.learning is None or order is None:
            return
        if order.id not in self.orders:
            self._tell_exposure(order, fill.ts_ns)
        depth = self._depth_of(order)
        if self._first_fill and not math.isnan(depth):
            self._may.learning.on_exposure(fill.ts_ns, depth, 0.0, 1)

    def closed_order(self, order_id: str) -> None:
        """The venue says that an order is no more."""
        self.orders.closed(order_id)
        if self.queues is not None:
            self.queues.left(order_id)

    def _presence(self, ts_ns: int) -> None:
        resting = self.orders.resting
        self.score.uptime.update(ts_ns, bid=resting(Side.BUY), ask=resting(Side.SELL))

    # -- control and display ---------------------------------------------------------------------------------

    @property
    def book(self) -> Book | None:
        """The last book seen; None before the first."""
        return self._book

    @property
    def mid(self) -> float:
        """The market's, price; NaN before the first."""
        return self.score.mid

    @property
    def position_stop(self) -> PositionStop | None:
        """What closes its position by the market's moves; who sends closes it while there is a `reason` to."""
        return self._protection.position_stop

    @property
    def hedge(self) -> Hedge | None:
        """Its strategy, if that offsets what others hold; or in its place why it cannot."""
        if self._may.hedging is None or not self._no_hedge:
            return self._may.hedging
        return NoHedge(makers=self._may.hedging.makers, unhedged=self._no_hedge)

    def hedge_ratio(self, instrument: str) -> float | None:
        """As `Paired`; None of a strategy that leaves it to its hedge."""
        return None if self._may.paired is None else self._may.paired.hedge_ratio(instrument)

    @property
    def strategy(self) -> QuotingStrategy:
        """What decides."""
        return self._strategy

    @property
    def members(self) -> tuple[str, ...]:
        """Of a strategy that has some."""
        return () if self._may.steerable is None or self.degraded else self._may.steerable.members

    def steer(self, verb: str, name: str, text: str = "") -> str:
        """As `Steerable`; raises ValueError where that cannot be."""
        if self._may.steerable is None or self.degraded:
            raise ValueError(f"{self.name} has no members")
        done = self._may.steerable.steer(verb, name, text)
        self.due_ns = 0
        return done

    @property
    def doubt(self) -> str:
        """In words why the strategy does not trade by its model; empty while it does, or has none."""
        return "" if self._may.believing is None else self._may.believing.doubt

    def take_guard_changes(self) -> list[GuardChange]:
        """What guards have begun to hold back, or let go, since this was asked last; and whether a model is doubted."""
        changes = self._protection.take_changes()
        if bool(doubt := self.doubt) != self._doubts:
            self._doubts = bool(doubt)
            changes += [GuardChange(guard="model", side=side, active=self._doubts, reason=doubt) for side in Side]
        return changes

    @property
    def max_position(self) -> float:
        """Largest inventory that is allowed, long or short, size."""
        return self._limits.max_position

    def best_quotes(self) -> tuple[float, float]:
        """The best bid and ask of ours that the venue holds, price; NaN for a side without."""
        held = [order for order in self.orders if order.state is not OrderState.SENT]
        bid = max((order.ticks for order in held if order.side is Side.BUY), default=None)
        ask = min((order.ticks for order in held if order.side is Side.SELL), default=None)
        price = self.instrument.price
        return math.nan if bid is None else price(bid), math.nan if ask is None else price(ask)

    def worst_ticks(self, side: Side) -> int:
        """Where an order that must trade ends: so far from the mid, and no further."""
        ticks = self.score.mid * (1.0 + side * self._limits.max_slippage_bps * 1e-4) / self.instrument.tick_size
        return max(1, math.floor(ticks + 1e-9) if side is Side.BUY else math.ceil(ticks - 1e-9))

    @property
    def inventory(self) -> float:
        """Signed position that this maker built, size."""
        return self.score.attribution.position

    @property
    def closing_lots(self) -> int:
        """Lots that come nearest to closing the position, of those that the account has to sell."""
        lots, sellable = abs(self.inventory_lots), self._limits.sellable
        if self.inventory <= 0 or math.isinf(sellable):
            return lots
        # Fees that were taken in coins may have left less than the last of them.
        return min(lots, max(0, self.instrument.whole_lots(sellable + self.inventory)))

    @property
    def inventory_lots(self) -> int:
        return self.instrument.lots(self.inventory)

    def lots_towards(self, side: Side) -> int:
        """Signed inventory, lots; a part of one, which fees in coin leave, is a whole one on that side."""
        return side * math.ceil(side * self.inventory / self.instrument.lot_size - 1e-6)

    @property
    def halts(self) -> Mapping[str, str]:
        """Who stopped the quoting, and why; empty while it quotes."""
        return self._halts

    def halt(self, source: str, reason: str) -> None:
        """Quote nothing until the same `source` releases it; `reason` is shown for both sides."""
        self._halts[source] = reason
        self.due_ns = 0

    def interrupted(self, now_ns: int, reason: str) -> None:
        """The market was interrupted: tell a strategy that wants to know."""
        self._protection.interrupted()
        if self._may.interruptible is not None and not self.degraded:
            self._may.interruptible.on_interruption(now_ns, reason)

    @property
    def remembered(self) -> QuotingStrategy | None:
        """The strategy, for a later run to go on with; None where that cannot be, or it failed."""
        strategy = self._strategy
        return strategy if isinstance(strategy, Remembering) and strategy.remembers and not self.degraded else None

    def arm(self) -> None:
        """Count its losses and faults, and the whole node's, anew from here: somebody has looked at a stop."""
        self.stops.arm()
        if self._exposures is not None:
            self._exposures.stops.arm()

    def degrade(self, reason: str) -> None:
        """Quote nothing and ask the strategy nothing, for good."""
        self.degraded = True
        self.halt("error", reason)

    def release(self, source: str) -> None:
        """End the halt of one source; a degraded maker stays as it is."""
        if self.degraded and source == "error":
            return
        self._halts.pop(source, None)
        self.due_ns = 0

    def must_withdraw(self, now_ns: int) -> bool:
        """Whether live orders rest on a market that went silent or has closed; to be asked in silence too."""
        if self._book is None:
            return False
        closed = self._closed(now_ns) is not None
        return len(self.orders) > 0 and (closed or now_ns - self.heard_ns > self._stale_ns)

    def status(self, now_ns: int) -> MakerStatus:
        """What it does now, and why not more."""
        return MakerStatus(
            state="degraded" if self.degraded else "halted" if self._halts else "running",
            bid=self._side_status(Side.BUY),
            ask=self._side_status(Side.SELL),
            fair=known(self._decision.fair),
            reservation_price=known(self._decision.reservation_price),
            score=self.score.score(now_ns),
            effects=self.effects(now_ns),
            max_position=known(self.max_position),
            halts=dict(self._halts),
            latency=self.latencies.status(),
            bid_edges=self._edges(Side.BUY),
            ask_edges=self._edges(Side.SELL),
            caution=self._caution,
            stops=self.stops.status(),
            foregone=self._protection.foregone if self._watched else None,
            models=() if self._may.believing is None else self._may.believing.models,
        )

    def effects(self, now_ns: int) -> dict[str, float | None]:
        """What moved its quotes, by names that end in their unit."""
        effects = self._decision.effects | self._protection.effects(now_ns)
        return {name: known(value) for name, value in effects.items()}

    @property
    def _caution(self) -> str:
        """Why it quotes less, in words; by sides where that differs."""
        sides: dict[str, list[Side]] = {}
        for side, caution in self._cautions:
            sides.setdefault(caution.reason, []).append(side)
        if self.stops.level is Level.STOP:
            return self.stops.reason
        names = {Side.BUY: "bids", Side.SELL: "asks"}
        return "; ".join([reason if len(held) > 1 else f"{names[held[0]]}: {reason}" for reason, held in sides.items()])

    def _edges(self, side: Side) -> tuple[EdgeStatus, ...]:
        if self._may.judging is None or not self.score.mid > 0:
            return ()
        bps = 1e4 / self.score.mid
        return tuple(
            [
                EdgeStatus(
                    depth_bps=point.depth * bps,
                    fills_per_s=point.fill_rate,
                    edge_bps=known(point.edge * bps),
                    error_bps=known(point.error * bps),
                )
                for point in self._may.judging.edge_points(side)
            ]
        )

    def _side_status(self, side: Side) -> SideStatus:
        mine = [order for order in self.orders if order.side is side and order.state is OrderState.OPEN]
        mine.sort(key=lambda order: -side * order.ticks)
        orders = tuple([self._resting(order) for order in mine])
        reason = self._decision.reasons.get(side)
        if reason is None and not orders:
            refused = [refusal.reason for refusal in self._refusals if refusal.quote.side is side]
            reason = refused[0] if refused else self._why_nothing(side)
        return SideStatus(orders=orders, reason=reason)

    def _resting(self, order: LiveOrder) -> Resting:
        ahead = None if self.queues is None else known(self.queues.ahead(order.id))
        return Resting(self.instrument.price(order.ticks), self.instrument.size(order.lots), ahead)

    def _why_nothing(self, side: Side) -> str:
        if any(order.side is side for order in self.orders):
            return "orders are on their way"
        return self._short.get(side, "the strategy gave no reason")


def _utc(ts_ns: int) -> str:
    return f"{datetime.fromtimestamp(ts_ns // 1_000_000_000, UTC):%Y-%m-%d %H:%M} UTC"
