"""Where a report goes, and what it says of its command and configuration."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ultramm.cli.output import as_yaml
from ultramm.errors import RunError, UserError

if TYPE_CHECKING:
    from ultramm.config.resolve import Resolved


def check_writable(path: Path | None) -> None:
    """Refuse a report that cannot be written, before anything runs."""
    if path is None:
        return
    if path.is_dir():
        raise UserError(f"--report {path}: is a folder; name a file, such as {path / 'report.html'}")
    if not path.parent.is_dir():
        raise UserError(f"--report {path}: there is no folder {path.parent}; make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"--report {path}: may not be written")


def write_page(path: Path, page: str) -> None:
    """Write the report, and say where; on standard error, which leaves the output to the result."""
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as exc:
        raise RunError(f"--report {path}: cannot be written: {exc.strerror or exc}") from exc
    print(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)", file=sys.stderr)


def command_line(verb: str, configs: Sequence[Path], overrides: Iterable[str], *more: str) -> str:
    """The command as one would type it, without where its output went."""
    words = ["ultramm", "backtest", verb, *map(str, configs)]
    for override in overrides:
        words += ["--set", override]
    return shlex.join([*words, *more])


def masked(text: str, resolved: Resolved) -> str:
    """The text without what came from the environment."""
    from ultramm.config.load import masked as mask

    return str(mask(text, resolved.loaded))


def configuration_text(resolved: Resolved) -> str:
    """The configuration as ``ultramm config show`` prints it."""
    from ultramm.config.load import resolved as plain

    return as_yaml(plain(resolved.loaded))
