"""A strategy that tries to break every limit does not: the command that says so, with few attempts."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

COMMAND = Path(__file__).parents[1] / "benchmarks" / "abuse.py"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        importlib.util.find_spec("ultramm_binance_emulator") is None, reason="needs the plugin of the emulator"
    ),
]


def tried(out: Path, *arguments: str) -> list[Any]:
    """The rows of a run in which no limit broke."""
    command = [sys.executable, str(COMMAND), *arguments, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return list(msgspec.json.decode(out.read_bytes()))


def test_in_a_backtest_no_limit_breaks_and_each_would_be_seen_to(tmp_path: Path) -> None:
    rows = tried(tmp_path / "out.json", "--way", "backtest", "--attempts", "400")
    assert len(rows) == 20
    for row in rows:
        assert row["breaches"] == [], row
        assert row["by_it"] > 0, row
        assert row["seen_without"] > 0, row


@pytest.mark.parametrize(
    "limits", [("position", "collar"), ("changed orders", "messages"), ("gross", "net"), ("daily loss",)]
)
def test_over_real_sockets_no_limit_breaks(tmp_path: Path, limits: tuple[str, ...]) -> None:
    only = [part for limit in limits for part in ("--only", limit)]
    rows = tried(tmp_path / "out.json", "--way", "live", "--attempts", "300", *only)
    assert [row["limit"] for row in rows] == list(limits)
    for row in rows:
        assert row["orders"] > 0, row
