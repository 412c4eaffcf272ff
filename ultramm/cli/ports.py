"""Whether the dashboard's port can be had."""

from __future__ import annotations

import socket

from ultramm.errors import ConfigError


def require_free_port(port: int, key: str) -> None:
    """Complain, naming the key to change, when `port` of this machine is taken.

    Raises
    ------
    ConfigError
        When another program listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as exc:
            raise ConfigError(
                f"{key}: port {port} on 127.0.0.1 is taken; choose another, or start with --no-dashboard"
            ) from exc
