"""What a protocol asks for."""

from __future__ import annotations


def absent(candidate: object, protocol: type) -> list[str]:
    """The methods of a protocol that are not there."""
    wanted = [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]
    return [name for name in wanted if not hasattr(candidate, name)]
