"""One maker that quotes, and several views that move it, by what they were worth."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="combined",
    summary="any quoting strategy, its fair value and inventory moved by several signals by what they earn",
    params="ultramm_strategies.combined.params:CombinedParams",
    strategy="ultramm_strategies.combined.strategy:Combined",
    requires=frozenset({"post-only"}),
)
