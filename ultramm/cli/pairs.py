"""``ultramm pairs``: which prices belong together."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ultramm.cli.options import Json, Report

if TYPE_CHECKING:
    from ultramm.selection.pairs import Pair
    from ultramm.selection.study import Basket, Study

app = typer.Typer(help="Prices that belong together.", no_args_is_help=True)


@app.callback()
def _root() -> None:
    """Keep ``scan`` a verb although it is the only one."""


@app.command()
def scan(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="Prices and filters; see docs/pairs.md.")],
    page: Report = None,
    json: Json = False,
) -> None:
    """Look through a universe for pairs and baskets; what is found is kept with its window."""
    from rich.console import Console
    from rich.progress import Progress

    from ultramm.cli.output import print_json
    from ultramm.cli.pairs_page import pairs_page
    from ultramm.cli.report_file import check_writable, write_page
    from ultramm.config.pairs import read_pairs
    from ultramm.selection.prices import read_prices
    from ultramm.selection.study import study

    check_writable(page)
    wanted = read_pairs(config)
    count = len(wanted.prices)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=count * (count - 1) // 2)
        prices = read_prices(wanted.files, wanted.every_s, wanted.begins, wanted.ends)
        progress.update(task, description="testing")
        found = study(wanted.name, prices, wanted.filters, wanted.baskets, lambda: progress.advance(task))
    kept = _keep(found, Path(wanted.keep))
    if page is not None:
        write_page(page, pairs_page(found, prices, str(config)))
    if json:
        print_json(found)
        return
    _show(found)
    typer.echo(f"kept: {kept}", err=True)


def _keep(found: Study, folder: Path) -> Path:
    import msgspec

    from ultramm.analytics.report.page import moment
    from ultramm.errors import RunError

    window = "-".join([moment(ns)[:16].replace(" ", "T").replace(":", "") for ns in (found.first_ns, found.last_ns)])
    path = folder / f"{found.name}-{window}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(found)))
    except OSError as exc:
        raise RunError(f"{path}: cannot be written: {exc.strerror or exc}") from exc
    return path


def _show(found: Study) -> None:
    from ultramm.analytics.report.page import moment
    from ultramm.cli.output import print_table

    window = f"{moment(found.first_ns)} to {moment(found.last_ns)} UTC, {found.bars:,} bars of {found.step_s:g} s"
    columns = ("y / x", ">corr.", ">beta", ">p", ">half-life", ">sd, bps", "")
    print_table(f"{found.name}: {window}", columns, [_row(pair) for pair in found.pairs])
    if found.baskets:
        print_table(
            "baskets", ("names", ">relations", "trace (95 %)", "weights"), [_basket_row(each) for each in found.baskets]
        )


def _row(pair: Pair) -> tuple[str, ...]:
    return (
        f"{pair.y} / {pair.x}",
        _number(pair.correlation, ".2f"),
        _number(math.nan if pair.test is None else pair.test.beta, ".4g"),
        _number(pair.p_adjusted, ".2g"),
        _number(pair.half_life_bars, ".3g"),
        _number(1e4 * pair.deviation, ".3g"),
        pair.reason or "chosen",
    )


def _basket_row(basket: Basket) -> tuple[str, ...]:
    trace = ", ".join([f"{t:.1f} ({limit:.1f})" for t, limit in zip(basket.trace, basket.trace_95, strict=True)])
    return (", ".join(basket.names), str(basket.rank), trace, ", ".join([f"{each:+.4g}" for each in basket.weights]))


def _number(value: float, form: str) -> str:
    return "–" if math.isnan(value) else format(value, form)  # noqa: RUF001
