"""A learned model as it is kept: numbers, what they are of, and rows that show that they are what they were."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Annotated, Any

import msgspec

from ultramm.bounds import NonNegative, Seconds
from ultramm.errors import DataError
from ultramm.features.regime import Regimes
from ultramm.inference.exported import Exported, Predict

MODEL, ABOUT = "model.json", "about.json"
_EQUAL = 1e-9

MOVE, VOLATILITY, ADVERSE, ARRIVALS = "move", "volatility", "adverse", "arrivals"
# What each part foretells, in words.
PARTS = {
    MOVE: "the mid's move over the horizon, bps",
    VOLATILITY: "logarithm of the volatility of the next minute, bps / sqrt(s)",
    ADVERSE: "what a fill loses to the mid over the horizon, bps",
    ARRIVALS: "trades against a side over the next seconds, as a share of the usual",
}


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers of a model: of each part, and of the regimes of its market where it has two."""

    parts: dict[str, Exported]
    regimes: Regimes | None = None


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row, and what scikit-learn made of it."""

    row: tuple[float, ...]
    value: float


class PartAbout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of a model.

    Parameters
    ----------
    kind : str
        Of the candidate that it is.
    features : tuple of str
        Of a row, in order.
    mean, deviation : float
        Of what it foretold of the rows that it was fitted on.
    golden : tuple of Golden
    """

    kind: str
    features: tuple[str, ...]
    mean: float
    deviation: NonNegative
    golden: tuple[Golden, ...]


class Familiar(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the rows looked like that a model learned from, by which another market is told from theirs.

    Parameters
    ----------
    watched : tuple of str
        The features that the move's forecast goes by most.
    edges : tuple of tuple of float
        Of each of them: what divides its values in bins.
    shares : tuple of tuple of float
        Of each of them: how much fell into each bin.
    features : tuple of str
        That distances are taken in.
    centre : tuple of float
    factor : tuple of tuple of float
        Lower triangle: products with the row less the centre, squared and summed, are its squared distance.
    furthest : float
        Squared distance that all but one of 10,000 of the rows were within.
    """

    watched: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    features: tuple[str, ...]
    centre: tuple[float, ...]
    factor: tuple[tuple[float, ...], ...]
    furthest: NonNegative


class ModelAbout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is, and where it comes from.

    Parameters
    ----------
    name : str
    instrument : str
    leader : str, optional
        The market that must be followed as well.
    features_version : int
        Of their definition.
    horizon_s, latency_s : float
        What it foretells of moves: over the horizon, from `latency_s` on.
    first_ns, last_ns : int
        Of the rows that it was fitted on.
    rows : int
    own_fills : int
        Fills of ours among what it was fitted on.
    data : dict of str to str
        SHA-256 of the files of the market, and of the fills of journals.
    seed : int
        Of trees and intervals.
    libraries : dict of str to str
        Versions of what fitted it, and of ultramm.
    validation : dict of str to list of dict
        By part: of each candidate at each horizon, on what it had not seen.
    overfitting : float, optional
        Probability that what was best of the candidates for moves in one half of the time is below their middle in the
        other.
    parts : dict of str to PartAbout
        Those that were worth something on what they had not seen.
    familiar : Familiar
    model_sha256 : str
    market_seed : int, optional
        Of the market that it was trained on.
    """

    name: str
    instrument: str
    leader: str | None
    features_version: int
    horizon_s: Seconds
    latency_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)]
    first_ns: int
    last_ns: int
    rows: int
    data: dict[str, str]
    seed: int
    libraries: dict[str, str]
    validation: dict[str, list[dict[str, Any]]]
    overfitting: float | None
    parts: dict[str, PartAbout]
    familiar: Familiar
    model_sha256: str
    own_fills: int = 0
    market_seed: int | None = None

    @property
    def id(self) -> str:
        """Of this very model: its name, and what it is of."""
        return f"{self.name}-{self.model_sha256[:10]}"


class StoredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was read and checked."""

    about: ModelAbout
    content: Content
    predict: dict[str, Predict]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def encoded(content: Content) -> bytes:
    """As it is kept: the same model is the same bytes."""
    return msgspec.json.encode(content, order="sorted")


def read_about(folder: Path) -> ModelAbout:
    """What a model is; raises `DataError` where that cannot be read."""
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=ModelAbout)
    except OSError as exc:
        raise DataError(f"{folder / ABOUT}: cannot be read: {exc.strerror or exc}") from exc
    except (msgspec.DecodeError, RecursionError) as exc:
        raise DataError(f"{folder / ABOUT}: {exc}; train the model anew") from exc


def read_model(folder: Path, features_version: int) -> StoredModel:
    """A model, if it is what it was when it was fitted, and sees what is measured today.

    Parameters
    ----------
    folder : Path
        It is in.
    features_version : int
        Of the features as they are defined now.

    Raises
    ------
    DataError
        One line: which file, what is wrong, what to do.
    """
    about = read_about(folder)
    path = folder / MODEL
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise DataError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    if sha256(content) != about.model_sha256:
        raise DataError(f"{path}: is not what was trained: its hash differs; train the model anew")
    if about.features_version != features_version:
        text = f"is of features version {about.features_version}, this is version {features_version}"
        raise DataError(f"{folder / ABOUT}: {text}; train the model anew")
    try:
        model = msgspec.json.decode(content, type=Content)
        predict = _compiled(model)
    except (msgspec.DecodeError, ValueError) as exc:
        raise DataError(f"{path}: {exc}; train the model anew") from exc
    if model.parts.keys() != about.parts.keys() or MOVE not in model.parts:
        raise DataError(f"{path}: has parts {', '.join(model.parts) or 'none'}, not as stated; train the model anew")
    for name, part in about.parts.items():
        if model.parts[name].features != len(part.features):
            text = f"part {name} takes {model.parts[name].features} features, not {len(part.features)}"
            raise DataError(f"{path}: {text}; train the model anew")
        _check_golden(folder, name, part, predict[name])
    _check_familiar(folder, about)
    return StoredModel(about=about, content=model, predict=predict)


def _compiled(model: Content) -> dict[str, Predict]:
    if model.regimes is not None:
        model.regimes.check()
    found = {}
    for name, part in model.parts.items():
        try:
            part.check()
            found[name] = part.compile()
        except ValueError as exc:
            raise ValueError(f"part {name}: {exc}") from exc
    return found


def _check_familiar(folder: Path, about: ModelAbout) -> None:
    of, count = about.familiar, len(about.parts[MOVE].features)
    fits = (
        of.features == about.parts[MOVE].features
        and set(of.watched) <= set(of.features)
        and len(of.watched) == len(of.edges) == len(of.shares)
        and all(len(shares) == len(edges) + 1 for edges, shares in zip(of.edges, of.shares, strict=True))
        and all(share > 0.0 for shares in of.shares for share in shares)
        and len(of.centre) == len(of.factor) == count
        and [len(row) for row in of.factor] == list(range(1, count + 1))
    )
    if not fits:
        raise DataError(f"{folder / ABOUT}: familiar: its figures do not fit together; train the model anew")


def _check_golden(folder: Path, name: str, about: PartAbout, predict: Predict) -> None:
    if not about.golden:
        raise DataError(f"{folder / ABOUT}: part {name} has no golden rows; train the model anew")
    for number, golden in enumerate(about.golden):
        where = f"{name}.golden[{number}]"
        if len(golden.row) != len(about.features):
            raise DataError(f"{folder / ABOUT}: {where} is of {len(golden.row)} features, not as stated")
        try:
            found = predict(golden.row)
        except (IndexError, ValueError) as exc:
            raise DataError(f"{folder / MODEL}: does not take rows of {len(golden.row)} features: {exc}") from exc
        if not math.isclose(found, golden.value, rel_tol=0.0, abs_tol=_EQUAL):
            raise DataError(f"{folder / MODEL}: gives {found!r} for {where}, not {golden.value!r}")
