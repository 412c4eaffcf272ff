"""Whether the dashboard's port can be had."""

from __future__ import annotations

import socket

from ultramm.errors import ConfigError


def require_free_port(port: int, key: str, address: str = "127.0.0.1") -> None:
    """Complain, naming the key to change, when `port` at an address of this machine cannot be had.

    Raises
    ------
    ConfigError
        When another program listens there, or the address is not this machine's.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as exc:
            raise ConfigError(
                f"{key}: port {port} on {address} cannot be had ({exc.strerror or exc}); choose another, or start with "
                f"--no-dashboard"
            ) from exc
