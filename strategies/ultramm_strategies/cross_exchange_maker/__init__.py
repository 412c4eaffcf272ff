"""Quotes on one venue what another would pay, and a little more."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="cross-exchange-maker",
    summary="quotes on one venue at the price at which another hedges, and the edge that is required",
    params="ultramm_strategies.cross_exchange_maker.params:CrossExchangeMakerParams",
    strategy="ultramm_strategies.cross_exchange_maker.strategy:CrossExchangeMaker",
    requires=frozenset({"post-only"}),
)
