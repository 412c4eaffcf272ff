"""Requests as a member sends them."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

import aiohttp

from ultramm_binance_emulator.threaded import ThreadedServer

KEY, SECRET = "emulator-key", "emulator-secret"
ORDER = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "49990",
    "quantity": "0.01",
}
Answer = tuple[int, Any, dict[str, str]]


def send(method: str, url: str, body: Any = None, key: str = KEY) -> Answer:
    """Status, content and headers of the answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"X-MBX-APIKEY": key, "Content-Type": "application/json"}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, json.loads(response.read()), dict(response.headers)
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, json.loads(exc.read()), dict(exc.headers)


def ask(served: ThreadedServer, method: str, path: str, query: str = "", key: str = KEY) -> Answer:
    """A request to a server's path."""
    return send(method, f"{served.url}{path}?{query}", key=key)


async def next_message(socket: aiohttp.ClientWebSocketResponse, *, where: Any = lambda message: True) -> Any:
    """The next message of a socket that is like that."""
    while True:
        message = json.loads((await socket.receive(timeout=10)).data)
        if where(message):
            return message


def signature(payload: str, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def signed(secret: str = SECRET, **parameters: Any) -> str:
    """A query with its time and signature."""
    query = urlencode({"timestamp": now_ms(), **parameters})
    return f"{query}&signature={signature(query, secret)}"
