"""A learned model as it is kept: numbers, what they are of, and rows that show that they are what they were."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

import msgspec

from ultramm.errors import DataError
from ultramm.inference.exported import Exported, Predict

MODEL, ABOUT = "model.json", "about.json"
_EQUAL = 1e-9


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row, and what scikit-learn made of it."""

    row: tuple[float, ...]
    value: float


class ModelAbout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is, and where it comes from.

    Parameters
    ----------
    name : str
    kind : str
        Of the candidate that it is.
    instrument : str
    leader : str, optional
        The market that must be followed as well.
    features : tuple of str
        Of a row, in order.
    features_version : int
        Of their definition.
    horizon_s, latency_s : float
        What it foretells: the mid's move over the horizon, basis points, from `latency_s` on.
    first_ns, last_ns : int
        Of the rows that it was fitted on.
    rows : int
    data : dict of str to str
        SHA-256 of the files of the market.
    seed : int
    libraries : dict of str to str
        Versions of what fitted it, and of ultramm.
    validation : list of dict
        Of each candidate at each horizon, on what it had not seen.
    deviation_bps : float
        Of its forecasts of these rows.
    golden : tuple of Golden
    model_sha256 : str
    """

    name: str
    kind: str
    instrument: str
    leader: str | None
    features: tuple[str, ...]
    features_version: int
    horizon_s: float
    latency_s: float
    first_ns: int
    last_ns: int
    rows: int
    data: dict[str, str]
    seed: int
    libraries: dict[str, str]
    validation: list[dict[str, Any]]
    deviation_bps: float
    golden: tuple[Golden, ...]
    model_sha256: str

    @property
    def id(self) -> str:
        """Of this very model: its name, and what it is of."""
        return f"{self.name}-{self.model_sha256[:10]}"


class StoredModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that was read and checked."""

    about: ModelAbout
    model: Exported
    predict: Predict


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_about(folder: Path) -> ModelAbout:
    """What a model is; raises `DataError` where that cannot be read."""
    try:
        return msgspec.json.decode((folder / ABOUT).read_bytes(), type=ModelAbout)
    except OSError as exc:
        raise DataError(f"{folder / ABOUT}: cannot be read: {exc.strerror or exc}") from exc
    except msgspec.DecodeError as exc:
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
        model = msgspec.json.decode(content, type=Exported)
        model.check()
        predict = model.compile()
    except (msgspec.DecodeError, ValueError) as exc:
        raise DataError(f"{path}: {exc}; train the model anew") from exc
    _check_golden(folder, about, predict)
    return StoredModel(about=about, model=model, predict=predict)


def _check_golden(folder: Path, about: ModelAbout, predict: Predict) -> None:
    if not about.golden:
        raise DataError(f"{folder / ABOUT}: has no golden rows; train the model anew")
    for number, golden in enumerate(about.golden):
        if len(golden.row) != len(about.features):
            raise DataError(f"{folder / ABOUT}: golden[{number}] is of {len(golden.row)} features, not as stated")
        try:
            found = predict(golden.row)
        except (IndexError, ValueError) as exc:
            raise DataError(f"{folder / MODEL}: does not take rows of {len(golden.row)} features: {exc}") from exc
        if not math.isclose(found, golden.value, rel_tol=0.0, abs_tol=_EQUAL):
            raise DataError(f"{folder / MODEL}: gives {found!r} for golden[{number}], not {golden.value!r}")
