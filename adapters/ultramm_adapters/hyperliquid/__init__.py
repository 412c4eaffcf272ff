"""Hyperliquid: perpetuals and spot for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="hyperliquid",
    summary="Hyperliquid perpetuals and spot, without orders; never tried on a wire",
    params="ultramm_adapters.hyperliquid.params:HyperliquidParams",
    live="ultramm_adapters.hyperliquid.venue:HyperliquidVenue",
    capabilities=frozenset({"amend", "batch-cancel", "post-only", "cancel-by-side", "position-reports"}),
)
