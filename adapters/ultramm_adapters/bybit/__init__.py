"""Bybit: spot live, futures and options for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="bybit",
    summary="Bybit spot, live, never tried on a wire; perpetuals, futures and options without orders",
    params="ultramm_adapters.bybit.params:BybitParams",
    live="ultramm_adapters.bybit.venue:BybitVenue",
    capabilities=frozenset({"amend", "batch-cancel", "post-only", "position-reports", "live-orders"}),
)
