"""Our fills beside those of hftbacktest: the same recording, the same policy."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SHARED = PROJECT.parent / "shared" / "data"

pytestmark = pytest.mark.integration


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recordings are not here")
@pytest.mark.skipif(
    importlib.util.find_spec("hftbacktest") is None and not os.environ.get("ULTRAMM_REQUIRE_SERVICES"),
    reason="needs the extra crosscheck",
)
def test_both_engines_agree_under_either_queue() -> None:
    """They differ in when they decide and when a command takes effect: in a few fills of some two hundred."""
    done = subprocess.run(
        [sys.executable, str(PROJECT / "benchmarks" / "crosscheck.py"), "--json"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = {(item["engine"], item["queue"]): item for item in json.loads(done.stdout)}
    for queue in ("pessimistic", "probabilistic"):
        ours, theirs = found["ultramm", queue], found["hftbacktest", queue]
        assert ours["fills"] > 100
        assert abs(ours["fills"] - theirs["fills"]) <= 0.1 * theirs["fills"]
        assert max(abs(ours["position"]), abs(theirs["position"])) <= 10
        # Both lose, and to within half of it the same.
        assert theirs["pnl"] < 0
        assert ours["pnl"] == pytest.approx(theirs["pnl"], rel=0.5)
    for engine in ("ultramm", "hftbacktest"):
        assert found[engine, "probabilistic"]["fills"] > found[engine, "pessimistic"]["fills"]
