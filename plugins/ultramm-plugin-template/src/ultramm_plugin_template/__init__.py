"""A strategy that joins the best bid and ask: the template of an ultramm plugin."""

from ultramm.plugin import StrategyPlugin

PLUGIN = StrategyPlugin(
    name="touch",
    summary="joins the best bid and the best ask",
    params="ultramm_plugin_template.strategy:TouchParams",
    strategy="ultramm_plugin_template.strategy:Touch",
    requires=frozenset({"post-only"}),
)
