"""dYdX v4: perpetuals for their data, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="dydx",
    summary="dYdX v4 perpetuals, without orders; never tried on a wire",
    params="ultramm_adapters.dydx.params:DydxParams",
    live="ultramm_adapters.dydx.venue:DydxVenue",
    capabilities=frozenset({"batch-cancel", "post-only", "position-reports"}),
)
