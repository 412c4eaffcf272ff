"""``ultramm backtest tune``: search for better parameters, and hold what is found against the start on unseen seeds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ultramm.cli.contest import contest_progress
from ultramm.cli.options import Jobs, Json, Runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from ultramm.analytics.contest import Played
    from ultramm.config.load import Loaded
    from ultramm.config.search import SearchConfig
    from ultramm.learning.evidence import Evidence
    from ultramm.learning.search import Found
    from ultramm.nautilus.contest import Contest, Entry

    _Advance = Callable[[Entry], None]


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """What a search found, and what that was worth on unseen seeds against where it began."""

    start: dict[str, float]
    found: dict[str, float]
    tried: int
    generations: list[dict[str, float]]
    evidence: Evidence
    lacking: list[str]


def tune(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Market, strategy, ranges; see docs/learning.md.")],
    jobs: Jobs = 1,
    runs: Runs = None,
    json: Json = False,
) -> None:
    """Search for parameters that earn more, all candidates on the same seeds, and prove them on unseen ones."""
    import numpy as np

    from ultramm.cli.output import print_json
    from ultramm.config.search import read_search_config
    from ultramm.learning.evidence import by_minute, utility
    from ultramm.learning.search import search
    from ultramm.nautilus.contest import Contest

    wanted, seen, unseen = read_search_config(config)
    total = wanted.generations * wanted.candidates * wanted.seeds + 2 * wanted.unseen_seeds
    generations: list[dict[str, float]] = []
    step_s: list[float] = []

    def on_generation(params: dict[str, float], best: float) -> None:
        generations.append({**params, "best_utility": best})

    with Contest(jobs, runs) as contest, contest_progress(total, total, "searching") as advance:

        def play(candidates: Sequence[dict[str, float]]) -> Sequence[npt.NDArray[np.float64]]:
            runs = _played(contest, wanted, seen, candidates, advance)
            step_s.append(runs[0][0].seconds / len(by_minute(runs[0][0])))
            return [np.concatenate([by_minute(run) for run in of_one]) for of_one in runs]

        def worth(earned: npt.NDArray[np.float64]) -> float:
            return utility(earned, step_s[-1])

        found = search(wanted.search, play, worth, wanted.generations, wanted.candidates, wanted.seed, on_generation)
        shown = _shown(contest, wanted, unseen, found, advance)
    made = Tuned(
        start=wanted.start,
        found=found.params,
        tried=len(found.tried),
        generations=generations,
        evidence=shown,
        lacking=shown.lacking,
    )
    if json:
        print_json(made)
    else:
        _print(wanted, made)


def _played(
    contest: Contest, wanted: SearchConfig, market: Loaded, candidates: Sequence[dict[str, float]], advance: _Advance
) -> list[list[Played]]:
    """Of each candidate its runs, all on the same seeds."""
    from ultramm.nautilus.contest import Entry

    seeds = range(wanted.first_seed, wanted.first_seed + wanted.seeds)
    entries = [
        Entry("search", _name(params), wanted.played(params, market, seed)) for params in candidates for seed in seeds
    ]
    found, count = contest.play(entries, advance), len(seeds)
    return [found[place * count : (place + 1) * count] for place in range(len(candidates))]


def _shown(contest: Contest, wanted: SearchConfig, market: Loaded, found: Found, advance: _Advance) -> Evidence:
    """What was found against the start, on unseen seeds."""
    from ultramm.learning.evidence import evidence
    from ultramm.nautilus.contest import Entry

    seeds = range(wanted.unseen_first_seed, wanted.unseen_first_seed + wanted.unseen_seeds)
    entries = [
        Entry("unseen", _name(params), wanted.played(params, market, seed))
        for seed in seeds
        for params in (found.params, wanted.start)
    ]
    played = contest.play(entries, advance)
    pairs = list(zip(played[::2], played[1::2], strict=True))
    return evidence("the start", pairs, {}, len(found.tried), found.overfitting)


def _name(params: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in params.items())


def _print(wanted: SearchConfig, made: Tuned) -> None:
    from ultramm.cli.evidence_table import evidence_rows
    from ultramm.cli.output import as_yaml, print_table

    columns = ("generation", *(f">{name}" for name in made.start), ">best utility")
    rows = [("start", *(f"{value:.4g}" for value in made.start.values()), "")]
    rows += [
        (f"{number}", *(f"{value:,.4g}" for value in each.values())) for number, each in enumerate(made.generations, 1)
    ]
    print_table(f"{wanted.strategy.use}: mean of each generation", columns, rows)
    print_table("on unseen seeds, against the start", ("", ""), evidence_rows(made.evidence))
    for each in made.lacking:
        typer.echo(f"lacking: {each}")
    typer.echo(as_yaml({"params": made.found}).rstrip())
