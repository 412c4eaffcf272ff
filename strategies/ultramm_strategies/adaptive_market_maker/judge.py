"""Whether a quote pays, by what quotes at each depth would have earned and by what our own fills did earn."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from ultramm.analytics.attribution import Attribution
from ultramm.calibration.edge_curve import EdgeCurve, EdgePoint, VirtualQuotes
from ultramm.market import Book, Fill, Instrument, Side, Trade
from ultramm_strategies.adaptive_market_maker.params import AdaptiveParams

_SIDES = (Side.BUY, Side.SELL)
_GRID_POINTS = 16
_FRESH_QUOTES = 3.0
_OWN_Z = 2.0
_HOPE_Z = 1.0  # errors by which a depth must have paid to be probed
_GONE_Z = 1.0  # errors by which what was earned must be gone later to close
# Of the later horizon, before it says anything: to quote, and to probe.
_LASTING_BLOCKS, _HOPEFUL_BLOCKS = 10.0, 5.0
_LARGEST_PROBE = 0.2  # of an order: what is larger tells no more and risks as much
PROBES_HELD = 2
_FURTHEST = 0.98  # of the mid: how far away a bid may be that has to be large enough
_HELD_S, _HELD_Z = 60.0, 2.0  # by how many errors the price may move against them, in what time, within the budget


class Verdict(NamedTuple):
    """What one side may quote.

    Parameters
    ----------
    least : float
        The nearest depth from fair value, price; infinite where nothing may be quoted.
    probing : bool
        Only with small orders, to find out.
    reason : str
        In words why there is nothing, or only a little.
    """

    least: float
    probing: bool
    reason: str


_UNJUDGED = Verdict(0.0, False, "")


class Judge:
    """Lets each side quote, probe or wait.

    Virtual quotes say at which depths fills paid, with errors. Where they paid for sure, a side quotes. Where they seem
    to have paid, it probes: with small orders, and until a budget is lost. Our own fills are the second witness: they
    also come from the queue, which virtual ones never do, so they can open what virtual ones leave in doubt, and close
    what does not pay in fact.

    Parameters
    ----------
    params : AdaptiveParams
        How sure to be, and what may be lost on finding out.
    instrument : Instrument
        What is quoted.

    Attributes
    ----------
    probe_lots : int
        Lots of a probe; 0 where none may be sent.
    own_edge : float
        Mean worth of our own fills soon after, before fees, price; NaN before the first.
    """

    def __init__(self, params: AdaptiveParams, instrument: Instrument) -> None:
        self._params = params
        self._instrument = instrument
        # Judged soon after, and whether what they earned lasts: what virtual quotes did, and our own.
        self._virtual: VirtualQuotes | None = None
        self._curves: tuple[EdgeCurve, ...] = ()
        self._own: tuple[EdgeCurve, ...] = ()
        self._own_ns = 0
        self._earned = Attribution(instrument)
        self._mid = math.nan
        self._verdicts = dict.fromkeys(_SIDES, _UNJUDGED)
        # How much may be lost, in all, before nothing is found out any more, as a share of an order: by default what it
        # costs to take one.
        loss_bps = params.probe_loss_bps
        self._loss = instrument.taker_fee if loss_bps is None else 1e-4 * loss_bps
        self.probe_lots = 0
        self.own_edge = math.nan

    # -- the market ------------------------------------------------------------------------------------------

    def on_book(self, book: Book, fair: float) -> None:
        """The touch changed, and quotes would be placed around `fair`."""
        mid = book.mid
        if not math.isnan(mid):
            self._mid = mid
        if self._virtual is None:
            return
        self._virtual.on_book(book, fair)
        for curve in self._own:
            curve.on_mid(book.ts_ns, mid)

    def on_trade(self, trade: Trade) -> None:
        """Somebody traded."""
        if self._virtual is not None:
            self._virtual.on_trade(trade)

    def interrupted(self) -> None:
        """The market was not seen for a time."""
        if self._virtual is not None:
            self._virtual.interrupted()

    def on_fill(self, fill: Fill) -> None:
        """One of our orders traded."""
        self._earned.on_fill(fill, self._mid)
        # Behind a closed gate fills only work a position off, nearer than what pays: they tell nothing of it.
        closed = not math.isfinite(self._verdicts[fill.side].least)
        if closed or not fill.maker or math.isnan(self._mid):
            return
        distance = np.array([fill.side * (self._mid - fill.price)])
        for curve in self._own:
            curve.on_fill(fill.ts_ns, fill.side, self._mid, distance)

    # -- between events --------------------------------------------------------------------------------------

    @property
    def started(self) -> bool:
        """Whether it judges already."""
        return self._virtual is not None

    def start(self, spread: float, sigma: float, quote_interval_s: float) -> None:
        """Begin to judge, at depths from within the spread to where a quote is hardly reached while it is judged.

        Parameters
        ----------
        spread : float
            Of the market, price.
        sigma : float
            Price / sqrt(second).
        quote_interval_s : float
            Mean time between quotes of the market, seconds.
        """
        # A mid that is a minute old judges nothing after seconds.
        fresh_s = _FRESH_QUOTES * quote_interval_s
        soon_s = max(self._params.edge_s, fresh_s)
        horizons_s = (soon_s, max(self._params.lasting_s, soon_s, 2.0 * fresh_s))
        near = max(0.5 * self._instrument.tick_size, 0.25 * spread)
        far = max(6.0 * sigma * math.sqrt(soon_s), 8.0 * near)
        ratio = (far / near) ** (1.0 / (_GRID_POINTS - 1))
        grid = [near * ratio**index for index in range(_GRID_POINTS)]
        memory_s = self._params.edge_memory_s
        self._curves = tuple([EdgeCurve(grid, horizon_s=s, tau_s=memory_s) for s in horizons_s])
        self._own = tuple([EdgeCurve((0.0,), horizon_s=s, tau_s=memory_s) for s in horizons_s])
        self._virtual = VirtualQuotes(self._curves, tick_size=self._instrument.tick_size)

    def judge(self, now_ns: int, fee: float, sigma: float) -> None:
        """Bring the verdicts up to date.

        Parameters
        ----------
        fee : float
            What each fill must earn, price.
        sigma : float
            Price / sqrt(second).
        """
        if not self._curves:
            return
        for curve in self._own:
            curve.on_exposure(now_ns, now_ns - self._own_ns if self._own_ns else 0)
        self._own_ns = now_ns
        soon, later = (curve.points()[0] for curve in self._own)
        self.own_edge = soon.edge
        own_pays = soon.lower(self._params.confidence_z) > fee and later.upper(_GONE_Z) > fee
        own_fails = soon.upper(_OWN_Z) < fee
        self.probe_lots = self._probe_lots(sigma)
        for side in _SIDES:
            self._verdicts[side] = self._verdict(side, fee, own_pays, own_fails)

    def _verdict(self, side: Side, fee: float, own_pays: bool, own_fails: bool) -> Verdict:
        soon, later = self._curves
        # What is earned must be sure soon after; later, where chance is larger, it must not be gone.
        lasts = later.unrefuted_depth(side, fee, _GONE_Z, _LASTING_BLOCKS)
        sure = max(soon.least_depth(side, fee, self._params.confidence_z), lasts)
        if math.isfinite(sure) and not own_fails:
            return Verdict(max(soon.least_depth(side, fee, 0.0), lasts), False, "")
        hope_z = min(_HOPE_Z, self._params.confidence_z)
        hope = max(soon.least_depth(side, fee, hope_z), later.unrefuted_depth(side, fee, _GONE_Z, _HOPEFUL_BLOCKS))
        if math.isfinite(hope) and own_pays:
            return Verdict(hope, False, "")
        why = self._why(fee, own_fails, lasts)
        if math.isfinite(hope) and self._may_probe():
            return Verdict(hope, True, f"probes with small orders: {why}")
        return Verdict(math.inf, False, why)

    def _probe_lots(self, sigma: float) -> int:
        """Lots of a probe: an unusual move takes the budget if all that may be held are; 0 where none may be sent."""
        if not self._params.probe or self._loss <= 0:
            return 0
        order = self._instrument.whole_lots(self._params.order_size)
        move = _HELD_Z * sigma * math.sqrt(_HELD_S) / self._mid
        share = self._loss / (PROBES_HELD * move) if move > 0 else _LARGEST_PROBE
        lots = math.floor(min(share, _LARGEST_PROBE) * order)
        # Powers of two: a probe that rests is not replaced for a lot more or less.
        lots = 1 << lots.bit_length() - 1 if lots else 0
        return lots if lots >= self._instrument.smallest_lots(_FURTHEST * self._mid) else 0

    def _may_probe(self) -> bool:
        budget = self._loss * self._instrument.exposure(self._mid, self._params.order_size)
        return self.probe_lots > 0 and self._earned.equity_change(self._mid) > -budget

    def _why(self, fee: float, own_fails: bool, lasts: float) -> str:
        bps = 1e4 / self._mid
        soon, later = self._curves
        if own_fails:
            own = self._own[0].points()[0]
            return f"our own fills lose: {(own.edge - fee) * bps:+.2f} ± {own.error * bps:.2f} bps each"
        known = [point for point in soon.points() if not math.isnan(point.error)]
        if not known:
            return "no depth has been shown to pay: too few fills were seen"
        best = max(known, key=lambda point: point.lower(self._params.confidence_z))
        if best.lower(self._params.confidence_z) > fee and not math.isfinite(lasts):
            return f"what fills earn is gone {later.horizon_s:g} s later, or not known to last"
        return (
            f"no depth has been shown to pay: the best earns {(best.edge - fee) * bps:+.2f} ± {best.error * bps:.2f} "
            f"bps a fill, at {best.depth * bps:.2f} bps"
        )

    # -- what it found ---------------------------------------------------------------------------------------

    def verdict(self, side: Side) -> Verdict:
        """What a side may quote now."""
        return self._verdicts[side]

    def points(self, side: Side) -> tuple[EdgePoint, ...]:
        """The curve of one side that is judged soon after fills."""
        return self._curves[0].points(side) if self._curves else ()
