"""Running the real command in an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from page import browser

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ultramm(tmp_path: Path) -> Run:
    """Run ``ultramm ARGS`` in an empty directory, and wait for its end."""

    def run(*args: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "ultramm.cli.main", *args],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "160", **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``ultramm ARGS`` in the background; whatever is left of it is killed at the end of the test."""
    processes: list[subprocess.Popen[str]] = []

    def run(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "ultramm.cli.main", *args],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@pytest.fixture
def opened(chromium: str) -> Callable[..., AbstractContextManager[Any]]:
    """Open a report in a browser; in the end nothing was complained of, and nothing was asked of any network."""

    @contextmanager
    def open_page(path: Path, **context: Any) -> Iterator[Any]:
        with browser(chromium) as launched:
            tab = launched.new_page(**context)
            said: list[tuple[str, str]] = []
            requests: list[str] = []
            tab.on("console", lambda message: said.append((message.type, message.text)))
            tab.on("pageerror", lambda error: said.append(("error", str(error))))
            tab.on("request", lambda request: requests.append(request.url))
            tab.goto(path.as_uri())
            tab.locator("section[data-drawn=yes]").first.wait_for(timeout=60_000)
            yield tab
            assert [text for kind, text in said if kind in {"error", "warning"}] == []
            assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []

    return open_page
