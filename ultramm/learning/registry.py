"""Where models are kept: a folder for each, of plain JSON."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ultramm.errors import DataError
from ultramm.inference.exported import Exported
from ultramm.inference.stored import ABOUT, MODEL, ModelAbout, read_about

if TYPE_CHECKING:
    # Beside scikit-learn, which a list of models does not need.
    from ultramm.learning.dataset import Dataset
    from ultramm.learning.train import Result

TRIALS = "trials.jsonl"


class Registry:
    """The models below a folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, about: ModelAbout, model: bytes) -> Path:
        """Keep a model; the same one again changes nothing. Gives the folder that it is in.

        It is there whole or not at all: written beside, then moved.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / about.id
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".adding-") as name:
            beside = Path(name) / about.id
            beside.mkdir()
            (beside / MODEL).write_bytes(model)
            (beside / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
            if target.exists():
                (beside / ABOUT).replace(target / ABOUT)
            else:
                os.rename(beside, target)  # noqa: PTH104  # atomic, of folders as well
        return target

    def log(self, name: str, dataset: Dataset, results: Iterable[Result]) -> None:
        """Write down all that was tried: how lucky the best of them may have been depends on how many there were."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [
            msgspec.json.encode({"name": name, "data": dataset.about.data, "seed": dataset.about.seed} | _plain(each))
            for each in results
        ]
        with (self.folder / TRIALS).open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def models(self) -> list[ModelAbout]:
        """All of them, by name, latest data first; what cannot be read is left out."""
        found = []
        for folder in sorted(self.folder.glob("*/")) if self.folder.is_dir() else []:
            try:
                found.append(read_about(folder))
            except DataError:
                continue
        return sorted(found, key=lambda about: (about.name, -about.last_ns, about.id))

    def path(self, name: str) -> Path:
        """The folder of a model by its id, or of the latest of that name.

        Raises
        ------
        DataError
            There is none.
        """
        models = self.models()
        for about in models:
            if name in (about.id, about.name):
                return self.folder / about.id
        known = ", ".join(about.id for about in models) or "none"
        raise DataError(f"{self.folder}: no model {name}; there are: {known}")


def _plain(result: Result) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(result)
    return plain


def encoded(model: Exported) -> bytes:
    """As it is kept: the same model is the same bytes."""
    return msgspec.json.encode(model)
