"""A maker that only looks: it notes features, touches and trades while the kernel plays a market."""

from __future__ import annotations

import math
from array import array

import numpy as np

from ultramm import __version__
from ultramm.features.alpha import VERSION, AlphaFeatures
from ultramm.learning.dataset import About, Dataset
from ultramm.maker import MakerParams
from ultramm.market import Book, Fill, Instrument, Trade
from ultramm.plugin import StrategyPlugin
from ultramm.quoting.decision import Decision

_LEVELS = 20


class ObserverParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the observer; `refresh_ms` is the least time between two rows.

    Parameters
    ----------
    leader : str, optional
        The market that leads, ``SYMBOL.VENUE``.
    """

    max_position: float = 1e12
    refresh_ms: float = 100.0
    leader: str | None = None

    @property
    def depth_levels(self) -> int:
        return _LEVELS

    @property
    def references(self) -> tuple[str, ...]:
        return () if self.leader is None else (self.leader,)


class Observer:
    """Quotes nothing.

    Parameters
    ----------
    params : ObserverParams
    instrument : Instrument

    Attributes
    ----------
    names : tuple of str
        Of the features.
    row_ns, rows : array
        When rows were taken, and their numbers, one behind the other.
    touch_ns, bids, asks : array
        Of each change of the touch.
    trade_ns, prices, sizes, sides : array
        Of each trade; sides are the aggressors'.
    gap_ns : array
        When it was told that the market had not been seen for a time.
    """

    def __init__(self, params: ObserverParams, instrument: Instrument) -> None:
        self._features = AlphaFeatures(instrument.tick_size, leads=params.leader is not None)
        self.names = self._features.names
        self.row_ns, self.rows = array("q"), array("d")
        self.touch_ns, self.bids, self.asks = array("q"), array("d"), array("d")
        self.trade_ns, self.prices, self.sizes, self.sides = array("q"), array("d"), array("d"), array("d")
        self.gap_ns = array("q")
        self._touch = (math.nan, math.nan)

    def on_book(self, book: Book) -> None:
        if len(book.bids) > 1 or len(book.asks) > 1:
            self._features.on_depth(book)
            return
        self._features.on_book(book)
        if not book.two_sided:
            return
        touch = book.bids[0].price, book.asks[0].price
        if touch != self._touch:
            self._touch = touch
            self.touch_ns.append(book.ts_ns)
            self.bids.append(touch[0])
            self.asks.append(touch[1])

    def on_trade(self, trade: Trade) -> None:
        self._features.on_trade(trade)
        self.trade_ns.append(trade.ts_ns)
        self.prices.append(trade.price)
        self.sizes.append(trade.size)
        self.sides.append(float(trade.side))

    def on_reference(self, book: Book) -> None:
        self._features.on_leader(book)

    def on_fill(self, fill: Fill) -> None:
        """It has no orders."""

    def on_interruption(self, ts_ns: int, reason: str) -> None:
        self._features.interrupted()
        self.gap_ns.append(ts_ns)
        self._touch = (math.nan, math.nan)

    def dataset(self, instrument: str, leader: str | None, data: dict[str, str], seed: int) -> Dataset:
        """All that was noted."""
        bids, asks = np.array(self.bids), np.array(self.asks)
        return Dataset(
            about=About(
                instrument=instrument,
                leader=leader,
                features=self.names,
                features_version=VERSION,
                code=__version__,
                data=data,
                seed=seed,
            ),
            row_ns=np.array(self.row_ns),
            rows=np.array(self.rows).reshape(-1, len(self.names)),
            touch_ns=np.array(self.touch_ns),
            mids=0.5 * (bids + asks),
            trade_ns=np.array(self.trade_ns),
            prices=np.array(self.prices),
            sides=np.array(self.sides),
            gap_ns=np.array(self.gap_ns, dtype=np.int64),
        )

    def decide(self, now_ns: int, inventory: float) -> Decision:
        """A row, and no quotes."""
        if self._features.known:
            self.row_ns.append(now_ns)
            self.rows.extend(self._features.row(now_ns))
        return Decision.nothing("only looks")


PLUGIN = StrategyPlugin(
    name="observer",
    summary="notes features and quotes nothing",
    params=f"{__name__}:ObserverParams",
    strategy=f"{__name__}:Observer",
)
