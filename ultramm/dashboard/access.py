"""Who may see the page, and who may act: a login, a session cookie, and a brake on guessing."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bokeh.server.auth_provider import AuthProvider
from tornado.web import RequestHandler

from ultramm.dashboard.passwords import Passwords

COOKIE = "user"  # by this name Panel finds it
_LASTS_DAYS = 1.0
_FIRST_WAIT_S, _LONGEST_WAIT_S, _FORGET_S = 1.0, 60.0, 900.0
_PAGE = Path(__file__).with_name("login.html").read_text(encoding="utf-8")


class Brake:
    """Makes guessing slow: after each wrong password from an address the next one waits twice as long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, tuple[int, float]] = {}

    def wait_s(self, address: str) -> float:
        """How long an address has to wait now."""
        count, last = self._failures.get(address, (0, 0.0))
        if not count:
            return 0.0
        return max(0.0, last + min(_FIRST_WAIT_S * 2.0 ** (count - 1), _LONGEST_WAIT_S) - self._clock())

    def failed(self, address: str) -> None:
        """A wrong password came from there."""
        now = self._clock()
        self._failures = {at: (count, last) for at, (count, last) in self._failures.items() if now - last < _FORGET_S}
        count, _ = self._failures.get(address, (0, 0.0))
        self._failures[address] = count + 1, now

    def succeeded(self, address: str) -> None:
        """The right one came from there."""
        self._failures.pop(address, None)


class Access(AuthProvider):
    """Lets in who knows a password.

    Parameters
    ----------
    passwords : Passwords
        Theirs.
    """

    def __init__(self, passwords: Passwords) -> None:
        self._passwords = passwords
        self._brake = Brake()
        super().__init__()

    @property
    def get_user(self) -> Callable[[Any], str | None]:
        return role_of

    @property
    def get_user_async(self) -> Callable[[Any], Awaitable[Any]] | None:
        return None

    @property
    def login_url(self) -> str:
        return "/login"

    @property
    def get_login_url(self) -> None:
        return None

    @property
    def login_handler(self) -> type[RequestHandler]:
        passwords, brake = self._passwords, self._brake

        class Login(_Login):
            def initialize(self) -> None:
                self.passwords, self.brake = passwords, brake

        return Login

    @property
    def logout_url(self) -> None:
        return None

    @property
    def logout_handler(self) -> None:
        return None


def role_of(handler: Any) -> str | None:
    """What the cookie says, which only we can have made."""
    value = handler.get_signed_cookie(COOKIE, max_age_days=_LASTS_DAYS)
    return None if value is None else value.decode()


class _Login(RequestHandler):
    passwords: Passwords
    brake: Brake

    def get(self) -> None:
        self._show("")

    def post(self) -> None:
        # The form carries a token that another site cannot know: Tornado compares it to a cookie of the same site.
        self.check_xsrf_cookie()
        address = self.request.remote_ip or ""
        wait_s = self.brake.wait_s(address)
        if wait_s > 0:
            self.set_status(429)
            self.set_header("Retry-After", f"{wait_s:.0f}")
            self._show(f"too many wrong passwords: wait {wait_s:.0f} s")
            return
        role = self.passwords.role(self.get_body_argument("password", ""))
        if role is None:
            self.brake.failed(address)
            self.set_status(403)
            self._show("wrong password")
            return
        self.brake.succeeded(address)
        secure = self.request.protocol == "https"
        self.set_signed_cookie(COOKIE, role, expires_days=_LASTS_DAYS, httponly=True, samesite="Strict", secure=secure)
        self.redirect("/")

    def _show(self, problem: str) -> None:
        told = f"<p>{problem}</p>" if problem else ""
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cache-Control", "no-store")
        self.finish(_PAGE.replace("{token}", self.xsrf_token.decode()).replace("{problem}", told))


def cookie_secret() -> str:
    """Signs cookies; another one after each start ends all sessions, unless ``ULTRAMM_COOKIE_SECRET`` keeps it."""
    return os.environ.get("ULTRAMM_COOKIE_SECRET") or secrets.token_hex(32)
