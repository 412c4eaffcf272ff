"""Binance: spot, USDT-margined and coin-margined futures, over the kernel's own adapter."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="binance",
    summary="Binance spot, USDT-M and COIN-M futures, live; testnet, or another server that speaks its protocol",
    params="ultramm_adapters.binance.params:BinanceParams",
    live="ultramm_adapters.binance.venue:BinanceVenue",
    capabilities=frozenset({"post-only", "live-orders", "amend", "batch-cancel", "position-reports", "iceberg"}),
)
