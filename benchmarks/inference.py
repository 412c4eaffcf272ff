"""How long a forecast takes beside orders: models as numbers against ``predict`` of the library that fitted them.

::

    .venv/bin/python benchmarks/inference.py --markdown       half a minute
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from learning import MODEL, show
from ultramm.config.model import read_model_config
from ultramm.inference.forecasts import Forecasts, Source
from ultramm.learning.estimators import FittedBySklearn
from ultramm.learning.registry import Registry
from ultramm.learning.samples import Sample, of_arrivals, of_moves
from ultramm.learning.train import Candidate, Plan, fitted
from ultramm.market import Book, Instrument, Level, Side, Trade
from ultramm.nautilus.observe import observe
from ultramm.nautilus.train import train

_ROWS, _PREDICTS = 20_000, 1_000
BTC = Instrument(
    id="BTCUSDT.SIM",
    tick_size=5.0,
    lot_size=0.001,
    price_precision=0,
    size_precision=3,
    quote_currency="USDT",
    settlement_currency="USDT",
)


def timed(call: Callable[[int], object], count: int) -> tuple[float, float]:
    """Median and 99th percentile, microseconds."""
    clock, found = time.perf_counter_ns, []
    for place in range(count):
        begin = clock()
        call(place)
        found.append(clock() - begin)
    return float(np.quantile(found, 0.5)) / 1e3, float(np.quantile(found, 0.99)) / 1e3


def models() -> list[tuple[str, ...]]:
    """One line for each kind of model: of a row, as numbers and as its library."""
    wanted, market = read_model_config(MODEL, ["venues.SIM.params.duration_s=1200"])
    seen = observe(market, wanted.instrument)
    moves, arrivals, plan = of_moves(seen, 1.0, 0.05), of_arrivals(seen), Plan()
    kinds: dict[str, tuple[str, Sample]] = {
        "ridge": ("move", moves),
        "poisson": ("arrivals", arrivals),
        "trees": ("move", moves),
    }
    lines = []
    for name, (part, sample) in kinds.items():
        model = fitted(part, sample, Candidate(name=name, features=sample.names, estimator=name), plan)
        assert isinstance(model, FittedBySklearn)
        predict, theirs = model.exported().compile(), model.model
        arrays = [sample.rows[place : place + 1] for place in range(min(_PREDICTS, len(sample.rows)))]
        rows = sample.rows.tolist()
        ours_us = timed(lambda place: predict(rows[place % len(rows)]), _ROWS)  # noqa: B023
        with threadpool_limits(1):
            theirs_us = timed(lambda place: theirs.predict(arrays[place % len(arrays)]), _PREDICTS)  # noqa: B023
        ratio = theirs_us[0] / ours_us[0]
        lines.append((name, "a row", *(f"{each:.1f}" for each in (*ours_us, *theirs_us)), f"{ratio:.0f}"))
    return lines


def whole(folder: Path) -> tuple[str, ...]:
    """All that a model costs at a decision: features, four parts, guards."""
    wanted, market = read_model_config(MODEL)
    about = train(msgspec.structs.replace(wanted, keep=str(folder)), market).about
    forecasts = Forecasts(BTC, None, 1e9)
    forecasts.use(Source(str(Registry(folder).folder), about.id, "", ""))
    rng, mid, now_ns = np.random.default_rng(1), 50_000.0, 1_704_067_200_000_000_000
    found = []
    for step in range(_ROWS):
        now_ns += 100_000_000
        mid += 5.0 * rng.integers(-1, 2)
        sizes = rng.uniform(0.1, 2.0, 40).tolist()
        bids = tuple(Level(mid - 5.0 - 5.0 * place, sizes[place]) for place in range(20))
        asks = tuple(Level(mid + 5.0 + 5.0 * place, sizes[20 + place]) for place in range(20))
        forecasts.on_book(Book(now_ns, bids[:1], asks[:1]))
        forecasts.on_depth(Book(now_ns, bids, asks))
        if step % 3 == 0:
            forecasts.on_trade(Trade(now_ns, mid, 0.1, Side.BUY if rng.random() < 0.5 else Side.SELL))
        begin = time.perf_counter_ns()
        forecasts.on_time(now_ns, mid)
        found.append((time.perf_counter_ns() - begin) / 1e3)
    p50, p99 = np.quantile(found, [0.5, 0.99])
    return ("all four parts", "features, forecasts and guards", f"{p50:.1f}", f"{p99:.1f}", "", "", "")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = [*models(), whole(Path(folder))]
    columns = ("model", "what", "p50, us", "p99, us", "its library, p50", "p99", "ratio")
    show(columns, lines, markdown=arguments.markdown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
