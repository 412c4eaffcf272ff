"""``ultramm model``: fit, validate and look at learned models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ultramm.cli.options import Json, Set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ultramm.inference.stored import ModelAbout

app = typer.Typer(help="Learned models.", no_args_is_help=True)
Keep = Annotated[Path, typer.Option("--keep", metavar="FOLDER", help="Folder of models.")]
_FOLDER = Path("data/models")


@app.command()
def train(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Market and horizons; see docs/learning.md.")],
    json: Json = False,
    overrides: Set = [],  # noqa: B006
) -> None:
    """Play a market, compare forecasts of it on what they have not seen, and keep the best."""
    from rich.console import Console
    from rich.progress import Progress

    from ultramm.cli.output import print_json
    from ultramm.cli.run_progress import run_progress
    from ultramm.config.model import read_model_config
    from ultramm.errors import DataError
    from ultramm.learning.registry import Registry
    from ultramm.learning.release import release
    from ultramm.learning.train import Plan, candidates
    from ultramm.nautilus.observe import observe

    wanted, market = read_model_config(config, overrides)
    with run_progress() as progress:
        dataset = observe(market, wanted.instrument, wanted.leader, wanted.every_s, progress("observing"))
    plan = Plan(latency_s=wanted.latency_s, folds=wanted.folds, seed=wanted.seed)
    total = len(wanted.horizons_s) * len(candidates(wanted.leader is not None))
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("walking forward", total=total)
        registry = Registry(Path(wanted.keep))
        try:
            made = release(
                wanted.name, dataset, wanted.horizons_s, wanted.horizon_s, plan, registry, lambda: bar.advance(task)
            )
        except ValueError as exc:
            raise DataError(f"{config}: {wanted.market}: {exc}") from exc
    if json:
        print_json(made)
        return
    _print_validation(made.about)
    typer.echo(f"kept: {made.about.kind}, {made.folder}")


@app.command("list")
def list_models(keep: Keep = _FOLDER, json: Json = False) -> None:
    """List the models that are kept."""
    from ultramm.cli.output import print_json, print_table
    from ultramm.learning.registry import Registry

    models = Registry(keep).models()
    if json:
        print_json([{"id": each.id, **_plain(each)} for each in models])
        return
    if not models:
        typer.echo(f"no model in {keep}; train one: ultramm model train CONFIG")
        return
    rows = [
        (each.id, each.kind, each.instrument, f"{each.horizon_s:g}", _explained(_own_result(each)), f"{each.rows:,}")
        for each in models
    ]
    print_table("Models", ("id", "kind", "instrument", ">horizon, s", ">explained, %", ">rows"), rows)


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
    from ultramm.inference.stored import read_model
    from ultramm.learning.registry import Registry

    stored = read_model(Registry(keep).path(name), VERSION)
    about = stored.about
    if json:
        print_json({"id": about.id, **_plain(about)})
        return
    rows = [
        ("kind", about.kind),
        ("instrument", about.instrument),
        ("leader", about.leader or "none"),
        ("foretells", f"the mid's move over {about.horizon_s:g} s, from {1e3 * about.latency_s:g} ms on, bps"),
        ("fitted on", f"{moment(about.first_ns)} to {moment(about.last_ns)} UTC, {about.rows:,} rows"),
        ("forecasts", f"{about.deviation_bps:.3g} bps, standard deviation"),
        ("seed", f"{about.seed}"),
        ("libraries", ", ".join(f"{key} {value}" for key, value in about.libraries.items())),
        *[(f"data {name}", digest[:16]) for name, digest in about.data.items()],
    ]
    print_table(about.id, ("", ""), rows)
    if isinstance(stored.model, Linear):
        weights = zip(about.features, stored.model.coefficients, strict=True)
        columns = ("feature, in deviations", ">bps")
        print_table("A line", columns, [(feature, f"{each:+.4f}") for feature, each in weights])
    _print_validation(about)


def _plain(about: ModelAbout) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(about)
    del plain["golden"]
    return plain


def _own_result(about: ModelAbout) -> dict[str, Any]:
    wanted = (about.kind, about.horizon_s)
    return next(each for each in about.validation if (each["candidate"], each["horizon_s"]) == wanted)


def _print_validation(about: ModelAbout) -> None:
    from ultramm.cli.output import print_table

    columns = ("", ">horizon, s", ">explained, %", ">fills kept, %", ">markout, bps", ">gained, bps")
    print_table(f"{about.name}: on what was not seen", columns, list(_validation_rows(about.validation)))


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
