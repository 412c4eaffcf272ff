"""``ultramm plugins``: what is installed, and from where."""

from __future__ import annotations

import os
from typing import Annotated, Any, cast

import msgspec
import typer

from ultramm import plugin
from ultramm.cli.options import Json, OptionalConfig, Set
from ultramm.cli.output import print_json, print_table
from ultramm.cli.parent import on_parents_end
from ultramm.errors import ConfigError, PluginError

app = typer.Typer(help="What is installed, and from which distribution.", no_args_is_help=True)


@app.command("list")
def list_plugins(json: Json = False) -> None:
    """List every plugin; a broken one is shown with its cause and hides no other."""
    found = plugin.installed()
    if json:
        print_json([_plain(item) for item in found])
        return
    rows = [
        (item.kind, item.name, f"{item.distribution} {item.version}", item.error or _summary(item)) for item in found
    ]
    print_table("Plugins", ("kind", "name", "from", "summary"), rows)


@app.command("show")
def show_plugin(name: Annotated[str, typer.Argument(help="Name of the plugin.")], json: Json = False) -> None:
    """Show one plugin: its record and its parameters."""
    found = [item for item in plugin.installed() if item.name == name]
    if not found:
        known = ", ".join(sorted({item.name for item in plugin.installed()}))
        raise PluginError(f"no plugin named {name!r}; installed: {known}")
    for item in found:
        described = _plain(item) | {"parameters": _parameters(item)}
        if json:
            print_json(described)
            continue
        rows = [(key, _text(value)) for key, value in described.items() if key != "parameters" and value]
        print_table(f"{item.kind} {item.name}", ("", ""), rows)
        if described["parameters"]:
            table = [(p["name"], p["type"], p["default"]) for p in described["parameters"]]
            print_table("Parameters", ("name", "type", "default"), table)


@app.command("check")
def check_plugin(name: Annotated[str, typer.Argument(help="Name of an adapter.")], json: Json = False) -> None:
    """Check that an adapter is what its record says, without a connection; exit code 1 where it is not."""
    kinds = {item.kind for item in plugin.installed() if item.name == name}
    if kinds and "adapter" not in kinds:
        raise PluginError(f"{name} is a {kinds.pop()}; there are checks of adapters only")
    record = plugin.record("adapter", name)
    from ultramm.testing import check_adapter

    problems = check_adapter(cast("plugin.AdapterPlugin", record))
    if json:
        print_json({"name": name, "problems": problems})
    else:
        print("\n".join(problems) or f"adapter {name} conforms")
    if problems:
        raise typer.Exit(1)


@app.command("run")
def run_service(
    name: Annotated[str, typer.Argument(help="Name of a service that the configuration lists under plugins.")],
    config: OptionalConfig = None,
    overrides: Set = [],  # noqa: B006
    with_parent: Annotated[bool, typer.Option("--with-parent", hidden=True)] = False,
) -> None:
    """Run a service, such as an exporter, on a node's journal until interrupted; a node starts its own by itself."""
    from ultramm.cli.journals import opener
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    loaded = read(config, overrides)
    services = {
        item.plugin.name: (item.plugin, item.params)
        for item in resolve(loaded).plugins
        if isinstance(item.plugin, plugin.ServicePlugin)
    }
    if name not in services:
        listed = ", ".join(services) or "none"
        raise ConfigError(f"{loaded.path}: plugins: {name} is no service that is listed there; listed: {listed}")
    record, params = services[name]
    serve = plugin.load(record.serve)
    if with_parent:
        on_parents_end(lambda: os._exit(0))
    serve(params, opener(loaded))


def _plain(item: plugin.Installed) -> dict[str, Any]:
    described: dict[str, Any] = msgspec.to_builtins(item, order="sorted")
    return described


def _summary(item: plugin.Installed) -> str:
    return item.record.summary if item.record is not None else ""


def _text(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_text(inner)}" for key, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _parameters(item: plugin.Installed) -> list[dict[str, str]]:
    if item.record is None or isinstance(item.record, plugin.EstimatorPlugin):
        return []  # how it learns is its own affair
    fields = msgspec.structs.fields(plugin.load(item.record.params))
    return [
        {
            "name": field.encode_name,
            "type": _type_name(field.type),
            "default": "required" if field.required else _default(field),
        }
        for field in fields
    ]


def _default(field: msgspec.structs.FieldInfo) -> str:
    value = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
    return str(value)


def _type_name(annotation: Any) -> str:
    inner = getattr(annotation, "__origin__", annotation) if hasattr(annotation, "__metadata__") else annotation
    limits = [str(meta) for meta in getattr(annotation, "__metadata__", ())]
    name = inner.__name__ if isinstance(inner, type) else str(inner).replace("typing.", "")
    bounds = ", ".join(text.removeprefix("msgspec.Meta(").removesuffix(")") for text in limits)
    return f"{name} ({bounds})" if bounds else name
