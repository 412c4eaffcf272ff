"""Crashes, with the limits of `risk` and without them: what each costs at most, and when the position is gone.

::

    .venv/bin/python benchmarks/crashes.py                            5 crashes, 2 strategies, 20 seeds
    .venv/bin/python benchmarks/crashes.py --seeds 4 --only drop      fewer
    .venv/bin/python benchmarks/crashes.py --json out.json            every run for a program

The market is ``wide`` as in ``config/comparison/synthetic.yaml``; a crash comes after two minutes, and two minutes on
the run ends. Runs of one seed meet the same market, so that those with and without limits are compared pair by pair;
``±`` is the standard error over seeds.

*Loss* is how far the P&L fell below that of the moment before the crash, at worst; *P&L* what it was at the end against
the same. *Flat* is in how many runs, and how soon (median, last), the position was zero for the first time since then;
*at the end*, in how many it is. One that was not stopped goes on trading, and is flat now and then only.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ultramm.config.load import read
from ultramm.config.resolve import Resolved, resolve
from ultramm.journal.records import HaltEvent, OrderEvent, Record
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.shell import MakerShell
from ultramm.risk.stops import SOURCE
from ultramm.simulation.scenarios import SCENARIOS

CONFIG = Path(__file__).resolve().parents[1] / "config" / "comparison" / "synthetic.yaml"
AT_S, AFTER_S = 120.0, 120.0
# A venue that refuses each new order for so long, and takes cancels. The kernel's never does, so the shell plays it;
# over the live path it is the emulator's fault `reject`.
REFUSED = "refused"
REFUSED_S = 60.0
CRASHES = (*SCENARIOS, REFUSED)

STRATEGIES: dict[str, tuple[str, ...]] = {
    "market-maker": (
        "strategies.0.use=market-maker",
        "strategies.0.params={order_size: 0.01, max_position: 0.1, levels: 3, half_spread_bps: 2, level_step_bps: 1, "
        "skew: 1, refresh_ms: 100, stale_after_s: %(stale_after_s)s}",
    ),
    # Without its judge, which would not let it quote before it had watched the market for long.
    "adaptive-market-maker": (
        "strategies.0.use=adaptive-market-maker",
        "strategies.0.params={order_size: 0.01, max_position: 0.1, levels: 3, edge_gate: false, refresh_ms: 100, "
        "stale_after_s: %(stale_after_s)s}",
    ),
}
# Of a position of at most 5,000 USDT.
LIMITS = {
    "max_daily_loss": "10 USDT",
    "max_drawdown": "{soft: 5 USDT, hard: 10 USDT}",
    "max_losses_in_row": "12",
    "max_rejects_in_row": "20",
    "fill_burst": "{orders: 3, within_s: 1, rest_s: 2}",
    "max_notional": "6000",
    "price_collar_bps": "100",
    "max_open_orders": "20",
}
# As far as the configuration lets them be lifted: `max_position` is the strategy's own.
LIFTED = {
    "max_notional": "null",
    "max_rejects_in_row": "1000000000",
    "price_collar_bps": "1000000",
    "max_open_orders": "1000000",
    "messages_per_second": "1000000",
    "message_burst": "1000000",
}
STALE_AFTER_S, NEVER_STALE_S = "5", "1000000"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one run; money is in the settlement currency."""

    crash: str
    strategy: str
    limits: bool
    seed: int
    loss: float
    pnl: float
    largest: float
    flat_s: float | None
    left: float
    stopped_s: float | None
    refused: int


class Witness(Collector):
    """Marks the P&L and the position at each change of the market, from the moment before the crash on.

    Parameters
    ----------
    refuses : bool
        Whether the venue does.
    """

    def __init__(self, *, refuses: bool) -> None:
        super().__init__()
        self.shell = _RefusedShell if refuses else _WatchedShell
        self.began_ns = 0
        self.before = self.last = self.lowest = 0.0
        self.largest = self.position = 0.0
        self.flat_s: float | None = None
        self.stopped_s: float | None = None
        self.refused = 0

    def __call__(self, ts_ns: int, record: Record) -> None:
        super().__call__(ts_ns, record)
        since_s = self.since_s(ts_ns)
        if isinstance(record, HaltEvent) and record.source == SOURCE and self.stopped_s is None:
            self.stopped_s = since_s
        elif isinstance(record, OrderEvent) and record.event == "rejected" and since_s >= 0.0:
            self.refused += 1

    def since_s(self, ts_ns: int) -> float:
        """Seconds since the crash; negative before it."""
        return (ts_ns - self.began_ns) * 1e-9 - AT_S if self.began_ns else -AT_S

    def look(self, ts_ns: int, pnl: float, position: float) -> None:
        """So it stands now."""
        self.began_ns = self.began_ns or ts_ns
        since_s = self.since_s(ts_ns)
        if since_s < 0.0:
            self.before = self.last = self.lowest = pnl
            self.position = position
            return
        self.largest = max(self.largest, abs(self.position), abs(position))
        self.last, self.position = pnl, position
        if pnl < self.lowest - 1e-9:
            self.lowest, self.flat_s = pnl, None
        if position == 0.0 and self.flat_s is None:
            self.flat_s = since_s


class _WatchedShell(MakerShell):
    def on_order_book_deltas(self, deltas: Any) -> None:
        super().on_order_book_deltas(deltas)
        self._look(deltas.ts_init)

    def on_order_filled(self, event: Any) -> None:
        super().on_order_filled(event)
        self._look(event.ts_init)

    def _look(self, ts_ns: int) -> None:
        witness, score = self._record, self.maker.score
        assert isinstance(witness, Witness)
        witness.look(ts_ns, score.attribution.equity_change(score.mid), score.attribution.position)


class _RefusedShell(_WatchedShell):
    """Its venue refuses what is sent in the minute after the crash, as late as it would have taken it."""

    def submit_order(self, order: Any) -> None:
        witness, now_ns = self._record, self.clock.timestamp_ns()
        assert isinstance(witness, Witness)
        if not 0.0 <= witness.since_s(now_ns) < REFUSED_S:
            super().submit_order(order)
            return
        order_id = order.client_order_id.value

        def refuse(_: Any) -> None:
            self.ended(order_id, "rejected", self.clock.timestamp_ns(), "refused by the venue")

        self.clock.set_time_alert(f"refused-{order_id}", self.clock.utc_now() + timedelta(milliseconds=50), refuse)


def configured(crash: str, strategy: str, *, limits: bool) -> Resolved:
    """A run's configuration, but for its seed."""
    values = {"stale_after_s": STALE_AFTER_S if limits else NEVER_STALE_S}
    market = () if crash == REFUSED else (f"venues.SIM.params.scenario={crash}",)
    return resolve(
        read(
            CONFIG,
            [
                f"venues.SIM.params.duration_s={AT_S + AFTER_S:g}",
                f"venues.SIM.params.scenario_at_s={AT_S:g}",
                *market,
                *(setting % values for setting in STRATEGIES[strategy]),
                *(f"risk.{key}={value}" for key, value in (LIMITS if limits else LIFTED).items()),
            ],
        )
    )


def play(resolved: Resolved, crash: str, strategy: str, seed: int, *, limits: bool) -> Run:
    """One run."""
    config = msgspec.structs.replace(resolved.config, seed=seed)
    witness = Witness(refuses=crash == REFUSED)
    result = run_backtest(msgspec.structs.replace(resolved, config=config), collector=witness)
    (score,) = result.scores
    return Run(
        crash=crash,
        strategy=strategy,
        limits=limits,
        seed=seed,
        loss=witness.before - witness.lowest,
        pnl=witness.last - witness.before,
        largest=witness.largest,
        flat_s=witness.flat_s,
        left=score.inventory.last,
        stopped_s=witness.stopped_s,
        refused=witness.refused,
    )


def runs(crashes: Sequence[str], strategies: Sequence[str], seeds: int) -> Iterator[Run]:
    """All of them."""
    for crash in crashes:
        for strategy in strategies:
            both = {limits: configured(crash, strategy, limits=limits) for limits in (True, False)}
            for seed in range(1, seeds + 1):
                for limits, resolved in both.items():
                    yield play(resolved, crash, strategy, seed, limits=limits)


# -- what they say ---------------------------------------------------------------------------------------------


def with_error(values: Sequence[float], digits: int = 1) -> str:
    """Mean, and its standard error."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):,.{digits}f} ± {error:,.{digits}f}"


def row(of: Sequence[Run]) -> tuple[str, ...]:
    flat = sorted(run.flat_s for run in of if run.flat_s is not None)
    median = f"{statistics.median(flat):.1f}" if flat else ""
    return (
        f"{with_error([run.loss for run in of])}",
        f"{max(run.loss for run in of):,.1f}",
        f"{with_error([run.pnl for run in of])}",
        f"{max(run.largest for run in of):.3g}",
        f"{sum(run.stopped_s is not None for run in of)}",
        closed(of),
        f"{len(flat)}",
        f"{median}, {flat[-1]:.1f}" if flat else "",
        f"{sum(run.left == 0.0 for run in of)}",
    )


def closed(of: Sequence[Run]) -> str:
    """How long after its stop each was flat for good that was stopped after the crash: median and longest, seconds."""
    took = [
        run.flat_s - run.stopped_s
        for run in of
        if run.flat_s is not None and run.stopped_s is not None and run.stopped_s >= 0.0 and run.left == 0.0
    ]
    return f"{statistics.median(took):.1f}, {max(took):.1f}" if took else ""


COLUMNS = ("loss", "worst", "P&L", "largest", "stopped", "then flat in s", "flat", "after s", "at the end")


def show(found: Sequence[Run], seeds: int) -> None:
    """A table of each crash, and what the limits saved."""
    console = Console(width=None if sys.stdout.isatty() else 160)
    for crash in dict.fromkeys(run.crash for run in found):
        of_crash = [run for run in found if run.crash == crash]
        table = Table(title=f"{crash}: USDT, {seeds} seeds", title_justify="left")
        table.add_column("strategy")
        table.add_column("limits")
        for column in COLUMNS:
            table.add_column(column, justify="right")
        table.add_column("loss less without", justify="right")
        for strategy in dict.fromkeys(run.strategy for run in of_crash):
            mine = {
                limits: [run for run in of_crash if run.strategy == strategy and run.limits == limits]
                for limits in (True, False)
            }
            less = [a.loss - b.loss for a, b in zip(mine[True], mine[False], strict=True)]
            table.add_row(strategy, "on", *row(mine[True]), with_error(less))
            table.add_row("", "off", *row(mine[False]), "")
        console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description="Crashes, with limits and without.")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", choices=CRASHES, action="append", help="this crash; may be repeated")
    parser.add_argument("--strategy", choices=tuple(STRATEGIES), action="append", help="this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every run there")
    arguments = parser.parse_args()
    crashes, strategies = arguments.only or CRASHES, arguments.strategy or tuple(STRATEGIES)
    total = 2 * len(crashes) * len(strategies) * arguments.seeds
    found = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("crashing", total=total)
        for run in runs(crashes, strategies, arguments.seeds):
            found.append(run)
            if arguments.json is not None and len(found) % 20 == 0:
                arguments.json.write_bytes(msgspec.json.encode(found))
            bar.update(task, advance=1, description=f"{run.crash}: {run.strategy}")
    show(found, arguments.seeds)
    if arguments.json is not None:
        arguments.json.write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
