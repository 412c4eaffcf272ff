"""What goes wrong in a campaign: one script a class of fault, drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Callable

import msgspec

from ultramm_binance_emulator.faults import Fault

KILL = "kill -9"


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """Faults that are set together; `name` is their class.

    Parameters
    ----------
    lasts_s : float
        How long they stay set once the first has met somebody.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    lasts_s: float = 0.0


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """Of one product: requests about orders, the socket that tells of them, and whether keys open it."""

    order: str
    requests: tuple[str, ...]
    user_socket: str
    listen_keys: bool


PATHS = {
    "spot": Paths(
        order="/api/v3/order",
        requests=("POST /api/v3/order", "DELETE /api/v3/order"),
        user_socket="/ws-api/v3",
        listen_keys=False,
    ),
    "usdm": Paths(
        order="/fapi/v1/order",
        requests=("PUT /fapi/v1/order", "PUT /fapi/v1/order", "POST /fapi/v1/order", "DELETE /fapi/v1/"),
        user_socket="/ws",
        listen_keys=True,
    ),
}
Maker = Callable[[random.Random, Paths], Script]


def _requests(kind: str, **fields: object) -> Maker:
    """Something happens to new orders, changes or cancels."""

    def make(dice: random.Random, paths: Paths) -> Script:
        where = dice.choice(paths.requests)
        fault = msgspec.convert({"kind": kind, "where": where, "count": dice.randint(1, 3), **fields}, Fault)
        return Script(name=kind, faults=(fault,))

    return make


def _messages(kind: str, seconds: float = 1.0) -> Maker:
    """Something happens to messages about our orders, or to the market's."""

    def make(dice: random.Random, _: Paths) -> Script:
        where = dice.choice(["user", "user", "@depth", "rade"])
        fault = msgspec.convert({"kind": kind, "where": where, "count": dice.randint(1, 5), "seconds": seconds}, Fault)
        return Script(name=f"{kind} messages", faults=(fault,))

    return make


def _cut(dice: random.Random, paths: Paths) -> Script:
    where = dice.choice([paths.user_socket, "/stream", ""])
    return Script(name="cut", faults=(Fault(kind="cut", where=where),))


def _refuse(seconds: float) -> Maker:
    def make(dice: random.Random, paths: Paths) -> Script:
        faults = (Fault(kind="refuse", seconds=seconds), Fault(kind="cut", where=dice.choice([paths.user_socket, ""])))
        return Script(name=f"refuse for {seconds:g} s", faults=faults, lasts_s=seconds)

    return make


def _stale(_: random.Random, __: Paths) -> Script:
    """An update is lost, and the snapshot that should mend it is an old one."""
    faults = (
        Fault(kind="stale_snapshot", where="depth", count=2),
        Fault(kind="drop", where="@depth", count=1),
    )
    return Script(name="stale snapshot", faults=faults)


def _skew(dice: random.Random, _: Paths) -> Script:
    return Script(name="skew", faults=(Fault(kind="skew", seconds=dice.choice([-8.0, -3.0, 3.0, 8.0])),), lasts_s=2.0)


def _ban(dice: random.Random, _: Paths) -> Script:
    return Script(name="ban", faults=(Fault(kind="ban", seconds=dice.choice([1.0, 3.0])),))


def _unasked(dice: random.Random, paths: Paths) -> Script:
    """An order's fate is unknown, and so is the answer to the question about it."""
    faults = (
        Fault(kind=dice.choice(["swallow_before", "swallow_after"]), where=f"POST {paths.order}", count=1),
        Fault(kind=dice.choice(["server_error", "swallow_before"]), where="GET ", count=4),
    )
    return Script(name="no answer either", faults=faults)


def _fill_on_cancel(_: random.Random, __: Paths) -> Script:
    return Script(name="fill on cancel", faults=(Fault(kind="fill_on_cancel", count=1),))


def _expire(_: random.Random, __: Paths) -> Script:
    return Script(name="expire listen keys", faults=(Fault(kind="expire_listen_keys"),))


_LONG_REFUSAL_S = 60.0


def scripts(count: int, kills: int, product: str, seed: int, *, long: bool) -> list[Script]:
    """So many scripts of every class in turn, and kills among them, in an order that `seed` decides.

    Parameters
    ----------
    long : bool
        One of the refusals lasts a minute.
    """
    dice = random.Random(seed)
    makers: list[Maker] = [
        _requests("delay", seconds=1.5),
        _requests("hang", seconds=6.0),
        _requests("reject", code=-1003),
        _requests("server_error", status=503),
        _requests("swallow_before"),
        _requests("swallow_after"),
        _messages("drop"),
        _messages("late", seconds=1.5),
        _messages("duplicate"),
        _messages("reorder"),
        _fill_on_cancel,
        _stale,
        _cut,
        _refuse(3.0),
        _skew,
        _ban,
        _unasked,
    ]
    paths = PATHS[product]
    if paths.listen_keys:
        makers.append(_expire)
    drawn = [makers[index % len(makers)](dice, paths) for index in range(count)]
    drawn += [Script(name=KILL)] * kills
    dice.shuffle(drawn)
    if long:
        drawn.append(_refuse(_LONG_REFUSAL_S)(dice, paths))
    return drawn
