"""The exporter's parameters."""

from __future__ import annotations

from typing import Annotated

import msgspec


class PrometheusParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is scraped.

    Parameters
    ----------
    port : int
        Port to listen at.
    address : str
        Address to listen at. There is no password: beyond this machine, let a firewall keep it.
    """

    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 9464
    address: str = "127.0.0.1"
