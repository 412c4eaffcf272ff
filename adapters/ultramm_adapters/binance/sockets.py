"""Whether the kernel's sockets are there."""

from __future__ import annotations

from typing import Any


def is_there(socket: Any) -> bool:
    """Whether messages arrive on a socket of the kernel's, which calls one active that is connecting anew."""
    return bool(socket is not None and socket.is_active() and not socket.is_reconnecting())
