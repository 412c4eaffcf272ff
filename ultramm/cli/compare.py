"""``ultramm backtest compare``: several configurations, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ultramm.cli.contest import contest
from ultramm.cli.options import Json, Report, Set
from ultramm.cli.output import print_json, print_table
from ultramm.cli.report_file import check_writable, command_line, configuration_text, masked, write_page
from ultramm.cli.run_progress import run_progress
from ultramm.errors import UserError

if TYPE_CHECKING:
    from ultramm.analytics.report.comparison import ComparedRun, Difference
    from ultramm.config.load import Loaded
    from ultramm.config.resolve import Resolved

_Variant = tuple[str, Path, list[str]]


def compare(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG...", help="Configuration files, the first as base.")],
    vary: Annotated[
        str | None,
        typer.Option("--vary", metavar="KEY=A,B,...", help="Run one CONFIG with each value of a key instead."),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option("--bucket", metavar="TIME", help="Steps of paired differences, such as 60s; chosen if left out."),
    ] = None,
    strategies: Annotated[
        Path | None,
        typer.Option("--strategies", metavar="FILE.yaml", help="Put each strategy of a file in the place of its own."),
    ] = None,
    seeds: Annotated[
        int, typer.Option("--seeds", min=1, help="With --strategies: seeds of each market that is drawn from one.")
    ] = 1,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="With --strategies: processes to run in.")] = 1,
    finished: Annotated[
        Path | None,
        typer.Option("--runs", metavar="FILE.jsonl", help="With --strategies: keep finished runs, and resume."),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="With --strategies: print Markdown tables.")] = False,
    report: Report = None,
    json: Json = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Run several configurations and compare their results, and their P&L step by step with the first.

    With --strategies each CONFIG, or each value of --vary, is a market, and strategies are compared on it.
    """
    if strategies is not None:
        if report is not None or bucket is not None:
            raise UserError("--strategies prints tables: leave --report and --bucket out")
        style = "json" if json else "markdown" if markdown else "table"
        contest(_markets(configs, vary, overrides), strategies, seeds, jobs, finished, style)
        return
    if seeds != 1 or jobs != 1 or finished is not None or markdown:
        raise UserError("--seeds, --jobs, --runs and --markdown go with --strategies FILE.yaml")
    check_writable(report)
    bucket_s = _bucket(bucket)
    variants = _variants(configs, vary)
    resolved = _resolved(variants, overrides)
    runs = _run_all([label for label, _, _ in variants], resolved, bucket_s)
    if report is not None:
        from ultramm.analytics.report.comparison_page import comparison_page

        options = [*(["--vary", vary] if vary else []), *(["--bucket", bucket] if bucket else [])]
        command = masked(command_line("compare", configs, overrides, *options), resolved[0])
        title = " and ".join(dict.fromkeys(masked(item.config.name, item) for item in resolved))
        write_page(report, comparison_page(title, runs, command, [configuration_text(item) for item in resolved]))
    if json:
        print_json(_plain(runs))
    else:
        _print(runs)


# -- what to run -----------------------------------------------------------------------------------------------


def _bucket(text: str | None) -> int | None:
    from ultramm.cli.durations import seconds

    if text is None:
        return None
    length_s = seconds(text, "--bucket")
    if length_s < 1 or length_s != round(length_s):
        raise UserError(f"--bucket {text}: must be whole seconds, at least 1s")
    return round(length_s)


def _variants(configs: Sequence[Path], vary: str | None) -> list[_Variant]:
    """The name of each column, its file, and what is set in it."""
    if vary is None:
        if len(configs) < 2:
            raise UserError("compare takes two configurations or more, or one and --vary KEY=A,B,...")
        return [(label, path, []) for label, path in zip(_labels(configs), configs, strict=True)]
    if len(configs) != 1:
        raise UserError(f"--vary {vary}: takes one configuration, not {len(configs)}")
    key, _, text = vary.partition("=")
    values = [value.strip() for value in text.split(",")]
    if not key or len(values) < 2 or not all(values):
        raise UserError(f"--vary {vary}: write KEY=A,B,... such as strategies.0.params.half_spread_bps=0.5,1,2")
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise UserError(f"--vary {vary}: {repeated[0]} is given twice")
    return [(f"{key.rpartition('.')[2]}={value}", configs[0], [f"{key}={value}"]) for value in values]


def _markets(configs: Sequence[Path], vary: str | None, overrides: Sequence[str]) -> list[tuple[str, Loaded]]:
    from ultramm.config.load import read

    variants = [(path.stem, path, []) for path in configs] if vary is None else _variants(configs, vary)
    labels = [label.partition("=")[2] or label for label, _, _ in variants]
    if len(set(labels)) < len(labels):
        labels = _labels(configs)
    return [
        (label, read(path, [*overrides, *more, "mode=backtest"]))
        for label, (_, path, more) in zip(labels, variants, strict=True)
    ]


def _labels(configs: Sequence[Path]) -> list[str]:
    """File names without their ending; numbered where they are the same."""
    counts = Counter(path.stem for path in configs)
    return [
        path.stem if counts[path.stem] == 1 else f"{path.stem} #{position}" for position, path in enumerate(configs, 1)
    ]


def _resolved(variants: Sequence[_Variant], overrides: Sequence[str]) -> list[Resolved]:
    """All of them before any runs: the last may be wrong."""
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve

    return [resolve(read(path, [*overrides, *more, "mode=backtest"])) for _, path, more in variants]


def _run_all(labels: Sequence[str], resolved: Sequence[Resolved], bucket_s: int | None) -> list[ComparedRun]:
    runs = []
    with run_progress() as progress:
        for number, (label, item) in enumerate(zip(labels, resolved, strict=True), 1):
            runs.append(_run(label, item, bucket_s, progress(f"{number}/{len(labels)} {label}")))
    return runs


def _run(label: str, resolved: Resolved, bucket_s: int | None, progress: Callable[[int], None]) -> ComparedRun:
    from ultramm.analytics.report.comparison import ComparedRun
    from ultramm.nautilus.backtest import run_backtest
    from ultramm.nautilus.tracer import Tracer

    tracer = Tracer(bucket_s=bucket_s)
    result = run_backtest(resolved, progress=progress, collector=tracer)
    return ComparedRun(
        label=label,
        first_ns=result.first_ns,
        last_ns=result.last_ns,
        market_events=result.market_events,
        data=result.data,
        makers=[(score, tracer.traces[score.strategy, score.instrument]) for score in result.scores],
    )


# -- what came of it -------------------------------------------------------------------------------------------


def _paired(runs: Sequence[ComparedRun]) -> tuple[list[Difference], list[str]]:
    """The differences to the first run, and why others are missing."""
    from ultramm.analytics.report.comparison import difference, why_not_paired

    differences, reasons = [], []
    for run in runs[1:]:
        reason = why_not_paired(runs[0], run)
        if reason is None:
            differences.append(difference(runs[0], run))
        else:
            reasons.append(reason)
    return differences, reasons


def _plain(runs: Sequence[ComparedRun]) -> dict[str, Any]:
    from ultramm.analytics.report.comparison import summary

    differences, reasons = _paired(runs)
    return {
        "runs": [{"label": run.label, "metrics": msgspec.to_builtins(summary(run))} for run in runs],
        "base": runs[0].label,
        "differences": msgspec.to_builtins(differences),
        "not_paired": reasons,
    }


def _print(runs: Sequence[ComparedRun]) -> None:
    from ultramm.analytics.report.comparison import summary

    columns = [summary(run) for run in runs]
    rows = [
        (f"{metrics[0].name}, {metrics[0].unit}", *(_cell(metric.value, metric.error) for metric in metrics))
        for metrics in zip(*columns, strict=True)
    ]
    differences, reasons = _paired(runs)
    found = {item.label: item for item in differences}
    if found:
        items = [found.get(run.label) for run in runs]
        rows.append((f"P&L less {runs[0].label}", *(_cell(d.total, d.standard_error) if d else "" for d in items)))
        rows.append(("  t statistic", *(_cell(d.t) if d else "" for d in items)))
    print_table("backtests", ("", *(f">{run.label}" for run in runs)), rows)
    if differences:
        steps, step_s = differences[0].steps, differences[0].step_s
        typer.echo(f"± is a standard error; P&L is paired over {steps:,} steps of {step_s:g} s.")
    for reason in reasons:
        typer.echo(f"No difference is shown: {reason}.")


def _cell(value: float | None, error: float | None = None) -> str:
    from ultramm.analytics.report.metrics import plain

    return plain(value) + ("" if error is None else f" ± {plain(error)}")
