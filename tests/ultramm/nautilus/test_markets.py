"""One configuration shape on real recordings of every asset class, from raw file to result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.nautilus.backtest import BacktestResult, run_backtest

PROJECT = Path(__file__).parents[3]
SHARED = PROJECT.parent / "shared" / "data"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not SHARED.is_dir(), reason=f"the recordings are not at {SHARED}"),
]

# Minutes or hours of each: a whole day takes a minute.
HOURS = {
    "eurusd": ("DARWINEX", "2021-09-07T12:00:00", "2021-09-07T12:30:00"),
    "ibm": ("NYSE", "2013-10-07T14:00:00", "2013-10-07T15:00:00"),
    "xauusd": ("OANDA", "2014-05-02T12:00:00", "2014-05-02T12:45:00"),
    "es": ("XCME", "2023-12-25T23:00:00", "2023-12-25T23:12:00"),
    "bitstamp-btcusd": ("BITSTAMP", "2015-05-01T00:00:00", "2015-05-01T05:00:00"),
    "gold": ("XCEC", "2013-10-07T12:00:00", "2013-10-07T14:00:00"),
}


def run(market: str, cache: Path) -> BacktestResult:
    venue, start, end = HOURS[market]
    overrides = {"cache": cache, "start": start, "end": end}
    settings = [f"venues.{venue}.params.{key}={value}" for key, value in overrides.items()]
    path = PROJECT / "config" / "backtests" / f"{market}.yaml"
    return run_backtest(resolve(read(path, settings, {"SHARED_DATA": str(SHARED)})))


@pytest.mark.parametrize("market", list(HOURS))
def test_a_market_runs_from_raw_file_to_result_the_same_each_time(market: str, tmp_path: Path) -> None:
    result = run(market, tmp_path)
    (score,) = result.scores
    assert score.fills == score.maker_fills > 10
    assert score.pnl.identity_residual < 1e-9
    assert score.quoting.uptime is not None
    assert score.quoting.uptime > 0.7
    (account,) = result.accounts
    # The kernel books every fill and every fee rounded to a cent.
    assert account.gap is not None
    assert account.gap <= 0.01 * score.fills
    again: Any = run(market, tmp_path)
    assert msgspec.json.encode(again) == msgspec.json.encode(result)
