"""``ultramm backtest compare --strategies``: several strategies on several markets and seeds of them."""

from __future__ import annotations

import hashlib
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import typer

from ultramm import __version__
from ultramm.cli.output import number, percent, print_json, print_table
from ultramm.errors import UserError

if TYPE_CHECKING:
    from ultramm.analytics.contest import Played, Standing
    from ultramm.config.load import Loaded

_COLUMNS = ("strategy", ">P&L", ">less the first", ">t", ">fills", ">5 s markout, bps", ">quoting", ">mean inventory")
_HORIZON_S = 5.0
_MOST_STEPS = 1_000


class _Entry(msgspec.Struct, frozen=True):
    """One run that is wanted."""

    market: str
    strategy: str
    loaded: Loaded

    @property
    def key(self) -> str:
        """The same for the same configuration and version: what a finished run is found again by."""
        encoded = msgspec.json.encode((__version__, self.market, self.strategy, self.loaded.config), order="sorted")
        return hashlib.sha256(encoded).hexdigest()


def contest(
    markets: Sequence[tuple[str, Loaded]], strategies: Path, seeds: int, jobs: int, runs: Path | None, style: str
) -> None:
    """Play every strategy on every market and seed, and print where they stand.

    Parameters
    ----------
    runs : Path or None
        Finished runs are added to this file, and not played again when they are found in it.
    style : {"table", "markdown", "json"}
        How to print.
    """
    from ultramm.analytics.contest import standings

    entries = _entries(markets, strategies, seeds)
    played = _play_all(entries, jobs, runs)
    found = standings(played)
    if style == "json":
        print_json({"standings": msgspec.to_builtins(found), "runs": [_without_steps(run) for run in played]})
    for market, of_market in groupby(found, key=lambda standing: standing.market):
        rows = list(of_market)
        if style == "markdown":
            typer.echo(_markdown(_title(market, rows[0]), _rows(rows)))
        elif style == "table":
            print_table(_title(market, rows[0]), _COLUMNS, _rows(rows))


def _without_steps(run: Played) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(run)
    del plain["steps"]
    return plain


# -- what to run -----------------------------------------------------------------------------------------------


def _entries(markets: Sequence[tuple[str, Loaded]], strategies: Path, seeds: int) -> list[_Entry]:
    """All of them, checked before any runs: the last may be wrong."""
    from ultramm.config.contest import entered, read_contestants
    from ultramm.config.resolve import resolve

    contestants = read_contestants(strategies)
    entries = []
    for market, loaded in markets:
        config = loaded.config
        # A recording is the same whatever the seed.
        drawn = any(venue.adapter != "replay" for venue in config.venues.values())
        for name, contestant in contestants.items():
            for seed in range(config.seed, config.seed + (seeds if drawn else 1)):
                entry = _Entry(market, name, entered(loaded, contestant, seed))
                resolve(entry.loaded)
                entries.append(entry)
    return entries


def _play_all(entries: Sequence[_Entry], jobs: int, runs: Path | None) -> list[Played]:
    done = _finished(runs)
    missing = [entry for entry in entries if entry.key not in done]
    with _progress(len(entries), len(entries) - len(missing)) as advance:
        for entry, played in _results(missing, jobs):
            done[entry.key] = played
            if runs is not None:
                _keep(runs, entry.key, played)
            advance(f"{entry.market}: {entry.strategy}")
    return [done[entry.key] for entry in entries]


def _results(entries: Sequence[_Entry], jobs: int) -> Iterator[tuple[_Entry, Played]]:
    if jobs == 1 or len(entries) < 2:
        for entry in entries:
            yield entry, _play(entry)
        return
    # Spawned: the kernel's threads do not survive a fork.
    pool = ProcessPoolExecutor(min(jobs, len(entries)), mp_context=multiprocessing.get_context("spawn"))
    with pool:
        futures: dict[Future[Played], _Entry] = {pool.submit(_play, entry): entry for entry in entries}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _play(entry: _Entry) -> Played:
    from ultramm.analytics.contest import Played
    from ultramm.config.resolve import resolve
    from ultramm.nautilus.backtest import run_backtest
    from ultramm.nautilus.tracer import Tracer

    tracer = Tracer()
    result = run_backtest(resolve(entry.loaded), collector=tracer)
    (score,) = result.scores
    trace = tracer.traces[score.strategy, score.instrument]
    step_ns = _common_step_ns(trace.buckets.step_ns, result.last_ns - result.first_ns)
    steps = trace.bucket_pnl(result.first_ns, result.last_ns, step_ns)
    return Played(
        market=entry.market,
        strategy=entry.strategy,
        seed=result.seed,
        currency=score.pnl.currency,
        seconds=(result.last_ns - result.first_ns) * 1e-9,
        pnl=score.pnl.total,
        fees=score.pnl.fees,
        spread_capture=score.pnl.spread_capture,
        steps=tuple(steps.tolist()),
        fills=score.fills,
        markout_bps=score.markout_bps(_HORIZON_S),
        presence=score.quoting.uptime,
        mean_inventory=score.inventory.mean_abs or 0.0,
    )


def _common_step_ns(kept_ns: int, span_ns: int) -> int:
    """A step that is the same for all strategies: a trace keeps finer ones the calmer it was, all of them doublings."""
    while span_ns > _MOST_STEPS * kept_ns:
        kept_ns *= 2
    return kept_ns


# -- finished runs ---------------------------------------------------------------------------------------------


def _finished(path: Path | None) -> dict[str, Played]:
    from ultramm.analytics.contest import Played

    if path is None or not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        # A last line without its end was being written when the work was stopped.
        whole = text[: text.rfind("\n") + 1]
        found = dict(msgspec.json.decode(line, type=tuple[str, Played]) for line in whole.splitlines())
        if found and whole != text:
            path.write_text(whole, encoding="utf-8")
        return found
    except (OSError, UnicodeDecodeError, msgspec.DecodeError) as exc:
        raise UserError(f"--runs {path}: holds no finished runs: {exc}; name another file") from exc


def _keep(path: Path, key: str, played: Played) -> None:
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(msgspec.json.encode((key, played)).decode() + "\n")
    except OSError as exc:
        raise UserError(f"--runs {path}: cannot be written: {exc.strerror or exc}") from exc


@contextmanager
def _progress(total: int, done: int) -> Iterator[Any]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("running", total=total, completed=done)
        yield lambda text: bar.update(task, advance=1, description=text)


# -- where they stand ------------------------------------------------------------------------------------------


def _title(market: str, standing: Standing) -> str:
    runs = f"{standing.runs} runs of" if standing.runs > 1 else "a run of"
    return f"{market}: {standing.currency}, {runs} {standing.seconds / 60:,.1f} minutes"


def _rows(standings: Sequence[Standing]) -> list[tuple[str, ...]]:
    """Money with as many decimals as the largest amount, or error, needs for five figures."""
    largest = max(max(abs(standing.pnl), standing.pnl_error or 0.0) for standing in standings)
    digits = max(0, 4 - math.floor(math.log10(largest))) if largest > 0 else 2
    return [_row(standing, digits) for standing in standings]


def _row(row: Standing, digits: int) -> tuple[str, ...]:
    return (
        row.strategy,
        _with_error(row.pnl, row.pnl_error, digits),
        "" if row.difference is None else _with_error(row.difference, row.difference_error, digits),
        "" if row.t is None else f"{row.t:.1f}",
        f"{row.fills:,.0f}",
        number(row.markout_bps, 2),
        percent(row.presence),
        f"{row.mean_inventory:,.4g}",
    )


def _with_error(value: float, error: float | None, digits: int) -> str:
    value = 0.0 if value == 0 else value
    return f"{value:,.{digits}f}" + (f" ± {error:,.{digits}f}" if error else "")


def _markdown(title: str, rows: Sequence[tuple[str, ...]]) -> str:
    lines = [
        f"**{title}**",
        "",
        "| " + " | ".join(column.lstrip(">") for column in _COLUMNS) + " |",
        "|" + "|".join("--:" if column.startswith(">") else "---" for column in _COLUMNS) + "|",
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]
    return "\n".join(lines)
