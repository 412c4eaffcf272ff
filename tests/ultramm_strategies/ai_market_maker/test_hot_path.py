"""Beside orders stand numbers: what fitted a model is not even imported by what trades by it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from stored_models import keep
from toy_market import toy_market

from ultramm.inference.exported import Linear

pytestmark = pytest.mark.integration

PARAMS = {"order_size": 0.01, "max_position": 0.1, "model": "toy", "max_age_h": 1e9}
CODE = """
import json, sys
from pathlib import Path
from ultramm.config.load import read
from ultramm.config.resolve import resolve
from ultramm.nautilus.backtest import run_backtest
from ultramm.nautilus.tracer import Tracer

tracer = Tracer()
result = run_backtest(resolve(read(Path("market.json"))), collector=tracer)
there = [name for name in ("sklearn", "statsmodels", "arch", "cmaes", "torch") if name in sys.modules]
print(json.dumps({"fills": result.scores[0].fills, "there": there}))
"""


def test_no_library_that_predicts_is_there_while_a_model_trades(tmp_path: Path) -> None:
    one = Linear(coefficients=(0.1,), intercept=0.0)
    others = {
        "volatility": (one, ("volatility_30_s_log",)),
        "adverse": (one, ("queue_imbalance",)),
        "arrivals": (Linear(coefficients=(0.1,), intercept=0.0, link="log"), ("trade_flow_2_s",)),
    }
    keep(tmp_path / "data" / "models", others=others)
    (tmp_path / "market.json").write_text(json.dumps(toy_market(400, use="ai-market-maker", params=PARAMS)))
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["fills"] > 0
    assert found["there"] == []
