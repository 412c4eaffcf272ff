"""The operating point of the guards, on a seed that set no threshold: the command that tells it, on one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

COMMAND = Path(__file__).parents[1] / "benchmarks" / "detectors.py"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By kind of episodes, and by nothing for none of them."""
    out = tmp_path_factory.mktemp("detectors") / "out.json"
    seed = ["--seeds", "1", "--first-seed", "106", "--hours", "1.25"]
    command = [sys.executable, str(COMMAND), *seed, "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "vanishing orders" in done.stdout
    results: dict[str, Any] = msgspec.json.decode(out.read_bytes())
    return results


def test_without_episodes_there_is_hardly_an_alarm_and_next_to_no_cost(found: dict[str, Any]) -> None:
    clean = found[""]
    assert sum(clean["alarms"].values()) <= 1
    assert abs(clean["foregone"]) < 0.01 * clean["captured"]


@pytest.mark.parametrize(
    ("kind", "guard", "least"),
    [
        ("layered", "vanishing orders", 0.6),
        ("stuffed", "message burst", 0.8),
        ("ignited", "sudden run", 0.6),
        ("mirrored", "mirrored trades", 0.8),
        ("pumped", "surge", 1.0),
    ],
)
def test_episodes_are_caught(found: dict[str, Any], kind: str, guard: str, least: float) -> None:
    caught = found[kind]
    assert caught["caught"] / caught["episodes"] >= least
    assert caught["alarms"][guard] > 0


def test_a_campaign_is_noticed_within_a_few(found: dict[str, Any]) -> None:
    firsts = found["layered"]["firsts"]
    assert sum(firsts) / len(firsts) <= 3.0
    assert max(firsts) <= 7
