"""Deribit: futures, options and spot for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="deribit",
    summary="Deribit futures, options and spot, without orders; never tried on a wire",
    params="ultramm_adapters.deribit.params:DeribitParams",
    live="ultramm_adapters.deribit.venue:DeribitVenue",
    capabilities=frozenset({"amend", "post-only", "cancel-by-side", "position-reports"}),
)
