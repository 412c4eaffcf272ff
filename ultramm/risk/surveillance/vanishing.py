"""Large orders that vanish untraded while others trade the way that they pointed: what spoofing and layering look like.

Most orders vanish: by itself that tells nothing. An *event* is all of this together: a level grew by more than 999 of
1,000 such growths did and by at least half of what its side shows in five levels; within five seconds at least four
fifths of it went, less than a fifth of it by trades; and in between takers traded, on balance, the way it pointed.
What decisions never saw cannot have misled them, so it looks at the books that they read.
"""

from __future__ import annotations

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
    """A growth that may turn out to be one: what of it was traded, and what takers did since, buys less sells."""

    ts_ns: int
    price: float
    added: float
    left_at: float
    traded: float = 0.0
    net_trades: int = 0


class VanishingOrders:
    """Holds back the side on which large orders vanish.

    Parameters
    ----------
    least_score : float
        Events of the last minute from which a side is wider.
    least_flow : int
        Trades, on balance, the way the order pointed.
    """

    name = "vanishing orders"

    def __init__(self, least_score: float = _RUNGS[-1][0], least_flow: int = 1) -> None:
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
                if trade.side is not side and trade.price == large.price:
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
            # A level beyond what was seen before did not grow: it came into view.
            edge = self._edge[side]
            depth = sum([level.size for level in levels[:_DEPTH_LEVELS]])
            for price, size in sizes.items():
                growth = size - before.get(price, 0.0)
                if growth > 0.0 and side * (price - edge) >= 0.0:
                    self._on_growth(side, price, growth, size, depth, now_ns)
        if levels:
            self._edge[side] = levels[-1].price

    def _on_growth(self, side: Side, price: float, growth: float, size: float, depth: float, now_ns: int) -> None:
        growths = self._growths
        large = growths.count >= _LEAST_SEEN and growth >= growths.value and growth >= _OF_DEPTH * depth
        growths.update(growth)
        if large:
            self._large[side].append(_Large(now_ns, price, growth, size - _GONE * growth))

    def _over(self, side: Side, large: _Large, sizes: dict[float, float], now_ns: int) -> bool:
        """Whether nothing more can be said of a growth; counts it if it was an event."""
        if now_ns - large.ts_ns > _WITHIN_NS or large.traded >= _TRADED * large.added:
            return True
        beyond = bool(sizes) and side * (large.price - self._edge[side]) < 0.0
        if beyond or sizes.get(large.price, 0.0) > large.left_at:
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
                took = side * large.net_trades
                reason = (
                    f"large orders vanish untraded: {score:.1f} in a minute, the last of {large.added:g} at "
                    f"{large.price:.10g}, gone in {(now_ns - large.ts_ns) * 1e-9:.1f} s while {took} more trades went "
                    f"its way"
                )
                self.response.raise_to(rung, side, now_ns, reason)
                return

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        return self.response.cautions(now_ns)
