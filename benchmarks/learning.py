"""What the maker with a learned model earns on the built-in market, on seeds that it has not learned from.

::

    .venv/bin/python benchmarks/learning.py --jobs 2 --runs data/learning.jsonl --markdown       about an hour
    .venv/bin/python benchmarks/learning.py --preset wide --ablation --markdown                  without each part
    .venv/bin/python benchmarks/learning.py --preset wide --turned --markdown                    a model that turns

Of each preset a model is trained on four hours, as ``ultramm model train`` does it, and half hours of other seeds are
played with 50 ms to the venue and the pessimistic queue.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from turning import HOWS, turned
from ultramm.analytics.contest import Played, mean_over_runs
from ultramm.config.contest import Contestant, entered
from ultramm.config.load import read
from ultramm.config.model import ModelConfig, read_model_config
from ultramm.nautilus.contest import Contest, Entry
from ultramm.nautilus.train import train

MODEL = Path("config/models/synthetic.yaml")
PRESETS = ("wide", "tight", "benign", "wide2")
KEEP = ["order_size", "max_position", "refresh_ms"]
AI, ENGINE, FIXED, ADAPTIVE = "ai", "engine alone", "fixed spread", "adaptive"
PARTS = ("move", "volatility", "adverse", "arrivals")
_FIRST_SEED = 101


def model_of(preset: str, *, shuffled: bool = False) -> str:
    """Train on a preset; gives the id."""
    wanted, market = read_model_config(MODEL, [f"venues.SIM.params.preset={preset}"])
    name = f"shuffled-{preset}" if shuffled else preset
    changed: ModelConfig = msgspec.structs.replace(wanted, name=name, shuffled=shuffled)
    return train(changed, market).about.id


def ai(model: str, **params: Any) -> Contestant:
    return Contestant(use="ai-market-maker", keep=KEEP, params={"model": model, "unproven": True, **params})


def rivals(model: str) -> dict[str, Contestant]:
    """With a model, and without."""
    return {
        FIXED: Contestant(use="market-maker", keep=[*KEEP, "half_spread_bps"], params={"skew": 0}),
        ENGINE: Contestant(use="glft", keep=KEEP),
        ADAPTIVE: Contestant(use="adaptive-market-maker", keep=KEEP),
        AI: ai(model),
    }


def ablations(model: str, shuffled: str) -> dict[str, Contestant]:
    """Without each thing that was learned, and with each alone; and with what was learned from shuffled outcomes."""
    without = {f"without {part}": ai(model, parts=[each for each in PARTS if each != part]) for part in PARTS}
    alone = {f"{part} alone": ai(model, parts=[part], uncertainty=0) for part in PARTS}
    rest = {"without the gate": ai(model, gate=False), "without uncertainty": ai(model, uncertainty=0)}
    return (
        {ENGINE: Contestant(use="glft", keep=KEEP), AI: ai(model)}
        | without
        | alone
        | rest
        | {"shuffled outcomes": ai(shuffled)}
    )


def entries(preset: str, contestants: dict[str, Contestant], seeds: int, minutes: float) -> list[Entry]:
    changes = [f"venues.SIM.params.preset={preset}", f"venues.SIM.params.duration_s={60 * minutes:g}", "mode=backtest"]
    market = read(Path("config/comparison/synthetic.yaml"), changes)
    return [
        Entry(preset, name, entered(market, contestant, seed))
        for name, contestant in contestants.items()
        for seed in range(_FIRST_SEED, _FIRST_SEED + seeds)
    ]


def less(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """P&L of a run less that of another, paired by seed."""
    mean, error = mean_over_runs(np.subtract(ours, theirs).tolist(), [()])
    return f"{mean:+.1f}" + (f" ± {error:.1f} (t {mean / error:.1f})" if error else "")


def rows(played: Sequence[Played], against: Sequence[str]) -> list[tuple[str, ...]]:
    """A line a market and strategy: its P&L, and that less those of others."""
    found: dict[tuple[str, str], list[Played]] = {}
    for run in played:
        found.setdefault((run.market, run.strategy), []).append(run)
    lines = []
    for (market, strategy), runs in found.items():
        pnl = [run.pnl for run in runs]
        others = [[run.pnl for run in found[market, other]] for other in against]
        cells = ["" if strategy == other else less(pnl, theirs) for other, theirs in zip(against, others, strict=True)]
        mean, error = mean_over_runs(pnl, [runs[0].steps])
        shown = f"{mean:.1f}" + (f" ± {error:.1f}" if error else "")
        fills, held = np.mean([run.fills for run in runs]), np.mean([run.mean_inventory for run in runs])
        lines.append((market, strategy, shown, *cells, f"{fills:,.0f}", f"{held:.4f}"))
    return lines


def show(columns: Sequence[str], lines: Sequence[Sequence[str]], *, markdown: bool) -> None:
    if markdown:
        print("| " + " | ".join(columns) + " |")
        print("|---|---|" + "--:|" * (len(columns) - 2))
        for line in lines:
            print("| " + " | ".join(line) + " |")
        return
    table = Table(*columns)
    for line in lines:
        table.add_row(*line)
    Console(width=None if sys.stdout.isatty() else 170).print(table)


def played(wanted: Sequence[Entry], jobs: int, runs: Path | None) -> list[Played]:
    with Contest(jobs, runs) as contest, Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("playing", total=len(wanted), completed=len(wanted) - contest.missing(wanted))
        return contest.play(wanted, lambda _: bar.advance(task))


def turns(preset: str, seeds: int, jobs: int) -> list[tuple[str, ...]]:
    """What a model costs whose signal turns, or becomes noise, in the middle of an hour, and how soon it is let go."""
    model = model_of(preset)
    wanted = range(_FIRST_SEED, _FIRST_SEED + seeds)
    with (
        ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool,
        Progress(console=Console(stderr=True)) as bar,
    ):
        runs = pool.map(turned, *zip(*((preset, model, seed) for seed in wanted), strict=True))
        found = [each for of_seed in bar.track(runs, len(wanted), description="playing") for each in of_seed]
    lines = []
    for how in HOWS:
        of = [each for each in found if each.how == how]
        pnl, engine = [each.pnl for each in of], [each.engine for each in of]
        worst = float(np.subtract(pnl, engine).min())
        late = "" if how == "not" else f"{max(each.let_go_s for each in of) / 60:.0f}"
        lines.append((preset, how, less(pnl, engine), f"{worst:+.1f}", late, f"{len(of)}"))
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--preset", action="append", choices=PRESETS, help="may be repeated; all if left out")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--runs", type=Path, metavar="FILE.jsonl", help="keep finished runs, and resume")
    parser.add_argument("--ablation", action="store_true", help="without each part instead")
    parser.add_argument("--turned", action="store_true", help="a model that turns in the middle instead")
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    presets = arguments.preset or PRESETS
    if arguments.turned:
        lines = [line for preset in presets for line in turns(preset, arguments.seeds, arguments.jobs)]
        columns = ("market", "its signal", "less the engine alone", "worst seed", "let go within, min", "seeds")
        show(columns, lines, markdown=arguments.markdown)
        return 0
    wanted, against = [], [FIXED, ENGINE, ADAPTIVE]
    for preset in presets:
        model = model_of(preset)
        contestants = rivals(model)
        if arguments.ablation:
            contestants, against = ablations(model, model_of(preset, shuffled=True)), [ENGINE, AI]
        wanted += entries(preset, contestants, arguments.seeds, arguments.minutes)
    lines = rows(played(wanted, arguments.jobs, arguments.runs), against)
    columns = ("market", "strategy", "P&L", *(f"less {name}" for name in against), "fills", "mean inventory")
    show(columns, lines, markdown=arguments.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
