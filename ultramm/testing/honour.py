"""Whether the kernel's execution client of a venue does what the adapter declares, as far as its source shows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from nautilus_trader.live.execution_client import LiveExecutionClient

_SENDS = re.compile(r"\bawait\b|self\._client\.")
# Read from an order, not from what the venue reports.
_HIDES = re.compile(r"order\.display_qty|order, \"display_qty\"|displaySize")
_SIDE = re.compile(r"order_side")
_IGNORES_SIDE = re.compile(r"not support order_side|ignoring order_side|side.*not supported", re.IGNORECASE)


def not_honoured(capabilities: Iterable[str], client: type) -> Iterator[str]:
    """Capabilities that the client cannot have.

    Parameters
    ----------
    capabilities : iterable of str
        As declared.
    client : type
        A `LiveExecutionClient`.
    """
    for name in sorted(set(capabilities) & set(_TESTS)):
        why = _TESTS[name](client)
        if why:
            yield f"capabilities: {name}: {client.__name__} {why}; leave it out"


def _amend(client: type) -> str:
    return "" if _SENDS.search(_source(client, "_modify_order")) else "sends nothing to change an order"


def _batch(client: type) -> str:
    inherited = getattr(client, "_batch_cancel_orders") is LiveExecutionClient._batch_cancel_orders  # noqa: B009
    return "cannot cancel several orders" if inherited else ""


def _by_side(client: type) -> str:
    text = _source(client, "_cancel_all_orders")
    return "" if _SIDE.search(text) and not _IGNORES_SIDE.search(text) else "cancels both sides"


def _iceberg(client: type) -> str:
    modules = {inspect.getmodule(each) for each in client.__mro__ if issubclass(each, LiveExecutionClient)}
    # What goes into an order may be in a module beside it.
    modules |= {inspect.getmodule(value) for module in set(modules) for value in vars(module).values()}
    package = _package(client)
    near = [each for each in modules if each and each.__name__.startswith(package)]
    texts = [inspect.getsource(each) for each in near if (each.__file__ or "").endswith(".py")]
    return "" if any(_HIDES.search(text) for text in texts) else "shows an order as a whole"


def _package(client: type) -> str:
    """Of the kernel's own client of the venue; the client's where it is somebody else's."""
    names = [each.__module__ for each in client.__mro__]
    kernels = [name for name in names if name.startswith("nautilus_trader.adapters.")]
    return ".".join(kernels[0].split(".")[:3]) if kernels else names[0].partition(".")[0]


def _source(client: type, method: str) -> str:
    """Of a method, those of the same name that it goes on to included."""
    found = [vars(each)[method] for each in client.__mro__ if method in vars(each) and each is not LiveExecutionClient]
    return "".join(inspect.getsource(each) for each in found)


_TESTS: dict[str, Callable[[Any], str]] = {
    "amend": _amend,
    "batch-cancel": _batch,
    "cancel-by-side": _by_side,
    "iceberg": _iceberg,
}
