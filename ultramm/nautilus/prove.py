"""Whether a model may trade: the market that it is of, played with it and without, on what it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from ultramm.analytics.contest import Played
from ultramm.config.contest import Contestant, entered, with_paper
from ultramm.config.load import read
from ultramm.config.model import ModelConfig, Proof
from ultramm.config.resolve import resolve
from ultramm.learning.evidence import Evidence, evidence
from ultramm.nautilus.contest import Contest, Entry

_WITH, _WITHOUT = "with", "without"
_SLOWER = 1.5


def with_model(config: ModelConfig, proof: Proof, model: str, *, unproven: bool) -> Contestant:
    """The strategy of a proof, trading by a model of that name or id."""
    params = {**proof.strategy.params, "model": model, "models": config.keep}
    if unproven:
        params["unproven"] = True
    return msgspec.structs.replace(proof.strategy, params=params)


def proof_runs(config: ModelConfig, proof: Proof, model: str) -> dict[str, list[tuple[Entry, Entry]]]:
    """All runs of a proof by what is harder in them, which is nothing in the first: with the model, and without."""
    market = read(Path(config.market), [*proof.set, "mode=backtest"])
    slower = with_paper(market, lambda paper: msgspec.structs.replace(paper, latency_ms=_SLOWER * paper.latency_ms))
    queued = with_paper(market, lambda paper: msgspec.structs.replace(paper, queue="pessimistic"))
    harder = {"": market, "half as much latency again": slower, "the pessimistic queue": queued}
    if queued.config == market.config:
        del harder["the pessimistic queue"]  # that is what all are played with
    drawn = any(venue.adapter != "replay" for venue in market.config.venues.values())
    seeds = range(proof.first_seed, proof.first_seed + (proof.seeds if drawn else 1))
    ours = with_model(config, proof, model, unproven=True)
    found = {
        how: [
            (
                Entry(how or config.name, _WITH, entered(loaded, ours, seed)),
                Entry(how or config.name, _WITHOUT, entered(loaded, proof.against, seed)),
            )
            for seed in seeds
        ]
        for how, loaded in harder.items()
    }
    for pairs in found.values():
        for entry in pairs[0]:
            resolve(entry.loaded)  # all of them before any is played: the last may be wrong
    return found


def prove(
    runs: dict[str, list[tuple[Entry, Entry]]],
    contest: Contest,
    against: str,
    trials: int,
    overfitting: float | None,
    on_done: Callable[[Entry], None],
) -> Evidence:
    """Play them, and hold both against each other."""
    entries = [entry for pairs in runs.values() for pair in pairs for entry in pair]
    played = dict(zip((entry.key for entry in entries), contest.play(entries, on_done), strict=True))

    def paired(pairs: list[tuple[Entry, Entry]]) -> list[tuple[Played, Played]]:
        return [(played[ours.key], played[theirs.key]) for ours, theirs in pairs]

    harder = {how: paired(pairs) for how, pairs in runs.items() if how}
    return evidence(against, paired(runs[""]), harder, trials, overfitting)
