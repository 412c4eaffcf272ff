"""Interactive Brokers: equities, currencies and futures for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="interactive-brokers",
    summary="Interactive Brokers equities, FX and futures by a gateway, without orders; never tried on a wire",
    params="ultramm_adapters.interactive_brokers.params:InteractiveBrokersParams",
    live="ultramm_adapters.interactive_brokers.venue:InteractiveBrokersVenue",
    capabilities=frozenset({"amend", "iceberg", "position-reports"}),
)
