"""The emulator through the plugin door: a venue for live orders that needs no key, no network, no second terminal."""

from ultramm.plugin import AdapterPlugin
from ultramm_adapters.binance import PLUGIN as BINANCE

PLUGIN = AdapterPlugin(
    name="binance-emulator",
    summary="live orders at an emulated Binance, spot or USDT-M, which runs as long as its node",
    params="ultramm_binance_emulator.adapter:EmulatorParams",
    live="ultramm_binance_emulator.adapter:EmulatedVenue",
    capabilities=BINANCE.capabilities,
)
