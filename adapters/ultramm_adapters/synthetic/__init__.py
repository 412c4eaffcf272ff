"""The built-in market: agents that trade, without network or keys."""

from ultramm.plugin import AdapterPlugin

PLUGIN = AdapterPlugin(
    name="synthetic",
    summary="a generated market of agents: presets tight, wide, benign, wide2",
    params="ultramm_adapters.synthetic.params:SyntheticParams",
    source="ultramm_adapters.synthetic.source:SyntheticSource",
    capabilities=frozenset({"post-only", "batch-cancel", "cancel-by-side"}),
)
