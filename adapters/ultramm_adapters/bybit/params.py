"""Parameters of Bybit."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.config.addresses import HttpAddress, SocketAddress
from ultramm.config.secrets import Secret
from ultramm.plugin import Capability


class BybitParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unified trading account, on one of its products.

    Parameters
    ----------
    product : {"spot", "linear", "inverse", "option"}
        The venue's category. Symbols end in ``-SPOT``, ``-LINEAR``, ``-INVERSE`` or ``-OPTION``.
    environment : {"live", "demo", "testnet"}
        Which of the venue's servers.
    api_key, api_secret : str
        From the environment only: ``${BYBIT_API_KEY}``. HMAC.
    base_url_http, base_url_ws_public, base_url_ws_private, base_url_ws_trade : str, optional
        Another server that speaks the protocol; all four, or none.
    recv_window_ms : int
        How late a request may reach the venue, milliseconds; it refuses later ones.
    """

    product: Literal["spot", "linear", "inverse", "option"] = "spot"
    environment: Literal["live", "demo", "testnet"] = "live"
    api_key: Secret = ""
    api_secret: Secret = ""
    base_url_http: HttpAddress | None = None
    base_url_ws_public: SocketAddress | None = None
    base_url_ws_private: SocketAddress | None = None
    base_url_ws_trade: SocketAddress | None = None
    recv_window_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 5_000

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Live orders on spot only, which has no positions to report; the demo server takes cancels one by one."""
        common: frozenset[Capability] = frozenset({"amend", "post-only"})
        if self.environment != "demo":
            common |= {"batch-cancel"}
        return common | ({"live-orders"} if self.product == "spot" else {"position-reports"})
