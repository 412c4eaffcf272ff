"""What `benchmarks/hedging.py` shows on pairs of known ratio, on few of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "hedging.py"


@pytest.mark.integration
def test_most_of_what_can_be_hedged_is_and_a_smaller_aversion_costs_less(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    command = [sys.executable, str(SCRIPT), "--only", "pairs", "--seeds", "4", "--hours", "0.5", "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {(row["name"], row["fees"], row["gamma"]): row for row in msgspec.json.decode(out.read_bytes())["pairs"]}
    same = [row for (name, fees, _), row in rows.items() if name == "ratio 1.3, rho 0.95" and fees == "0 / 1"]
    by_gamma = sorted(same, key=lambda row: row["gamma"])
    assert [row["gamma"] for row in by_gamma] == [0.02, 0.2, 2.0, 20.0]
    assert by_gamma[2]["share"] > 0.8
    assert by_gamma[2]["share_with_costs"] > 0.8
    assert by_gamma[0]["per_maker_bps"] < by_gamma[1]["per_maker_bps"] < by_gamma[2]["per_maker_bps"]
