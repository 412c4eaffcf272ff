"""``ultramm model``: fit, validate and look at learned models."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ultramm.cli.contest import contest_progress
from ultramm.cli.options import Json, Set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultramm.analytics.contest import Played
    from ultramm.config.model import ModelConfig
    from ultramm.config.resolve import Resolved
    from ultramm.features.regime import Regimes
    from ultramm.inference.stored import ModelAbout
    from ultramm.learning.evidence import Evidence
    from ultramm.learning.registry import Registry
    from ultramm.learning.release import Release

app = typer.Typer(help="Learned models.", no_args_is_help=True)
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="Market and horizons; see docs/learning.md.")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Processes to run in.")]
Runs = Annotated[Path | None, typer.Option("--runs", metavar="FILE.jsonl", help="Keep finished runs, and resume.")]
Keep = Annotated[Path, typer.Option("--keep", metavar="FOLDER", help="Folder of models.")]
_FOLDER = Path("data/models")


@app.command()
def train(
    config: ConfigFile,
    json: Json = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Play a market, compare forecasts of it on what they have not seen, and keep the best."""
    from ultramm.cli.output import print_json
    from ultramm.config.model import read_model_config

    made = _trained(*read_model_config(config, overrides))
    if json:
        print_json(made)
        return
    _print_validation(made.about)
    typer.echo(f"kept: {', '.join(made.about.parts)}; {made.folder}")


def _trained(wanted: ModelConfig, market: Resolved) -> Release:
    """Play the market of a file, and keep what was learned of it."""
    from rich.console import Console
    from rich.progress import Progress

    from ultramm.cli.run_progress import run_progress
    from ultramm.errors import DataError
    from ultramm.learning.registry import Registry
    from ultramm.learning.release import release
    from ultramm.learning.train import Plan
    from ultramm.nautilus.observe import observe

    plan = Plan(
        latency_s=wanted.latency_s,
        folds=wanted.folds,
        estimators=wanted.estimators,
        shuffled=wanted.shuffled,
        seed=wanted.seed,
    )
    with run_progress() as progress:
        dataset = observe(market, wanted.instrument, wanted.leader, wanted.every_s, progress("observing"))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("walking forward", total=None)
        tell = lambda text: bar.update(task, description=text)  # noqa: E731
        try:
            return release(
                wanted.name, dataset, wanted.horizons_s, wanted.horizon_s, plan, Registry(Path(wanted.keep)), tell
            )
        except ValueError as exc:
            raise DataError(f"{wanted.market}: {exc}") from exc


@app.command()
def promote(
    config: ConfigFile,
    model: Annotated[str, typer.Option("--model", help="Its id; the one of the latest data if left out.")] = "",
    accept: Annotated[str, typer.Option("--accept", metavar="WHY", help="Promote it though evidence lacks.")] = "",
    jobs: Jobs = 1,
    runs: Runs = None,
    json: Json = False,
) -> None:
    """Play the market with a model and without, on what it has not seen, and let it trade if that is better."""
    from ultramm.cli.output import print_json
    from ultramm.config.model import read_model_config

    wanted, _ = read_model_config(config)
    made = _promoted(config, wanted, model or wanted.name, accept, jobs, runs)
    if json:
        print_json(made)
    else:
        _print_evidence(made)
    if not made.promotion:
        raise typer.Exit(1)


class Promoted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a promotion: whether it trades, by what, and what was lacking."""

    id: str
    promotion: str
    lacking: list[str]
    reason: str
    evidence: Evidence


def _promoted(path: Path, wanted: ModelConfig, model: str, accept: str, jobs: int, runs: Path | None) -> Promoted:
    from ultramm.errors import ConfigError
    from ultramm.learning.registry import Promotion, Registry
    from ultramm.nautilus.contest import Contest
    from ultramm.nautilus.prove import proof_runs, prove

    proof = wanted.proof
    if proof is None:
        raise ConfigError(f"{path}: proof: is needed to promote; see docs/learning.md")
    registry = Registry(Path(wanted.keep))
    about = registry.about(model)
    if about.name != wanted.name:
        raise ConfigError(f"{path}: name: model {about.id} is not of the name {wanted.name}")
    planned = proof_runs(wanted, proof, about.id)
    entries = [entry for pairs in planned.values() for pair in pairs for entry in pair]
    trials = registry.trials(wanted.name)
    with Contest(jobs, runs) as contest, contest_progress(len(entries), contest.missing(entries)) as advance:
        found = prove(planned, contest, proof.against.use, trials, about.overfitting, advance)
    lacking, reason = found.lacking, accept or proof.accept
    how = "promoted" if not lacking else "accepted" if reason else ""
    if how:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        plain: dict[str, Any] = msgspec.to_builtins(found)
        reason = reason if lacking else ""
        registry.promote(Promotion(name=wanted.name, id=about.id, when=now, how=how, reason=reason, evidence=plain))
    return Promoted(id=about.id, promotion=how, lacking=lacking, reason=reason if how else "", evidence=found)


def _print_evidence(made: Promoted) -> None:
    from ultramm.cli.evidence_table import evidence_rows
    from ultramm.cli.output import print_table

    print_table(f"{made.id}, against {made.evidence.against}", ("", ""), evidence_rows(made.evidence))
    for each in made.lacking:
        typer.echo(f"lacking: {each}")
    said = {"promoted": "it trades", "accepted": f"it trades all the same: {made.reason}", "": "it was not promoted"}
    typer.echo(f"{made.id}: {said[made.promotion]}")


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="Of the model.")],
    reason: Annotated[str, typer.Option("--reason", metavar="WHY", help="Kept with it.")] = "",
    keep: Keep = _FOLDER,
) -> None:
    """Let the model trade again that traded before; nodes take it up between two events."""
    from ultramm.learning.registry import Promotion, Registry

    registry = Registry(keep)
    before, now = registry.before(name), datetime.now(UTC).isoformat(timespec="seconds")
    registry.promote(Promotion(name=name, id=before, when=now, how="rolled back", reason=reason))
    typer.echo(f"{name}: {before} trades" if before else f"{name}: none trades any more")


@app.command()
def run(
    config: ConfigFile,
    jobs: Jobs = 1,
    runs: Runs = None,
    json: Json = False,
) -> None:
    """Train, validate, promote, and trade: one command from a market to a backtest by a model of it."""
    from ultramm.cli.output import print_json, print_table
    from ultramm.config.model import read_model_config

    wanted, market = read_model_config(config)
    made = _trained(wanted, market)
    if not json:
        _print_validation(made.about)
    promoted = _promoted(config, wanted, made.about.id, "", jobs, runs)
    traded = _traded(wanted)
    if json:
        print_json({"trained": made, "promoted": promoted, "traded": traded})
        return
    _print_evidence(promoted)
    rows = [
        ("P&L", f"{traded.pnl:+,.4f} {traded.currency}"),
        ("fills", f"{traded.fills:,}"),
        ("5 s markout, bps", "–" if traded.markout_bps is None else f"{traded.markout_bps:.2f}"),  # noqa: RUF001
    ]
    print_table(f"{made.about.name}: traded, seed {traded.seed}", ("", ">"), rows)


def _traded(wanted: ModelConfig) -> Played:
    """A backtest of the strategy of the proof by whatever model trades now, on a seed behind those of the proof."""
    from ultramm.config.contest import entered
    from ultramm.config.load import read
    from ultramm.nautilus.contest import Entry, play
    from ultramm.nautilus.prove import with_model

    proof = wanted.proof
    assert proof is not None
    market = read(Path(wanted.market), [*proof.set, "mode=backtest"])
    strategy = with_model(wanted, proof, wanted.name, unproven=False)
    return play(Entry(wanted.name, "traded", entered(market, strategy, proof.first_seed + proof.seeds)))


@app.command("list")
def list_models(keep: Keep = _FOLDER, json: Json = False) -> None:
    """List the models that are kept."""
    from ultramm.cli.output import print_json, print_table
    from ultramm.learning.registry import Registry

    registry = Registry(keep)
    models = registry.models()
    if json:
        print_json([{"id": each.id, **_plain(each)} for each in models])
        return
    if not models:
        typer.echo(f"no model in {keep}; train one: ultramm model train CONFIG")
        return
    rows = [
        (each.id, _trades(registry, each), each.instrument, f"{each.horizon_s:g}", _explained(_own_result(each)))
        for each in models
    ]
    print_table("Models", ("id", "", "instrument", ">horizon, s", ">explained, %"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Its id, or its name: the one of the latest data.")],
    keep: Keep = _FOLDER,
    json: Json = False,
) -> None:
    """Show a model: what it is of, and what it was worth; it is read and checked as a node would."""
    from ultramm.analytics.report.page import moment
    from ultramm.cli.output import print_json, print_table
    from ultramm.features.alpha import VERSION
    from ultramm.inference.exported import Linear
    from ultramm.inference.stored import PARTS, read_model
    from ultramm.learning.registry import Registry

    stored = read_model(Registry(keep).path(name), VERSION)
    about = stored.about
    if json:
        print_json({"id": about.id, **_plain(about)})
        return
    rows = [
        ("instrument", about.instrument),
        ("leader", about.leader or "none"),
        ("horizon of moves", f"{about.horizon_s:g} s, from {1e3 * about.latency_s:g} ms on"),
        ("fitted on", f"{moment(about.first_ns)} to {moment(about.last_ns)} UTC, {about.rows:,} rows"),
        *[(f"part {name}", f"{part.kind}: {PARTS[name]}") for name, part in about.parts.items()],
        ("regimes", "one" if stored.content.regimes is None else _regimes(stored.content.regimes)),
        ("overfitted", "not known" if about.overfitting is None else f"{100 * about.overfitting:.0f} % likely"),
        ("seed", f"{about.seed}"),
        ("libraries", ", ".join(f"{key} {value}" for key, value in about.libraries.items())),
        *[(f"data {name}", digest[:16]) for name, digest in about.data.items()],
    ]
    print_table(about.id, ("", ""), rows)
    for each, part in about.parts.items():
        numbers = stored.content.parts[each]
        if isinstance(numbers, Linear):
            weights = zip(part.features, numbers.coefficients, strict=True)
            print_table(
                each, ("feature, in deviations", ">"), [(feature, f"{weight:+.4f}") for feature, weight in weights]
            )
    _print_validation(about)


def _trades(registry: Registry, about: ModelAbout) -> str:
    if registry.trading(about.name) == about.id:
        return "trades"
    return "in the shadow" if registry.waiting(about.name) == about.id else ""


def _plain(about: ModelAbout) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(about)
    del plain["familiar"]
    for part in plain["parts"].values():
        del part["golden"]
    return plain


def _own_result(about: ModelAbout) -> dict[str, Any]:
    wanted = (about.parts["move"].kind, about.horizon_s)
    return next(each for each in about.validation["move"] if (each["candidate"], each["horizon_s"]) == wanted)


def _print_validation(about: ModelAbout) -> None:
    from ultramm.cli.output import print_table

    columns = ("", ">horizon, s", ">explained, %", ">fills kept, %", ">markout, bps", ">gained, bps")
    for part, results in about.validation.items():
        if results:
            title, shown = f"{about.name}, {part}: on what was not seen", list(_validation_rows(results))
            # Only of moves is there a gate.
            width = len(columns) if part == "move" else 3
            print_table(title, columns[:width], [row[:width] for row in shown])


def _regimes(of: Regimes) -> str:
    lasting = (f"{1.0 / (1.0 - each):,.0f} s" for each in (of.stay_calm, of.stay_restless))
    return f"two, {of.restless / of.calm:.1f} times as volatile, lasting " + " and ".join(lasting)


def _validation_rows(validation: Iterable[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    for each in validation:
        gate = each["gate"]
        gated = ("", "", "")
        if gate is not None:
            moved = f"{gate['base_bps']:+.2f} to {gate['gated_bps']:+.2f}"
            gained = gate["gain_bps"]
            gain = f"{gained['value']:+.2f} ({gained['low']:+.2f} to {gained['high']:+.2f})"
            gated = (f"{100 * gate['kept']:.0f}", moved, gain)
        yield (each["candidate"], f"{each['horizon_s']:g}", _explained(each), *gated)


def _explained(result: dict[str, Any]) -> str:
    found = result["explained"]
    return f"{100 * found['value']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"
