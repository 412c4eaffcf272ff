"""``ultramm NOUN VERB``: the commands, and what becomes of errors.

Exit codes: 0 done, 1 the run failed, 2 the user's input is wrong, 130 interrupted before anything ran.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import typer

from ultramm import __version__
from ultramm.cli import (
    alerts,
    backtest,
    config,
    dashboard,
    data,
    import_config,
    journal,
    model,
    node,
    pairs,
    plugins,
    report,
    venue,
)
from ultramm.errors import UltrammError, UserError

app = typer.Typer(
    name="ultramm",
    help="A plugin-based market maker: the same strategy in backtest, paper and live.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(node.app, name="node")
app.add_typer(venue.app, name="venue")
app.add_typer(backtest.app, name="backtest")
app.add_typer(data.app, name="data")
app.add_typer(journal.app, name="journal")
app.add_typer(config.app, name="config")
app.add_typer(plugins.app, name="plugins")
app.add_typer(import_config.app, name="import")
app.add_typer(pairs.app, name="pairs")
app.add_typer(model.app, name="model")
app.add_typer(alerts.app, name="alerts")
app.command(name="report")(report.report)
app.command(name="dashboard")(dashboard.dashboard)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit.", is_eager=True),
) -> None:
    if version:
        typer.echo(f"ultramm {__version__}")
        raise typer.Exit


# What typer raises for a wrong command line; its own name for it is private.
_UsageError: type[typer.BadParameter] = typer.BadParameter.__bases__[0]


def main() -> None:
    """Run the command line; errors that are the user's to mend are one line."""
    try:
        result = app(standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except _UsageError as exc:
        exc.show()
        sys.exit(2)
    except UserError as exc:
        _complain(exc)
        sys.exit(2)
    except UltrammError as exc:
        _complain(exc)
        _leave(1)
    sys.exit(result if isinstance(result, int) else 0)


def _leave(code: int) -> NoReturn:
    """End at once where threads of the kernel may still wait for an answer: they abort an interpreter that ends."""
    if "nautilus_trader.core.nautilus_pyo3" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def _complain(exc: UltrammError) -> None:
    print(f"ultramm: {' '.join(str(exc).split())}", file=sys.stderr)


if __name__ == "__main__":
    main()
