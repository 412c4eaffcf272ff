from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pytest
import redis
from waiting import until

from ultramm.errors import DataError
from ultramm.journal import redis_lock
from ultramm.journal.redis_lock import RedisLock

STATE, LOCK = "test:state", "test:lock"


@pytest.fixture
def client(redis_server) -> Iterator[redis.Redis]:
    with redis_server.client() as client:
        client.delete(STATE, LOCK)
        yield client
        client.delete(STATE, LOCK)


@pytest.fixture
def take(client) -> Iterator[Callable[[], RedisLock]]:
    taken = []

    def build() -> RedisLock:
        taken.append(RedisLock(client, STATE, LOCK, "the journal"))
        return taken[-1]

    yield build
    for lock in taken:
        lock.release()


def test_it_says_who_has_it_and_ends_by_itself(client, take):
    lock = take()
    assert client.get(LOCK) == client.hget(STATE, "writer") == lock.owner.encode()
    assert str(os.getpid()) in lock.owner
    assert 0 < client.pttl(LOCK) < 5_000


def test_a_second_is_refused_and_told_by_whom(take):
    take()
    with pytest.raises(DataError, match=f"another node writes this journal \\(process {os.getpid()} on "):
        take()


def test_released_it_can_be_had_at_once(client, take):
    take().release()
    assert client.get(LOCK) is None
    take()


def test_one_that_died_is_waited_for(client, take):
    client.set(LOCK, "one that renews no more", px=150)
    assert client.get(LOCK) != take().owner.encode()
    assert client.get(LOCK) != b"one that renews no more"


def test_one_that_never_ends_is_refused(client, take):
    client.set(LOCK, "somebody")
    with pytest.raises(DataError, match="another node"):
        take()


def test_it_is_renewed_for_as_long_as_it_is_held(monkeypatch, client, take):
    monkeypatch.setattr(redis_lock, "_RENEW_S", 0.01)
    take()
    for _ in range(3):
        client.pexpire(LOCK, 1_000)
        until(lambda: client.pttl(LOCK) > 2_000, "it is renewed")


def test_it_comes_back_after_redis_has_lost_it(monkeypatch, client, take):
    monkeypatch.setattr(redis_lock, "_RENEW_S", 0.01)
    lock = take()
    client.delete(STATE, LOCK)
    until(lambda: client.get(LOCK) == lock.owner.encode(), "it is there again")


def test_it_is_not_taken_back_from_the_next_one(monkeypatch, client, take):
    """A node was away for so long that another was let in."""
    monkeypatch.setattr(redis_lock, "_RENEW_S", 0.01)
    first = take()
    client.hset(STATE, "writer", "the next one")
    client.set(LOCK, "the next one", px=60_000)
    first.release()
    assert client.get(LOCK) == b"the next one"
