from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ultramm.errors import DataError
from ultramm.redis_server import ANSWER_WITHIN_S, RedisAddress, redis_address, require_redis

SECRET = "p@ss:w/o#rd%41?"


# -- addresses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("redis://host", RedisAddress(host="host")),
        ("redis://host:7000", RedisAddress(host="host", port=7000)),
        ("redis://host/", RedisAddress(host="host")),
        ("redis://10.0.0.1:7000/3", RedisAddress(host="10.0.0.1", port=7000, database=3)),
        ("redis://[::1]:7000/3", RedisAddress(host="::1", port=7000, database=3)),
        ("rediss://:word@host", RedisAddress(host="host", password="word", tls=True)),
        ("redis://me:word@host:1", RedisAddress(host="host", port=1, user="me", password="word")),
        ("redis://me@host", RedisAddress(host="host", user="me")),
        ("redis://:@host", RedisAddress(host="host")),
        (f"redis://:{SECRET}@host/1", RedisAddress(host="host", database=1, password=SECRET)),
    ],
)
def test_an_address_is_read_as_it_is_written(text: str, means: RedisAddress) -> None:
    assert redis_address(text) == means


@pytest.mark.parametrize(
    "text",
    [
        "",
        "host:6379",
        "http://host",
        "redis://",
        "redis://:word@",
        "redis://host:port",
        "redis://host:70000",
        "redis://host/name",
        "redis://host?db=1",
        "redis://ho st",
        f"redis://:{SECRET}@host:port",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(DataError, match="write redis://HOST:PORT") as caught:
        redis_address(text)
    assert SECRET not in str(caught.value)


def test_as_text_it_has_neither_user_nor_password() -> None:
    address = redis_address(f"rediss://me:{SECRET}@host:7000/2")
    assert str(address) == "rediss://****@host:7000/2"
    for shown in (repr(address), f"{address}", f"{[address]}", address.server):
        assert SECRET not in shown
        assert "me:" not in shown


@pytest.mark.parametrize("text", ["redis://host:6379", "redis://[::1]:7000/3", "rediss://host:1"])
def test_without_a_password_its_text_is_an_address_again(text: str) -> None:
    assert str(redis_address(text)) == text


# -- whether it answers --------------------------------------------------------------------------------------


def complaint(address: RedisAddress, within_s: float = ANSWER_WITHIN_S) -> str:
    with pytest.raises(DataError) as caught:
        require_redis(address, within_s)
    text = str(caught.value)
    assert address.server in text
    assert "\n" not in text
    assert SECRET not in text
    return text


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture
def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_one_that_answers_is_good(redis_server):
    require_redis(redis_address(redis_server.address))


def test_one_that_is_not_there_is_named(free):
    address = RedisAddress(host="127.0.0.1", port=free, password=SECRET)
    assert complaint(address) == f"no Redis answers at 127.0.0.1:{free}: Connection refused"


def test_a_host_that_is_not_there_is_named():
    assert complaint(RedisAddress(host="nowhere.invalid")).startswith("no Redis answers at nowhere.invalid:6379: ")


def test_a_host_that_cannot_have_a_name_is_named():
    assert "no Redis answers at xxx" in complaint(RedisAddress(host="x" * 70))


def test_one_that_is_silent_is_given_up(silent):
    text = complaint(RedisAddress(host="127.0.0.1", port=silent, password=SECRET), within_s=0.1)
    assert text.startswith(f"no Redis answers at 127.0.0.1:{silent}: ")


def test_looking_a_name_up_for_ever_is_given_up_too(monkeypatch, silent):
    """No time-out of a socket ends it."""
    with socket.create_connection(("127.0.0.1", silent)) as waiting:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: waiting.recv(1))
        assert complaint(RedisAddress(host="slow"), within_s=0.1) == "no Redis answers at slow:6379: silent for 0.1 s"
        waiting.shutdown(socket.SHUT_RDWR)


def test_all_of_it_is_decided_within_three_seconds():
    assert ANSWER_WITHIN_S < 3


def test_tls_with_a_server_that_speaks_none_is_told(redis_server):
    address = redis_address(redis_server.address)
    complaint(RedisAddress(host=address.host, port=address.port, tls=True), within_s=0.5)


def test_a_wrong_or_a_missing_password_is_told_and_the_right_one_lets_in(redis_process):
    port = redis_process("--requirepass", SECRET).port
    require_redis(RedisAddress(host="127.0.0.1", port=port, password=SECRET))
    wrong = complaint(RedisAddress(host="127.0.0.1", port=port, password="wrong"))
    assert wrong.startswith(f"the Redis at 127.0.0.1:{port} does not let us in: ")
    assert "wrong" not in wrong
    assert "does not let us in: " in complaint(RedisAddress(host="127.0.0.1", port=port))


def test_a_database_that_is_not_there_is_told(redis_server):
    address = redis_address(redis_server.address + "/999")
    assert complaint(address).endswith("refuses: DB index is out of range")
