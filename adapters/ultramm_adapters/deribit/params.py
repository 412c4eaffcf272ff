"""Parameters of Deribit."""

from __future__ import annotations

from typing import Literal

import msgspec

from ultramm.config.addresses import HttpAddress
from ultramm.config.secrets import Secret
from ultramm.plugin import Capability


class DeribitParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account, on one of its kinds of instruments.

    Parameters
    ----------
    product : {"future", "option", "spot"}
        The venue's kind; perpetuals are futures.
    environment : {"live", "testnet"}
        Which of the venue's servers.
    api_key, api_secret : str
        The venue's client id and secret, from the environment only: ``${DERIBIT_API_KEY}``.
    base_url : str, optional
        Not to be had: the kernel sends orders to the venue's own socket, whatever the rest is told.
    """

    product: Literal["future", "option", "spot"] = "future"
    environment: Literal["live", "testnet"] = "live"
    api_key: Secret = ""
    api_secret: Secret = ""
    base_url: HttpAddress | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Spot has no positions to report."""
        common: frozenset[Capability] = frozenset({"amend", "post-only", "cancel-by-side"})
        return common if self.product == "spot" else common | {"position-reports"}
