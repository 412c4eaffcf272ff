"""A Redis server: its address, which may hold a password and is shown without it, and whether it answers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from ultramm.errors import DataError

if TYPE_CHECKING:
    from redis import Redis, RedisError

ANSWER_WITHIN_S = 2.0
_PORT = 6379
_LARGEST_PORT = 65_535
# A password may hold anything, an @ too: what comes before the last one is the user's.
_ADDRESS = re.compile(
    r"(?P<scheme>rediss?)://(?:(?P<user>[^:]*)(?::(?P<password>.*))?@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s@:/?#\[\]]+)(?::(?P<port>[0-9]{1,5}))?(?:/(?P<database>[0-9]{0,5}))?"
)


class RedisAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a Redis is and how to log in. As text it has no password, and no user either."""

    host: str
    port: int = _PORT
    database: int = 0
    user: str | None = None
    password: str | None = None
    tls: bool = False

    @property
    def server(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        login = "****@" if self.user or self.password else ""
        database = f"/{self.database}" if self.database else ""
        return f"{'rediss' if self.tls else 'redis'}://{login}{self.server}{database}"

    def __repr__(self) -> str:
        return f"<{self}>"


def redis_address(text: str) -> RedisAddress:
    """An address as ``redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]``; ``rediss://`` is by TLS.

    The password is taken as it is: nothing in it is escaped.

    Raises
    ------
    DataError
        When it is none; the text is not repeated, since it may hold a password.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"] or 0) > _LARGEST_PORT:
        raise DataError("no address of a Redis: write redis://HOST:PORT, or redis://:${REDIS_PASSWORD}@HOST:PORT/0")
    return RedisAddress(
        host=found["host"].strip("[]"),
        port=int(found["port"] or _PORT),
        database=int(found["database"] or 0),
        user=found["user"] or None,
        password=found["password"] or None,
        tls=found["scheme"] == "rediss",
    )


def is_redis_address(text: str) -> bool:
    """Whether it means a Redis, and so can hold a password."""
    return text.startswith(("redis://", "rediss://"))


def require_secret(address: RedisAddress, secrets: Iterable[str]) -> None:
    """Refuse a password that is not from the environment: a file is copied, and a command line is seen by everybody.

    Parameters
    ----------
    secrets : iterable of str
        What environment variables gave.

    Raises
    ------
    DataError
        One line without the password.
    """
    if address.password is not None and not any(address.password in secret for secret in secrets):
        raise DataError("a password comes from the environment only: write redis://:${REDIS_PASSWORD}@HOST:PORT")


def connect(address: RedisAddress, timeout_s: float) -> Redis:
    """A client that connects with its first command, waits this long for each answer, and tries nothing twice.

    A command that was tried again unseen could be carried out twice.
    """
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Redis(
        host=address.host,
        port=address.port,
        db=address.database,
        username=address.user,
        password=address.password,
        ssl=address.tls,
        protocol=2,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        retry=Retry(NoBackoff(), 0),
    )


def require_redis(address: RedisAddress, within_s: float = ANSWER_WITHIN_S) -> None:
    """Make sure that a Redis answers at this address and lets us in, now.

    Parameters
    ----------
    within_s : float
        Seconds to wait for all of it: the name, the connection, the login and the answer.

    Raises
    ------
    DataError
        One line without a password: which server, and what is wrong.
    """
    failures: list[DataError] = [no_answer(address, f"silent for {within_s:g} s")]

    def ask() -> None:
        failures[:] = _failure(address, within_s)

    # Looking a name up knows no time-out, and each address of a host has one of its own.
    asking = threading.Thread(target=ask, name="redis check", daemon=True)
    asking.start()
    asking.join(within_s)
    for failure in list(failures):
        raise failure


def complaint(address: RedisAddress, exc: RedisError) -> DataError:
    """What a client's error means, in one line that names the server."""
    from redis import exceptions

    text = " ".join(str(exc).split())
    if isinstance(exc, exceptions.AuthenticationError):
        return DataError(f"the Redis at {address.server} does not let us in: {text.rstrip('.')}")
    if isinstance(exc, exceptions.ConnectionError | exceptions.TimeoutError):
        # Said by the system, it is shorter, and has no address in it.
        cause = exc.__context__
        return no_answer(address, (cause.strerror if isinstance(cause, OSError) else None) or text)
    return DataError(f"the Redis at {address.server} refuses: {text}")


def no_answer(address: RedisAddress, why: str) -> DataError:
    """What is said of a server that is not there."""
    return DataError(f"no Redis answers at {address.server}: {why}")


def _failure(address: RedisAddress, timeout_s: float) -> list[DataError]:
    """What is wrong with a server; empty when nothing is."""
    from redis import RedisError

    client = connect(address, timeout_s)
    try:
        client.ping()
    except RedisError as exc:
        return [complaint(address, exc)]
    except ValueError as exc:
        # A name that no name server may be asked for.
        return [no_answer(address, str(exc))]
    finally:
        client.close()
    return []
