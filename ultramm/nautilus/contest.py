"""Many runs of backtests, in processes side by side, kept as they finish so that work goes on where it stopped."""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Self

import msgspec

from ultramm import __version__
from ultramm.analytics.contest import Played
from ultramm.config.load import Loaded
from ultramm.config.resolve import resolve
from ultramm.errors import UserError
from ultramm.nautilus.backtest import run_backtest
from ultramm.nautilus.tracer import Tracer

_HORIZON_S = 5.0
_MOST_STEPS = 1_000


class Entry(msgspec.Struct, frozen=True):
    """One run that is wanted: names of the market and of the strategy, and the configuration of both."""

    market: str
    strategy: str
    loaded: Loaded

    @property
    def key(self) -> str:
        """The same for the same configuration and version: what a finished run is found again by."""
        marks = [strategy.params.mark for strategy in resolve(self.loaded).strategies]
        what = (__version__, self.market, self.strategy, self.loaded.config, marks)
        return hashlib.sha256(msgspec.json.encode(what, order="sorted")).hexdigest()


class Contest:
    """Plays entries; used as a context, which holds its processes.

    Parameters
    ----------
    jobs : int
        Processes to run in; with one, runs are played here.
    runs : Path, optional
        Finished runs are added to this file, and not played again when they are found in it.

    Raises
    ------
    UserError
        The file holds something else.
    """

    def __init__(self, jobs: int = 1, runs: Path | None = None) -> None:
        self._jobs, self._runs = jobs, runs
        self._done = _finished(runs)
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._jobs > 1:
            # Spawned: the kernel's threads do not survive a fork.
            self._pool = ProcessPoolExecutor(self._jobs, mp_context=multiprocessing.get_context("spawn"))
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def missing(self, entries: Sequence[Entry]) -> int:
        """How many of them are not finished yet."""
        return sum(entry.key not in self._done for entry in entries)

    def play(self, entries: Sequence[Entry], on_done: Callable[[Entry], None] = lambda _: None) -> list[Played]:
        """What became of each, in their order."""
        # Once for each: a key is a configuration resolved, and another one as soon as another model trades.
        keys = [entry.key for entry in entries]
        missing = {key: entry for key, entry in zip(keys, entries, strict=True) if key not in self._done}
        for key, played in self._results(missing):
            self._done[key] = played
            if self._runs is not None:
                _keep(self._runs, key, played)
            on_done(missing[key])
        return [self._done[key] for key in keys]

    def _results(self, entries: dict[str, Entry]) -> Iterator[tuple[str, Played]]:
        if self._pool is None:
            for key, entry in entries.items():
                yield key, play(entry)
            return
        futures: dict[Future[Played], str] = {self._pool.submit(play, entry): key for key, entry in entries.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()


def play(entry: Entry) -> Played:
    """Play one, here."""
    tracer = Tracer()
    result = run_backtest(resolve(entry.loaded), collector=tracer)
    (score,) = result.scores
    trace = tracer.traces[score.strategy, score.instrument]
    step_ns = common_step_ns(trace.buckets.step_ns, result.last_ns - result.first_ns)
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


def common_step_ns(kept_ns: int, span_ns: int) -> int:
    """A step that is the same for all strategies: a trace keeps finer ones the calmer it was, all of them doublings."""
    while span_ns > _MOST_STEPS * kept_ns:
        kept_ns *= 2
    return kept_ns


# -- finished runs ---------------------------------------------------------------------------------------------


def _finished(path: Path | None) -> dict[str, Played]:
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
