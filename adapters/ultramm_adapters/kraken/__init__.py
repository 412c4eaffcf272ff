"""Kraken: spot and futures for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="kraken",
    summary="Kraken spot and futures, without orders; never tried on a wire",
    params="ultramm_adapters.kraken.params:KrakenParams",
    live="ultramm_adapters.kraken.venue:KrakenVenue",
    capabilities=frozenset({"amend", "batch-cancel", "post-only", "iceberg", "position-reports"}),
)
