"""Where models are kept: a folder for each, of plain JSON; and which of them trade."""

from __future__ import annotations

import os
import shutil
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
        """Keep a model; the same one again mends what was damaged of it. Gives the folder that it is in.

        It is there whole or not at all: written beside, then moved.

        Raises
        ------
        DataError
            It cannot be written.
        """
        target = self.folder / about.id
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.folder, prefix=".adding-") as name:
                beside = Path(name) / about.id
                beside.mkdir()
                (beside / MODEL).write_bytes(model)
                (beside / ABOUT).write_bytes(msgspec.json.format(msgspec.json.encode(about)))
                if target.exists():
                    for file in (MODEL, ABOUT):
                        (beside / file).replace(target / file)
                else:
                    os.rename(beside, target)  # noqa: PTH104  # atomic, of folders as well
        except OSError as exc:
            raise DataError(f"{target}: cannot be written: {exc.strerror or exc}") from exc
        return target

    def models(self, name: str = "") -> list[ModelAbout]:
        """All of them, or of a name: by name, latest data first, then trained last; without what is damaged, or is in a
        folder of another name, as a copy is.

        Raises
        ------
        DataError
            The folder cannot be read.
        """
        found = []
        for folder in self._folders():
            try:
                about = read_about(folder)
                trained_ns = (folder / ABOUT).stat().st_mtime_ns
            except (DataError, OSError):
                continue
            if about.id == folder.name and name in ("", about.name):
                found.append((about.name, -about.last_ns, -trained_ns, about.id, about))
        return [each[-1] for each in sorted(found)]

    def _folders(self) -> list[Path]:
        try:
            with os.scandir(self.folder) as held:
                return sorted(Path(each.path) for each in held if each.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as exc:
            raise DataError(f"{self.folder}: cannot be read: {exc.strerror or exc}; check permissions") from exc

    def about(self, name: str) -> ModelAbout:
        """A model by its id, or the latest of that name.

        Raises
        ------
        DataError
            There is none.
        """
        for about in self.models():
            if name in (about.id, about.name):
                return about
        damaged = next((folder for folder in self._folders() if folder.name == name), None)
        if damaged is not None:
            read_about(damaged)  # says what is wrong with it
        known = ", ".join(about.id for about in self.models()) or "none"
        raise DataError(f"{self.folder}: no model {name}; there are: {known}")

    def path(self, name: str) -> Path:
        """The folder of a model by its id, or of the latest of that name."""
        return self.folder / self.about(name).id

    def prune(self, name: str, leave: int) -> list[str]:
        """Delete models of a name but for the latest so many, and for those that trade, traded, or wait to.

        Gives the ids of what was deleted; what was tried stays written down.

        Raises
        ------
        DataError
            There is no model of that name, or one cannot be deleted.
        """
        models = [each for each in self.models() if each.name == name]
        if not models:
            self.about(name)
            raise DataError(f"{self.folder}: {name} is one model; state the name that many have")
        stays = {each.id for each in self.promotions(name)} | {self.waiting(name)}
        others = [each.id for each in models[leave:] if each.id not in stays]
        for each in others:
            try:
                shutil.rmtree(self.folder / each)
            except OSError as exc:
                raise DataError(f"{self.folder / each}: cannot be deleted: {exc.strerror or exc}") from exc
        return others

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
        return len({line for line, trial in self._read(TRIALS, _Named) if trial.name == name})

    # -- what trades -----------------------------------------------------------------------------------------

    def promotions(self, name: str) -> list[Promotion]:
        """Of that name, in the order that they were made in."""
        return [each for _, each in self._read(PROMOTIONS, Promotion) if each.name == name]

    def trading(self, name: str) -> str:
        """The id of the model that trades under a name; of nothing where none was promoted."""
        made = self.promotions(name)
        return made[-1].id if made else ""

    def waiting(self, name: str) -> str:
        """The id of the latest model of a name that was not promoted, and is later than the one that trades: it is held
        in the shadow."""
        trading, promoted = self.trading(name), {each.id for each in self.promotions(name)}
        for about in self.models(name):
            if about.id == trading:
                return ""
            if about.id not in promoted:
                return about.id
        return ""

    def promote(self, promotion: Promotion) -> None:
        """From now on it trades."""
        self._append(PROMOTIONS, [msgspec.json.encode(promotion)])

    def proven(self, name: str) -> list[str]:
        """The ids that were promoted and not rolled back since, in that order; the last one trades."""
        stack: list[str] = []
        for each in self.promotions(name):
            if each.how == "rolled back":
                del stack[-1:]
            elif stack[-1:] != [each.id]:
                stack.append(each.id)
        return stack

    def before(self, name: str) -> str:
        """The id of the model that traded before the one that does now; of nothing where there was none.

        Raises
        ------
        DataError
            None trades.
        """
        stack = self.proven(name)
        if not stack:
            raise DataError(f"{self.folder}: no model {name} trades: there is nothing to roll back")
        return stack[-2] if len(stack) > 1 else ""

    def _read[T](self, name: str, of: type[T]) -> list[tuple[bytes, T]]:
        """The lines of a file; one without its end was being written, and is none."""
        path = self.folder / name
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise DataError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
        found = []
        for number, line in enumerate(content[: content.rfind(b"\n") + 1].splitlines(), 1):
            try:
                found.append((line, msgspec.json.decode(line, type=of)))
            except msgspec.DecodeError as exc:
                raise DataError(f"{path}:{number}: {exc}; take the line out") from exc
        return found

    def _append(self, name: str, lines: Iterable[bytes]) -> None:
        path = self.folder / name
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # What broke off in the middle of a line must not take the next one with it.
            torn = path.exists() and not path.read_bytes().endswith(b"\n") and path.stat().st_size > 0
            with path.open("r+b" if torn else "ab") as file:
                if torn:
                    file.seek(path.read_bytes().rfind(b"\n") + 1)
                    file.truncate()
                file.write(b"".join(line + b"\n" for line in lines))
        except OSError as exc:
            raise DataError(f"{path}: cannot be written: {exc.strerror or exc}") from exc


class _Named(msgspec.Struct, frozen=True):
    """Of a trial, what it is counted by."""

    name: str


def _plain(result: Result) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(result)
    return plain
