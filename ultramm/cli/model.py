"""``ultramm model``: fit, validate and look at learned models."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ultramm.cli.contest import contest_progress
from ultramm.cli.options import Jobs, Json, Runs, Set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultramm.analytics.contest import Played
    from ultramm.config.model import ModelConfig
    from ultramm.config.resolve import Resolved
    from ultramm.features.regime import Regimes
    from ultramm.inference.stored import ModelAbout
    from ultramm.learning.registry import Registry
    from ultramm.learning.release import Release
    from ultramm.nautilus.prove import Promoted

app = typer.Typer(help="Learned models.", no_args_is_help=True)
ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="Market and horizons; see docs/learning.md.")]
Keep = Annotated[Path, typer.Option("--keep", metavar="FOLDER", help="Folder of models.")]
_FOLDER = Path("data/models")


@app.command()
def train(
    config: ConfigFile,
    dataset: Annotated[
        Path | None, typer.Option("--dataset", metavar="FILE.npz", help="Also write there what is learned from.")
    ] = None,
    json: Json = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Play a market, compare forecasts of it on what they have not seen, and keep the best."""
    from ultramm.cli.output import print_json
    from ultramm.config.model import read_model_config

    wanted, market = read_model_config(config, overrides)
    made = _trained(wanted, market, dataset)
    if json:
        print_json(made)
        return
    _print_validation(made.about)
    own = f"; {made.about.own_fills:,} fills of ours" if wanted.journals else ""
    typer.echo(f"kept: {', '.join(made.about.parts)}{own}; {made.folder}")


def _trained(wanted: ModelConfig, market: Resolved, dataset: Path | None = None) -> Release:
    """A model, with a line that says how far it is."""
    from ultramm.cli.run_progress import run_progress
    from ultramm.nautilus.train import train as train_model

    with run_progress() as progress:

        def tried(text: str) -> None:
            progress("walking forward:", text)

        return train_model(wanted, market, progress("observing"), tried, dataset)


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


def _promoted(path: Path, wanted: ModelConfig, model: str, accept: str, jobs: int, runs: Path | None) -> Promoted:
    from ultramm.nautilus.prove import promote as promote_model

    return promote_model(path, wanted, model, accept, jobs, runs, contest_progress)


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
    from ultramm.errors import DataError
    from ultramm.features.alpha import VERSION
    from ultramm.inference.stored import read_model
    from ultramm.learning.registry import Promotion, Registry

    registry = Registry(keep)
    before, now = registry.before(name), datetime.now(UTC).isoformat(timespec="seconds")
    registry.promote(Promotion(name=name, id=before, when=now, how="rolled back", reason=reason))
    if not before:
        typer.echo(f"{name}: none trades any more")
        return
    try:
        read_model(keep / before, VERSION)
    except DataError as exc:
        # What traded until now trades no more in any case.
        typer.echo(f"{name}: {before} is to trade, but quotes are made without a model: {exc}", err=True)
        raise typer.Exit(1) from exc
    typer.echo(f"{name}: {before} trades")


@app.command()
def prune(
    name: Annotated[str, typer.Argument(help="Of the models.")],
    leave: Annotated[int, typer.Option("--leave", min=1, help="How many of the latest are left.")] = 20,
    keep: Keep = _FOLDER,
) -> None:
    """Delete old models of a name, but for those that were promoted or wait to be."""
    from ultramm.learning.registry import Registry

    deleted = Registry(keep).prune(name, leave)
    typer.echo(f"{name}: deleted {', '.join(deleted)}" if deleted else f"{name}: nothing to delete")


@app.command()
def run(
    config: ConfigFile,
    jobs: Jobs = 1,
    runs: Runs = None,
    json: Json = False,
) -> None:
    """Train, validate, promote, and trade: one command from a market to a backtest by a model of it."""
    from ultramm.cli.output import print_json, print_table
    from ultramm.config.model import needed_proof, read_model_config
    from ultramm.nautilus.prove import check_proof

    wanted, market = read_model_config(config)
    check_proof(config, wanted, needed_proof(config, wanted))
    made = _trained(wanted, market)
    if not json:
        _print_validation(made.about)
    promoted = _promoted(config, wanted, made.about.id, "", jobs, runs)
    traded = _traded(wanted, made.about.id)
    if json:
        print_json({"trained": made, "promoted": promoted, "traded": traded})
        raise typer.Exit(0 if promoted.promotion else 1)
    _print_evidence(promoted)
    rows = [
        ("P&L", f"{traded.pnl:+,.4f} {traded.currency}"),
        ("fills", f"{traded.fills:,}"),
        ("5 s markout, bps", "–" if traded.markout_bps is None else f"{traded.markout_bps:.2f}"),  # noqa: RUF001
    ]
    print_table(f"{made.about.name}: traded, seed {traded.seed}", ("", ">"), rows)
    if not promoted.promotion:
        raise typer.Exit(1)


def _traded(wanted: ModelConfig, model: str) -> Played:
    """A backtest of the strategy of the proof by whatever model trades now, on a seed behind those of the proof."""
    from ultramm.learning.registry import Registry
    from ultramm.nautilus.contest import play
    from ultramm.nautilus.prove import trading_run

    return play(trading_run(wanted, Registry(Path(wanted.keep)).about(model)))


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
        (
            each.id,
            _trades(registry, each),
            each.instrument,
            f"{each.horizon_s:g}",
            _own_result(each),
        )
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
    own = f", {about.own_fills:,} fills of ours" if about.own_fills else ""
    rows = [
        ("instrument", about.instrument),
        ("leader", about.leader or "none"),
        ("horizon of moves", f"{about.horizon_s:g} s, from {1e3 * about.latency_s:g} ms on"),
        ("fitted on", f"{moment(about.first_ns)} to {moment(about.last_ns)} UTC, {about.rows:,} rows{own}"),
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


def _own_result(about: ModelAbout) -> str:
    """What its forecast of moves explained."""
    moves = about.parts.get("move")
    wanted = None if moves is None else (moves.kind, about.horizon_s)
    for each in about.validation.get("move", []):
        if (each.get("candidate"), each.get("horizon_s")) == wanted:
            return _share(each["explained"])
    return "not known"


def _print_validation(about: ModelAbout) -> None:
    from ultramm.cli.output import print_table

    columns = ("", ">horizon, s", ">explained, %")
    more = {"move": (">fills kept, %", ">markout, bps", ">gained, bps"), "volatility": (">of QLIKE, %",)}
    for part, results in about.validation.items():
        if results:
            title = f"{about.name}, {part}: on what was not seen"
            print_table(title, (*columns, *more.get(part, ())), list(_validation_rows(part, results)))


def _regimes(of: Regimes) -> str:
    lasting = (f"{1.0 / (1.0 - each):,.0f} s" for each in (of.stay_calm, of.stay_restless))
    return f"two, {of.restless / of.calm:.1f} times as volatile, lasting " + " and ".join(lasting)


def _validation_rows(part: str, validation: Iterable[dict[str, Any]]) -> Iterable[tuple[str, ...]]:
    for each in validation:
        more: tuple[str, ...] = ()
        if part == "move":
            more = _gated(each["gate"])
        elif part == "volatility":
            more = (_share(each["qlike"]) if each.get("qlike") else "",)
        yield (each["candidate"], f"{each['horizon_s']:g}", _share(each["explained"]), *more)


def _gated(gate: dict[str, Any] | None) -> tuple[str, str, str]:
    if gate is None:
        return ("", "", "")
    gained = gate["gain_bps"]
    gain = f"{gained['value']:+.2f} ({gained['low']:+.2f} to {gained['high']:+.2f})"
    return (f"{100 * gate['kept']:.0f}", f"{gate['base_bps']:+.2f} to {gate['gated_bps']:+.2f}", gain)


def _share(found: dict[str, Any]) -> str:
    return f"{100 * found['value']:+.1f} ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"
