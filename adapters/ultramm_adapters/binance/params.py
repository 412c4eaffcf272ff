"""Parameters of Binance."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ultramm.config.addresses import HttpAddress
from ultramm.config.secrets import Secret
from ultramm.plugin import Capability


class BinanceParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account on one of its products.

    Parameters
    ----------
    product : {"spot", "usdm", "coinm"}
        Spot pairs, futures margined in a dollar coin, or in the coin itself. Perpetuals end in ``-PERP``.
    environment : {"live", "testnet"}
        Which of the venue's servers.
    api_key, api_secret : str
        From the environment only: ``${BINANCE_API_KEY}``. The secret of an Ed25519 key is its PEM.
    base_url : str, optional
        Another server that speaks the protocol, such as ``http://127.0.0.1:9001``: all of it is served there.
    recv_window_ms : int
        How late a request may reach the venue, milliseconds; it refuses later ones.
    weight_per_minute : int, optional
        Request weight that may be used in a minute; four fifths of the venue's own limit when left out.
    dead_man_s : float
        Futures only: the venue cancels everything when it has not heard of us for so long, seconds; 0 is never.
    """

    product: Literal["spot", "usdm", "coinm"] = "spot"
    environment: Literal["live", "testnet"] = "live"
    api_key: Secret = ""
    api_secret: Secret = ""
    base_url: HttpAddress | None = None
    recv_window_ms: Annotated[int, msgspec.Meta(ge=100, le=60_000)] = 3_000
    weight_per_minute: Annotated[int, msgspec.Meta(ge=100)] | None = None
    dead_man_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 60.0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Spot orders cannot be changed, and futures show all of theirs."""
        common: frozenset[Capability] = frozenset({"post-only", "live-orders"})
        if self.product == "spot":
            return common | {"iceberg"}
        return common | {"amend", "batch-cancel", "position-reports"}

    @property
    def weight_budget(self) -> int:
        """Request weight a minute."""
        return self.weight_per_minute or (4_800 if self.product == "spot" else 1_920)
