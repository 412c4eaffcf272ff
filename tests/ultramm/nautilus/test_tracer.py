"""Watching a backtest changes nothing of it, and what is seen is what happened."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import msgspec
import numpy as np
import pytest

from ultramm.analytics.report.trace import Trace
from ultramm.nautilus.backtest import BacktestResult, Collector, run_backtest
from ultramm.nautilus.tracer import Tracer

pytestmark = pytest.mark.integration

MINUTE = "venues.SIM.params.duration_s=60"


def watched(resolved: Any, **options: Any) -> tuple[BacktestResult, Tracer]:
    tracer = Tracer(**options)
    return run_backtest(resolved, collector=tracer), tracer


def only_trace(tracer: Tracer) -> Trace:
    (trace,) = tracer.traces.values()
    return trace


def test_a_watched_run_gives_the_same_result_to_the_byte(default_config: Any) -> None:
    result, _ = watched(default_config(MINUTE))
    assert msgspec.json.encode(result) == msgspec.json.encode(run_backtest(default_config(MINUTE)))


def test_a_run_that_is_not_watched_has_the_plain_shell() -> None:
    assert Collector().shell.__name__ == "MakerShell"
    assert Tracer().shell is not Collector().shell


def test_neither_running_nor_watching_imports_what_draws() -> None:
    code = (
        "import sys\n"
        "from ultramm.config.load import read\n"
        "from ultramm.config.resolve import resolve\n"
        "from ultramm.nautilus.backtest import run_backtest\n"
        "from ultramm.nautilus.tracer import Tracer\n"
        "config = resolve(read(None, ['mode=backtest', 'venues.SIM.params.duration_s=5']))\n"
        "run_backtest(config, collector=Tracer())\n"
        "print(sorted({'bokeh', 'statsmodels', 'scipy', 'panel'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout == "[]\n"


def test_the_trace_ends_where_the_score_does(default_config: Any) -> None:
    result, tracer = watched(default_config(MINUTE, "venues.SIM.paper.maker_fee_bps=1"))
    (score,) = result.scores
    trace = only_trace(tracer)
    assert score.fills > 20
    assert len(trace.fills) == score.fills
    last = {
        name: trace.series.column(name)[-1] for name in ("total", "capture", "inventory", "fees", "position", "mid")
    }
    assert last["total"] == pytest.approx(score.pnl.total)
    assert last["capture"] == pytest.approx(score.pnl.spread_capture)
    assert last["inventory"] == pytest.approx(score.pnl.inventory)
    assert last["fees"] == pytest.approx(-score.pnl.fees)
    assert last["position"] == score.inventory.last
    assert last["mid"] == score.last_mid
    assert trace.series.column("position_high").max() == score.inventory.largest
    assert trace.series.column("position_low").min() == score.inventory.smallest
    for markout in score.markouts:
        mean = trace.markout(markout.horizon_s)
        assert mean is not None
        assert mean.value == pytest.approx(markout.mean_bps)
        assert mean.count == markout.fills


def test_every_accepted_order_is_counted_once(default_config: Any) -> None:
    result, tracer = watched(default_config(MINUTE))
    quoting = result.scores[0].quoting
    lives = only_trace(tracer).lives
    ratios = lives.fill_ratios()
    assert sum(ratio.accepted for ratio in ratios) == quoting.orders_accepted
    assert sum(ratio.filled for ratio in ratios) == quoting.orders_filled == lives.until_fill.count


def test_quotes_stand_on_their_side_of_each_other(default_config: Any) -> None:
    _, tracer = watched(default_config(MINUTE))
    series = only_trace(tracer).series
    bid, ask = series.column("bid"), series.column("ask")
    both = np.isfinite(bid) & np.isfinite(ask)
    assert both.mean() > 0.5
    assert (bid[both] < ask[both]).all()


def test_bucketed_pnl_adds_up_at_any_step(default_config: Any) -> None:
    for bucket_s in (None, 1, 7, 600):
        result, tracer = watched(default_config(MINUTE), bucket_s=bucket_s)
        trace = only_trace(tracer)
        pnl = trace.bucket_pnl(result.first_ns, result.last_ns, trace.buckets.step_ns)
        assert pnl.sum() == pytest.approx(result.scores[0].pnl.total)
        assert trace.buckets.step_ns == (bucket_s or 1) * 10**9


def test_the_pnl_of_each_second_does_not_depend_on_how_much_is_kept(default_config: Any) -> None:
    found = []
    for makers in (1, 100):
        result, tracer = watched(default_config(MINUTE), makers=makers, bucket_s=1)
        trace = only_trace(tracer)
        found.append((len(trace.series), trace.bucket_pnl(result.first_ns, result.last_ns, 10**9)))
    assert found[1][0] <= 600
    assert found[0][0] <= 4_800
    assert found[0][1].tolist() == found[1][1].tolist()


def test_a_run_that_is_flattened_at_market_traces_no_queue_for_it(tape: Any, on_tape: Any) -> None:
    tape.book(0, ("bid", 9999, 1), ("ask", 10001, 1))
    tape.trade(100, 9999, 20, "sell")
    tape.book(300, ("bid", 9999, 2))
    result, tracer = watched(on_tape(tape, "strategies.0.params.refresh_ms=10000"))
    trace = only_trace(tracer)
    assert [(item.fill.price, item.fill.size) for item in trace.fills] == [(9999.0, 19.0)]
    assert trace.fills[0].position == 19.0
    assert trace.fills[0].mid == 10_000.0
    (ratio,) = [ratio for ratio in trace.lives.fill_ratios() if ratio.filled]
    assert ratio.from_bps <= 1.0 < ratio.to_bps
    assert trace.lives.until_fill.quantile(0.5) == pytest.approx(0.1, rel=0.13)
    assert result.scores[0].fills == 1
