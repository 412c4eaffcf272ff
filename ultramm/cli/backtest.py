"""``ultramm backtest``: the configuration, run by the backtest kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ultramm.cli.compare import compare
from ultramm.cli.options import Json, Report, Set
from ultramm.cli.output import in_words, moment, number, percent, print_json, print_table
from ultramm.cli.report_file import check_writable, command_line, configuration_text, masked, write_page
from ultramm.cli.run_progress import run_progress
from ultramm.cli.tune import tune

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ultramm.analytics.queues import QueueComparison
    from ultramm.analytics.scorecard import Score
    from ultramm.config.resolve import Resolved
    from ultramm.nautilus.backtest import BacktestResult
    from ultramm.nautilus.tracer import Tracer

app = typer.Typer(help="Run a configuration on recorded or generated data.", no_args_is_help=True)
app.command("compare")(compare)
app.command("tune")(tune)


@app.command("run")
def run(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Configuration file.")],
    both_queues: Annotated[
        bool,
        typer.Option("--both-queues", help="Run under the pessimistic and the probabilistic queue, side by side."),
    ] = False,
    report: Report = None,
    json: Json = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Run CONFIG by the backtest kernel, whatever its mode, and print the result."""
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    check_writable(report)
    resolved = resolve(read(config, [*overrides, "mode=backtest"]))
    from ultramm.analytics.queues import queue_comparisons
    from ultramm.nautilus.backtest import run_backtest

    if both_queues:
        resolved, other = (with_queue(resolved, queue) for queue in ("pessimistic", "probabilistic"))
    tracer = None if report is None else _tracer(resolved)
    queues: list[QueueComparison] = []
    with run_progress() as progress:
        result = run_backtest(resolved, progress=progress(""), collector=tracer)
        if both_queues:
            kinder = run_backtest(other, progress=progress("probabilistic queue"))
            queues = queue_comparisons(result.scores, kinder.scores)
    # First, so that it is there even if nobody reads the output to its end.
    if report is not None and tracer is not None:
        command = command_line("run", [config], overrides, *(["--both-queues"] if both_queues else []))
        _write_report(report, resolved, result, tracer, command, queues)
    if json:
        print_json(_plain(result) | ({"queues": msgspec.to_builtins(queues)} if both_queues else {}))
        return
    for score in result.scores:
        _print_score(result, score)
    for whose, why in result.doubts.items():
        typer.echo(f"{whose}: {why}")
    if queues:
        _print_queues(queues)
    if result.reported is not None:
        typer.echo(in_words(result.reported))


def _tracer(resolved: Resolved) -> Tracer:
    from ultramm.nautilus.tracer import Tracer

    return Tracer(makers=sum(len(strategy.settings.instruments) for strategy in resolved.strategies))


def with_queue(resolved: Resolved, queue: str) -> Resolved:
    """The same with all its simulated venues keeping their queues in one way."""
    from ultramm.config.contest import with_paper
    from ultramm.config.resolve import resolve

    return resolve(with_paper(resolved.loaded, lambda paper: msgspec.structs.replace(paper, queue=queue)))


def _print_queues(queues: Sequence[QueueComparison]) -> None:
    rows = []
    for item in queues:
        for name, under in (("pessimistic", item.pessimistic), ("probabilistic", item.probabilistic)):
            digits = 8 if abs(under.pnl) < 0.01 else 4
            pnl = f"{number(under.pnl, digits)} {item.currency}"
            rows.append((item.strategy, item.instrument, name, pnl, f"{under.fills:,}", number(under.markout_bps, 3)))
    columns = ("strategy", "instrument", "queue", ">P&L", ">fills", ">markout 5 s, bps")
    print_table("queues", columns, rows)
    for item in queues:
        typer.echo(f"{item.strategy} on {item.instrument} {item.verdict}.")


def _write_report(
    path: Path,
    resolved: Resolved,
    result: BacktestResult,
    tracer: Tracer,
    command: str,
    queues: Sequence[QueueComparison],
) -> None:
    from ultramm.analytics.report.page import RunFacts, report_page

    facts = RunFacts(
        name=masked(result.name, resolved),
        version=result.version,
        seed=result.seed,
        command=masked(command, resolved),
        configuration=configuration_text(resolved),
        data={masked(name, resolved): sha256 for name, sha256 in result.data.items()},
        first_ns=result.first_ns,
        last_ns=result.last_ns,
        market_events=result.market_events,
        fills_sha256=result.fills_sha256,
    )
    makers = [
        (_masked_names(score, resolved), tracer.traces[score.strategy, score.instrument]) for score in result.scores
    ]
    masked_queues = [
        msgspec.structs.replace(
            item, strategy=masked(item.strategy, resolved), instrument=masked(item.instrument, resolved)
        )
        for item in queues
    ]
    write_page(path, report_page(facts, makers, masked_queues))


def _masked_names(score: Score, resolved: Resolved) -> Score:
    strategy, instrument = masked(score.strategy, resolved), masked(score.instrument, resolved)
    return msgspec.structs.replace(score, strategy=strategy, instrument=instrument)


def _plain(result: BacktestResult) -> dict[str, Any]:
    """The result; of a single strategy on a single instrument its score is not nested in a list."""
    plain: dict[str, Any] = msgspec.to_builtins(result)
    if len(result.scores) == 1:
        plain |= plain.pop("scores")[0]
    return plain


def _print_score(result: BacktestResult, score: Score) -> None:
    currency = score.pnl.currency
    minutes = (result.last_ns - result.first_ns) / 60e9
    title = f"{score.strategy} on {score.instrument}: {moment(result.first_ns)} UTC, {minutes:.1f} minutes"
    quoting = score.quoting
    digits = 8 if abs(score.pnl.total) < 0.01 else 4
    rows = [
        (
            "P&L",
            f"{number(score.pnl.total, digits)} {currency}",
            "change of equity, inventory at the last mid",
        ),
        ("  spread capture", number(score.pnl.spread_capture, digits), "earned against the mid at each fill"),
        ("  inventory", number(score.pnl.inventory, digits), "position times the moves of the mid"),
        ("  fees", number(0 - score.pnl.fees, digits), "negative = paid"),
        ("identity residual", f"{score.pnl.identity_residual:.1e}", "P&L minus its parts, relative"),
        *[
            ("kernel's account", f"{a.gap:.1e} {currency}", "its distance from the P&L")
            for a in result.accounts
            if a.gap is not None
        ],
        ("largest drawdown", number(score.drawdown.largest, digits), currency),
        ("fills", f"{score.fills:,}", f"{score.maker_fills:,} of them passive"),
        ("volume", number(score.volume, 2), "traded notional"),
        *[
            (
                f"markout {m.horizon_s:g} s",
                _plus_minus(m.mean_bps, m.standard_error_bps),
                f"bps, {m.fills:,} fills",
            )
            for m in score.markouts
        ],
        ("orders", f"{quoting.orders_accepted:,}", f"accepted; {quoting.orders_rejected:,} rejected"),
        ("fill ratio", percent(quoting.fill_ratio), "of accepted orders"),
        (
            "quote uptime",
            percent(quoting.uptime),
            f"both sides; bid {percent(quoting.bid_uptime)}, ask {percent(quoting.ask_uptime)}",
        ),
        (
            "inventory",
            f"{score.inventory.last:g}",
            f"at the end; {score.inventory.smallest:g} to "
            f"{score.inventory.largest:g}, mean size {number(score.inventory.mean_abs)}",
        ),
    ]
    print_table(title, ("", ">", ""), rows)


def _plus_minus(mean: float | None, standard_error: float | None) -> str:
    if mean is None:
        return number(None)
    return f"{mean:+.3f}" + (f" ± {standard_error:.3f}" if standard_error is not None else "")
