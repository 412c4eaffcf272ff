"""One maker that quotes, and several views that move it, by what they were worth."""

from ultramm.plugin import SignalPlugin, StrategyPlugin

PLUGIN = StrategyPlugin(
    name="combined",
    summary="any quoting strategy, its fair value and inventory moved by several signals by what they earn",
    params="ultramm_strategies.combined.params:CombinedParams",
    strategy="ultramm_strategies.combined.strategy:Combined",
    requires=frozenset({"post-only"}),
)

# The signals that come along.
_SOURCES = "ultramm.signals.sources"
TREND = SignalPlugin(
    name="trend",
    summary="what went on goes on",
    params=f"{_SOURCES}:TrendParams",
    source=f"{_SOURCES}:Trend",
)
REVERSION = SignalPlugin(
    name="reversion",
    summary="what went away comes back",
    params=f"{_SOURCES}:ReversionParams",
    source=f"{_SOURCES}:Reversion",
)
FLOW = SignalPlugin(
    name="flow",
    summary="who trades pushes",
    params=f"{_SOURCES}:FlowParams",
    source=f"{_SOURCES}:Flow",
)
