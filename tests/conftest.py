"""Hypothesis for the whole suite: the same examples each run, few, and no deadline on a busy machine.

``pytest --hypothesis-profile=thorough`` searches longer, and elsewhere each time.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from redis_process import RedisProcess

_calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", _calm, max_examples=60, derandomize=True)
settings.register_profile("thorough", _calm, max_examples=2_000)
settings.load_profile("suite")


def program(name: str, package: str) -> str:
    """A program; a test that needs it is skipped where it is missing, or fails where services are demanded."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("ULTRAMM_REQUIRE_SERVICES") == "1":
            pytest.fail(f"{name} is not installed, and ULTRAMM_REQUIRE_SERVICES=1 demands it")
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return found


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser's program."""
    return program("chromium", "chromium")


@pytest.fixture(scope="session")
def redis_program() -> str:
    return program("redis-server", "redis-server")


@pytest.fixture(scope="session")
def redis_server(redis_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisProcess]:
    """A Redis for all tests that neither stop nor empty it: each uses a name of its own."""
    server = RedisProcess(redis_program, tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_process(redis_program: str, tmp_path: Path) -> Iterator[Callable[..., RedisProcess]]:
    """Start a Redis that a test may stop, with options of its own."""
    servers: list[RedisProcess] = []

    def start(*options: str) -> RedisProcess:
        folder = tmp_path / f"redis-{len(servers)}"
        folder.mkdir()
        servers.append(RedisProcess(redis_program, folder, *options))
        servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
