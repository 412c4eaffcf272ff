"""Whether an adapter is what its record says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from ultramm import plugin
from ultramm.errors import PluginError
from ultramm.nautilus.source import Source
from ultramm.plugin import AdapterPlugin, Capability
from ultramm.testing.live import check_live
from ultramm.testing.params import check_params
from ultramm.testing.protocols import absent
from ultramm.testing.readme import Readme


def check_adapter(record: AdapterPlugin) -> list[str]:
    """Check an adapter by its record, its parameters, its README, and clients that are built but not connected.

    The README is a file beside the module of the parameters. It has a table with a row for each parameter that begins
    with its name in backticks, names each capability in backticks, and for a live venue holds examples: YAML blocks
    with ``venues:``, of which each is built. A variable of the environment in them counts as a key.

    Parameters
    ----------
    record : AdapterPlugin
        Of the adapter.

    Returns
    -------
    list of str
        What is wrong, a line each with its remedy; empty for an adapter that conforms.
    """
    problems = list(_check_record(record))
    try:
        params = plugin.load(record.params)
    except PluginError as exc:
        return [*problems, f"params: {exc}"]
    problems += check_params(params)
    try:
        readme = Readme.beside(record.params)
    except FileNotFoundError as exc:
        return [*problems, f"README.md: there is none at {exc.filename}; write one"]
    problems += readme.check(params, record.capabilities)
    if record.source:
        problems += _check_source(record.source)
    if record.live:
        problems += check_live(record, params, readme)
    return problems


def _check_record(record: AdapterPlugin) -> Iterator[str]:
    unknown = sorted(record.capabilities - set(get_args(Capability)))
    if unknown:
        yield f"capabilities: {', '.join(unknown)}: no such; there are {', '.join(get_args(Capability))}"
    if not (record.source or record.live):
        yield "source: neither it nor live is given; name one"
    if "live-orders" in record.capabilities and not record.live:
        yield "capabilities: live-orders without a live venue; name it in live, or leave them out"
    if not record.summary or "\n" in record.summary:
        yield "summary: not one line; plugins list shows it"


def _check_source(path: str) -> list[str]:
    try:
        source = plugin.load(path)
    except PluginError as exc:
        return [f"source: {exc}"]
    return [f"source: {path} has no {name}; see ultramm.nautilus.source.Source" for name in absent(source, Source)]
