"""OKX: spot, margin, swaps, futures and options for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="okx",
    summary="OKX spot, margin, swaps, futures and options, without orders; never tried on a wire",
    params="ultramm_adapters.okx.params:OkxParams",
    live="ultramm_adapters.okx.venue:OkxVenue",
    capabilities=frozenset({"amend", "batch-cancel", "post-only", "position-reports"}),
)
