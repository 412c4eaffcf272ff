"""A line that says how far a run has come, where somebody can see it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ultramm.cli.output import moment


@contextmanager
def run_progress() -> Iterator[Callable[[str], Callable[[int], None]]]:
    """Gives a function that begins a run of a name, and gives what takes the time to which it has come."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading the data", total=None)

        def begin(name: str) -> Callable[[int], None]:
            prefix = f"{name} " if name else ""
            bar.update(task, description=f"{prefix}reading the data")
            return lambda ts_ns: bar.update(task, description=f"{prefix}at {moment(ts_ns)}")

        yield begin
