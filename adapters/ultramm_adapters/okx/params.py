"""Parameters of OKX."""

from __future__ import annotations

from typing import Literal

import msgspec

from ultramm.config.addresses import HttpAddress, SocketAddress
from ultramm.config.secrets import Secret
from ultramm.plugin import Capability


class OkxParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, on one of its instrument types.

    Parameters
    ----------
    product : {"spot", "margin", "swap", "futures", "option"}
        The venue's instrument type.
    environment : {"live", "demo"}
        Real or simulated trading; keys are of one of them.
    region : {"global", "eea", "us"}
        Where the account is registered, which has servers of its own.
    api_key, api_secret, api_passphrase : str
        From the environment only: ``${OKX_API_KEY}``.
    margin_mode : {"cross", "isolated"}
        Of everything but spot.
    base_url_http, base_url_ws : str, optional
        Another server that speaks the protocol; both, or none.
    """

    product: Literal["spot", "margin", "swap", "futures", "option"] = "spot"
    environment: Literal["live", "demo"] = "live"
    region: Literal["global", "eea", "us"] = "global"
    api_key: Secret = ""
    api_secret: Secret = ""
    api_passphrase: Secret = ""
    margin_mode: Literal["cross", "isolated"] = "cross"
    base_url_http: HttpAddress | None = None
    base_url_ws: SocketAddress | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Spot has no positions to report."""
        common: frozenset[Capability] = frozenset({"amend", "batch-cancel", "post-only"})
        return common if self.product == "spot" else common | {"position-reports"}
