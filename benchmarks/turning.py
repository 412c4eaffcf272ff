"""A maker whose model turns in the middle of a run: what it costs until it is let go."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal, get_args

import msgspec

from ultramm.config.contest import Contestant, entered
from ultramm.config.load import read
from ultramm.config.resolve import Resolved, ResolvedStrategy, resolve
from ultramm.market import Instrument
from ultramm.nautilus.backtest import Collector, run_backtest
from ultramm.nautilus.contest import Entry, play
from ultramm.nautilus.shell import MakerShell
from ultramm.plugin import StrategyPlugin
from ultramm.quoting.decision import Decision
from ultramm_strategies.ai_market_maker.params import AiParams
from ultramm_strategies.ai_market_maker.strategy import AiMarketMaker

How = Literal["not", "flipped", "noise"]
HOWS: tuple[How, ...] = get_args(How)
_MINUTES, _LET_GO = 60.0, 0.1


class TurningParams(AiParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the maker, and what becomes of its signal after half of the run."""

    how: How = "not"
    turns_after_s: float = 30.0 * _MINUTES


class Turning(AiMarketMaker):
    """Its forecasts of moves are what they were, then their opposite, or noise of the same size."""

    def __init__(self, params: TurningParams, instrument: Instrument) -> None:
        super().__init__(params, instrument)
        self._how, self._after_ns = params.how, round(1e9 * params.turns_after_s)
        self._first_ns, self._turned_ns = 0, 0
        self.let_go_s = self.value_at_turn = 0.0

    def decide(self, now_ns: int, inventory: float) -> Decision:
        self._first_ns = self._first_ns or now_ns
        if not self._turned_ns and now_ns - self._first_ns >= self._after_ns:
            self._turned_ns = now_ns
            self.value_at_turn = self._profiles.value(self._book.mid) if self._book is not None else 0.0
            self._turn()
        decision = super().decide(now_ns, inventory)
        if self._turned_ns and self._forecasts.weight >= _LET_GO:
            self.let_go_s = (now_ns - self._turned_ns) * 1e-9
        return decision

    def _turn(self) -> None:
        (model,) = self._forecasts._at_work
        was, rng, size = model.move.predict, random.Random(1), model.move.belief._most / 5.0
        if self._how == "flipped":
            model.move.predict = lambda row: -was(row)
        elif self._how == "noise":
            model.move.predict = lambda _: rng.gauss(0.0, size)


PLUGIN = StrategyPlugin(name="turning", summary="turns", params="turning:TurningParams", strategy="turning:Turning")


class Turned(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run, and of the engine alone on the same seed: P&L of the half behind the turn.

    Parameters
    ----------
    let_go_s : float
        After which time its weight was below a tenth for good.
    """

    how: How
    seed: int
    pnl: float
    engine: float
    let_go_s: float


class _Watching(Collector):
    def __init__(self) -> None:
        super().__init__()
        self.shell = _Shell
        self.strategies: list[Turning] = []


class _Shell(MakerShell):
    def on_start(self) -> None:
        super().on_start()
        strategy = self.maker.strategy
        assert isinstance(strategy, Turning)
        assert isinstance(self._record, _Watching)
        self._record.strategies.append(strategy)


def turned(preset: str, model: str, seed: int) -> list[Turned]:
    """Play an hour each, of which the second half is after the turn, and the engine alone on the same market."""
    changes = [f"venues.SIM.params.preset={preset}", f"venues.SIM.params.duration_s={60 * _MINUTES:g}", "mode=backtest"]
    market = read(Path("config/comparison/synthetic.yaml"), changes)
    keep = ["order_size", "max_position", "refresh_ms"]
    engine = play(Entry(preset, "engine", entered(market, Contestant(use="glft", keep=keep), seed)))
    later = sum(engine.steps[len(engine.steps) // 2 :])
    resolved = resolve(entered(market, Contestant(use="ai-market-maker", keep=keep, params={"model": model}), seed))
    return [_turned(resolved, how, seed, later) for how in HOWS]


def _turned(resolved: Resolved, how: How, seed: int, engine: float) -> Turned:
    (own,) = resolved.strategies
    given = {**own.settings.params, "how": how, "unproven": True, "max_age_h": 1e9}
    params = msgspec.convert(given, TurningParams)
    turning = ResolvedStrategy(own.settings, PLUGIN, params, own.risk)
    watching = _Watching()
    result = run_backtest(msgspec.structs.replace(resolved, strategies=(turning,)), collector=watching)
    (strategy,) = watching.strategies
    (score,) = result.scores
    pnl = score.pnl.total - strategy.value_at_turn
    return Turned(how=how, seed=seed, pnl=pnl, engine=engine, let_go_s=strategy.let_go_s)
