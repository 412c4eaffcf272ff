"""Parameters of Hyperliquid."""

from __future__ import annotations

from typing import Literal

import msgspec

from ultramm.config.addresses import HttpAddress
from ultramm.config.secrets import Secret
from ultramm.plugin import Capability


class HyperliquidParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wallet, on perpetuals or on spot.

    Parameters
    ----------
    product : {"perp", "spot"}
        Symbols end in ``-PERP`` or ``-SPOT``.
    environment : {"live", "testnet"}
        Which of the venue's chains.
    private_key : str
        Of the wallet that signs, 64 hexadecimal digits after ``0x``; from the environment only:
        ``${HYPERLIQUID_PRIVATE_KEY}``.
    account_address : str, optional
        The account, where the key is an agent's.
    vault_address : str, optional
        The vault to trade for.
    base_url : str, optional
        Not to be had: the kernel sends its requests to the venue, whatever its sockets are told.
    """

    product: Literal["perp", "spot"] = "perp"
    environment: Literal["live", "testnet"] = "live"
    private_key: Secret = ""
    account_address: str | None = None
    vault_address: str | None = None
    base_url: HttpAddress | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Spot has no positions to report."""
        common: frozenset[Capability] = frozenset({"amend", "batch-cancel", "post-only", "cancel-by-side"})
        return common if self.product == "spot" else common | {"position-reports"}
