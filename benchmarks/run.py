"""Measure speed and memory, within one run and as ratios: machines are noisy.

::

    make bench                          everything, some ten minutes
    make bench ARGS="--quick"           about a minute
    make bench ARGS="--json out.json"   the numbers for a program
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

import features
import quoting
import recording as recording_cost
import scale
import step
from arena import Arena, recording, synthetic


class Row(msgspec.Struct, frozen=True):
    """One line of the table; `target` is empty where a number only explains another."""

    part: str
    what: str
    value: str
    target: str = ""
    met: bool | None = None


class Sizes(msgspec.Struct, frozen=True):
    """How much to do."""

    arena_events: int
    arena_repeats: int
    recording_events: int | None
    step_events: int
    step_repeats: int
    strategy_events: int
    strategy_repeats: int
    tables: int
    long_events: tuple[int, ...]
    market_events: int
    market_repeats: int
    record_events: int
    record_repeats: int


FULL = Sizes(40_000, 15, None, 10_000, 7, 60_000, 5, 500, (1_000_000, 2_000_000, 4_000_000), 300_000, 5, 100_000, 5)
_CALM_PACE = 40.0  # seconds of the recording's market a second: some thousand events
QUICK = Sizes(8_000, 2, 3_000, 1_000, 2, 20_000, 3, 50, (100_000, 200_000, 400_000), 50_000, 2, 40_000, 1)


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# -- 1: the framework beside a bare strategy ---------------------------------------------------------------------


def compare(name: str, arena: Arena, repeats: int) -> tuple[dict[str, Any], list[Row]]:
    """Both makers on the same events, in turns; the first turn warms up and is not counted.

    Of each chunk of events the shortest time counts: what disturbs a measurement only adds to it, and a neighbour on
    the machine may disturb any whole run.
    """
    ours, bare = [], []
    for turn in range(repeats + 1):
        progress(f"  {name}: turn {turn} of {repeats}")
        if turn % 2:
            with_framework, without = arena.framework(), arena.bare()
        else:
            without, with_framework = arena.bare(), arena.framework()
        assert with_framework.orders == without.orders, (with_framework.orders, without.orders)
        assert with_framework.fills == without.fills, "the two makers were filled differently"
        if turn:
            ours.append(with_framework.seconds)
            bare.append(without.seconds)
    ours_s, bare_s = undisturbed(ours), undisturbed(bare)
    ratio = ours_s / bare_s
    numbers = {
        "events": len(arena),
        "orders": without.orders,
        "fills": len(without.fills),
        "ultramm_events_per_s": len(arena) / ours_s,
        "bare_events_per_s": len(arena) / bare_s,
        "ratio_of_times": ratio,
        "ratio_of_medians": statistics.median(map(sum, ours)) / statistics.median(map(sum, bare)),
        "overhead_us_per_event": 1e6 * (ours_s - bare_s) / len(arena),
    }
    both = f"{numbers['ultramm_events_per_s']:,.0f} and {numbers['bare_events_per_s']:,.0f} events/s"
    same = f"{len(arena):,} events, {without.orders:,} orders, {len(without.fills):,} fills, the same for both"
    rows = [
        Row(f"backtest, {name}", "time of ultramm / time of a bare strategy", f"{ratio:.2f}", "≤ 1.25", ratio <= 1.25),
        Row("", "ultramm and bare strategy", both),
        Row("", "what was run", same),
    ]
    return numbers, rows


def undisturbed(runs: list[list[float]]) -> float:
    """Seconds of a run made of the shortest time of each chunk."""
    return sum(map(min, zip(*runs, strict=True)))


def backtests(sizes: Sizes) -> tuple[dict[str, Any], list[Row]]:
    progress("backtest: the framework beside a bare strategy")
    numbers, rows = {}, []
    progress("  synthetic market: generating")
    numbers["synthetic"], rows = compare(
        "synthetic market", Arena(synthetic(), sizes.arena_events), sizes.arena_repeats
    )
    recorded = recording()
    if recorded is None:
        progress("  no recording in ../shared/data")
    else:
        progress("  Binance recording: reading")
        numbers["binance"], more = compare(
            "Binance recording", Arena(recorded, sizes.recording_events), sizes.arena_repeats
        )
        rows += more
    return numbers, rows


# -- 2: the pure step ----------------------------------------------------------------------------------------------


def steps(sizes: Sizes) -> tuple[dict[str, Any], list[Row]]:
    progress("step: one book event without a kernel")
    tapes = {"realistic": step.walk, "nothing changes": step.still, "all replaced": step.jumps}
    numbers: dict[str, Any] = {}
    rows = []
    for levels in (3, 10):
        for name, tape in tapes.items():
            progress(f"  {levels} levels, {name}")
            cost = step.measure(tape, sizes.step_events, levels, sizes.step_repeats)
            numbers[f"{levels} levels, {name}"] = msgspec.to_builtins(cost)
            text = f"{cost.mean:.0f} µs, median {cost.median:.0f}, p99 {cost.p99:.0f}; decide {cost.decide:.0f}"
            target = ("≤ 50 µs", cost.mean <= 50) if name == "realistic" else ("", None)
            rows.append(Row("step, 10 x 10 book", f"{levels} levels a side, {name}", text, *target))
    return numbers, rows


# -- 3: strategies that calibrate and solve -----------------------------------------------------------------------


def strategies(sizes: Sizes) -> tuple[dict[str, Any], list[Row]]:
    progress("strategies by the engine: features, decision, table")
    numbers: dict[str, Any] = {}
    rows = []
    for name in ("glft", "adaptive-market-maker"):
        progress(f"  {name}")
        found = quoting.measure(name, sizes.strategy_events, sizes.strategy_repeats)
        numbers[name] = msgspec.to_builtins(found)
        for what, cost, target_us in (
            ("features and decision", found.event, 60.0),
            ("  features", found.features, None),
            ("  decision", found.decide, None),
            ("estimates, verdict and table", found.refresh, 1000.0),
        ):
            text = f"{cost.mean:.0f} µs, median {cost.median:.0f}, p99 {cost.p99:.0f}"
            target = ("", None) if target_us is None else (f"≤ {target_us:g} µs", cost.mean <= target_us)
            rows.append(Row(name, what, text, *target))
    progress("  every feature there is")
    cost = quoting.cost(features.measure(sizes.strategy_events, sizes.strategy_repeats))
    numbers["every feature"] = msgspec.to_builtins(cost)
    text = f"{cost.mean:.0f} µs, median {cost.median:.0f}, p99 {cost.p99:.0f}"
    both = cost.mean + numbers["adaptive-market-maker"]["decide"]["mean"]
    rows.append(Row("every feature", "of ultramm.features, each event", text))
    rows.append(Row("", "and a decision of adaptive-market-maker", f"{both:.0f} µs", "≤ 60 µs", both <= 60))
    progress("  tables alone")
    for lots, cost in quoting.tables(sizes.tables).items():
        numbers[f"table of {lots} lots"] = msgspec.to_builtins(cost)
        text = f"{cost.mean:.0f} µs, median {cost.median:.0f}, p99 {cost.p99:.0f}"
        rows.append(Row("table alone", f"{lots} lots at full position", text, "≤ 1000 µs", cost.mean <= 1000))
    return numbers, rows


# -- 4: long runs --------------------------------------------------------------------------------------------------


def long_runs(sizes: Sizes) -> tuple[dict[str, Any], list[Row]]:
    progress("long backtests from a stream, each in a process of its own")
    runs, rows = [], []
    for events in sizes.long_events:
        progress(f"  {events:,} events")
        runs.append(scale.long_run(events))
    first, last = runs[0], runs[-1]
    share = statistics.median(run.generation_s / run.seconds for run in runs)
    for run in runs:
        text = f"{run.seconds_per_million:.1f} s a million, peak {run.peak_mb:.0f} MB, {run.orders:,} orders"
        rows.append(Row("long backtest", f"{run.events:,} events", text))
    times = last.seconds_per_million / first.seconds_per_million
    rows.append(Row("", "time an event, longest / shortest", f"{times:.2f}", "≤ 1.2", times <= 1.2))
    rows.append(Row("", "of which generating the market", f"{100 * share:.0f} %"))
    growth = last.peak_mb - first.peak_mb
    rows.append(Row("", "peak memory, longest - shortest", f"{growth:+.0f} MB", "≤ 20 MB", growth <= 20))
    numbers = {
        "runs": msgspec.to_builtins(runs),
        "ratio_of_time_an_event": times,
        "generation_share": share,
        "growth_mb": growth,
    }
    return numbers, rows


# -- 5: recording ----------------------------------------------------------------------------------------------------


def recordings(sizes: Sizes) -> tuple[dict[str, Any], list[Row]]:
    """A node that listens, with and without a recorder, in turns, each in a process of its own."""
    progress("recording: a node with and without a recorder")
    runs: dict[str, list[recording_cost.Recorded]] = {"plain": [], "recorded": []}
    calm: dict[str, list[recording_cost.Recorded]] = {"plain": [], "recorded": []}
    for turn in range(sizes.record_repeats):
        progress(f"  turn {turn + 1} of {sizes.record_repeats}")
        for side, of_side in runs.items():
            of_side.append(recording_cost.measure(sizes.record_events, 0, side))
            calm[side].append(recording_cost.measure(sizes.record_events // 4, _CALM_PACE, side))
    best = {side: min(run.seconds for run in of_side) for side, of_side in runs.items()}
    ratio = best["recorded"] / best["plain"]
    last = runs["recorded"][-1]
    late = {side: statistics.median(run.late_p99_ms for run in of_side) for side, of_side in calm.items()}
    progress("  a long one")
    long = recording_cost.measure(10 * sizes.record_events, 0, "recorded")
    growth = long.peak_mb - last.peak_mb
    events, dropped = sizes.record_events, sum(run.dropped for run in (*runs["recorded"], long))
    both = f"{events / best['recorded']:,.0f} and {events / best['plain']:,.0f} events/s, {dropped} dropped"
    sizes_text = f"{last.parquet_bytes:.1f} in Parquet, {last.spool_bytes:.0f} in the spool"
    late_text = f"{late['recorded']:.1f} and {late['plain']:.1f} ms"
    rows = [
        Row("recording", "time of a node that records / one that listens", f"{ratio:.2f}", "≤ 1.5", ratio <= 1.5),
        Row("", "as fast as it goes, with and without recorder", both),
        Row("", f"lateness of the loop, p99, {_CALM_PACE:g} x the market", late_text),
        Row("", "bytes a row", sizes_text),
        Row("", "peak memory, ten times as long", f"{growth:+.0f} MB", "≤ 30 MB", growth <= 30),
    ]
    numbers = {"runs": msgspec.to_builtins(runs), "calm": msgspec.to_builtins(calm), "long": msgspec.to_builtins(long)}
    return numbers, rows


# -- 6: the market -------------------------------------------------------------------------------------------------


def market(sizes: Sizes) -> tuple[dict[str, Any], list[Row]]:
    progress("synthetic market alone")
    best = max(scale.events_per_second(sizes.market_events) for _ in range(sizes.market_repeats))
    row = Row("synthetic market", "events generated, tight", f"{best:,.0f} events/s", "≥ 100,000", best >= 100_000)
    return {"events_per_s": best}, [row]


PARTS: dict[str, Callable[[Sizes], tuple[dict[str, Any], list[Row]]]] = {
    "backtest": backtests,
    "step": steps,
    "strategies": strategies,
    "long": long_runs,
    "recording": recordings,
    "market": market,
}


def show(rows: list[Row]) -> None:
    table = Table(title=f"ultramm on Python {platform.python_version()}, {platform.machine()}", title_justify="left")
    for column in ("", "measured", "value", "target"):
        table.add_column(column)
    before = None
    for row in rows:
        if row.part not in {before, ""}:
            table.add_section()
        mark = "" if row.met is None else " [green]met[/]" if row.met else " [red]missed[/]"
        table.add_row("" if row.part == before else row.part, row.what, row.value, row.target + mark)
        before = row.part or before
    Console(width=None if sys.stdout.isatty() else 140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure speed and memory, as ratios within one run.")
    parser.add_argument("--quick", action="store_true", help="about a minute, with wider error")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    parser.add_argument("--only", choices=list(PARTS), action="append", help="one part; may be repeated")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else FULL
    numbers, rows = {}, []
    for name in arguments.only or PARTS:
        numbers[name], more = PARTS[name](sizes)
        rows += more
    show(rows)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(numbers)) + b"\n")


if __name__ == "__main__":
    main()
