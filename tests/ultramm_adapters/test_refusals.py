"""What a configuration asks of an adapter that cannot do it is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError

CONFIG = """
mode: {mode}
name: refused
venues:
  {venue}:
    adapter: {adapter}
    instruments: [{symbol}]
    params: {{{params}}}
strategies:
  - {{use: market-maker, name: mm, instruments: ["{symbol}.{venue}"], params: {{order_size: 1, max_position: 1}}}}
"""
KEYS = 'api_key: "${A_KEY}", api_secret: "${A_SECRET}"'
WITHOUT_ORDERS = [
    ("okx", "OKX", "BTC-USDT", KEYS),
    ("kraken", "KRAKEN", "BTC/USD", KEYS),
    ("hyperliquid", "HYPERLIQUID", "BTC-USD-PERP", 'private_key: "${A_KEY}"'),
    ("deribit", "DERIBIT", "BTC-PERPETUAL", KEYS),
    ("dydx", "DYDX", "BTC-USD-PERP", 'wallet_address: dydx1, private_key: "${A_KEY}"'),
    ("interactive-brokers", "NASDAQ", "AAPL", "account: DU1"),
]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "k" * 16)
    monkeypatch.setenv("A_SECRET", "s" * 16)


def refused(folder: Path, **parts: str) -> str:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(**parts))
    with pytest.raises(ConfigError) as caught:
        resolve(read(path, []))
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize(("adapter", "venue", "symbol", "params"), WITHOUT_ORDERS, ids=lambda value: value[:8])
def test_live_orders_are_refused_where_there_are_none(
    tmp_path: Path, adapter: str, venue: str, symbol: str, params: str
) -> None:
    said = refused(tmp_path, mode="live", adapter=adapter, venue=venue, symbol=symbol, params=params)
    assert said == f"mode: adapter {adapter} of venue {venue} takes no live orders; use mode: paper"


def test_live_orders_are_refused_for_a_product_without(tmp_path: Path) -> None:
    params = f"product: linear, {KEYS}"
    said = refused(tmp_path, mode="live", adapter="bybit", venue="BYBIT", symbol="BTCUSDT-LINEAR", params=params)
    assert said == (
        "mode: adapter bybit of venue BYBIT takes no live orders with these params; its README says with which"
    )


def test_a_backtest_is_refused_where_there_is_no_market_to_play(tmp_path: Path) -> None:
    said = refused(tmp_path, mode="backtest", adapter="okx", venue="OKX", symbol="BTC-USDT", params=KEYS)
    assert said == "mode: adapter okx of venue OKX has no market to play back; use mode: paper"


def test_a_secret_in_the_file_is_refused_by_its_key(tmp_path: Path) -> None:
    params = 'api_key: "${A_KEY}", api_secret: "in plain text"'
    said = refused(tmp_path, mode="live", adapter="kraken", venue="KRAKEN", symbol="BTC/USD", params=params)
    assert said.startswith("venues.KRAKEN.params.api_secret: a secret in a file")
    assert "plain text" not in said


def test_an_unknown_parameter_is_refused_with_the_nearest(tmp_path: Path) -> None:
    params = f"{KEYS}, regoin: eea"
    said = refused(tmp_path, mode="live", adapter="okx", venue="OKX", symbol="BTC-USDT", params=params)
    assert said.startswith("venues.OKX.params.regoin: ")
    assert "region" in said
