"""A redis-server on a free port, to be stopped and started again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_PATIENCE_S = 20.0


class RedisProcess:
    """What it holds survives a restart, as long as `folder` is there.

    Parameters
    ----------
    program : str
        The server's program.
    folder : Path
        Where it keeps its data and its log.
    options : str
        Of its command line.
    """

    def __init__(self, program: str, folder: Path, *options: str) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_port()
        self._command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--appendonly", "yes", "--save", "", *options]

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_S
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "redis.log").read_text()
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.01)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it, with what it holds on disk."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(timeout=_PATIENCE_S)
            self._process = None

    def freeze(self) -> None:
        """It stays connected, and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0))

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                client.ping()
            except redis.AuthenticationError:
                return True
            except redis.RedisError:
                return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
