"""The journal that a configuration or a command line names."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.errors import ConfigError, DataError
from ultramm.redis_server import is_redis_address, redis_address, require_secret

if TYPE_CHECKING:
    from ultramm.config.load import Loaded
    from ultramm.config.schema import Config
    from ultramm.journal.store import Journal

# By which a node tells its page the address: a command line is seen by everybody on the machine.
VARIABLE = "ULTRAMM_JOURNAL"
JournalArgument = Annotated[
    str, typer.Argument(envvar=VARIABLE, help="A file, or redis://HOST:PORT#NAME.", show_envvar=False)
]


def address_of(config: Config) -> str:
    """A configuration's journal; in Redis it goes by the configuration's name."""
    to = config.journal.to
    return f"{to}#{config.name}" if is_redis_address(to) else to


def open_configured(loaded: Loaded, *, create: bool = False) -> Journal:
    """Open the journal of a configuration.

    Raises
    ------
    UserError
        One line: what is wrong, and for a Redis file and key.
    """
    from ultramm.journal.open import open_journal
    from ultramm.journal.retention import Retention

    try:
        retention = Retention(days=loaded.config.journal.keep_days)
        return open_journal(address_of(loaded.config), create=create, retention=retention)
    except DataError as exc:
        if not is_redis_address(loaded.config.journal.to):
            raise
        raise ConfigError(f"{loaded.path}: journal.to: {exc}") from exc


def opener(loaded: Loaded) -> Callable[[], Journal]:
    """What opens the journal of a configuration to read it, for who opens it anew when it was away: by `DataError`."""
    from ultramm.journal.open import open_journal

    return partial(open_journal, address_of(loaded.config))


def open_given(text: str) -> Journal:
    """Open the journal that a command line or `VARIABLE` names, to read it; in the former ``${NAME}`` is filled in.

    Raises
    ------
    UserError
        One line: what is wrong with it.
    """
    from ultramm.config.load import fill_in
    from ultramm.journal.open import open_journal, split_name

    secrets: set[str] = set()
    if text == os.environ.get(VARIABLE):
        address = text
        secrets.add(text)
    else:
        address = fill_in(text, "JOURNAL", os.environ, secrets)
    if is_redis_address(address):
        require_secret(redis_address(split_name(address)[0]), secrets)
    return open_journal(address)
