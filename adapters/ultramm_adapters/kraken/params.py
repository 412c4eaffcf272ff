"""Parameters of Kraken."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.config.addresses import HttpAddress, SocketAddress
from ultramm.config.secrets import Secret
from ultramm.plugin import Capability


class KrakenParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, on spot or on futures, which have keys of their own.

    Parameters
    ----------
    product : {"spot", "futures"}
        Which of the two exchanges.
    environment : {"live", "demo"}
        Which of the venue's servers; of spot there is no demo.
    api_key, api_secret : str
        From the environment only: ``${KRAKEN_API_KEY}``.
    base_url_http, base_url_ws : str, optional
        Another server that speaks the product's protocol; both, or none.
    max_requests_per_s : int
        HTTP requests that may be sent in a second.
    """

    product: Literal["spot", "futures"] = "spot"
    environment: Literal["live", "demo"] = "live"
    api_key: Secret = ""
    api_secret: Secret = ""
    base_url_http: HttpAddress | None = None
    base_url_ws: SocketAddress | None = None
    max_requests_per_s: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Orders in part hidden on spot, positions on futures."""
        common: frozenset[Capability] = frozenset({"amend", "batch-cancel", "post-only"})
        return common | ({"iceberg"} if self.product == "spot" else {"position-reports"})
