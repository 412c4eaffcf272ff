"""What crashes cost: the command that tells it, on few seeds."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import msgspec
import pytest

COMMAND = Path(__file__).parents[1] / "benchmarks" / "crashes.py"

pytestmark = pytest.mark.integration

Key = tuple[str, bool]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, list[Any]]:
    """By crash, and whether there were limits; of the same seeds, in their order."""
    out = tmp_path_factory.mktemp("crashes") / "out.json"
    command = [sys.executable, str(COMMAND), "--seeds", "2", "--strategy", "market-maker", "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[Key, list[Any]] = defaultdict(list)
    for run in msgspec.json.decode(out.read_bytes()):
        found[run["crash"], run["limits"]].append(run)
    return found


def test_whoever_was_stopped_is_flat_at_the_end_and_within_seconds_unless_its_venue_refuses(
    runs: dict[Key, list[Any]],
) -> None:
    stopped = [run for (_, limits), of in runs.items() for run in of if limits and run["stopped_s"] is not None]
    assert {"drop", "flash-crash", "refused"} >= {run["crash"] for run in stopped} >= {"flash-crash", "refused"}
    for run in stopped:
        assert run["left"] == 0.0, run
        assert run["flat_s"] is not None, run
        # The venue refuses for a minute; then come three slices, two seconds apart.
        assert run["flat_s"] < 68.0 if run["crash"] == "refused" else run["flat_s"] - run["stopped_s"] < 6.0, run


def test_a_venue_that_refuses_everything_stops_all_within_seconds(runs: dict[Key, list[Any]]) -> None:
    for run in runs["refused", True]:
        assert 0.0 <= run["stopped_s"] < 10.0, run
        assert run["refused"] < 150, run
    assert all(run["refused"] > 500 for run in runs["refused", False])


@pytest.mark.parametrize("crash", ["drop", "flash-crash", "feed-freeze", "sell-burst"])
def test_limits_make_the_loss_smaller(runs: dict[Key, list[Any]], crash: str) -> None:
    on, off = runs[crash, True], runs[crash, False]
    assert [run["seed"] for run in on] == [run["seed"] for run in off] == [1, 2]
    assert sum(run["loss"] for run in on) < sum(run["loss"] for run in off)
