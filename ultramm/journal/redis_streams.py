"""The journal in Redis: a stream for each kind of record, one for commands, and scripts where two steps must be one."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import batched, chain, islice
from typing import Any

import msgspec
from redis import RedisError

from ultramm.errors import DataError
from ultramm.journal.records import KINDS, AlertEvent, Command, Entry, Record
from ultramm.journal.redis_lock import RedisLock
from ultramm.journal.store import encode, entry, kind_of
from ultramm.redis_server import RedisAddress, complaint, connect

FORMAT = 1
# What a kind keeps at least; the oldest go first. A status comes each 0.4 s, and only the last ones are ever shown.
KEPT = dict.fromkeys(KINDS, 100_000) | {"status": 10_000, "order": 300_000, "fill": 1_000_000}
_COMMANDS_KEPT = 1_000
_ALERTS_KEPT = 10_000
_REPLY_KEPT_S = 3_600
_TIMEOUT_S = 1.0
_ROWS_AT_ONCE = 500

# Rows that are in already are those of a call whose answer was lost.
_APPEND = f"""
local owner = ARGV[1]
local writer = redis.call('HGET', KEYS[1], 'writer')
if writer and writer ~= owner then return writer end
local last = tonumber(redis.call('HGET', KEYS[1], 'sequence') or '0')
local lost = math.max(0, tonumber(ARGV[2]) - 1 - last)
for i = 2, #ARGV, 6 do
    local sequence, kind, kept = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), ARGV[i + 2]
    if sequence > last then
        redis.call('XADD', KEYS[1 + kind], 'MAXLEN', '~', kept, ARGV[i] .. '-0',
            'run', ARGV[i + 3], 'ts_ns', ARGV[i + 4], 'body', ARGV[i + 5])
        last = sequence
    end
end
redis.call('HSET', KEYS[1], 'format', '{FORMAT}', 'writer', owner, 'sequence', string.format('%d', last))
return lost
"""
_REPLY = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 1 or redis.call('EXISTS', KEYS[2]) == 1 then
    redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3])
end
"""
_TAKE_BACK = """
if redis.call('XDEL', KEYS[1], ARGV[1]) == 1 then redis.call('SET', KEYS[2], ARGV[2], 'EX', ARGV[3]) end
"""


class RedisJournal:
    """A journal in Redis, under keys ``ultramm:NAME:...``.

    Parameters
    ----------
    address : RedisAddress
        The server.
    name : str
        Which of its journals: the configuration's name.
    create : bool
        Be the one that writes it: make it when it is not there, and keep other writers away.
    kept : mapping of str to int
        How many entries of a kind are kept at least.

    Raises
    ------
    DataError
        When Redis cannot be used, there is no journal of this name or one of another format, or another node writes it.
    """

    def __init__(
        self, address: RedisAddress, name: str, *, create: bool = False, kept: Mapping[str, int] = KEPT
    ) -> None:
        self._address = address
        self._name = name
        self._kept = kept
        self._state = self._key("journal")
        self._commands = self._key("commands")
        self._alerts = self._key("alerts")
        self._streams = {kind: self._key(f"records:{kind}") for kind in KINDS}
        self._lock: RedisLock | None = None
        self._written = 0
        self._redis = connect(address, _TIMEOUT_S)
        self._append = self._redis.register_script(_APPEND)
        try:
            with self._asking():
                self._open(create)
        except DataError:
            self.close()
            raise

    @property
    def place(self) -> str:
        return f"{self._address}#{self._name}"

    def _key(self, part: str) -> str:
        return f"ultramm:{self._name}:{part}"

    def _open(self, create: bool) -> None:
        """Nothing is written before it is known that the keys are ours, or free."""
        found = _text_of(self._redis.hgetall(self._state)).get("format")
        if found is None and not create:
            raise DataError(f"{self.place}: no journal here; start a node first, or name its journal or config")
        if found not in (None, str(FORMAT)):
            raise DataError(
                f"{self.place}: a journal of another format: journal format {found}, this version reads {FORMAT}; "
                f"give the configuration another name"
            )
        if create:
            self._lock = RedisLock(self._redis, self._state, self._key("lock"), self.place)
            self._redis.hset(self._state, "format", str(FORMAT))
            self._written = int(self._redis.hget(self._state, "sequence") or 0)

    def append(self, rows: Iterable[tuple[str, int, Record]]) -> int:
        if self._lock is None:
            raise DataError(f"{self.place}: opened to be read, not to be written")
        given = list(rows)
        # Numbered from what is known to be written: the same rows have the same numbers when they are given again.
        # Encoded as they go, since a Redis that is away is tried often, with ever more rows.
        numbered = (self._numbered(number, *row) for number, row in enumerate(given, self._written + 1))
        keys = [self._state, *self._streams.values()]
        lost = 0
        with self._asking():
            for some in batched(numbered, _ROWS_AT_ONCE):
                answer = self._append(keys=keys, args=[self._lock.owner, *chain.from_iterable(some)])
                if isinstance(answer, bytes):
                    _refuse_other(answer)
                lost += answer
        self._written += len(given)
        return lost

    def _numbered(self, number: int, run: str, ts_ns: int, record: Record) -> list[str | bytes]:
        kind = kind_of(record)
        return [str(number), str(1 + KINDS.index(kind)), str(self._kept[kind]), run, str(ts_ns), encode(record)]

    def read(self, *, kind: str | None = None, after: int = 0, limit: int = 1000) -> list[Entry]:
        if limit < 1:
            return []
        kinds = KINDS if kind is None else (kind,)
        with self._asking(), self._redis.pipeline(transaction=True) as every:
            # In one step, or a record could come to a stream that was read already, before one that is read later.
            for each in kinds:
                every.xrange(self._key(f"records:{each}"), min=f"{after + 1}-0", count=limit)
            streams = every.execute()
        merged = heapq.merge(*streams, key=lambda item: _sequence(item[0]))
        return [self._entry(item) for item in islice(merged, limit)]

    def last(self, kind: str, count: int = 1) -> list[Entry]:
        with self._asking():
            found: Any = self._redis.xrevrange(self._key(f"records:{kind}"), count=count)
        return [self._entry(item) for item in found]

    def add_alert(self, alert: AlertEvent) -> None:
        with self._asking():
            self._redis.xadd(self._alerts, {"body": msgspec.json.encode(alert)}, maxlen=_ALERTS_KEPT)

    def alerts(self, count: int) -> list[AlertEvent]:
        with self._asking():
            found: Any = self._redis.xrevrange(self._alerts, count=count)
        return [msgspec.json.decode(fields[b"body"], type=AlertEvent) for _, fields in found]

    def leave_command(self, verb: str, origin: str) -> int:
        with self._asking():
            # The server's clock numbers it: numbers rise even after a Redis has lost what it held.
            number = self._redis.xadd(self._commands, {"verb": verb, "origin": origin}, maxlen=_COMMANDS_KEPT)
        return _number(number)

    def pending_commands(self) -> list[Command]:
        with self._asking(), self._redis.pipeline(transaction=True) as both:
            both.hget(self._state, "writer")
            both.xrange(self._commands)
            writer, found = both.execute()
        if self._lock is not None and writer is not None and writer.decode() != self._lock.owner:
            _refuse_other(writer)
        return [Command(id=_number(number), **_text_of(fields)) for number, fields in found]

    def reply(self, command_id: int, text: str) -> None:
        self._settle(_REPLY, command_id, text)

    def take_back(self, command_id: int) -> None:
        self._settle(_TAKE_BACK, command_id, "taken back")

    def _settle(self, script: str, command_id: int, text: str) -> None:
        with self._asking():
            self._redis.eval(
                script, 2, self._commands, self._reply_key(command_id), _stream_id(command_id), text, str(_REPLY_KEPT_S)
            )

    def reply_to(self, command_id: int) -> str | None:
        with self._asking():
            found = self._redis.get(self._reply_key(command_id))
        return found.decode() if isinstance(found, bytes) else None

    def tidy(self, now_ns: int) -> int:
        """Streams have made room as they were written."""
        return 0

    def close(self) -> None:
        if self._lock is not None:
            self._lock.release()
        self._redis.close()

    def _reply_key(self, command_id: int) -> str:
        return self._key(f"reply:{_stream_id(command_id)}")

    def _entry(self, item: tuple[bytes, dict[bytes, bytes]]) -> Entry:
        number, fields = item
        return entry(self.place, _sequence(number), fields[b"run"].decode(), int(fields[b"ts_ns"]), fields[b"body"])

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except RedisError as exc:
            raise complaint(self._address, exc) from exc


def only_name(address: RedisAddress) -> str:
    """The name of the one journal that a Redis holds.

    Raises
    ------
    DataError
        When it holds none, or several.
    """
    redis = connect(address, _TIMEOUT_S)
    try:
        names = sorted(key.decode().split(":")[1] for key in redis.scan_iter(match="ultramm:*:journal", count=1000))
    except RedisError as exc:
        raise complaint(address, exc) from exc
    finally:
        redis.close()
    if not names:
        raise DataError(f"{address}: no journal here; start a node first, or name its journal or config")
    if len(names) > 1:
        raise DataError(f"{address}: journals of {', '.join(names)} are here; say which, such as {address}#{names[0]}")
    return str(names[0])


def _refuse_other(writer: bytes) -> None:
    """Complain of a writer that came after us: this node was away, and must not write or obey any more."""
    raise DataError(f"another node has taken this journal over: {writer.decode().partition(',')[0]}")


def _sequence(stream_id: bytes) -> int:
    return int(stream_id.partition(b"-")[0])


def _number(stream_id: bytes | str) -> int:
    """A command's id as one number: milliseconds, and what tells those of one millisecond apart."""
    text = stream_id.decode() if isinstance(stream_id, bytes) else stream_id
    ms, _, more = text.partition("-")
    return (int(ms) << 20) + int(more)


def _stream_id(number: int) -> str:
    return f"{number >> 20}-{number & 0xFFFFF}"


def _text_of(fields: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in fields.items()}
