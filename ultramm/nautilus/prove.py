"""Whether a model may trade: the market that it is of, played with it and without, on what it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from itertools import batched, islice
from pathlib import Path

import msgspec

from ultramm.config.contest import Contestant, entered, with_paper
from ultramm.config.load import Loaded, read
from ultramm.config.model import ModelConfig, Proof, needed_proof
from ultramm.config.resolve import resolve
from ultramm.errors import ConfigError
from ultramm.features.alpha import VERSION
from ultramm.inference.stored import ModelAbout, read_model
from ultramm.learning.evidence import Evidence, evidence
from ultramm.learning.registry import Promotion, Registry
from ultramm.nautilus.contest import Contest, Entry

_WITH, _WITHOUT = "with", "without"
_SLOWER = 1.5
_REPLAY, _EMBARGO_S = "replay", 2.0


def with_model(config: ModelConfig, proof: Proof, model: str, *, unproven: bool) -> Contestant:
    """The strategy of a proof, trading by a model of that name or id."""
    params = {**proof.strategy.params, "model": model, "models": config.keep}
    if unproven:
        params["unproven"] = True
    return msgspec.structs.replace(proof.strategy, params=params)


def proof_runs(config: ModelConfig, proof: Proof, about: ModelAbout) -> dict[str, list[tuple[Entry, Entry]]]:
    """All runs of a proof by what is harder in them, which is nothing in the first: with the model, and without.

    Raises
    ------
    ConfigError
        They would be of what the model has learned from.
    """
    market = _unseen(config, proof, about)
    at_least_ms = 1e3 * about.latency_s
    slower = with_paper(
        market, lambda paper: msgspec.structs.replace(paper, latency_ms=_SLOWER * max(paper.latency_ms, at_least_ms))
    )
    queued = with_paper(market, lambda paper: msgspec.structs.replace(paper, queue="pessimistic"))
    harder = {"": market, "half as much latency again": slower, "the pessimistic queue": queued}
    if queued.config == market.config:
        del harder["the pessimistic queue"]  # that is what all are played with
    seeds = proof_seeds(market, proof)
    ours = with_model(config, proof, about.id, unproven=True)
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


def check_proof(path: Path, config: ModelConfig, proof: Proof) -> None:
    """Before anything is trained: whether the runs of a proof can be made; raises `ConfigError` where they cannot."""
    market = read(Path(config.market), [*proof.set, "mode=backtest"])
    ours = with_model(config, proof, config.name, unproven=True)
    for key, contestant in (("strategy", ours), ("against", proof.against)):
        try:
            resolve(entered(market, contestant, proof.first_seed))
        except ConfigError as exc:
            raise ConfigError(f"{path}: proof.{key}: {exc}") from exc


def proof_seeds(market: Loaded, proof: Proof) -> range:
    """A recording is the same whatever the seed."""
    drawn = any(venue.adapter != _REPLAY for venue in market.config.venues.values())
    return range(proof.first_seed, proof.first_seed + (proof.seeds if drawn else 1))


def _unseen(config: ModelConfig, proof: Proof, about: ModelAbout) -> Loaded:
    """The market of a proof: recordings from behind what was learned from, seeds that were not."""
    market = read(Path(config.market), [*proof.set, "mode=backtest"])
    reach_s = about.horizon_s + about.latency_s + _EMBARGO_S
    behind = datetime.fromtimestamp(about.last_ns * 1e-9 + reach_s, UTC)
    late = []
    for name, venue in market.config.venues.items():
        if venue.adapter != _REPLAY:
            if about.market_seed in proof_seeds(market, proof):
                text = f"seed {about.market_seed} is what model {about.id} has learned from"
                raise ConfigError(f"proof.first_seed: {text}; state another")
        elif venue.params.get("start") is None:
            late.append(f"venues.{name}.params.start={behind.replace(tzinfo=None).isoformat(timespec='milliseconds')}")
        elif _moment(name, venue.params["start"]) < behind:
            until = f"{behind:%Y-%m-%d %H:%M:%S} UTC, until when model {about.id} has learned"
            raise ConfigError(f"proof.set: venues.{name}.params.start is before {until}; leave it out")
    return read(Path(config.market), [*proof.set, *late, "mode=backtest"]) if late else market


def _moment(venue: str, start: object) -> datetime:
    """When a recording is to begin; UTC where it does not say."""
    try:
        found = datetime.fromisoformat(start) if isinstance(start, str) else None
    except ValueError:
        found = None
    if found is None:
        text = f"{start!r} is no time; write such as 2024-08-08T23:55:00"
        raise ConfigError(f"proof.set: venues.{venue}.params.start: {text}")
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def trading_run(config: ModelConfig, about: ModelAbout) -> Entry:
    """The strategy of a proof by whatever model of that name trades, on a seed behind those of the proof."""
    proof = config.proof
    assert proof is not None
    market = _unseen(config, proof, about)
    strategy = with_model(config, proof, config.name, unproven=False)
    seed = proof_seeds(market, proof).stop
    return Entry(config.name, "traded", entered(market, strategy, seed + (seed == about.market_seed)))


class Promoted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a promotion.

    Parameters
    ----------
    id : str
        Of the model.
    promotion : str
        ``promoted``, or ``accepted`` though evidence lacks; of nothing where it stays in the shadow.
    lacking : list of str
        Of the evidence, in words.
    reason : str
        Why it was accepted.
    evidence : Evidence
    """

    id: str
    promotion: str
    lacking: list[str]
    reason: str
    evidence: Evidence


Progress = Callable[[int, int], AbstractContextManager[Callable[[Entry], None]]]


def promote(
    path: Path,
    wanted: ModelConfig,
    model: str,
    accept: str,
    jobs: int = 1,
    runs: Path | None = None,
    progress: Progress = lambda total, missing: nullcontext(lambda _: None),  # noqa: ARG005
    *,
    waiting: bool = False,
) -> Promoted:
    """Play the market with a model and without, on what it has not seen, and let it trade if that is better.

    Parameters
    ----------
    path : Path
        Of the file that says what is wanted.
    model : str
        Its id, or its name: the one of the latest data.
    accept : str
        Why it is to trade though evidence lacks.
    progress : callable
        ``progress(total, missing)`` gives a context of what is told of each run that has finished.
    waiting : bool
        Only if it is still the one that waits once its proof is there: what people did meanwhile stands.

    Raises
    ------
    ConfigError
        The file has no proof, or the model is of another name or instrument.
    DataError
        The model cannot be read, or is not what was trained.
    """
    proof = needed_proof(path, wanted)
    registry = Registry(Path(wanted.keep))
    about = registry.about(model)
    if (about.name, about.instrument) != (wanted.name, wanted.instrument):
        text = f"model {about.id} is not of the name {wanted.name} and {wanted.instrument}, but of {about.instrument}"
        raise ConfigError(f"{path}: {text}; state one with --model")
    read_model(registry.folder / about.id, VERSION)
    planned = proof_runs(wanted, proof, about)
    entries = [entry for pairs in planned.values() for pair in pairs for entry in pair]
    with Contest(jobs, runs) as contest, progress(len(entries), contest.missing(entries)) as advance:
        played = batched(contest.play(entries, advance), 2)
    paired = {how: [(ours, theirs) for ours, theirs in islice(played, len(pairs))] for how, pairs in planned.items()}
    found = evidence(proof.against.use, paired.pop(""), paired, registry.trials(wanted.name), about.overfitting)
    lacking, reason = found.lacking, accept or proof.accept
    how = "promoted" if not lacking else "accepted" if reason else ""
    reason = reason if how == "accepted" else ""
    read_model(registry.folder / about.id, VERSION)  # it may have been deleted meanwhile
    if waiting and registry.waiting(wanted.name) != about.id:
        how, lacking = "", [*lacking, "another was promoted, trained or rolled back meanwhile"]
    if how:
        now, plain = datetime.now(UTC).isoformat(timespec="seconds"), msgspec.to_builtins(found)
        registry.promote(Promotion(name=wanted.name, id=about.id, when=now, how=how, reason=reason, evidence=plain))
    return Promoted(id=about.id, promotion=how, lacking=lacking, reason=reason, evidence=found)
