"""``ultramm config``: write, check and show a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ultramm.cli.options import Json, OptionalConfig, Set
from ultramm.cli.output import as_yaml, print_json
from ultramm.config.load import DEFAULT_PATH, json_schema, read, resolved
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError

app = typer.Typer(help="Write, check and show a configuration.", no_args_is_help=True)


@app.command("init")
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("ultramm.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Write a commented configuration: paper trading on the built-in market."""
    if path.exists() and not force:
        raise ConfigError(f"{path}: exists already; choose another name, or overwrite it with --force")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(DEFAULT_PATH.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
    typer.echo(f"wrote {path}; try: ultramm node start {path}")


@app.command("check")
def check(path: OptionalConfig = None, overrides: Set = []) -> None:  # noqa: B006
    """Check a configuration, the plugins it names and their parameters."""
    found = resolve(read(path, overrides))
    strategies = ", ".join(strategy.settings.name for strategy in found.strategies)
    typer.echo(f"{found.loaded.path}: good ({found.config.mode}; strategies: {strategies})")


@app.command("show")
def show(path: OptionalConfig = None, overrides: Set = [], json: Json = False) -> None:  # noqa: B006
    """Print a configuration as it is understood; what came from the environment is masked."""
    plain = resolved(read(path, overrides))
    if json:
        print_json(plain)
        return
    typer.echo(as_yaml(plain), nl=False)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    print_json(json_schema())
