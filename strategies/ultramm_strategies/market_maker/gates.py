"""When a side is not quoted, and in words why: hours, price limits, rests after fills."""

from __future__ import annotations

import math

from ultramm.market import Fill, Instrument, Side
from ultramm_strategies.market_maker.params import MarketMakerParams

_MINUTE_NS = 60_000_000_000
_MINUTES_A_DAY = 1_440


class Gates:
    """Keeps what the gates must remember: the fills, and the band.

    Parameters
    ----------
    params : MarketMakerParams
        Which gates there are.
    instrument : Instrument
        What is quoted.
    """

    def __init__(self, params: MarketMakerParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        self._hours = None
        if params.open_at is not None and params.close_at is not None:
            self._hours = _minute(params.open_at), _minute(params.close_at)
        self._pause_ns = round(params.fill_pause_s * 1e9)
        self._paused_until_ns = {Side.BUY: 0, Side.SELL: 0}
        self._filled_lots = 0  # bought less sold
        self._band_ns = round(params.band_refresh_s * 1e9)
        self._band_until_ns = 0
        self._band_centre = math.nan

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded."""
        self._paused_until_ns[fill.side] = fill.ts_ns + self._pause_ns
        self._filled_lots += fill.side * self._instrument.lots(fill.size)

    def closed(self, now_ns: int, fair: float) -> dict[Side, str]:
        """The sides on which nothing may stand now, with the reason."""
        out_of_hours = self._out_of_hours(now_ns)
        if out_of_hours is not None:
            return {Side.BUY: out_of_hours, Side.SELL: out_of_hours}
        self._move_band(now_ns, fair)
        found = {}
        for side in (Side.BUY, Side.SELL):
            reason = self._price_limit(side, fair)
            if reason is not None:
                found[side] = reason
        return found

    def _out_of_hours(self, now_ns: int) -> str | None:
        if self._hours is None:
            return None
        opens, closes = self._hours
        minute = now_ns // _MINUTE_NS % _MINUTES_A_DAY
        is_open = opens <= minute < closes if opens < closes else minute >= opens or minute < closes
        return None if is_open else f"closed until {self._params.open_at} UTC"

    def _move_band(self, now_ns: int, fair: float) -> None:
        if self._params.band_bps and now_ns >= self._band_until_ns:
            self._band_centre = fair
            self._band_until_ns = now_ns + self._band_ns

    def _price_limit(self, side: Side, fair: float) -> str | None:
        params = self._params
        limit = params.price_ceiling if side is Side.BUY else params.price_floor
        if limit is not None and side * (fair - limit) > 0:
            where = "above the ceiling" if side is Side.BUY else "below the floor"
            return f"fair value {fair:.10g} is {where} of {limit:g}"
        if params.band_bps and side * (fair / self._band_centre - 1.0) > params.band_bps * 1e-4:
            where = "above" if side is Side.BUY else "below"
            return (
                f"fair value {fair:.10g} is {where} the band of {params.band_bps:g} bps around {self._band_centre:.10g}"
            )
        return None

    def rests(self, side: Side, now_ns: int) -> str | None:
        """Why nothing new is quoted on a side after its fill, if so."""
        left_ns = self._paused_until_ns[side] - now_ns
        if left_ns > 0:
            return f"rests after a fill for {self._params.fill_pause_s:g} s"
        if self._params.ping_pong and side * self._filled_lots > 0:
            return "ping-pong: it is the other side's turn"
        return None


def _minute(time_of_day: str) -> int:
    hours, _, minutes = time_of_day.partition(":")
    return 60 * int(hours) + int(minutes)
