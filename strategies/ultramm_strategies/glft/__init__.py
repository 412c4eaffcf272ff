"""Optimal quotes for the market's own fill intensity: Guéant, Lehalle, Fernandez-Tapia, solved exactly."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="glft",
    summary="optimal quotes by volatility and fill intensity, solved exactly for each inventory",
    params="ultramm_strategies.glft.params:GlftParams",
    strategy="ultramm_strategies.glft.strategy:Glft",
    requires=frozenset({"post-only"}),
)
