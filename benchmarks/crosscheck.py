"""The same recording and the same simple policy in hftbacktest and here: fills, final position and P&L of each.

Needs the extra ``crosscheck``. The policy: join both best prices with one contract, at most ten long or short, 10 ms
from a command to the venue, decided every 100 ms.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    GTX,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import event_dtype
from nautilus_trader.model.data import OrderBookDelta, OrderBookDeltas, TradeTick
from nautilus_trader.model.enums import AggressorSide, BookAction, OrderSide
from numba import njit
from rich.console import Console
from rich.table import Table

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.nautilus.backtest import run_backtest
from ultramm.nautilus.build import feeds, merged
from ultramm.nautilus.convert import to_float

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared" / "data"
CONFIG = PROJECT / "config" / "backtests" / "binance-coinm-btcusd.yaml"
_STEP_NS = 100_000_000
_LATENCY_NS = 10_000_000
_MOST = 10
_POLICY = (
    "strategies.0.params={order_size: 1, max_position: 10, half_spread_bps: 0, skew: 0, placement: join, "
    "cover_fees: false, refresh_ms: 100, max_order_age_s: 100000}"
)


class Outcome(msgspec.Struct, frozen=True):
    """What came of one engine under one queue; P&L in settlement currency."""

    engine: str
    queue: str
    fills: int
    position: float
    pnl: float


def resolved(queue: str, *overrides: str) -> Resolved:
    """The recording, with the policy and one way to keep the queue."""
    settings = [_POLICY, "venues.BINANCE.paper.latency_ms=10", f"venues.BINANCE.paper.queue={queue}", *overrides]
    return resolve(read(CONFIG, settings, {**os.environ, "SHARED_DATA": str(SHARED)}))


def ours(queue: str, *overrides: str) -> Outcome:
    """Our run."""
    (score,) = run_backtest(resolved(queue, *overrides)).scores
    return Outcome("ultramm", queue, score.fills, score.inventory.last, score.pnl.total)


# -- hftbacktest -----------------------------------------------------------------------------------------------


def tape(*overrides: str) -> tuple[Any, Any]:
    """The events that our backtest plays, as hftbacktest reads them, and the instrument; no feed latency in either."""
    opened = feeds(resolved("pessimistic", *overrides))
    rows = [row for event in merged(opened) for row in _rows(event)]
    return np.array(rows, dtype=event_dtype), opened[0].instruments[0]


def _rows(event: Any) -> Iterator[tuple[Any, ...]]:
    if isinstance(event, TradeTick):
        side = {AggressorSide.BUYER: BUY_EVENT, AggressorSide.SELLER: SELL_EVENT}[event.aggressor_side]
        yield _row(TRADE_EVENT | side, event.ts_init, to_float(event.price), to_float(event.size))
        return
    deltas = event.deltas if isinstance(event, OrderBookDeltas) else [event]
    for delta in deltas:
        assert isinstance(delta, OrderBookDelta)
        if delta.action == BookAction.CLEAR:
            yield _row(DEPTH_CLEAR_EVENT | BUY_EVENT, delta.ts_init, 0.0, 0.0)
            yield _row(DEPTH_CLEAR_EVENT | SELL_EVENT, delta.ts_init, 1e12, 0.0)
            continue
        side = BUY_EVENT if delta.order.side == OrderSide.BUY else SELL_EVENT
        size = 0.0 if delta.action == BookAction.DELETE else to_float(delta.order.size)
        yield _row(DEPTH_EVENT | side, delta.ts_init, to_float(delta.order.price), size)


def _row(kind: int, ts_ns: int, price: float, size: float) -> tuple[Any, ...]:
    return (kind | EXCH_EVENT | LOCAL_EVENT, ts_ns, ts_ns, price, size, 0, 0, 0.0)


def theirs(queue: str, events: Any, instrument: Any) -> Outcome:
    """The policy in hftbacktest, with the queue model that is nearest to ours."""
    asset = (
        BacktestAsset()
        .data([events])
        .inverse_asset(to_float(instrument.multiplier))
        .constant_order_latency(_LATENCY_NS, 0)
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(to_float(instrument.price_increment))
        .lot_size(to_float(instrument.size_increment))
    )
    asset = asset.risk_adverse_queue_model() if queue == "pessimistic" else asset.power_prob_queue_model(3.0)
    backtest = HashMapMarketDepthBacktest([asset])
    _join(backtest, _STEP_NS, _MOST)
    depth, state = backtest.depth(0), backtest.state_values(0)
    mid = 0.5 * (depth.best_bid + depth.best_ask)
    # Inverse: what was bought is counted in contracts over price, which falls as the price rises.
    pnl = -state.balance - to_float(instrument.multiplier) * state.position / mid - state.fee
    found = Outcome("hftbacktest", queue, int(state.num_trades), state.position, pnl)
    backtest.close()
    return found


@njit
def _join(hbt, step_ns, most):
    """Join both best prices with one contract, every step, until the data end."""
    order_id = 1
    while hbt.elapse(step_ns) == 0:
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        position = hbt.position(0)
        tick = depth.tick_size
        bid_ticks = depth.best_bid_tick if position < most else -1
        ask_ticks = depth.best_ask_tick if position > -most else -1
        has_bid = False
        has_ask = False
        orders = hbt.orders(0)
        values = orders.values()
        while values.has_next():
            order = values.get()
            wanted = bid_ticks if order.side == 1 else ask_ticks
            if order.price_tick == wanted:
                if order.side == 1:
                    has_bid = True
                else:
                    has_ask = True
            elif order.cancellable:
                hbt.cancel(0, order.order_id, False)
        if bid_ticks > 0 and not has_bid:
            hbt.submit_buy_order(0, order_id, bid_ticks * tick, 1.0, GTX, LIMIT, False)
            order_id += 1
        if ask_ticks > 0 and not has_ask:
            hbt.submit_sell_order(0, order_id, ask_ticks * tick, 1.0, GTX, LIMIT, False)
            order_id += 1
    return True


def crosscheck(*overrides: str) -> list[Outcome]:
    """Both engines under both queues."""
    events, instrument = tape(*overrides)
    return [
        engine
        for queue in ("pessimistic", "probabilistic")
        for engine in (ours(queue, *overrides), theirs(queue, events, instrument))
    ]


def main() -> None:
    """Print the comparison."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = arguments.parse_args()
    outcomes = crosscheck(*given.set)
    if given.json:
        print(msgspec.json.encode(outcomes).decode())
        return
    table = Table(title="join both touches, one contract, at most ten, 10 ms", title_justify="left")
    for column in ("queue", "engine", "fills", "final position", "P&L"):
        table.add_column(column)
    for outcome in outcomes:
        row = (outcome.queue, outcome.engine, f"{outcome.fills:,}", f"{outcome.position:g}", f"{outcome.pnl:.8f}")
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
