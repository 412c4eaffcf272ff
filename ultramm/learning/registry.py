"""Where models are kept: a folder for each, of plain JSON; and which of them trade."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ultramm.errors import DataError
from ultramm.inference.stored import ABOUT, MODEL, ModelAbout, read_about

if TYPE_CHECKING:
    # Beside scikit-learn, which a list of models does not need.
    from ultramm.learning.dataset import Dataset
    from ultramm.learning.train import Result

TRIALS, PROMOTIONS = "trials.jsonl", "promotions.jsonl"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """From then on a model trades under its name.

    Parameters
    ----------
    name, id : str
        Of the model; an id of nothing means that none of that name trades any more.
    when : str
        UTC.
    how : str
        ``promoted``, ``accepted`` without the evidence asked for, ``rolled back``.
    reason : str
        Why it was accepted, or rolled back.
    evidence : dict, optional
        By which it was promoted, or accepted in spite of.
    """

    name: str
    id: str
    when: str
    how: str
    reason: str = ""
    evidence: dict[str, Any] | None = None


class Registry:
    """The models below a folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- models ----------------------------------------------------------------------------------------------

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

    def models(self) -> list[ModelAbout]:
        """All of them, by name, latest data first; what cannot be read is left out."""
        found = []
        for folder in sorted(self.folder.glob("*/")) if self.folder.is_dir() else []:
            try:
                found.append(read_about(folder))
            except DataError:
                continue
        return sorted(found, key=lambda about: (about.name, -about.last_ns, about.id))

    def about(self, name: str) -> ModelAbout:
        """A model by its id, or the latest of that name.

        Raises
        ------
        DataError
            There is none.
        """
        models = self.models()
        for about in models:
            if name in (about.id, about.name):
                return about
        known = ", ".join(about.id for about in models) or "none"
        raise DataError(f"{self.folder}: no model {name}; there are: {known}")

    def path(self, name: str) -> Path:
        """The folder of a model by its id, or of the latest of that name."""
        return self.folder / self.about(name).id

    # -- trials ----------------------------------------------------------------------------------------------

    def log(self, name: str, dataset: Dataset, results: Mapping[str, Iterable[Result]]) -> None:
        """Write down all that was tried: how lucky the best of them may have been depends on how many there were."""
        of = {"name": name, "data": dataset.about.data, "seed": dataset.about.seed}
        lines = [
            msgspec.json.encode(of | {"part": part} | _plain(each)) for part, found in results.items() for each in found
        ]
        self._append(TRIALS, lines)

    def trials(self, name: str) -> int:
        """How many there were under a name; the same thing tried again is one."""
        return len({line for line in self._lines(TRIALS) if msgspec.json.decode(line)["name"] == name})

    # -- what trades -----------------------------------------------------------------------------------------

    def promotions(self, name: str) -> list[Promotion]:
        """Of that name, in the order that they were made in."""
        found = [msgspec.json.decode(line, type=Promotion) for line in self._lines(PROMOTIONS)]
        return [each for each in found if each.name == name]

    def trading(self, name: str) -> str:
        """The id of the model that trades under a name; of nothing where none was promoted."""
        made = self.promotions(name)
        return made[-1].id if made else ""

    def waiting(self, name: str) -> str:
        """The id of the latest model of a name that was not promoted yet: it is held in the shadow."""
        promoted = {each.id for each in self.promotions(name)}
        for about in self.models():
            if about.name == name:
                return "" if about.id in promoted else about.id
        return ""

    def promote(self, promotion: Promotion) -> None:
        """From now on it trades."""
        self._append(PROMOTIONS, [msgspec.json.encode(promotion)])

    def before(self, name: str) -> str:
        """The id of the model that traded before the one that does now; of nothing where there was none.

        Raises
        ------
        DataError
            None trades.
        """
        stack: list[str] = []
        for each in self.promotions(name):
            if each.how == "rolled back":
                stack.pop()
            else:
                stack.append(each.id)
        if not stack:
            raise DataError(f"{self.folder}: no model {name} trades: there is nothing to roll back")
        return stack[-2] if len(stack) > 1 else ""

    def _lines(self, name: str) -> list[bytes]:
        path = self.folder / name
        try:
            return path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise DataError(f"{path}: cannot be read: {exc.strerror or exc}") from exc

    def _append(self, name: str, lines: Iterable[bytes]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / name).open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))


def _plain(result: Result) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(result)
    return plain
