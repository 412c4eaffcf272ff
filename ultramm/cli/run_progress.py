"""A line that says how far a run has come, where somebody can see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from ultramm.cli.output import moment


class Begin(Protocol):
    """Begins something of a name, and says what is done until a time is told."""

    def __call__(self, name: str, doing: str = ...) -> Callable[[int], None]: ...


@contextmanager
def run_progress() -> Iterator[Begin]:
    """Gives a function that begins a run of a name, and gives what takes the time to which it has come."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the data", total=None)

        def begin(name: str, doing: str = "reading the data") -> Callable[[int], None]:
            prefix = f"{name} " if name else ""
            bar.update(task, description=f"{prefix}{doing}")
            return lambda ts_ns: bar.update(task, description=f"{prefix}at {moment(ts_ns)}")

        yield begin
