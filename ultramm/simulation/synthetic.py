"""A synthetic market: a latent price, providers who see it late, and takers who know or do not know it.

Without informed takers a resting order earns its half-spread, which no real market pays; with them, makers
lose where they lose in reality. After Glosten, Milgrom 1985 (informed and noise takers), Cont, Stoikov,
Talreja 2010 (a book as a queueing system), Lillo, Mike, Farmer 2005 (metaorders), Bacry, Muzy 2014 (Hawkes
arrivals).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from ultramm.market import Side
from ultramm.simulation.book import BookSide
from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm.simulation.flow import HawkesClock, MetaorderSigns
from ultramm.simulation.latent import LatentPrice
from ultramm.simulation.presets import Preset

WARM_UP_S = 30.0
"""Model time before the first emitted event: ten lives of a resting lot."""


class SyntheticMarket:
    """An endless stream of book changes and trades, the same for the same preset and seed.

    *Providers* each see the latent price of a moment ago, with an error; they quote that view less a
    half-spread, rounded outwards, and step back rather than cross. Resting lots are cancelled one by one,
    soon where the price has left them stale. *Noise takers* slice metaorders at the times of a Hawkes process
    and push the latent price. *Informed takers* take the whole best level, the sooner the further the latent
    price has passed it.

    Parameters
    ----------
    preset : Preset
        The market; see `PRESETS`.
    seed : int
        Same seed, same events, in every process.

    Notes
    -----
    One agent acts at a time. Provider orders, noise orders and the latent price have clocks of their own,
    which the book does not influence. Cancels and informed takers compete with rates that depend on the book
    and the price, and are drawn anew whenever either changes (Gillespie 1977), so nothing is approximated but
    the 20 ms steps of the latent price. Each class of agents has its own stream of random numbers: under one
    seed, two presets see the same price shocks, noise arrivals and signs.

    The book is never crossed or locked, because every quote is clamped to the opposite best. A side that an
    action empties is refilled by one provider quote in the same event, so it is never one-sided either; what
    a sweep wanted beyond the last level is forgotten.
    """

    def __init__(self, preset: Preset, seed: int) -> None:
        def stream(agents: str) -> random.Random:
            return random.Random(f"{seed}:{agents}")

        self._preset = preset
        self._time_s = -WARM_UP_S
        self._price = LatentPrice(preset, stream("price"), self._time_s)
        self._noise = HawkesClock(
            preset.noise_rate_per_s,
            preset.noise_excitation_per_s,
            preset.noise_decay_per_s,
            stream("noise-times"),
            self._time_s,
        )
        self._signs = MetaorderSigns(
            preset.metaorder_pool, preset.metaorder_tail, preset.metaorder_min_orders, stream("noise-signs")
        )
        self._lp_rng = stream("lp")
        self._noise_rng = stream("noise-sizes")
        self._race_rng = stream("cancels-and-informed")
        self._lp_next_s = self._time_s
        self._informed_orders = 0
        self._lp_rate = 2.0 * preset.lp_rate_per_s
        self._cancel_rate = preset.cancel_rate_per_s
        self._stale_rate = preset.stale_cancel_rate_per_s
        self._stale_reach = preset.lp_half_ticks - preset.stale_margin_ticks
        self._informed_fee = preset.informed_fee_ticks
        self._latency_log_median = math.log(preset.lp_latency_median_s)
        self._log_depth = math.log(1.0 - preset.lp_touch_share)
        self._log_block = math.log(1.0 - 1.0 / preset.lp_block_mean_lots)
        self._bids = BookSide(Side.BUY)
        self._asks = BookSide(Side.SELL)
        self._warm_up()

    @property
    def time_s(self) -> float:
        """Model time of the last event, seconds since the end of the warm-up."""
        return self._time_s

    @property
    def informed_orders(self) -> int:
        """Orders of informed takers so far, the warm-up included."""
        return self._informed_orders

    @property
    def fair_ticks(self) -> float:
        """The latent price, which no participant but the informed takers knows."""
        return self._price.ticks

    @property
    def mid_ticks(self) -> float:
        """Mean of best bid and best ask."""
        return 0.5 * (self._bids.best - self._asks.best)

    @property
    def best_bid(self) -> tuple[int, int]:
        """Ticks and lots of the best bid."""
        return self._bids.best, self._bids.levels[self._bids.best]

    @property
    def best_ask(self) -> tuple[int, int]:
        """Ticks and lots of the best ask."""
        return -self._asks.best, self._asks.levels[self._asks.best]

    def lots_at(self, side: Side, ticks: int) -> int:
        """Lots resting at a price."""
        book = self._bids if side is Side.BUY else self._asks
        return book.levels.get(side * ticks, 0)

    def snapshot(self) -> tuple[dict[int, int], dict[int, int]]:
        """Bids and asks, ticks to lots, best price first."""
        return self._bids.by_ticks(), self._asks.by_ticks()

    def take(self, side: Side, lots: int) -> MarketEvent:
        """Somebody from outside buys or sells at the market, now; the latent price does not hear of it."""
        return self._take(self._asks if side is Side.BUY else self._bids, lots)

    def shift(self, ticks: float) -> None:
        """Something happens outside: the latent price moves."""
        self._price.ticks += ticks

    def events(self) -> Iterator[MarketEvent]:
        """All that happens from now on, in time order and without end; the first event is the whole book.

        Iterators of one market share its state: use one at a time. The state is that of the event just given.
        """
        yield MarketEvent(self._time_s, self._whole_book())
        while True:
            yield self._next_event()

    def _warm_up(self) -> None:
        for side in (self._bids, self._asks):
            side.add(self._lp_rank(side), self._lp_lots())
        while self._time_s < 0.0:
            self._next_event()

    def _whole_book(self) -> tuple[LevelChange, ...]:
        return tuple(
            book.change(rank) for book in (self._bids, self._asks) for rank in sorted(book.levels, reverse=True)
        )

    def _next_event(self) -> MarketEvent:
        """Let the next agent act."""
        price = self._price
        while True:
            scheduled_s = min(price.next_s, self._lp_next_s, self._noise.next_s)
            event = self._race(scheduled_s)
            if event is not None:
                return event
            self._time_s = scheduled_s
            if scheduled_s == price.next_s:
                price.step()
            elif scheduled_s == self._lp_next_s:
                return self._quote()
            else:
                return self._noise_order()

    def _race(self, until_s: float) -> MarketEvent | None:
        """The cancel or informed order that comes before `until_s`, if any."""
        bids, asks = self._bids, self._asks
        fair = self._price.ticks
        stale_bid_rate = self._stale_rate * bids.lots_above(fair - self._stale_reach)
        stale_ask_rate = self._stale_rate * asks.lots_above(-fair - self._stale_reach)
        bid_rate = stale_bid_rate + self._cancel_rate * bids.lots
        ask_rate = stale_ask_rate + self._cancel_rate * asks.lots
        sell_rate = self._informed_rate(bids.best - fair - self._informed_fee)
        buy_rate = self._informed_rate(asks.best + fair - self._informed_fee)
        total = bid_rate + ask_rate + sell_rate + buy_rate
        random_number = self._race_rng.random
        time_s = self._time_s - math.log(1.0 - random_number()) / total
        if time_s >= until_s:
            return None
        self._time_s = time_s
        point = random_number() * total
        if point < bid_rate:
            return self._cancel(bids, point, stale_bid_rate)
        point -= bid_rate
        if point < ask_rate:
            return self._cancel(asks, point, stale_ask_rate)
        return self._informed_order(bids if point - ask_rate < sell_rate else asks)

    def _informed_rate(self, profit_ticks: float) -> float:
        if profit_ticks <= 0.0:
            return 0.0
        return min(self._preset.informed_gain_per_s * profit_ticks, self._preset.informed_max_per_s)

    def _quote(self) -> MarketEvent:
        rng = self._lp_rng
        self._lp_next_s = self._time_s - math.log(1.0 - rng.random()) / self._lp_rate
        book = self._bids if rng.random() < 0.5 else self._asks
        rank = self._lp_rank(book)
        book.add(rank, self._lp_lots())
        return MarketEvent(self._time_s, (book.change(rank),))

    def _cancel(self, book: BookSide, point: float, stale_rate: float) -> MarketEvent:
        """Take away the lot that `point` of the side's cancel rate falls on: a stale one first, then any."""
        if point < stale_rate:
            index = int(point / self._stale_rate)
        else:
            index = int((point - stale_rate) / self._cancel_rate)
        rank = book.rank_of_lot(min(index, book.lots - 1))
        book.remove(rank, 1)
        changes = (book.change(rank),) if book.levels else self._changes(book, [rank])
        return MarketEvent(self._time_s, changes)

    def _noise_order(self) -> MarketEvent:
        preset, rng = self._preset, self._noise_rng
        self._noise.excite(self._time_s)
        sign = self._signs.next_sign()
        book = self._asks if sign > 0 else self._bids
        best_lots = book.levels[book.best]
        if rng.random() < preset.sweep_share:
            lots = best_lots + rng.randint(0, preset.sweep_extra_lots)
        elif rng.random() < preset.noise_single_share:
            lots = 1
        else:
            lots = max(1, int(rng.random() * best_lots))
        event = self._take(book, lots)
        self._price.ticks += sign * preset.impact_ticks
        return event

    def _informed_order(self, book: BookSide) -> MarketEvent:
        self._informed_orders += 1
        return self._take(book, book.levels[book.best])

    def _take(self, book: BookSide, lots: int) -> MarketEvent:
        """Trade up to `lots` against the best prices of a side."""
        taker = book.side.opposite
        trades = []
        ranks = []
        while lots > 0 and book.levels:
            rank = book.best
            size = min(lots, book.levels[rank])
            book.remove(rank, size)
            lots -= size
            ranks.append(rank)
            trades.append(MarketTrade(taker, book.side * rank, size))
        return MarketEvent(self._time_s, self._changes(book, ranks), tuple(trades))

    def _lp_rank(self, book: BookSide) -> int:
        preset, rng = self._preset, self._lp_rng
        age_s = math.exp(self._latency_log_median + preset.lp_latency_log_sd * rng.gauss(0.0, 1.0))
        view = self._price.seen(age_s) + preset.lp_view_noise_ticks * rng.gauss(0.0, 1.0)
        depth = int(math.log(1.0 - rng.random()) / self._log_depth)
        rank = math.floor(book.side * view - preset.lp_half_ticks) - min(depth, preset.lp_depth_max_ticks)
        opposite = self._asks if book is self._bids else self._bids
        return min(rank, -opposite.best - 1) if opposite.levels else rank

    def _lp_lots(self) -> int:
        rng, preset = self._lp_rng, self._preset
        if rng.random() < preset.lp_single_share:
            return 1
        lots = 1 + int(math.log(1.0 - rng.random()) / self._log_block)
        return min(lots, preset.lp_block_max_lots)

    def _changes(self, book: BookSide, ranks: list[int]) -> tuple[LevelChange, ...]:
        """The changed levels of a side, after a refill if it is empty."""
        if not book.levels:
            refill = self._lp_rank(book)
            book.add(refill, self._lp_lots())
            if refill not in ranks:
                ranks.append(refill)
        return tuple([book.change(rank) for rank in ranks])
