"""Pure market making: a fixed spread around fair value, in levels, leaning against the inventory."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="market-maker",
    summary="several levels around fair value at a fixed spread, skewed by inventory",
    params="ultramm_strategies.market_maker.params:MarketMakerParams",
    strategy="ultramm_strategies.market_maker.strategy:MarketMaker",
    requires=frozenset({"post-only"}),
)
