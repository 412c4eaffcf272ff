"""Parameters of dYdX."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.config.addresses import HttpAddress, SocketAddress
from ultramm.config.secrets import Secret


class DydxParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subaccount of a wallet.

    Parameters
    ----------
    environment : {"live", "testnet"}
        Which of the venue's chains.
    wallet_address : str
        The account, ``dydx1...``.
    private_key : str
        Of the wallet, 64 hexadecimal digits; from the environment only: ``${DYDX_PRIVATE_KEY}``.
    subaccount : int
        Its number.
    base_url_http, base_url_ws, base_url_grpc : str, optional
        Other servers that speak the protocols; all three, or none.
    """

    environment: Literal["live", "testnet"] = "live"
    wallet_address: str = ""
    private_key: Secret = ""
    subaccount: Annotated[int, msgspec.Meta(ge=0, le=128_000)] = 0
    base_url_http: HttpAddress | None = None
    base_url_ws: SocketAddress | None = None
    base_url_grpc: HttpAddress | None = None
