"""Lengths of time as people write them."""

from __future__ import annotations

import re

from ultramm.errors import ConfigError

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FORM = re.compile(r"^(\d+(?:\.\d+)?)([smhd]?)$")


def seconds(text: str, key: str) -> float:
    """Seconds of ``90``, ``90s``, ``30m``, ``2h`` or ``1d``.

    Raises
    ------
    ConfigError
        Naming `key`, when it is none of these or zero.

    Examples
    --------
    >>> seconds("1.5m", "--duration")
    90.0
    """
    match = _FORM.match(text.strip())
    if match is None or float(match.group(1)) == 0:
        raise ConfigError(f"{key}: {text!r} is no length of time; write such as 90s, 30m, 2h")
    return float(match.group(1)) * _UNITS_S[match.group(2)]
