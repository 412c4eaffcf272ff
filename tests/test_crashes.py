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
LIMIT = 10.0

pytestmark = pytest.mark.integration

Key = tuple[str, bool]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, list[Any]]:
    """By crash, and whether there were limits; of the same seeds, in their order."""
    out = tmp_path_factory.mktemp("crashes") / "out.json"
    command = [sys.executable, str(COMMAND), "--seeds", "3", "--strategy", "market-maker", "--json", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[Key, list[Any]] = defaultdict(list)
    for run in msgspec.json.decode(out.read_bytes()):
        found[run["crash"], run["limits"]].append(run)
    return found


def test_with_limits_the_position_is_back_to_zero_in_each(runs: dict[Key, list[Any]]) -> None:
    for (crash, limits), of in runs.items():
        for run in of if limits else ():
            assert run["flat_s"] is not None, (crash, run)
            if run["stopped_s"] is not None:
                assert run["left"] == 0.0, (crash, run)


def test_what_is_stopped_is_flat_within_seconds_unless_its_venue_refuses(runs: dict[Key, list[Any]]) -> None:
    for (crash, limits), of in runs.items():
        for run in of if limits and crash != "refused" else ():
            if run["stopped_s"] is not None:
                assert run["flat_s"] - run["stopped_s"] < 6.0, (crash, run)
    assert all(run["stopped_s"] < 10.0 for run in runs["refused", True])
    assert all(run["flat_s"] < 65.0 for run in runs["refused", True])
