"""The emulator as people start it, and clients of the real venue that know nothing of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wire import KEY, SECRET


@contextmanager
def program(*arguments: str) -> Iterator[str]:
    """The emulator as people start it; gives its address."""
    command = [sys.executable, "-m", "ultramm_binance_emulator", "serve", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors


def kernel_client(url: str, product: str) -> Any:
    """What NautilusTrader's own adapter was told while it traded."""
    command = [sys.executable, str(Path(__file__).parents[1] / "kernel_client.py"), url, product]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def ccxt_client(kind: Any, url: str, product: str) -> Any:
    """A client of ccxt that asks here instead of there."""
    options = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": [product]}}
    client = kind({"apiKey": KEY, "secret": SECRET, "options": options})
    for name, address in client.urls["api"].items():
        if isinstance(address, str):
            client.urls["api"][name] = url + "/" + address.split("/", 3)[3] if address.count("/") > 2 else url
    return client
