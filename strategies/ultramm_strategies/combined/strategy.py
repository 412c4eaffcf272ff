"""The combined strategy: a core that quotes around what the views want it to hold. Formulas are in the README."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from ultramm.abilities import Abilities
from ultramm.calibration.edge_curve import EdgePoint
from ultramm.combine.ledgers import Ledgers
from ultramm.market import Book, Fill, Instrument, Quote, Side, Trade
from ultramm.plugin import load
from ultramm.quoting.decision import Decision
from ultramm.quoting.ladder import cap_lots, post_only_limit
from ultramm_strategies.combined.params import CombinedParams, SignalMember
from ultramm_strategies.combined.views import Views

CORE = "core"


class Combined:
    """A quoting strategy that believes to hold less, or more, by what the views want.

    Parameters
    ----------
    params : CombinedParams
        Who quotes, and whose views count.
    instrument : Instrument
        What is quoted.
    """

    def __init__(self, params: CombinedParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._core = load(params.core.plugin.strategy)(params.core_params, instrument)
        self._may = Abilities.of(self._core)
        self._views = Views(params)
        self.ledgers = Ledgers(instrument, CORE)
        for member in params.members:
            self.ledgers.add(member.name)
        self._book: Book | None = None
        self._target = self._wanted = 0.0
        self._retarget_ns = self._period_ns = 0
        self._known = False
        self.volume_doubtful = False
        self.recalibrate_s = min(params.period_s, getattr(self._core, "recalibrate_s", math.inf))

    # -- what the core is able to ----------------------------------------------------------------------------

    @property
    def remembers(self) -> bool:
        return bool(getattr(self._core, "remembers", False))

    @property
    def learns(self) -> bool:
        return self._may.learning is not None

    def on_exposure(self, ts_ns: int, depth: float, seconds: float, fills: int) -> None:
        if self._may.learning is not None:
            self._may.learning.on_exposure(ts_ns, depth, seconds, fills)

    def edge_points(self, side: Side) -> tuple[EdgePoint, ...]:
        return () if self._may.judging is None else self._may.judging.edge_points(side)

    def recalibrate(self, now_ns: int) -> None:
        """The core's own, and the weights once their period is over: between events, so that no decision sees half."""
        if self._may.recalibrating is not None:
            self._may.recalibrating.recalibrate(now_ns)
        if now_ns >= self._period_ns:
            if self._period_ns:
                self._views.end_period()
            self._period_ns = now_ns + round(self._params.period_s * 1e9)

    # -- members, while it runs ------------------------------------------------------------------------------

    @property
    def members(self) -> tuple[str, ...]:
        """Names of those that have a view."""
        return self._views.names

    def add(self, member: SignalMember) -> None:
        """One more view, from now on; raises ValueError where it is none, or one of that name is there."""
        if member.name in self.ledgers:
            raise ValueError(f"{member.name} is a member already")
        self._views.add(member)
        self.ledgers.add(member.name)

    def remove(self, name: str) -> None:
        """A view less: the core takes over what it held."""
        mid = math.nan if self._book is None else self._book.mid
        if self.ledgers.size(name) and math.isnan(mid):
            raise ValueError(f"{name} holds a position, and there is no mid to book it at")
        self.ledgers.remove(name, mid if mid > 0.0 else 1.0)
        self._views.remove(name)
        self._retarget_ns = 0

    def pause(self, name: str, *, paused: bool = True) -> None:
        """A view that moves nothing for now, or again does."""
        self._views.pause(name, paused=paused)
        self._retarget_ns = 0

    def steer(self, verb: str, name: str, text: str = "") -> str:
        """Pause, resume, remove or add a member, by its name; an added one as JSON: ``use`` and ``params``.

        Raises
        ------
        ValueError
            There is no such member, or what is to be added is none.
        """
        if verb == "add":
            try:
                given = msgspec.json.decode(text or "{}")
                self.add(msgspec.convert({**given, "name": name}, SignalMember))
            except (msgspec.DecodeError, TypeError) as exc:
                raise ValueError(f"{name}: {exc}") from exc
            return f"added {name}"
        if name not in self.members:
            raise ValueError(f"{name} is no member")
        if verb == "remove":
            self.remove(name)
            return f"removed {name}"
        if verb not in ("pause", "resume"):
            raise ValueError(f"unknown verb {verb}")
        self.pause(name, paused=verb == "pause")
        return f"{verb}d {name}"

    # -- what it sees ----------------------------------------------------------------------------------------

    def on_book(self, book: Book) -> None:
        self._book = book
        self._core.on_book(book)
        self._views.on_book(book)

    def on_trade(self, trade: Trade) -> None:
        self._core.on_trade(trade)
        self._views.on_trade(trade)

    def on_reference(self, book: Book) -> None:
        """There is none."""

    def on_fill(self, fill: Fill) -> None:
        self._core.on_fill(fill)
        self.ledgers.fill(fill)

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._views.interrupted()
        if self._may.interruptible is not None:
            self._may.interruptible.on_interruption(ts_ns, reason)

    # -- what it wants ---------------------------------------------------------------------------------------

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """The core's quotes, around the target and the shifted price."""
        if self._may.doubting is not None:
            self._may.doubting.volume_doubtful = self.volume_doubtful
        book = self._book
        if book is None or not book.two_sided:
            decision: Decision = self._core.decide(now_ns, inventory)
            return decision
        if not self._known:
            # What was held before it began is the core's, at the price of now.
            self.ledgers.adopt(inventory, book.mid)
            self._known = True
        if now_ns >= self._retarget_ns:
            self._follow(now_ns, book.mid)
        decision = self._core.decide(now_ns, inventory - self._target)
        shift = self._params.shift_bps * 1e-4 * book.mid * self._wanted
        quotes = self._within(self._shifted(decision.quotes, shift, book), inventory)
        return msgspec.structs.replace(
            decision,
            quotes=quotes,
            reservation_price=decision.reservation_price + shift,
            reasons={**dict.fromkeys(Side, "the target is reached"), **decision.reasons},
            effects={**decision.effects, **self._effects(book.mid)},
        )

    def _follow(self, now_ns: int, mid: float) -> None:
        """Take the views of now, and let each hold what it wants."""
        self._retarget_ns = now_ns + round(self._params.retarget_s * 1e9)
        self._views.look(now_ns, mid)
        self._wanted, shares = self._views.shares()
        most = self._params.max_target * self._params.max_position
        self._target = most * self._wanted
        self.ledgers.retarget({name: most * share for name, share in shares.items()}, mid)

    def _shifted(self, quotes: tuple[Quote, ...], shift: float, book: Book) -> tuple[Quote, ...]:
        """The same quotes some ticks further up or down; none that rests crosses the market for it."""
        instrument = self._instrument
        ticks = round(shift / instrument.tick_size)
        if not ticks:
            return quotes
        found: list[Quote] = []
        last: dict[Side, int] = {}
        for quote in quotes:
            side, moved = quote.side, quote.ticks + ticks
            if not quote.taking:
                moved = side * min(side * moved, side * post_only_limit(instrument, side, book))
            if side in last:
                moved = side * min(side * moved, side * last[side] - 1)
            last[side] = moved
            if moved > 0:
                found.append(Quote(side, moved, quote.lots, quote.level, quote.taking))
        return tuple(found)

    def _within(self, quotes: tuple[Quote, ...], inventory: float) -> tuple[Quote, ...]:
        """No more than the largest position allows: the core counts from the target."""
        instrument = self._instrument
        kept: list[Quote] = []
        for side in Side:
            left = max(0, instrument.whole_lots(self._params.max_position - side * inventory))
            kept += cap_lots([quote for quote in quotes if quote.side is side], left, instrument)
        return tuple(kept)

    def _effects(self, mid: float) -> dict[str, Any]:
        found = {"target_size": self._target, "view_x": self._wanted}
        currency, profits = self._instrument.settlement_currency, self.ledgers.profits(mid)
        for name, profit in profits.items():
            found[f"{name.replace('-', '_')}_profit_{currency}"] = profit
        for name, weight in self._views.weights.items():
            label = name.replace("-", "_")
            found[f"{label}_weight_pct"] = 100.0 * weight
            found[f"{label}_view_x"] = self._views.view(name)
        return found
