"""The right to write a journal in Redis: one node has it, and keeps it by saying again and again that it lives."""

from __future__ import annotations

import math
import os
import secrets
import socket
import threading
import time
from contextlib import suppress

from redis import Redis, RedisError

from ultramm.errors import DataError

_LEASE_S = 4.0
_RENEW_S = 1.0
_LOOK_S = 0.1

# `lock` says that somebody writes, and ends by itself; `writer` in `state` says who was let in last, and stays: a node
# that was away for so long that another was let in finds that it no longer is the one.
_TAKE = """
if redis.call('EXISTS', KEYS[2]) == 1 then return redis.call('PTTL', KEYS[2]) end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('HSET', KEYS[1], 'writer', ARGV[1])
return false
"""
_RENEW = """
local writer = redis.call('HGET', KEYS[1], 'writer')
if writer and writer ~= ARGV[1] then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class RedisLock:
    """Taken when it is made; renewed by a thread of its own until it is released.

    Parameters
    ----------
    redis : Redis
        A client that may be used by several threads.
    state, lock : str
        Keys: a hash whose field ``writer`` is the last owner, and a string that lives as long as the owner does.
    place : str
        The journal, for messages.

    Raises
    ------
    DataError
        When another node lives that has it. One that died is waited for.
    """

    def __init__(self, redis: Redis, state: str, lock: str, place: str) -> None:
        self.owner = f"process {os.getpid()} on {socket.gethostname()}, {secrets.token_hex(8)}"
        self._redis = redis
        self._keys = [state, lock]
        self._arguments = [self.owner, str(round(_LEASE_S * 1000))]
        self._renewal = redis.register_script(_RENEW)
        self._ending = threading.Event()
        self._take(place)
        threading.Thread(target=self._renew, name="journal lock", daemon=True).start()

    def release(self) -> None:
        """Let the next one in at once; when Redis is away, it is let in after some seconds."""
        self._ending.set()
        with suppress(RedisError):
            self._redis.eval(_RELEASE, 1, self._keys[1], self.owner)

    def _take(self, place: str) -> None:
        take = self._redis.register_script(_TAKE)
        left_ms = math.inf
        while (now_ms := take(keys=self._keys, args=self._arguments)) is not None:
            # Time that grows is time that somebody renewed; -1 is no time at all.
            if now_ms > left_ms or now_ms < 0:
                raise DataError(self._refusal(place))
            left_ms = now_ms
            time.sleep(_LOOK_S)

    def _refusal(self, place: str) -> str:
        holder = self._redis.get(self._keys[1])
        who = holder.decode() if isinstance(holder, bytes) else "unknown"
        return (
            f"{place}: another node writes this journal ({who.partition(',')[0]}); "
            f"stop it, or name another with --set journal.to=..."
        )

    def _renew(self) -> None:
        while not self._ending.wait(_RENEW_S):
            with suppress(RedisError):
                if self._renewal(keys=self._keys, args=self._arguments) is None:
                    return
