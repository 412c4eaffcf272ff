"""Parameters of Interactive Brokers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec


class InteractiveBrokersParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account by a gateway, or by a workstation, which somebody has logged in.

    Parameters
    ----------
    environment : {"paper", "live"}
        Of what the gateway is logged in to.
    host : str
        Where the gateway runs.
    port : int, optional
        Where it listens; a gateway's own when left out, 4002 for paper and 4001 for live. A workstation's are 7497 and
        7496.
    client_id : int
        Of this session; each of those at one gateway has its own, and five above it should be free.
    account : str
        The account's name, such as ``DU123456``.
    market_data : {"realtime", "delayed"}
        What the account has subscribed to.
    """

    environment: Literal["paper", "live"] = "paper"
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65_535)] | None = None
    client_id: Annotated[int, msgspec.Meta(ge=1, le=999)] = 1
    account: str = ""
    market_data: Literal["realtime", "delayed"] = "realtime"
