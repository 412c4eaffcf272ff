"""Large orders that vanish untraded while others do not trade against them: what spoofing and layering look like.

Most orders vanish: by itself that tells nothing. An *event* is all of this together: levels of a side grew each by more
than 999 of 1,000 such growths did, and together by at least half of what the side shows in five levels; within five
seconds at least four fifths of it went, less than a fifth of it by trades; and in between takers did not, on balance,
trade against it: an order that is taken back because the market comes for it is no event.
What decisions never saw cannot have misled them, so it looks at the books that they read.
"""

from __future__ import annotations

import math

import msgspec

from ultramm.features.flow import DecayingSum
from ultramm.features.quantile import StreamQuantile
from ultramm.market import Book, Level, Side, Trade
from ultramm.risk.caution import Caution
from ultramm.risk.surveillance.response import Response, Rung

_LARGE_AT = 0.999
_LEAST_SEEN = 2_000
_OF_DEPTH = 0.5
_DEPTH_LEVELS = 5
_WITHIN_NS = 5_000_000_000
_GONE, _TRADED = 0.8, 0.2
_MEMORY_S = 60.0
_HOLD_S = 30.0
# Events of the last minute, older ones weighing less, from which a side is held on a rung.
_RUNGS = ((4.5, Rung.PULL_ALL), (3.2, Rung.PULL_SIDE), (2.2, Rung.HALVE), (1.3, Rung.WIDEN))


class _Large(msgspec.Struct):
    """Growths of one moment that may turn out to be one: by price, what was added, and the size left once that is gone.

    `traded` is what of it was, `net_trades` what takers did since, buys less sells.
    """

    ts_ns: int
    added: dict[float, float]
    left_at: dict[float, float]
    traded: float = 0.0
    net_trades: int = 0


class VanishingOrders:
    """Holds back the side on which large orders vanish.

    Parameters
    ----------
    least_score : float
        Events of the last minute from which a side is wider.
    least_flow : int
        Trades, on balance, the way the order pointed; below zero are those against it.
    """

    name = "vanishing orders"

    def __init__(self, least_score: float = _RUNGS[-1][0], least_flow: int = 0) -> None:
        self._least_flow = least_flow
        self._rungs = tuple((score * least_score / _RUNGS[-1][0], rung) for score, rung in _RUNGS)
        self._growths = StreamQuantile(_LARGE_AT)
        self._seen: dict[Side, dict[float, float]] = {side: {} for side in Side}
        self._edge: dict[Side, float] = {}
        self._large: dict[Side, list[_Large]] = {side: [] for side in Side}
        self._events = {side: DecayingSum(_MEMORY_S) for side in Side}
        self.response = Response(_HOLD_S)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        for side, candidates in self._large.items():
            for large in candidates:
                large.net_trades += trade.side
                if trade.side is not side and trade.price in large.added:
                    large.traded += trade.size

    def on_depth(self, book: Book) -> None:
        """A book, as deep as decisions read it."""
        self._look(Side.BUY, book.bids, book.ts_ns)
        self._look(Side.SELL, book.asks, book.ts_ns)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        for side in Side:
            self._seen[side] = {}
            self._large[side].clear()

    def _look(self, side: Side, levels: tuple[Level, ...], now_ns: int) -> None:
        before, sizes = self._seen[side], {level.price: level.size for level in levels}
        self._seen[side] = sizes
        if self._large[side]:
            self._large[side] = [large for large in self._large[side] if not self._over(side, large, sizes, now_ns)]
        if before and sizes:
            self._find_large(side, levels, before, now_ns)
        if levels:
            self._edge[side] = levels[-1].price

    def _find_large(self, side: Side, levels: tuple[Level, ...], before: dict[float, float], now_ns: int) -> None:
        growths, edge = self._growths, self._edge[side]
        least = growths.value if growths.count >= _LEAST_SEEN else math.inf
        grown: list[float] = []
        added, left_at = {}, {}
        for level in levels:
            growth = level.size - before.get(level.price, 0.0)
            # A level beyond what was seen before did not grow: it came into view.
            if growth <= 0.0 or side * (level.price - edge) < 0.0:
                continue
            if growth >= least:
                added[level.price] = growth
                left_at[level.price] = level.size - _GONE * growth
            grown.append(growth)
        if added and sum(added.values()) >= _OF_DEPTH * sum([level.size for level in levels[:_DEPTH_LEVELS]]):
            # What may be one does not become usual.
            self._large[side].append(_Large(now_ns, added, left_at))
            return
        for growth in grown:
            growths.update(growth)

    def _over(self, side: Side, large: _Large, sizes: dict[float, float], now_ns: int) -> bool:
        """Whether nothing more can be said of it; counts it if it was an event."""
        if now_ns - large.ts_ns > _WITHIN_NS or large.traded >= _TRADED * sum(large.added.values()):
            return True
        edge = self._edge[side]
        for price, left in large.left_at.items():
            out_of_view = not sizes or side * (price - edge) < 0.0
            if out_of_view or sizes.get(price, 0.0) > left:
                return False
        if side * large.net_trades >= self._least_flow:
            self._on_event(side, large, now_ns)
        return True

    def _on_event(self, side: Side, large: _Large, now_ns: int) -> None:
        events = self._events[side]
        events.add(now_ns, 1.0)
        score = events.at(now_ns)
        for least, rung in self._rungs:
            if score >= least:
                seconds = (now_ns - large.ts_ns) * 1e-9
                reason = (
                    f"large orders vanish untraded: {score:.1f} in a minute, the last of {sum(large.added.values()):g} "
                    f"gone in {seconds:.1f} s while {side * large.net_trades} more trades went its way than against it"
                )
                self.response.raise_to(rung, side, now_ns, reason)
                return

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)
