"""The quoter of Avellaneda and Stoikov (2008), for reference."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="avellaneda-stoikov",
    summary="the reference quoter of the 2008 paper, with a fixed end",
    params="ultramm_strategies.avellaneda_stoikov.params:AvellanedaStoikovParams",
    strategy="ultramm_strategies.avellaneda_stoikov.strategy:AvellanedaStoikov",
    requires=frozenset({"post-only"}),
)
