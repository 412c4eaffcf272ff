"""A market maker as one would write it straight onto Nautilus: what the framework is compared with.

It quotes what `ultramm_strategies.market_maker` quotes, at the same moments and by the same rules: the same levels,
skew, tolerance and caution about orders in flight. It keeps no score and no journal, and nothing guards it.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.enums import BookType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from ultramm_strategies.market_maker.params import MarketMakerParams

_SIDES = (1, -1)
_SLACK = 1e-9
_HEARTBEAT = timedelta(milliseconds=500)


class _Working:
    """One of our orders that may still be filled."""

    __slots__ = ("accepted", "cancelling", "left", "order", "sent_ns", "sign", "ticks")

    def __init__(self, order: Any, sign: int, ticks: int, lots: int, sent_ns: int) -> None:
        self.order = order
        self.sign = sign
        self.ticks = ticks
        self.left = lots
        self.sent_ns = sent_ns
        self.accepted = False
        self.cancelling = False


class BareMaker(Strategy):
    """Several levels a side around the mid or the weighted mid, skewed by inventory.

    Parameters
    ----------
    instrument_id : str
        What to quote.
    params : MarketMakerParams
        The numbers that the framework's strategy is given.
    """

    def __init__(self, instrument_id: str, params: MarketMakerParams) -> None:
        super().__init__(
            StrategyConfig(strategy_id="bare-001", order_id_tag="001", log_events=False, log_commands=False)
        )
        self._instrument_id = InstrumentId.from_str(instrument_id)
        self._params = params
        self._refresh_ns = round(params.refresh_ms * 1e6)
        self._max_age_ns = round(params.max_order_age_s * 1e9)
        self._sizes = [params.order_size * params.level_growth**level for level in range(params.levels)]
        self._working: dict[str, _Working] = {}
        self._inventory_lots = 0
        self._next_ns = 0
        self._forget_ns = 0
        self._waits = False
        self._market_book: Any = None
        self.submitted = 0
        self.fills: list[tuple[int, int, float, float]] = []

    def on_start(self) -> None:
        self._instrument = self.cache.instrument(self._instrument_id)
        self._tick = float(self._instrument.price_increment)
        self._lot = float(self._instrument.size_increment)
        self._fee_bps = 1e4 * float(self._instrument.maker_fee)
        self._min_size = float(self._instrument.min_quantity or 0)
        self._min_notional = float(self._instrument.min_notional or 0)
        self._max_lots = math.floor(self._params.max_position / self._lot + _SLACK)
        self.subscribe_order_book_deltas(self._instrument_id, BookType.L2_MBP)
        self.subscribe_trade_ticks(self._instrument_id)
        self.clock.set_timer("heartbeat", _HEARTBEAT, callback=self._on_heartbeat)

    def _on_heartbeat(self, _event: Any) -> None:
        """The simulated venue takes commands up when time moves, at a timer too: both makers must have one."""
        now_ns = self.clock.timestamp_ns()
        if now_ns >= self._forget_ns:
            self._forget_ns = now_ns + 60_000_000_000
            self.cache.purge_closed_orders(ts_now=now_ns, buffer_secs=120)
            self.cache.purge_account_events(ts_now=now_ns, lookback_secs=120)
            self.cache.purge_closed_positions(ts_now=now_ns)

    # -- the market ------------------------------------------------------------------------------------------

    def on_order_book_deltas(self, deltas: Any) -> None:
        if deltas.ts_init >= self._next_ns:
            self._requote(deltas.ts_init)

    def on_trade_tick(self, tick: Any) -> None:
        if tick.ts_init >= self._next_ns:
            self._requote(tick.ts_init)

    def _requote(self, now_ns: int) -> None:
        self._next_ns = now_ns + self._refresh_ns
        book = self._market_book
        if book is None:
            book = self._market_book = self.cache.order_book(self._instrument_id)
        bid_price, ask_price = book.best_bid_price(), book.best_ask_price()
        if bid_price is None or ask_price is None:
            return
        bid, ask = _exact(bid_price), _exact(ask_price)
        if ask <= bid:
            return
        fair = self._fair(bid, ask, _exact(book.best_bid_size()), _exact(book.best_ask_size()))
        wanted = self._wanted(fair, bid, ask)
        self._send(*self._differences(wanted, fair, now_ns), now_ns)

    # -- what is wanted --------------------------------------------------------------------------------------

    def _fair(self, bid: float, ask: float, bid_size: float, ask_size: float) -> float:
        mid = 0.5 * (bid + ask)
        if self._params.fair_value == "mid":
            return mid
        return mid + (bid_size - ask_size) / (bid_size + ask_size) * (ask - bid) / 2

    def _wanted(self, fair: float, bid: float, ask: float) -> list[tuple[int, int, int]]:
        params = self._params
        floor_bps = self._fee_bps + params.min_edge_bps if params.cover_fees else 0.0
        half = max(params.half_spread_bps, floor_bps, 0.0) * 1e-4 * fair
        first = max(half, 0.5 * self._tick)
        step = params.level_step_bps * 1e-4 * fair
        inventory = self._inventory_lots * self._lot
        share = (inventory - params.target_inventory) / params.max_position
        reservation = fair - params.skew * half * max(-1.0, min(1.0, share))
        wanted: list[tuple[int, int, int]] = []
        for sign in _SIDES:
            room = self._max_lots - sign * self._inventory_lots
            behind = round((ask if sign > 0 else bid) / self._tick) - sign
            for level, size in enumerate(self._sizes):
                price = (reservation - sign * (first + level * step)) / self._tick
                if sign > 0:
                    ticks = min(math.floor(price + _SLACK), behind)
                else:
                    ticks = max(math.ceil(price - _SLACK), behind)
                lots = math.floor(size / self._lot + _SLACK)
                if ticks <= 0 or not self._large_enough(ticks, lots):
                    continue
                behind = ticks - sign
                lots = min(lots, room)
                if not self._large_enough(ticks, lots):
                    break
                room -= lots
                wanted.append((sign, ticks, lots))
        return wanted

    def _large_enough(self, ticks: int, lots: int) -> bool:
        size = lots * self._lot
        return lots > 0 and size >= self._min_size - _SLACK and size * ticks * self._tick >= self._min_notional

    # -- what to send ----------------------------------------------------------------------------------------

    def _differences(
        self, wanted: list[tuple[int, int, int]], fair: float, now_ns: int
    ) -> tuple[list[_Working], list[tuple[int, int, int]]]:
        """Orders to cancel, and quotes that no order stands for."""
        edges = {sign: self._edge(sign, [quote[1] for quote in wanted if quote[0] == sign]) for sign in _SIDES}
        stays = [mine for mine in self._working.values() if self._may_stay(mine, edges[-mine.sign], now_ns)]
        kept = self._kept(stays, wanted, math.floor(self._params.tolerance_bps * 1e-4 * fair / self._tick))
        keep = {id(mine) for mine in kept.values()}
        cancels = [
            mine for mine in self._working.values() if mine.accepted and not mine.cancelling and id(mine) not in keep
        ]
        missing = [quote for index, quote in enumerate(wanted) if index not in kept]
        self._waits = False
        if not missing:
            return cancels, []
        own = {sign: self._edge(sign, [m.ticks for m in self._working.values() if m.sign == sign]) for sign in _SIDES}
        submits = [quote for quote in missing if not _meets(quote[0], quote[1], own[-quote[0]])]
        self._waits = len(submits) < len(missing)
        return cancels, submits

    @staticmethod
    def _edge(sign: int, ticks: list[int]) -> int | None:
        return max(ticks, default=None) if sign > 0 else min(ticks, default=None)

    def _may_stay(self, mine: _Working, opposite: int | None, now_ns: int) -> bool:
        if mine.cancelling or not mine.accepted:
            return not mine.cancelling
        return now_ns - mine.sent_ns < self._max_age_ns and not _meets(mine.sign, mine.ticks, opposite)

    @staticmethod
    def _kept(stays: list[_Working], wanted: list[tuple[int, int, int]], tolerance: int) -> dict[int, _Working]:
        """The order that stands for each quote, by the quote's position; the closest pairs first."""
        pairs = []
        for index, (sign, ticks, lots) in enumerate(wanted):
            for mine in stays:
                apart = abs(mine.ticks - ticks)
                if mine.sign == sign and apart <= tolerance and mine.left <= lots <= 2 * mine.left:
                    pairs.append((apart, index, mine.sent_ns, mine.order.client_order_id.value, mine))
        pairs.sort(key=lambda pair: pair[:4])
        kept: dict[int, _Working] = {}
        taken: set[int] = set()
        for _, index, _, _, mine in pairs:
            if index not in kept and id(mine) not in taken:
                kept[index] = mine
                taken.add(id(mine))
        return kept

    def _send(self, cancels: list[_Working], submits: list[tuple[int, int, int]], now_ns: int) -> None:
        for mine in cancels:
            mine.cancelling = True
        if len(cancels) == 1:
            self.cancel_order(cancels[0].order)
        elif cancels:
            self.cancel_orders([mine.order for mine in cancels])
        if not submits:
            return
        # Whatever is in flight, or whose cancel travels, may fill: the position must keep its limit all the same.
        worst = {1: self._inventory_lots, -1: self._inventory_lots}
        for mine in self._working.values():
            worst[mine.sign] += mine.sign * mine.left
        # What reduces the position first.
        submits.sort(key=lambda quote: (worst[quote[0]] + quote[0] * quote[2]) * quote[0] > 0)
        for sign, ticks, lots in submits:
            after = worst[sign] + sign * lots
            if after * sign > self._max_lots:
                self._waits = True
                continue
            worst[sign] = after
            self._submit(sign, ticks, lots, now_ns)

    def _submit(self, sign: int, ticks: int, lots: int, now_ns: int) -> None:
        instrument = self._instrument
        order = self.order_factory.limit(
            self._instrument_id,
            OrderSide.BUY if sign > 0 else OrderSide.SELL,
            instrument.make_qty(lots * self._lot),
            instrument.make_price(ticks * self._tick),
            time_in_force=TimeInForce.GTC,
            post_only=True,
        )
        self._working[order.client_order_id.value] = _Working(order, sign, ticks, lots, now_ns)
        self.submitted += 1
        self.submit_order(order)

    # -- the venue's answers ---------------------------------------------------------------------------------

    def on_order_accepted(self, event: Any) -> None:
        mine = self._working.get(event.client_order_id.value)
        if mine is not None:
            mine.accepted = True

    def on_order_rejected(self, event: Any) -> None:
        self._working.pop(event.client_order_id.value, None)

    def on_order_denied(self, event: Any) -> None:
        self._working.pop(event.client_order_id.value, None)

    def on_order_canceled(self, event: Any) -> None:
        self._working.pop(event.client_order_id.value, None)
        if self._waits:
            self._next_ns = 0

    def on_order_filled(self, event: Any) -> None:
        sign = 1 if event.order_side == OrderSide.BUY else -1
        price, size = _exact(event.last_px), _exact(event.last_qty)
        lots = round(size / self._lot)
        self._inventory_lots += sign * lots
        self.fills.append((event.ts_event, sign, price, size))
        mine = self._working[event.client_order_id.value]
        mine.left -= lots
        if mine.left <= 0:
            del self._working[event.client_order_id.value]
        self._next_ns = 0


def _meets(sign: int, ticks: int, opposite: int | None) -> bool:
    """Whether an order would trade with our own at `opposite`."""
    return opposite is not None and (ticks - opposite) * sign >= 0


def _exact(value: Any) -> float:
    """The float nearest to a price or a size: the kernel's own can be off by a rounding, and so by a tick later."""
    return round(float(value), value.precision)
