"""Serves the page with Panel, on loopback unless a password keeps it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import panel as pn

from ultramm.dashboard.access import Access, cookie_secret
from ultramm.dashboard.passwords import LOOPBACK, Passwords
from ultramm.dashboard.view import REFRESH_MS, Session
from ultramm.journal.store import Journal


def serve(
    journals: Mapping[str, Callable[[], Journal]],
    port: int,
    address: str = "127.0.0.1",
    passwords: Passwords = Passwords(),  # noqa: B008
    origins: Sequence[str] = (),
) -> None:
    """Serve the page of journals until the process is ended.

    Parameters
    ----------
    journals : mapping of str to callable
        By name, what opens each to be read.
    address : str
        Where to listen; beyond loopback only with a password.
    passwords : Passwords
        Who is let in.
    origins : sequence of str
        ``HOST:PORT`` under which browsers reach it, beside its own address.
    """
    more: dict[str, Any] = {}
    if passwords.operator:
        more = {"auth_provider": Access(passwords), "cookie_secret": cookie_secret(), "xsrf_cookies": False}
    hosts = {*LOOPBACK[:2], address}
    # A WebSocket from another site is refused by its origin, and without a session id that only this page was given.
    pn.serve(
        {"/": lambda: _session(journals, passwords)},
        address=address,
        port=port,
        websocket_origin=sorted({*(f"{host}:{port}" for host in hosts), *origins}),
        secret_key=secrets.token_hex(32),
        sign_sessions=True,
        show=False,
        title="ultramm",
        admin=False,
        **more,
    )


def _session(journals: Mapping[str, Callable[[], Journal]], passwords: Passwords) -> Any:
    role = pn.state.user if passwords.operator else "operator"
    context = pn.state.curdoc.session_context if pn.state.curdoc else None
    request = context.request if context else None
    session = Session(journals, may_act=role == "operator", who=_who(role, request))
    session.update()
    pn.state.add_periodic_callback(lambda: refresh(session, context), period=REFRESH_MS)
    pn.state.on_session_destroyed(lambda _: session.close())
    return session.page()


def refresh(session: Session, context: Any) -> None:
    """Show what is new, if anybody looks: a page that was closed is kept for a while, with much left to read."""
    server_session = getattr(context, "session", None)
    if server_session is None or server_session.connection_count:
        session.update()


def _who(role: str | None, request: Any) -> str:
    forwarded = getattr(request, "headers", {}).get("X-Forwarded-For", "") if request is not None else ""
    return f"{role}" + (f" from {forwarded[:60]}" if forwarded else "")
