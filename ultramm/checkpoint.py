"""What strategies have learnt, on disk, so that a node that was restarted or killed goes on with it.

A strategy is kept whole, as Python pickles it, with a mark of what it was made by: its code, its parameters and its
instrument. Another mark, too great an age, or anything in the file that is no object of the strategy's own: then it
begins anew, and says why.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import os
import pickle
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

# What a pickle needs of others: arrays, containers and structs.
_OTHERS = frozenset(
    {
        ("builtins", "frozenset"),
        ("builtins", "list"),
        ("builtins", "set"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("decimal", "Decimal"),
        ("msgspec._utils", "rebuild"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
    }
)


class Kept(msgspec.Struct, frozen=True):
    """A strategy in the file.

    Parameters
    ----------
    made_by : str
        See `Origin`.
    heard_ns : int
        When it had last heard of its market, nanoseconds since the epoch.
    fills : int
        Fills of its own that it had been told of, over all runs.
    pickled : bytes
        The strategy.
    """

    made_by: str
    heard_ns: int
    fills: int
    pickled: bytes


class Origin(msgspec.Struct, frozen=True):
    """What a strategy is made by.

    Parameters
    ----------
    package : str
        Top-level package of its code.
    mark : str
        Hash of all code of that package and of ultramm, and of what describes the rest.
    """

    package: str
    mark: str

    @classmethod
    def of(cls, strategy: type, *described: Any) -> Origin:
        """Of a strategy's class, and of what it is made with: anything that JSON can say."""
        package = strategy.__module__.partition(".")[0]
        digest = hashlib.sha256(_code("ultramm") + _code(package))
        for item in described:
            digest.update(msgspec.json.encode(item, order="deterministic"))
        return cls(package, digest.hexdigest())


class Recalled(msgspec.Struct, frozen=True):
    """A strategy as it was, and how many fills of its own it knows."""

    strategy: Any
    fills: int


class Checkpoint:
    """The strategies of one node, in one file.

    Parameters
    ----------
    path : Path
        The file; it need not be there.
    max_age_s : float
        Who has not heard of the market for longer knows nothing of it any more, seconds.
    """

    def __init__(self, path: Path, max_age_s: float) -> None:
        self.path = path
        self._max_age_ns = round(max_age_s * 1e9)
        self._earlier: dict[str, Kept] = {}
        self._problem = ""
        self._kept: dict[str, Kept] = {}
        try:
            self._earlier = msgspec.msgpack.decode(path.read_bytes(), type=dict[str, Kept])
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as exc:
            self._problem = f"{path} cannot be read: {exc}"

    def recall(self, key: str, origin: Origin, now_ns: int) -> Recalled | str:
        """The strategy of an earlier run; in words why there is none, nothing where it was never kept."""
        kept = self._earlier.get(key)
        if kept is None:
            return self._problem
        age_ns = now_ns - kept.heard_ns
        if age_ns > self._max_age_ns:
            return f"what it knew is {age_ns * 1e-9:.0f} s old, {self._max_age_ns * 1e-9:g} are allowed"
        if kept.made_by != origin.mark:
            return "its code, its parameters or its instrument have changed"
        try:
            return Recalled(_Reader(kept.pickled, origin.package).load(), kept.fills)
        except Exception as exc:
            return f"what was kept of it cannot be used: {type(exc).__name__}: {exc}"

    def keep(self, key: str, origin: Origin, strategy: Any, fills: int, heard_ns: int) -> None:
        """Take a strategy as it is, which heard of its market at `heard_ns`; it is on disk after `write`.

        Raises
        ------
        Exception
            It has something that cannot be pickled, or not be read back.
        """
        pickled = pickle.dumps(strategy, pickle.HIGHEST_PROTOCOL)
        if key not in self._kept:
            _Reader(pickled, origin.package).load()  # once: what cannot be read back should be known now
        self._kept[key] = Kept(origin.mark, heard_ns, fills, pickled)

    def forget(self, key: str) -> bool:
        """The strategy is not to be gone on with; whether that is news."""
        there = key in self._earlier or key in self._kept
        self._earlier.pop(key, None)
        self._kept.pop(key, None)
        return there

    def write(self, now_ns: int) -> None:
        """Put what was taken on disk, and what an earlier run kept and is not too old; all of it or nothing.

        Raises
        ------
        OSError
            It could not be written; the file is as it was.
        """
        earlier = {key: kept for key, kept in self._earlier.items() if now_ns - kept.heard_ns <= self._max_age_ns}
        path = self.path.with_name(f"{self.path.name}.new")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(msgspec.msgpack.encode(earlier | self._kept))
            file.flush()
            os.fsync(file.fileno())
        path.replace(self.path)


class _Reader(pickle.Unpickler):
    """Makes objects of classes of one package and of ultramm's, and of `_OTHERS`; calls nothing else."""

    def __init__(self, pickled: bytes, package: str) -> None:
        super().__init__(io.BytesIO(pickled))
        self._packages = {"ultramm", package}

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if self._is_ours(module) or (module, name) in _OTHERS else None
        # A name with dots may lead through a module of ours to what that imports.
        if (module, name) in _OTHERS or (isinstance(found, type) and self._is_ours(found.__module__)):
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is no class of the strategy's")

    def _is_ours(self, module: str) -> bool:
        return module.partition(".")[0] in self._packages


@cache
def _code(package: str) -> bytes:
    """Hash of a package's source."""
    digest = hashlib.sha256()
    module = importlib.import_module(package)
    folders = [Path(folder) for folder in getattr(module, "__path__", ())]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    for file in files or [Path(module.__file__ or "")]:
        digest.update(file.read_bytes())
    return digest.digest()
