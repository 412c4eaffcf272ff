"""A page in a real browser, and what serves it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """``ultramm dashboard`` in a process of its own; it can be stopped, and started on its port again."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self._arguments = arguments
        self._environment = {**os.environ, **environment}
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def start(self) -> None:
        command = [sys.executable, "-m", "ultramm.cli.main", "dashboard", *self._arguments, "--port", str(self.port)]
        self.process = subprocess.Popen(
            command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self.url)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=20)
            self.process = None


def wait_for(url: str, timeout_s: float = 60.0) -> None:
    """Until a server answers, whatever it says."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            assert time.monotonic() < deadline, f"nobody answers at {url}"
            time.sleep(0.1)
        else:
            return


@contextmanager
def browser(program: str) -> Iterator[Any]:
    """A browser, whose pages collect what goes wrong in them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield opened
        opened.close()


def errors_of(tab: Any) -> list[str]:
    """What goes wrong in a page, as it comes."""
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    return errors


@contextmanager
def serving(journal: Path | str, *arguments: str, **environment: str) -> Iterator[Server]:
    server = Server(str(journal), *arguments, **environment)
    try:
        yield server
    finally:
        server.stop()
