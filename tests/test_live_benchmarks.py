"""The benchmarks of the live path, small: what must hold on any machine."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        importlib.util.find_spec("ultramm_binance_emulator") is None, reason="needs the plugin of the emulator"
    ),
]


def run(script: str, out: Path, *arguments: str) -> Any:
    """The numbers that a benchmark writes for a program."""
    command = [sys.executable, str(BENCHMARKS / script), *arguments, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return msgspec.json.decode(out.read_bytes())


@pytest.mark.parametrize("product", ["spot", "usdm"])
def test_every_order_is_matched_to_its_message_and_the_parts_add_up(tmp_path: Path, product: str) -> None:
    found = run(
        "latency.py", tmp_path / "out.json", "--product", product, "--orders", "200", "--warm-up", "20", "--no-rivals"
    )
    node = found["clients"]["ultramm"]
    assert node["matched"] == node["orders"] >= 200
    for spread in (node["total"], node["first"], *node["parts"].values()):
        assert 0 <= spread["p50"] <= spread["p99"] <= spread["p999"]
    assert sum(part["mean"] for part in node["parts"].values()) == pytest.approx(node["total"]["mean"])
    assert sum(node["shares"].values()) == pytest.approx(1.0)


def test_no_update_is_lost_and_nothing_waits_in_the_end(tmp_path: Path) -> None:
    (stretch,) = run("load.py", tmp_path / "out.json", "--instruments", "3", "--rate", "300", "--duration", "5")
    assert stretch["messages"] > 300
    assert stretch["told"] >= stretch["updates"]
    assert stretch["gaps"] == 0
    assert stretch["unequal_books"] == []
    assert stretch["left"] == 0


def test_every_update_of_a_short_soak_is_seen_and_every_order_ends(tmp_path: Path) -> None:
    found = run("soak_live.py", tmp_path / "out.json", "--updates", "2000")
    assert [mark["updates"] for mark in found["marks"]] == list(range(200, 2001, 200))
    assert found["marks"][-1]["fills"] > 0
    assert found["ended"] == "open orders: 0"
