"""How commands print: tables for people, JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from ultramm.analytics.reporting import Reported


def print_json(value: Any) -> None:
    """The value as indented JSON with sorted keys: equal values are equal bytes."""
    encoded = msgspec.json.encode(value, order="sorted")
    sys.stdout.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def as_yaml(value: Any) -> str:
    """The value as YAML, in its own order."""
    import yaml

    text: str = yaml.safe_dump(value, sort_keys=False, default_flow_style=None)
    return text


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table; columns that begin with ``>`` are right-aligned, and the first, what a row is called, is not broken."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        right = column.startswith(">")
        table.add_column(column.lstrip(">"), justify="right" if right else "left", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def number(value: float | None, digits: int = 4) -> str:
    """A number for people, or a dash."""
    return "–" if value is None else f"{value:,.{digits}f}"  # noqa: RUF001


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"  # noqa: RUF001


def in_words(total: Reported) -> str:
    """All strategies together, on a line."""
    digits = 8 if abs(total.total) < 0.01 else 2
    rates = ", ".join(f"1 {name} = {rate:,.8g}" for name, rate in total.rates.items() if name != total.currency)
    parts = (("spread capture", total.spread_capture), ("inventory", total.inventory), ("fees", 0 - total.fees))
    split = ", ".join(f"{name} {value:+,.{digits}f}" for name, value in parts)
    return f"all together {total.total:+,.{digits}f} {total.currency}: {split}" + (f" (at {rates})" if rates else "")


def moment(ts_ns: int, timespec: str = "seconds") -> str:
    """A time for people, in UTC, down to seconds or milliseconds."""
    return datetime.fromtimestamp(ts_ns / 1e9, UTC).replace(tzinfo=None).isoformat(sep=" ", timespec=timespec)
