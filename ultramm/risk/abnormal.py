"""Markets in which a quote that is right a moment ago is wrong: wide, gapped, wild, or told late."""

from __future__ import annotations

import math

import msgspec

from ultramm.bounds import Positive
from ultramm.features.average import EwAverage, TimeAverage
from ultramm.features.flow import DecayingSum
from ultramm.features.volatility import EwVolatility
from ultramm.market import Book, Side, Trade
from ultramm.risk.caution import Caution

_USUAL_S = 600.0
_FAST_S = 10.0
_WARM_S = 60
_WARM_VOLATILITY_S = 300
_CLOCK_MEMORY_S = 60.0
_DEVIATIONS = 5.0
_LEAST_CLOCK_MS = 50.0
_WARM_CLOCK = 100
_MOST_TIMES = 4.0
_LEAST_TICKS = 3.0  # of a gap, and of a wide spread


class MarketLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is abnormal.

    Parameters
    ----------
    max_spread_pct : float
        Percent of the mid; nothing is quoted into a wider one.
    max_spread_times : float
        Times its mean over ten minutes; the same.
    gap_sigmas : float
        Move of the mid at once, within a second or from one touch to the next, in standard deviations of what it moves
        in that time; nothing for `rest_s` seconds after.
    rest_s : float
        Seconds.
    volatility_times : float
        Volatility of ten seconds to that of ten minutes: from here quotes are as many times wider, up to four.
    volume_times : float
        Volume of ten seconds to that of ten minutes: from here orders are half as large.
    max_delay_ms : float
        By how much messages may come later than usual after the venue's own time of them; the clocks of both need not
        agree. Less where delays hardly vary: five mean deviations, and at least 50 ms.
    """

    max_spread_pct: Positive = 5.0
    max_spread_times: Positive = 10.0
    gap_sigmas: Positive = 10.0
    rest_s: Positive = 5.0
    volatility_times: Positive = 3.0
    volume_times: Positive = 8.0
    max_delay_ms: Positive = 200.0


class AbnormalMarket:
    """Watches the touch, the trades and the clock; O(1).

    What is usual is known after a minute, until when only `MarketLimits.max_spread_pct` holds.
    """

    name = "abnormal market"

    def __init__(self, limits: MarketLimits, tick_size: float) -> None:
        self._limits = limits
        self._tick = tick_size
        self._spread, self._mid = math.nan, math.nan
        self._usual_spread = TimeAverage(_USUAL_S)
        self._slow = EwVolatility(_USUAL_S, 1.0, _WARM_S)
        self._fast = EwVolatility(_FAST_S, 1.0, round(_FAST_S))
        self._second_ns, self._second_mid = 0, math.nan
        self._rests_ns, self._gap = 0, ""
        self._volume, self._usual_volume = DecayingSum(_FAST_S), DecayingSum(_USUAL_S)
        self._first_ns = 0
        self._delay, self._deviation = EwAverage(_CLOCK_MEMORY_S), EwAverage(_CLOCK_MEMORY_S)
        self._delays = 0
        self._late_ns, self._late = 0, ""

    def on_touch(self, book: Book) -> None:
        """The touch changed."""
        mid, now_ns = book.mid, book.ts_ns
        if math.isnan(mid):
            return
        self._first_ns = self._first_ns or now_ns
        self._spread, self._mid = book.spread, mid
        self._usual_spread.update(now_ns, book.spread)
        sigma = self._slow.value
        self._slow.update(now_ns, mid)
        self._fast.update(now_ns, mid)
        elapsed_s = (now_ns - self._second_ns) * 1e-9
        moved, usual = abs(mid - self._second_mid), sigma * math.sqrt(max(1.0, elapsed_s))
        if usual > 0.0 and moved > max(self._limits.gap_sigmas * usual, _LEAST_TICKS * self._tick):
            self._rests_ns = now_ns + round(self._limits.rest_s * 1e9)
            self._gap = f"the mid moved {moved / usual:.0f} sigma at once"
        if elapsed_s >= 1.0:
            self._second_ns, self._second_mid = now_ns, mid

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        self._volume.add(trade.ts_ns, trade.size)
        self._usual_volume.add(trade.ts_ns, trade.size)

    def on_clock(self, now_ns: int, venue_ns: int) -> None:
        """A message came that the venue's clock dates `venue_ns`."""
        if venue_ns <= 0:
            return
        delay_ms = (now_ns - venue_ns) * 1e-6
        usual, deviation = self._delay.value, self._deviation.value
        self._delays += 1
        if self._delays > _WARM_CLOCK:
            allowed = min(self._limits.max_delay_ms, max(_LEAST_CLOCK_MS, _DEVIATIONS * deviation))
            if abs(delay_ms - usual) > allowed:
                self._late_ns = now_ns + 1_000_000_000
                self._late = f"messages come {delay_ms - usual:+.0f} ms off their usual delay, {allowed:.0f} is allowed"
        self._delay.update(now_ns, delay_ms)
        if not math.isnan(usual):
            self._deviation.update(now_ns, abs(delay_ms - usual))

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        self._slow.interrupted()
        self._fast.interrupted()
        self._usual_spread.interrupted()
        self._second_mid = math.nan
        self._second_ns = 0

    def cautions(self, now_ns: int) -> list[tuple[Side, Caution]]:
        found = [caution for caution in self._each(now_ns) if caution is not None]
        return [(side, caution) for caution in found for side in Side] if found else []

    def _each(self, now_ns: int) -> tuple[Caution | None, ...]:
        gap = Caution(self._gap, pulled=True) if now_ns < self._rests_ns else None
        late = Caution(self._late, pulled=True) if now_ns < self._late_ns else None
        return (self._of_spread(), gap, late, self._of_volatility(), self._of_volume(now_ns))

    def _of_spread(self) -> Caution | None:
        limits, spread, usual = self._limits, self._spread, self._usual_spread.value
        if spread > 0.01 * limits.max_spread_pct * self._mid:
            return Caution(f"the spread is {100 * spread / self._mid:.1f} % of the mid", pulled=True)
        if self._slow.samples >= _WARM_S and spread > max(limits.max_spread_times * usual, _LEAST_TICKS * self._tick):
            return Caution(f"the spread is {spread / usual:.1f} times the usual", pulled=True)
        return None

    def _of_volatility(self) -> Caution | None:
        slow, fast = self._slow.value, self._fast.value
        if self._slow.samples < _WARM_VOLATILITY_S or not fast >= self._limits.volatility_times * slow > 0.0:
            return None
        times = fast / slow
        return Caution(f"volatility is {times:.1f} times the usual", times=min(_MOST_TIMES, times))

    def _of_volume(self, now_ns: int) -> Caution | None:
        seen_s = (now_ns - self._first_ns) * 1e-9
        if not self._first_ns or seen_s < _WARM_S:
            return None
        volume = self._volume.at(now_ns)
        now = volume / _FAST_S
        # What is usual is of the time before.
        usual = (self._usual_volume.at(now_ns) - volume) / (-_USUAL_S * math.expm1(-seen_s / _USUAL_S) - _FAST_S)
        if not usual > 0.0 or now < self._limits.volume_times * usual:
            return None
        return Caution(f"volume is {now / usual:.0f} times the usual", share=0.5)
