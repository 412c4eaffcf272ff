"""``ultramm data``: recordings into catalogs, and what catalogs hold."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import to_builtins

from ultramm.cli.options import Json, OptionalConfig, Set
from ultramm.cli.output import moment, number, print_json, print_table
from ultramm.errors import DataError, RunError

if TYPE_CHECKING:
    from rich.progress import Progress

    from ultramm.nautilus.catalog.manifest import ImportSummary
    from ultramm.nautilus.catalog.verify import Verdict

app = typer.Typer(help="Market data in and out of catalogs.", no_args_is_help=True)

Catalog = Annotated[Path, typer.Option("--catalog", metavar="DIR", help="Folder of the catalog.")]


class Kind(enum.StrEnum):
    """What can be imported."""

    BARS = "bars"
    BINANCE = "binance"
    BITSTAMP = "bitstamp"
    DATABENTO = "databento"
    LEAN = "lean"
    QUOTES = "quotes"
    TARDIS = "tardis"


class PresetName(enum.StrEnum):
    """The built-in market's presets."""

    TIGHT = "tight"
    WIDE = "wide"
    BENIGN = "benign"
    WIDE2 = "wide2"


@app.command("import")
def import_files(
    kind: Annotated[Kind, typer.Argument(help="What the files are; see docs/markets.md.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of one instrument.")],
    catalog: Catalog,
    instrument: Annotated[
        str | None,
        typer.Option("--instrument", metavar="ID", help="SYMBOL.VENUE; by default found in the files."),
    ] = None,
    json: Json = False,
) -> None:
    """Import captures into a catalog; importing the same content again changes nothing."""
    for file in files:
        if not file.is_file():
            raise DataError(f"{file}: no such file")
    from ultramm.nautilus.recordings.importing import import_recording
    from ultramm.nautilus.recordings.kinds import open_recording

    with _bar() as bar:
        task = bar.add_task(f"importing {kind.value}", total=None)
        summary = import_recording(
            open_recording(kind.value, files, instrument),
            catalog,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if json:
        print_json(summary)
    else:
        _print_summary(summary)


@app.command("record")
def record_venues(
    config: OptionalConfig = None,
    catalog: Annotated[
        Path | None,
        typer.Option("--catalog", metavar="DIR", help="Folder of the catalog, instead of the configuration's."),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="End after this long, such as 30m or 8h.")
    ] = None,
    rotate: Annotated[
        str | None, typer.Option(metavar="TIME", help="Length of a file, instead of the configuration's.")
    ] = None,
    json: Json = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Record what the venues of a configuration send, without trading, until it is stopped."""
    from ultramm.cli.durations import seconds
    from ultramm.cli.node import check_log_directory
    from ultramm.config.load import read
    from ultramm.config.resolve import resolve
    from ultramm.config.schema import Recorder

    duration_s = None if duration is None else seconds(duration, "--duration")
    resolved = resolve(read(config, overrides))
    settings = resolved.config.recorder or Recorder()
    rotate_s = settings.rotate_s if rotate is None else seconds(rotate, "--rotate")
    check_log_directory(resolved.loaded.path, resolved.config.logging.directory)
    from ultramm.cli.record import record

    record(resolved, catalog or Path(settings.catalog), rotate_s, duration_s, json=json)


@app.command("recover")
def recover_recording(
    catalog: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the catalog.")], json: Json = False
) -> None:
    """Bring what an interrupted recording left into its catalog; `data record` does it by itself."""
    from ultramm.cli.record import print_publication
    from ultramm.nautilus.recorder.publish import recover

    recovered = recover(catalog)
    if json:
        print_json(recovered)
    elif recovered is None:
        typer.echo(f"{catalog}: nothing to recover")
    else:
        print_publication(f"{catalog}: recovered", recovered)


@app.command("list")
def list_catalog(
    catalog: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the catalog.")] = Path("data/catalog"),
    json: Json = False,
) -> None:
    """List what a catalog holds."""
    from ultramm.nautilus.catalog.read import holdings

    found = holdings(catalog)
    _tell_unpublished(catalog)
    if json:
        print_json(found)
        return
    if not found:
        typer.echo(f"{catalog}: empty; fill it with `ultramm data import` or `ultramm data synth`")
        return
    rows = [(h.instrument_id, h.kind, f"{h.rows:,}", _clock(h.first_ns), _clock(h.last_ns)) for h in found]
    print_table(str(catalog), ("instrument", "kind", ">rows", "from (UTC)", "to (UTC)"), rows)


@app.command("verify")
def verify_catalog(
    catalog: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of the catalog.")] = Path("data/catalog"),
    gap: Annotated[str, typer.Option(metavar="TIME", help="Silence that counts as a gap.")] = "60s",
    json: Json = False,
) -> None:
    """Check a catalog: time in order, counts as imported, crossed books, gaps; exit code 1 when it is not sound."""
    from ultramm.cli.durations import seconds
    from ultramm.nautilus.catalog.verify import verify

    gap_s = seconds(gap, "--gap")
    with _bar() as bar:
        task = bar.add_task("verifying", total=None)
        verdicts = verify(
            catalog, gap_s=gap_s, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    _tell_unpublished(catalog)
    if json:
        print_json([{**to_builtins(verdict), "sound": verdict.sound} for verdict in verdicts])
    else:
        for verdict in verdicts:
            _print_verdict(verdict, gap)
    unsound = [verdict.instrument_id for verdict in verdicts if not verdict.sound]
    if unsound:
        raise RunError(f"{catalog}: {', '.join(unsound)}: not sound; import into a new catalog")


@app.command("synth")
def synth(
    catalog: Catalog,
    instrument: Annotated[
        str, typer.Option("--instrument", metavar="ID", help="SYMBOL.VENUE of the instrument to make.")
    ] = "BTCUSDT.SIM",
    preset: Annotated[PresetName, typer.Option(help="Who trades.")] = PresetName.WIDE,
    seed: Annotated[int, typer.Option(help="Same seed, same market.")] = 0,
    duration: Annotated[str, typer.Option(metavar="TIME", help="Length, such as 90s, 30m or 2h.")] = "1h",
    pace: Annotated[float, typer.Option(min=0.01, help="Seconds of market a second.")] = 1.0,
    json: Json = False,
) -> None:
    """Generate a session of the built-in market into a catalog."""
    from ultramm.cli.durations import seconds
    from ultramm.nautilus.catalog.synthetic import generate

    length_s = seconds(duration, "--duration")
    with _bar() as bar:
        task = bar.add_task(f"generating {preset.value}", total=length_s)
        summary = generate(
            catalog,
            instrument,
            preset.value,
            seed=seed,
            duration_s=length_s,
            pace=pace,
            progress=lambda done_s: bar.update(task, completed=done_s),
        )
    if json:
        print_json(summary)
    else:
        _print_summary(summary)


def _tell_unpublished(catalog: Path) -> None:
    """What a recording has not brought into the catalog yet."""
    from ultramm.nautilus.recorder.spool import unpublished

    if (note := unpublished(catalog)) is not None:
        typer.echo(f"ultramm: {note}", err=True)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _print_verdict(verdict: Verdict, gap: str) -> None:
    rows = [
        ("from", f"{_clock(verdict.first_ns)} UTC"),
        ("to", f"{_clock(verdict.last_ns)} UTC"),
        ("book changes", f"{verdict.batches:,}"),
        ("trades", f"{verdict.trades:,}"),
        ("bars", f"{verdict.bars:,}"),
        ("back in time", f"{verdict.back_in_time:,}"),
        *[(f"{kind} imported, found", f"{was:,}, {found:,}") for kind, (was, found) in verdict.miscounted.items()],
        ("crossed or locked books", f"{verdict.crossed:,}"),
        ("books with an empty side", f"{verdict.one_sided:,}"),
        (f"silences over {gap}", f"{verdict.gaps:,}"),
        ("longest silence", f"{verdict.longest_gap_s:,.1f} s"),
    ]
    print_table(f"{verdict.instrument_id}: {'sound' if verdict.sound else 'NOT SOUND'}", ("", ">"), rows)


def _clock(ts_ns: int) -> str:
    return moment(ts_ns, "milliseconds")


def _print_summary(summary: ImportSummary) -> None:
    rows = [
        ("from", f"{_clock(summary.first_ns)} UTC"),
        ("to", f"{_clock(summary.last_ns)} UTC"),
        ("rows read", f"{summary.rows:,}"),
        *[(f"kept: {kind}", f"{count:,}") for kind, count in summary.kept.items() if count],
        *[(f"dropped: {cause}", f"{count:,}") for cause, count in summary.dropped.items()],
        *[(f"mended: {what}", f"{count:,}") for what, count in summary.mended.items()],
        *[(f"gaps: {kind}", f"{count:,}") for kind, count in summary.gap_counts.items()],
        ("crossed books", f"{summary.crossed_batches:,}"),
        ("exchange clock ahead", f"{number(summary.clock_offset_ms, 1)} ms"),
    ]
    if summary.starts_incomplete:
        rows.append(("beginning", "no snapshot: the book fills up from the first changes"))
    state = "already there, nothing was done" if summary.already_imported else "imported"
    print_table(f"{summary.instrument_id} ({summary.product}): {state}", ("", ">"), rows)
