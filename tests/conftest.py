"""Hypothesis for the whole suite: the same examples each run, few, and no deadline on a busy machine.

``pytest --hypothesis-profile=thorough`` searches longer, and elsewhere each time.
"""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

_calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _calm, max_examples=60, derandomize=True)
settings.register_profile("thorough", _calm, max_examples=2_000)
settings.load_profile("suite")


@pytest.fixture
def chromium() -> str:
    """The browser's program; a test that needs it is skipped where it is missing."""
    found = shutil.which("chromium")
    if found is None:
        if os.environ.get("ULTRAMM_REQUIRE_SERVICES") == "1":
            pytest.fail("chromium is not installed, and ULTRAMM_REQUIRE_SERVICES=1 demands it")
        pytest.skip("chromium is not installed: apt-get install chromium")
    return found
