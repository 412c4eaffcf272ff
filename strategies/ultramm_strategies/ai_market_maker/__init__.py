"""Quotes of the exact engine around a learned forecast."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="ai-market-maker",
    summary="the exact engine around a trained forecast, which is believed as far as it works",
    params="ultramm_strategies.ai_market_maker.params:AiParams",
    strategy="ultramm_strategies.ai_market_maker.strategy:AiMarketMaker",
    requires=frozenset({"post-only"}),
)
