"""What our own fills lose soon after: quotes step back by it, and shrink."""

from __future__ import annotations

import msgspec

from ultramm.bounds import Positive, Share
from ultramm.features.flow import DecayingSum
from ultramm.features.maturing import Maturing
from ultramm.market import Fill, Instrument, Side
from ultramm.risk.caution import Caution

_HORIZONS_S = (1.0, 5.0)
# Fills that lost nothing, counted as if they had been seen: one that went wrong says little, and silence forgets.
_PRIOR_FILLS = 3.0
_LEAST_TICKS = 0.5


class ToxicityLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How quotes answer.

    Parameters
    ----------
    gain : float
        Share of what fills lose that quotes step back by.
    memory_s : float
        Time over which fills are averaged, seconds.
    least_share : float
        Of an order's size, that stays however much fills lose.
    """

    gain: Positive = 1.0
    memory_s: Positive = 60.0
    least_share: Share = 0.2


class FillToxicity:
    """Per side, the mean over recent fills of ours of what they were under water 1 s and 5 s later. O(1) amortised.

    Only orders that rested count. A side steps back by `ToxicityLimits.gain` times the loss, from half a tick on, and
    its orders are ``1 - loss / edge`` as large, with the mean distance of those fills from the mid as their edge.
    """

    name = "toxic fills"

    def __init__(self, limits: ToxicityLimits, instrument: Instrument) -> None:
        self._limits = limits
        self._tick = instrument.tick_size
        self._pending = [Maturing[tuple[Side, float]](horizon_s) for horizon_s in _HORIZONS_S]
        # By side: losses, fills whose loss is known, what they stood from the mid, and how many of those.
        self._losses, self._known, self._edges, self._fills = (
            {side: DecayingSum(limits.memory_s) for side in Side} for _ in range(4)
        )

    def on_mid(self, ts_ns: int, mid: float) -> None:
        """From `ts_ns` on the mid is `mid`, price."""
        for pending in self._pending:
            for (side, price), after in pending.on_mid(ts_ns, mid):
                self._losses[side].add(ts_ns, side * (price - after))
                self._known[side].add(ts_ns, 1.0)

    def on_fill(self, fill: Fill, mid: float) -> None:
        """One of our orders traded, when the mid was `mid`."""
        if not fill.maker or not mid > 0.0:
            return
        for pending in self._pending:
            pending.add(fill.ts_ns, (fill.side, fill.price))
        self._edges[fill.side].add(fill.ts_ns, fill.side * (mid - fill.price))
        self._fills[fill.side].add(fill.ts_ns, 1.0)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        for pending in self._pending:
            pending.interrupted()

    def loss(self, side: Side, now_ns: int) -> float:
        """Mean loss of a fill of `side`, price; negative where they gain."""
        known = self._known[side].at(now_ns)
        return self._losses[side].at(now_ns) / (known + _PRIOR_FILLS * len(_HORIZONS_S))

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        found: list[tuple[Side, Caution]] = []
        limits = self._limits
        for side in Side:
            loss = self.loss(side, now_ns)
            further = limits.gain * loss
            if further < _LEAST_TICKS * self._tick:
                continue
            edge = self._edges[side].at(now_ns) / max(self._fills[side].at(now_ns), 1e-9)
            share = max(limits.least_share, 1.0 - loss / edge) if edge > 0.0 else limits.least_share
            reason = f"its fills are {loss / self._tick:.1f} ticks under water soon after"
            found.append((side, Caution(reason, further=further, share=share)))
        return found
