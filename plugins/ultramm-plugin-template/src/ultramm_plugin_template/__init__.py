"""A strategy that joins the best bid and ask: the template of an ultramm plugin."""

from ultramm.plugin import EstimatorPlugin, StrategyPlugin

PLUGIN = StrategyPlugin(
    name="touch",
    summary="joins the best bid and the best ask",
    params="ultramm_plugin_template.strategy:TouchParams",
    strategy="ultramm_plugin_template.strategy:Touch",
    requires=frozenset({"post-only"}),
)

ESTIMATOR = EstimatorPlugin(
    name="small-network",
    summary="a network of two small layers",
    estimator="ultramm_plugin_template.estimator:SmallNetwork",
)
