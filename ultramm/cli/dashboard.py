"""``ultramm dashboard``: the web page alone, for nodes that run elsewhere, and for runs that are over."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.journals import VARIABLE
from ultramm.cli.parent import on_parents_end
from ultramm.errors import ConfigError

if TYPE_CHECKING:
    from ultramm.dashboard.passwords import Passwords

# By which the page is told whom to let in: a command line is seen by everybody on the machine.
PASSWORD, VIEWER = "ULTRAMM_DASHBOARD_PASSWORD", "ULTRAMM_DASHBOARD_VIEWER_PASSWORD"


def dashboard(
    journals: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JOURNAL]...", help="Journals of nodes: files, or redis://HOST:PORT#NAME; data/journal.db if none."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen at.")] = 8050,
    address: Annotated[
        str, typer.Option(help=f"Address to listen at; beyond this machine {PASSWORD} must have a hash.")
    ] = "127.0.0.1",
    origins: Annotated[
        list[str] | None, typer.Option("--origin", metavar="HOST:PORT", help="Under which browsers reach it as well.")
    ] = None,
    hash_: Annotated[
        bool, typer.Option("--hash", help=f"Ask for a password, and print the hash of it for {PASSWORD}.")
    ] = False,
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Serve the page of journals until interrupted: on this machine, or beyond it with a password."""
    if hash_:
        from ultramm.dashboard.passwords import hashed

        typer.echo(hashed(typer.prompt("password", hide_input=True, confirmation_prompt=True)))
        return
    from ultramm.cli.journals import open_given
    from ultramm.cli.ports import require_free_port

    passwords = given_passwords(os.environ.get(PASSWORD, ""), os.environ.get(VIEWER, ""), address, PASSWORD, VIEWER)
    require_free_port(port, "--port", address)
    opened = {}
    for journal in journals or [os.environ.get(VARIABLE, "data/journal.db")]:
        store = open_given(journal)
        opened[store.place] = partial(open_given, journal)
        store.close()
    if with_parent:
        # A page without a node must not keep the port.
        on_parents_end(lambda: os._exit(0))
    from ultramm.dashboard.serve import serve

    typer.echo(f"dashboard of {', '.join(opened)} on http://{address}:{port}")
    serve(opened, port, address, passwords, origins or [])


def given_passwords(operator: str, viewer: str, address: str, operator_key: str, viewer_key: str) -> Passwords:
    """The hashes, checked.

    Raises
    ------
    ConfigError
        One is no hash, or the address is beyond this machine and there is none.
    """
    from ultramm.dashboard.passwords import LOOPBACK, Passwords, is_hash

    for key, value in ((operator_key, operator), (viewer_key, viewer)):
        if value and not is_hash(value):
            raise ConfigError(f"{key}: this is no hash of a password; make one with `ultramm dashboard --hash`")
    if viewer and not operator:
        raise ConfigError(f"{viewer_key}: needs {operator_key} too: without it everybody may act")
    if address not in LOOPBACK and not operator:
        raise ConfigError(
            f"{operator_key}: listening at {address}, beyond this machine, demands a password; make its hash with "
            f"`ultramm dashboard --hash`"
        )
    return Passwords(operator, viewer)
