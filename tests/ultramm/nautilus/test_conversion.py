"""One reporting currency for strategies in several, by the markets of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.errors import ConfigError
from ultramm.nautilus.backtest import run_backtest

pytestmark = pytest.mark.integration

CONFIG = """
mode: backtest
name: several
seed: 3
venues:
  SIM:
    adapter: synthetic
    instruments: [BTCUSDT, ETHBTC]
    params: {preset: benign, duration_s: 60}
    paper: {starting_balances: [1000000 USDT, 100 BTC, 1000 ETH]}
strategies:
  - use: market-maker
    name: mm
    instruments: [BTCUSDT.SIM, ETHBTC.SIM]
    params: {order_size: 0.01, max_position: 0.1, half_spread_bps: 1, refresh_ms: 100}
"""


@pytest.fixture
def several(tmp_path: Path) -> Any:
    def build(*overrides: str) -> Resolved:
        path = tmp_path / "several.yaml"
        path.write_text(CONFIG)
        return resolve(read(path, overrides))

    return build


def test_without_a_reporting_currency_nothing_is_added_up(several: Any) -> None:
    assert run_backtest(several()).reported is None


def test_rates_are_those_of_the_markets_in_the_end(several: Any) -> None:
    result = run_backtest(several("reporting.currency=USDT"))
    usdt, btc = result.scores
    assert (usdt.pnl.currency, btc.pnl.currency) == ("USDT", "BTC")
    assert result.reported is not None
    assert result.reported.rates == {"BTC": usdt.last_mid, "USDT": 1.0}
    assert result.reported.total == pytest.approx(usdt.pnl.total + btc.pnl.total * usdt.last_mid)
    assert result.reported.fees == pytest.approx(usdt.pnl.fees + btc.pnl.fees * usdt.last_mid)


def test_a_market_that_nobody_quotes_tells_a_rate_too(several: Any) -> None:
    settings = ["reporting.currency=USDT", "strategies.0.instruments=[ETHBTC.SIM]"]
    result = run_backtest(several(*settings))
    assert result.reported is not None
    assert result.reported.rates["BTC"] > 100.0


def test_trading_is_the_same_whatever_it_is_reported_in(several: Any) -> None:
    plain, added_up = run_backtest(several()), run_backtest(several("reporting.currency=USDT"))
    assert added_up.fills_sha256 == plain.fills_sha256
    assert added_up.scores == plain.scores


def test_a_stated_rate_stands_where_no_market_leads(several: Any) -> None:
    with pytest.raises(ConfigError, match=r"reporting.rates.USDT: no market of the venues leads from USDT to EUR"):
        run_backtest(several("reporting.currency=EUR"))
    result = run_backtest(several("reporting.currency=EUR", "reporting.rates={USDT: 0.9}"))
    assert result.reported is not None
    assert result.reported.rates["BTC"] == pytest.approx(0.9 * result.scores[0].last_mid)


@pytest.mark.parametrize("value", ["{currency: usd}", "{currency: USD, rates: {USDT: 0}}", "{rates: {}}", "USD"])
def test_a_section_that_cannot_be_meant_is_refused(several: Any, value: str) -> None:
    with pytest.raises(ConfigError, match="reporting"):
        several(f"reporting={value}")
