"""The example of docs/hedging.md is a configuration that can run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.nautilus.backtest import Collector, run_backtest

DOCS = Path(__file__).parents[3] / "docs" / "hedging.md"


def example(tmp_path: Path, *overrides: str) -> Resolved:
    found = re.search(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = tmp_path / "hedged.yaml"
    path.write_text(found.group(1), encoding="utf-8")
    return resolve(read(path, overrides, {}))


def test_it_is_loaded(tmp_path: Path) -> None:
    maker, hedge = example(tmp_path).strategies
    assert hedge.params.makers == (maker.settings.name,)
    assert hedge.risk.max_daily_loss is None
    assert hedge.risk.total is not None


@pytest.mark.integration
def test_it_hedges(tmp_path: Path) -> None:
    collector = Collector()
    short = [f"venues.{venue}.params.duration_s=120" for venue in ("SPOT", "PERP")]
    result = run_backtest(example(tmp_path, "mode=backtest", *short), collector=collector)
    assert [score.fills > 0 for score in result.scores] == [True, True]
    assert not [halt for halt in collector.halts if "waits for" not in halt.reason and halt.active]
