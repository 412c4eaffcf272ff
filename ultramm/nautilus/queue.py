"""A simulated venue whose queues also move by cancels, beside the kernel's own, where they do not."""

from __future__ import annotations

from typing import Any

from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.models import FillModel
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.data import BookOrder, OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import (
    AggressorSide,
    BookAction,
    BookType,
    LiquiditySide,
    OrderSide,
    OrderType,
)

from ultramm.market import Side
from ultramm.nautilus.convert import to_float
from ultramm.orders.queue import QueuePlaces

_SIDES = {OrderSide.BUY: Side.BUY, OrderSide.SELL: Side.SELL}
_SLACK = 1e-9  # sums of sizes are binary fractions
_TAKERS = {AggressorSide.BUYER: Side.BUY, AggressorSide.SELLER: Side.SELL}


class _Market:
    """Places of our orders at one instrument, and what of the trade at hand has come to each."""

    def __init__(self, tick_size: float) -> None:
        self.tick_size = tick_size
        self.places = QueuePlaces()
        self.reached: dict[str, float] | None = None
        self.left = 0.0

    def ticks(self, price: Any) -> int:
        return round(to_float(price) / self.tick_size)


class QueueModule(SimulationModule):
    """Watches what the venue is about to match, and keeps the places of our orders."""

    def __init__(self) -> None:
        super().__init__(SimulationModuleConfig())
        self.markets: dict[Any, _Market] = {}

    def pre_process(self, data: Any) -> None:
        """Before the venue matches an event: who rests, and where it leaves them."""
        if isinstance(data, OrderBookDeltas):
            market = self._market(data.instrument_id)
            for delta in data.deltas:
                self._on_delta(market, delta)
        elif isinstance(data, OrderBookDelta):
            self._on_delta(self._market(data.instrument_id), data)
        elif isinstance(data, TradeTick):
            market = self._market(data.instrument_id)
            market.left = to_float(data.size)
            market.reached = market.places.on_trade(
                _TAKERS.get(data.aggressor_side), market.ticks(data.price), market.left
            )

    def _on_delta(self, market: _Market, delta: Any) -> None:
        market.reached = None
        if delta.action == BookAction.CLEAR or not market.places:
            return
        size = 0.0 if delta.action == BookAction.DELETE else to_float(delta.order.size)
        market.places.on_level(_SIDES[delta.order.side], market.ticks(delta.order.price), size)

    def _market(self, instrument_id: Any) -> _Market:
        market = self.markets.get(instrument_id)
        if market is None:
            instrument = self.exchange.instruments[instrument_id]
            market = self.markets[instrument_id] = _Market(to_float(instrument.price_increment))
        self._follow_orders(market, instrument_id)
        return market

    def _follow_orders(self, market: _Market, instrument_id: Any) -> None:
        """Orders that came to rest since the last event stand behind the level as it is now."""
        resting = {
            order.client_order_id.value: order
            for order in self.exchange.get_open_orders(instrument_id)
            if order.order_type == OrderType.LIMIT
        }
        for order_id in [order_id for order_id in market.places if order_id not in resting]:
            market.places.leave(order_id)
        if len(resting) == len(market.places):
            return
        book = self.exchange.get_book(instrument_id)
        for order_id, order in resting.items():
            if order_id not in market.places:
                # The kernel's level functions are asked from the side of who would take.
                taker = OrderSide.SELL if order.side == OrderSide.BUY else OrderSide.BUY
                level = to_float(book.get_quantity_at_level(order.price, taker, order.quantity.precision))
                market.places.join(order_id, _SIDES[order.side], market.ticks(order.price), level)

    def process(self, ts_now: int) -> None:
        """Nothing happens by time alone."""

    def log_diagnostics(self, logger: Any) -> None:
        """Nothing to say."""

    def reset(self) -> None:
        """Forget all places."""
        self.markets.clear()


class QueueFillModel(FillModel):
    """Fills our resting orders with what of a trade came past the size ahead of them.

    Parameters
    ----------
    module : QueueModule
        Knows the places.
    seed : int
        For the kernel's own draws.
    """

    def __init__(self, module: QueueModule, seed: int) -> None:
        super().__init__(random_seed=seed)
        self._module = module

    def get_orderbook_for_fill_simulation(self, instrument: Any, order: Any, best_bid: Any, best_ask: Any) -> Any:
        """The size that a resting order trades with; None leaves it to the kernel, as where the book itself crosses."""
        market = self._module.markets.get(instrument.id)
        if market is None or market.reached is None or order.liquidity_side != LiquiditySide.MAKER:
            return None
        book = OrderBook(instrument.id, BookType.L2_MBP)
        reached = min(market.reached.get(order.client_order_id.value, 0.0), market.left, to_float(order.leaves_qty))
        if reached > to_float(instrument.size_increment) * (1.0 - _SLACK):
            size = instrument.make_qty(reached * (1.0 + _SLACK), round_down=True)
            # One trade is spent once, whichever of our orders it comes to.
            market.left -= to_float(size)
            taker = OrderSide.SELL if order.side == OrderSide.BUY else OrderSide.BUY
            book.add(BookOrder(taker, order.price, size, 1), 0, 0, 0)
        return book
