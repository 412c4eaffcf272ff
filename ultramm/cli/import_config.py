"""``ultramm import``: configurations of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ultramm.cli.options import Json
from ultramm.cli.output import print_json, print_table
from ultramm.errors import ConfigError

app = typer.Typer(help="Take over configurations of other programs.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keep the name of the program a word of its own, even while it is the only one."""


@app.command("hummingbot")
def hummingbot(
    source: Annotated[Path, typer.Argument(metavar="CONF.yml", help="A file of strategy pure_market_making.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; by default beside you.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
    json: Json = False,
) -> None:
    """Turn a hummingbot file into a configuration, and list what became of each key."""
    import yaml

    from ultramm.config.hummingbot import import_file
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    imported = import_file(source)
    target = output or Path(f"{source.stem}.yaml")
    if target.exists() and not force:
        raise ConfigError(f"{target}: exists already; choose another with --output, or overwrite it with --force")
    text = yaml.safe_dump(imported.config, sort_keys=False, default_flow_style=None)
    header = (
        f"# From {source.name}. Check max_position, the venue and its balances: hummingbot's file has none of them.\n"
    )
    try:
        target.write_text(header + text, encoding="utf-8")
    except OSError as exc:
        raise ConfigError(f"{target}: cannot be written: {exc.strerror or exc}") from exc
    resolve(read(target))
    if json:
        print_json(imported)
        return
    rows = [(key.key, str(key.value), key.fate, key.note) for key in imported.keys]
    print_table(f"{source.name}: {len(rows)} keys", ("key", "value", "", "ours"), rows)
    typer.echo(f"wrote {target}; try: ultramm node start {target}")
