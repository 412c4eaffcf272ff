"""Two prices that belong together, traded around what is left between them."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="statistical-arbitrage",
    summary="quotes one of a pair where what is left between them pays, and stops when the relation breaks",
    params="ultramm_strategies.statistical_arbitrage.params:StatisticalArbitrageParams",
    strategy="ultramm_strategies.statistical_arbitrage.strategy:StatisticalArbitrage",
    requires=frozenset({"post-only"}),
)
