"""The kernel's HTTP client for Binance, with what it leaves out: outcomes that are unknown, a budget, a clock, silence.

A request whose answer did not come may have taken effect: it raises `OutcomeUnknown`, which nobody takes for a
refusal. Nothing that was signed is ever logged.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any
from urllib.parse import urlencode

import msgspec
from nautilus_trader.adapters.binance.common.credentials import is_ed25519_private_key
from nautilus_trader.adapters.binance.http.client import BinanceHttpClient
from nautilus_trader.adapters.binance.http.error import BinanceClientError
from nautilus_trader.core.nautilus_pyo3 import HttpClient, HttpMethod

_TIMEOUT_S = 5
# The venue's own words for "it may have been done".
_UNKNOWN_CODES = (-1006, -1007)
_CLOCK_CODE = -1021
_TOO_MANY = (418, 429)
_USED, _RETRY_AFTER = "x-mbx-used-weight-1m", "retry-after"
_BANNED_LEAST_S = 5.0


class OutcomeUnknown(Exception):
    """No answer, or none that says whether it was done."""


class OwnBudget:
    """Weight that may still be used in this minute, by what the venue says that we used; and its bans.

    All who ask a venue from here share one: it counts by address.

    Parameters
    ----------
    per_minute : int
        Weight.
    """

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._used = 0
        self._minute = -1
        self._banned_until_s = 0.0

    def objection(self, now_s: float) -> str | None:
        """Why a request that can wait should not be sent now."""
        if now_s < self._banned_until_s:
            return f"the venue takes no requests of ours for {self._banned_until_s - now_s:.0f} s"
        if int(now_s // 60) == self._minute and self._used >= self._per_minute:
            return f"our own budget of {self._per_minute} weight a minute is spent"
        return None

    def answered(self, now_s: float, status: int, headers: dict[str, str]) -> None:
        """Take what an answer says of our use."""
        used = headers.get(_USED)
        if used is not None and used.isdecimal():
            self._minute, self._used = int(now_s // 60), int(used)
        if status in _TOO_MANY:
            after = headers.get(_RETRY_AFTER, "")
            self._banned_until_s = now_s + max(_BANNED_LEAST_S, float(after) if after.isdecimal() else 0.0)


class VenueClock:
    """How far a venue's clock is ahead of ours, as it was last learnt."""

    ahead_ms = 0


class VenueHttpClient(BinanceHttpClient):
    """As the kernel's, with honest failures.

    Parameters
    ----------
    clock : LiveClock
        The kernel's.
    key, secret : str
        Of the account.
    base_url : str
        The server.
    root : str
        Of the product's paths, such as ``/api/v3``.
    budget : OwnBudget
        Of the venue.
    venue_clock : VenueClock
        Of the venue.
    """

    def __init__(
        self,
        clock: Any,
        key: str,
        secret: str,
        base_url: str,
        root: str,
        budget: OwnBudget,
        venue_clock: VenueClock,
    ) -> None:
        super().__init__(
            clock=clock,
            api_key=key or None,
            api_secret=secret or None,
            ed25519_private_key=secret if secret and is_ed25519_private_key(secret) else None,
            base_url=base_url,
        )
        # Of an answer's headers the kernel's own keeps none.
        self._client = HttpClient(header_keys=[_USED, _RETRY_AFTER])
        self.budget = budget
        self._root = root
        self._venue_clock = venue_clock

    async def sign_request(
        self,
        http_method: Any,
        url_path: str,
        payload: dict[str, str] | None = None,
        ratelimiter_keys: list[str] | None = None,
    ) -> Any:
        """Sign with the venue's time, which may be ahead of or behind ours."""
        payload = dict(payload or {})
        payload["timestamp"] = str(time.time_ns() // 1_000_000 + self._venue_clock.ahead_ms)
        payload["signature"] = self._get_sign(urlencode(payload))
        return await self.send_request(http_method, url_path, payload, ratelimiter_keys)

    async def send_request(
        self,
        http_method: Any,
        url_path: str,
        payload: dict[str, str] | None = None,
        ratelimiter_keys: list[str] | None = None,
    ) -> bytes:
        """Send, and give the answer's body.

        Raises
        ------
        BinanceClientError
            The venue refused, or we did not send: it was not done.
        OutcomeUnknown
            Nobody knows.
        """
        objection = self.budget.objection(time.time())
        if objection is not None and http_method != HttpMethod.DELETE:
            raise BinanceClientError(429, {"code": -1003, "msg": objection}, {})
        name = f"{http_method} {url_path}"
        try:
            response = await self._client.request(
                http_method,
                url=self._base_url + url_path + (f"?{urlencode(payload)}" if payload else ""),
                headers=self._headers,
                keys=ratelimiter_keys,
                timeout_secs=_TIMEOUT_S,
            )
        except Exception as exc:
            # The kernel's message has the whole address in it, signature included.
            raise OutcomeUnknown(f"{name}: no answer ({type(exc).__name__})") from None
        headers = {key.lower(): value for key, value in response.headers.items()}
        self.budget.answered(time.time(), response.status, headers)
        if response.status >= 400:
            await self._refused(name, response)
        return self._body(name, response)

    async def _refused(self, name: str, response: Any) -> None:
        try:
            message = msgspec.json.decode(response.body)
        except msgspec.DecodeError:
            message = {}
        code = message.get("code") if isinstance(message, dict) else None
        if response.status >= 500 or code is None or code in _UNKNOWN_CODES:
            raise OutcomeUnknown(f"{name}: HTTP {response.status}, code {code}")
        if code == _CLOCK_CODE:
            # What became of the order is known, whatever becomes of this question.
            with contextlib.suppress(BinanceClientError, OutcomeUnknown):
                await self.set_clock()
        raise BinanceClientError(response.status, message, {})

    @staticmethod
    def _body(name: str, response: Any) -> bytes:
        body: bytes = response.body
        if body.lstrip(b" \t\r\n")[:1] not in (b"{", b"["):
            raise OutcomeUnknown(f"{name}: an answer that is no JSON")
        return body

    async def set_clock(self) -> None:
        """Learn how far the venue's clock is ahead of ours."""
        sent_ms = time.time_ns() / 1e6
        answer = await self.send_request(HttpMethod.GET, f"{self._root}/time")
        there_ms = msgspec.json.decode(answer)["serverTime"]
        self._venue_clock.ahead_ms = round(there_ms - (sent_ms + time.time_ns() / 1e6) / 2)
