"""A market can be watched without a key at every venue, as far as that can be seen without a connection."""

from __future__ import annotations

from pathlib import Path

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.nautilus.markets import WatchedMarkets
from ultramm.nautilus.venue import open_venue

CONFIG = """
mode: paper
name: watched
venues:
  {venue}:
    adapter: {adapter}
    instruments: [{symbol}]
    paper: {{starting_balances: [1000 USDT], maker_fee_bps: 1, taker_fee_bps: 5}}
strategies:
  - use: market-maker
    name: mm
    instruments: ["{symbol}.{venue}"]
    params: {{half_spread_bps: 5, order_size: 1, max_position: 1}}
"""
VENUES = [
    ("binance", "BINANCE", "BTCUSDT"),
    ("bybit", "BYBIT", "BTCUSDT-SPOT"),
    ("okx", "OKX", "BTC-USDT"),
    ("kraken", "KRAKEN", "BTC/USD"),
    ("hyperliquid", "HYPERLIQUID", "BTC-USD-PERP"),
    ("deribit", "DERIBIT", "BTC_USDC"),
    ("dydx", "DYDX", "BTC-USD-PERP"),
]


@pytest.mark.parametrize(("adapter", "venue", "symbol"), VENUES, ids=[each[0] for each in VENUES])
def test_its_clients_are_built_without_a_key(tmp_path: Path, adapter: str, venue: str, symbol: str) -> None:
    path = tmp_path / "config.yaml"
    product = {"deribit": "spot", "hyperliquid": "perp"}.get(adapter)
    path.write_text(CONFIG.format(adapter=adapter, venue=venue, symbol=symbol))
    resolved = resolve(read(path, [] if product is None else [f"venues.{venue}.params.product={product}"]))
    assert resolved.watches
    assert list(WatchedMarkets(resolved).data_clients()) == [venue]
    assert open_venue(resolved, venue, trades=False).clients().data_config is not None
