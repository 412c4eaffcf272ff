"""A market maker that measures what its quotes are worth, and quotes where they pay."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="adaptive-market-maker",
    summary="optimal quotes moved by the market's state, only where the tape shows that they pay",
    params="ultramm_strategies.adaptive_market_maker.params:AdaptiveParams",
    strategy="ultramm_strategies.adaptive_market_maker.strategy:AdaptiveMarketMaker",
    requires=frozenset({"post-only"}),
)
