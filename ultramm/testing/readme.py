"""What the README of a plugin must say, and the example in it."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

_YAML = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_VARIABLE = re.compile(r"\$\{[^}]*\}")
# A key that every kind of signature can be made with, without an account that it opens.
STAND_IN = "0x" + 32 * "11"


class Example(msgspec.Struct, frozen=True):
    """The venue of an example: its name, its instruments' symbols, and its parameters as values."""

    venue: str
    symbols: list[str]
    params: dict[str, Any]


class Readme:
    """A README.

    Parameters
    ----------
    text : str
        What it says.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @classmethod
    def beside(cls, path: str) -> Readme:
        """That which lies beside the module of ``module:attribute``.

        Raises
        ------
        FileNotFoundError
            There is none.
        """
        spec = importlib.util.find_spec(path.partition(":")[0])
        return cls(
            (Path(spec.origin if spec and spec.origin else ".").parent / "README.md").read_text(encoding="utf-8")
        )

    def check(self, params: type, capabilities: Iterable[str]) -> Iterator[str]:
        """What it does not say."""
        for field in msgspec.structs.fields(params):
            if f"| `{field.encode_name}` |" not in self.text:
                yield f"README.md: params.{field.encode_name} has no row; add | `{field.encode_name}` | unit | ..."
        for capability in sorted(capabilities):
            if f"`{capability}`" not in self.text:
                yield f"README.md: nothing of `{capability}`; say what it rests on"

    def examples(self, adapter: str) -> Iterator[Example]:
        """The venues of this adapter in its YAML blocks, with keys that open nothing."""
        for block in _YAML.findall(self.text):
            content = yaml.safe_load(_VARIABLE.sub(STAND_IN, block)) or {}
            for name, venue in content.get("venues", {}).items():
                if venue.get("adapter") == adapter:
                    yield Example(name, venue["instruments"], venue.get("params", {}))
