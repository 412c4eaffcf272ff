"""NautilusTrader's own Binance adapter, unmodified, trading a product at an address; prints what it was told."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import defaultdict
from datetime import timedelta
from typing import Any

from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
from nautilus_trader.adapters.binance.config import BinanceDataClientConfig, BinanceExecClientConfig
from nautilus_trader.adapters.binance.factories import BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    StrategyConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import BookType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

PATIENCE_S = 60
INSTRUMENTS = {"spot": "BTCUSDT.BINANCE", "usdm": "BTCUSDT-PERP.BINANCE"}
# Streams at the root are of the first product.
ROUTES = {"spot": "", "usdm": "/market"}
KINDS = {"spot": BinanceAccountType.SPOT, "usdm": BinanceAccountType.USDT_FUTURES}


class Client(Strategy):  # type: ignore[misc]
    """Rests an order and cancels it, and one that waits for a price, takes one, and sends one that may only rest.

    Where orders can be amended, the resting one is, before it is cancelled.
    """

    def __init__(self, product: str) -> None:
        super().__init__(StrategyConfig(strategy_id="CLIENT-1"))
        self.instrument_id = InstrumentId.from_str(INSTRUMENTS[product])
        self.amends = product == "usdm"
        self.deltas = 0
        self.names: dict[Any, str] = {}
        self.events: dict[str, list[str]] = defaultdict(list)
        self.post_only: list[bool] = []

    def on_start(self) -> None:
        self.subscribe_order_book_deltas(self.instrument_id, book_type=BookType.L2_MBP)
        self.subscribe_trade_ticks(self.instrument_id)
        self.subscribe_quote_ticks(self.instrument_id)

    def on_order_book_deltas(self, deltas: Any) -> None:
        self.deltas += 1
        book = self.cache.order_book(self.instrument_id)
        if self.names or self.deltas < 5 or book.best_bid_price() is None:
            return
        bid, make = float(book.best_bid_price()), self.cache.instrument(self.instrument_id)
        size = make.make_qty(0.01)
        limit = self.order_factory.limit
        self.send("resting", limit(self.instrument_id, OrderSide.BUY, size, make.make_price(bid - 500), post_only=True))
        above = make.make_price(bid + 500)
        self.send("waiting", self.order_factory.stop_limit(self.instrument_id, OrderSide.BUY, size, above, above))
        self.send("taking", self.order_factory.market(self.instrument_id, OrderSide.BUY, size))
        self.send(
            "refused", limit(self.instrument_id, OrderSide.SELL, size, make.make_price(bid - 500), post_only=True)
        )
        self.later("amend" if self.amends else "cancel", self.amend if self.amends else self.cancel)

    def later(self, name: str, call: Any) -> None:
        self.clock.set_time_alert(name, self.clock.utc_now() + timedelta(seconds=1), callback=call)

    def send(self, name: str, order: Any) -> None:
        self.names[order.client_order_id] = name
        self.submit_order(order)

    def named(self, wanted: str) -> Any:
        (order_id,) = (order_id for order_id, name in self.names.items() if name == wanted)
        return self.cache.order(order_id)

    def amend(self, _event: Any) -> None:
        order, make = self.named("resting"), self.cache.instrument(self.instrument_id)
        self.modify_order(order, quantity=make.make_qty(0.008), price=make.make_price(float(order.price) - 5))
        self.later("cancel", self.cancel)

    def cancel(self, _event: Any) -> None:
        for name in ("resting", "waiting"):
            self.cancel_order(self.named(name))

    def on_order_event(self, event: Any) -> None:
        name = type(event).__name__
        if name == "OrderInitialized":
            return
        self.events[self.names[event.client_order_id]].append(name)
        if name == "OrderRejected":
            self.post_only.append(event.due_post_only)

    @property
    def done(self) -> bool:
        found = self.events
        filled = bool(self.names) and self.named("taking").is_closed
        seen = self.cache.trade_tick_count(self.instrument_id) and self.cache.quote_tick_count(self.instrument_id)
        cancelled = all("OrderCanceled" in found[name] for name in ("resting", "waiting"))
        return bool(cancelled and filled and self.post_only and seen)


def node(url: str, product: str) -> TradingNode:
    provider = InstrumentProviderConfig(load_ids=frozenset([InstrumentId.from_str(INSTRUMENTS[product])]))
    common = {
        "api_key": "emulator-key",
        "api_secret": os.environ.get("CLIENT_SECRET", "emulator-secret"),
        "account_type": KINDS[product],
        "base_url_http": url,
        "instrument_provider": provider,
    }
    sockets = url.replace("http", "ws", 1)
    orders = {"base_url_ws": f"{sockets}/ws-api/v3"}
    if product == "usdm":
        orders = {"base_url_ws": f"{sockets}/ws-fapi/v1", "base_url_ws_stream": f"{sockets}/private"}
    made = TradingNode(
        TradingNodeConfig(
            trader_id=TraderId("CLIENT-001"),
            logging=LoggingConfig(log_level="ERROR"),
            data_clients={"BINANCE": BinanceDataClientConfig(**common, base_url_ws=sockets + ROUTES[product])},
            exec_clients={"BINANCE": BinanceExecClientConfig(**common, **orders)},
            exec_engine=LiveExecEngineConfig(generate_missing_orders=False),
            timeout_disconnection=2.0,
            timeout_post_stop=0.5,
        )
    )
    made.add_data_client_factory("BINANCE", BinanceLiveDataClientFactory)
    made.add_exec_client_factory("BINANCE", BinanceLiveExecClientFactory)
    return made


async def main(made: TradingNode, client: Client) -> None:
    running = asyncio.create_task(made.run_async())
    for _ in range(10 * PATIENCE_S):
        await asyncio.sleep(0.1)
        if client.done:
            break
    await asyncio.sleep(1.0)  # for the last balance
    account = made.cache.account_for_venue(client.instrument_id.venue)
    position = sum(position.signed_decimal_qty() for position in made.cache.positions_open())
    balances = {currency.code: str(money.as_decimal()) for currency, money in account.balances_free().items()}
    told = {
        "events": client.events,
        "post_only": client.post_only,
        "deltas": client.deltas,
        "quotes": made.cache.quote_tick_count(client.instrument_id),
        "trades": made.cache.trade_tick_count(client.instrument_id),
        "balances": balances,
        "position": str(position),
    }
    await made.stop_async()
    running.cancel()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    trading_node, trader = node(*sys.argv[1:]), Client(sys.argv[2])
    trading_node.trader.add_strategy(trader)
    trading_node.build()
    trading_node.get_event_loop().run_until_complete(main(trading_node, trader))
