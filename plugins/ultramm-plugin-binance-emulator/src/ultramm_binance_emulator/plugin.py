"""The emulator through the plugin door: a venue for live orders that needs no key, no network, no second terminal."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="binance-emulator",
    summary="live orders at an emulated Binance, spot or USDT-M, which runs as long as its node",
    params="ultramm_binance_emulator.adapter:EmulatorParams",
    live="ultramm_binance_emulator.adapter:EmulatedVenue",
    capabilities=frozenset({"post-only", "live-orders", "amend", "batch-cancel", "position-reports", "iceberg"}),
)
