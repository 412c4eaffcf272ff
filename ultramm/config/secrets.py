"""Values that may only come from the environment."""

from __future__ import annotations

from typing import Annotated, get_args, get_type_hints

import msgspec

from ultramm.config.load import Loaded, secret_in_file

_MARK = {"secret": True}
# Of an adapter's parameter: a file that holds it in plain text is refused.
Secret = Annotated[str, msgspec.Meta(extra=_MARK)]


def secrets_of(params: type) -> list[str]:
    """The parameters that are secrets."""
    return [
        name
        for name, hint in get_type_hints(params, include_extras=True).items()
        if any(isinstance(extra, msgspec.Meta) and extra.extra == _MARK for extra in get_args(hint))
    ]


def require_environment(loaded: Loaded, params: object, where: str) -> None:
    """Refuse secrets that are written in the file.

    Raises
    ------
    ConfigError
        One is; the key is named, the value is not.
    """
    for name in secrets_of(type(params)):
        key = f"{where}.{name}"
        if getattr(params, name) and key not in loaded.substituted:
            raise secret_in_file(loaded.path, key)
