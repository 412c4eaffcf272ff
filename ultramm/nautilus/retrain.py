"""Retraining beside a node, in a process of its own: what is learned anew is held in the shadow, then proven."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ultramm.config.model import ModelConfig, read_model_config
from ultramm.config.resolve import Resolved
from ultramm.config.retrain import RetrainParams
from ultramm.errors import UserError
from ultramm.inference.stored import MOVE
from ultramm.journal.records import Status
from ultramm.journal.store import Journal
from ultramm.learning.registry import Registry
from ultramm.nautilus.prove import promote
from ultramm.nautilus.train import train

_LOOK_S = 60.0
NICE = 10
_BELIEVED = 0.1
_PATIENCE = 2.0  # times of the shadow that a model is given to be believed


class Shadow:
    """How long a model has been in the shadow of a node, and how far it was believed.

    Attributes
    ----------
    id : str
    seconds : float
    """

    def __init__(self, name: str = "") -> None:
        self.id, self.seconds, self._weighted = name, 0.0, 0.0

    def seen(self, name: str, status: Status | None, seconds: float) -> None:
        """For so long a node said this; another model begins anew."""
        if name != self.id:
            self.id, self.seconds, self._weighted = name, 0.0, 0.0
        models = [] if status is None else [model for maker in status.makers for model in maker.models]
        for model in models:
            if model.id == name and not model.trades:
                self.seconds += seconds
                self._weighted += seconds * model.weights[MOVE]
                return

    @property
    def weight(self) -> float:
        """Share of its forecasts that was believed, in the mean."""
        return self._weighted / self.seconds if self.seconds > 0.0 else 0.0


class Retraining:
    """Trains a model now and then, and promotes it once it has shown enough.

    Parameters
    ----------
    params : RetrainParams
    say : callable
        Is told what was done, a line each.
    """

    def __init__(self, params: RetrainParams, say: Callable[[str], None]) -> None:
        self._params, self._say = params, say
        self._path = Path(params.config)
        self._shadow = Shadow()
        self._tried = ""
        self._next_s = self._since_s = 0.0

    def look(self, now_s: float, status: Status | None) -> None:
        """What is due; `status` is the node's last. What goes wrong is said, and tried again another time.

        Parameters
        ----------
        now_s : float
            Seconds since the epoch.
        """
        self._guarded(lambda: self._look(now_s, status))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except UserError as exc:
            self._say(f"retrain: {exc}")
        except Exception as exc:
            # A file that is being written, a plugin that fails: the node must not lose what waits in its shadow.
            self._say(f"retrain: {type(exc).__name__}: {exc}")

    def _look(self, now_s: float, status: Status | None) -> None:
        wanted, market = read_model_config(self._path)
        waiting = Registry(Path(wanted.keep)).waiting(wanted.name)
        if waiting != self._shadow.id:
            self._since_s = now_s
        self._shadow.seen(waiting, status, _LOOK_S)
        open_ = bool(waiting) and waiting != self._tried
        if open_ and self._shown:
            # Whatever comes of it, it is tried once, and the next training is not held up.
            self._tried, open_ = waiting, False
            self._guarded(lambda: self._prove(wanted, waiting))
        # What waits is not replaced by what is newer, or nothing would ever have waited long enough; but not for ever.
        waits = open_ and now_s - self._since_s < _PATIENCE * 3_600.0 * self._params.shadow_h
        if now_s >= self._next_s and not waits:
            self._next_s = now_s + 3_600.0 * self._params.every_h
            self._train(wanted, market, now_s)

    @property
    def _shown(self) -> bool:
        if self._params.shadow_h == 0.0:
            return True
        long_enough = self._shadow.seconds >= 3_600.0 * self._params.shadow_h
        return long_enough and self._shadow.weight > _BELIEVED

    def _train(self, wanted: ModelConfig, market: Resolved, now_s: float) -> None:
        window = self._window(market, now_s)
        made = train(wanted, read_model_config(self._path, window)[1] if window else market)
        self._say(f"retrain: {made.about.id} of {made.about.rows:,} rows: {', '.join(made.about.parts)}")
        Registry(Path(wanted.keep)).prune(wanted.name, self._params.leave)

    def _window(self, market: Resolved, now_s: float) -> list[str]:
        """What makes recordings begin no earlier than wanted."""
        if self._params.last_h is None:
            return []
        since = datetime.fromtimestamp(now_s, UTC) - timedelta(hours=self._params.last_h)
        start = since.replace(tzinfo=None).isoformat(timespec="seconds")
        replayed = [name for name, venue in market.venues.items() if venue.settings.adapter == "replay"]
        return [f"venues.{name}.params.start={start}" for name in replayed]

    def _prove(self, wanted: ModelConfig, model: str) -> None:
        made = promote(self._path, wanted, model, "", self._params.jobs, waiting=True)
        self._say(f"retrain: {model}: {made.promotion or 'stays in the shadow: ' + '; '.join(made.lacking)}")


def serve(params: RetrainParams, open_journal: Callable[[], Journal]) -> None:
    """Train and prove until the process is ended, behind all who have something to do now."""
    os.nice(NICE)
    journal = open_journal()
    retraining = Retraining(params, lambda text: print(text, flush=True))  # noqa: T201
    while True:
        entry = next(iter(journal.last("status")), None)
        record = None if entry is None else entry.record
        fresh = entry is not None and time.time_ns() - entry.ts_ns < 2e9 * _LOOK_S
        retraining.look(time.time(), record if fresh and isinstance(record, Status) else None)
        time.sleep(_LOOK_S)
