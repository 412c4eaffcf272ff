"""Whether the parameters of a plugin are fit for a configuration file."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from ultramm.config.secrets import secrets_of

_DOCUMENTED = re.compile(r"^\s*(\w+(?:, \w+)*) : ", re.MULTILINE)
_SOUNDS_SECRET = re.compile(r"secret|passphrase|password|token|mnemonic|(^|_)key$")


def check_params(params: Any) -> Iterator[str]:
    """What is wrong with a struct of parameters."""
    if not (isinstance(params, type) and issubclass(params, msgspec.Struct)):
        yield f"params: {params} is no msgspec.Struct; make it one"
        return
    if not params.__struct_config__.frozen:
        yield f"params: {params.__name__} can be changed; make it frozen=True"
    if not params.__struct_config__.forbid_unknown_fields:
        yield f"params: {params.__name__} takes any key, misspelt ones too; give it forbid_unknown_fields=True"
    documented = {name for group in _DOCUMENTED.findall(inspect.getdoc(params) or "") for name in group.split(", ")}
    secrets = secrets_of(params)
    for field in msgspec.structs.fields(params):
        if field.encode_name not in documented:
            yield f"params.{field.encode_name}: not in the docstring; say there what it is, with its unit"
        if _SOUNDS_SECRET.search(field.encode_name) and field.encode_name not in secrets:
            yield f"params.{field.encode_name}: not marked as a secret; type it ultramm.config.secrets.Secret"
