"""A hedge that any maker can be paired with."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="hedger",
    summary="offsets what makers hold by another instrument, where that is worth its cost",
    params="ultramm_strategies.hedger.params:HedgerParams",
    strategy="ultramm_strategies.hedger.strategy:Hedger",
    requires=frozenset({"post-only"}),
)
