"""A recorded market, played again."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="replay",
    summary="a catalog or raw capture files, in backtest or in real time on paper",
    params="ultramm_adapters.replay.params:ReplayParams",
    source="ultramm_adapters.replay.source:ReplaySource",
    capabilities=frozenset({"post-only", "batch-cancel", "cancel-by-side"}),
)
