"""``ultramm import hummingbot`` as a command: writes, refuses to overwrite, and what it writes runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

FILE = """
strategy: pure_market_making
exchange: binance
market: BTC-USDT
bid_spread: 0.02
ask_spread: 0.02
order_amount: 0.01
order_refresh_time: 1
filled_order_delay: 2
hanging_orders_enabled: true
"""


def test_a_file_becomes_a_configuration_that_runs(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "conf_pmm.yml").write_text(FILE)
    done = ultramm("import", "hummingbot", "conf_pmm.yml")
    assert done.returncode == 0, done.stderr
    assert "hanging_orders: True" in " ".join(done.stdout.split())
    assert "wrote conf_pmm.yaml" in done.stdout
    settings = ["mode=backtest", "venues.BINANCE.params.duration_s=600"]
    run = ultramm(
        "backtest", "run", "conf_pmm.yaml", "--json", *(item for setting in settings for item in ("--set", setting))
    )
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["quoting"]["orders_accepted"] > 10


def test_nothing_is_overwritten_unasked(ultramm: Any, tmp_path: Path) -> None:
    (tmp_path / "conf.yml").write_text(FILE)
    (tmp_path / "mine.yaml").write_text("mine")
    refused = ultramm("import", "hummingbot", "conf.yml", "--output", "mine.yaml")
    assert refused.returncode == 2
    assert "mine.yaml: exists already" in refused.stderr
    assert (tmp_path / "mine.yaml").read_text() == "mine"
    forced = ultramm("import", "hummingbot", "conf.yml", "--output", "mine.yaml", "--force", "--json")
    assert {"key": "bid_spread", "value": 0.02, "fate": "becomes", "note": "half_spread_bps: 2.0"} in json.loads(
        forced.stdout
    )["keys"]
