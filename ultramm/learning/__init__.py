"""Fitting, validating and keeping models, apart from any node; and what comes with ultramm that can learn."""

from ultramm.plugin import EstimatorPlugin, ServicePlugin

_ESTIMATORS = "ultramm.learning.estimators"
RIDGE = EstimatorPlugin(name="ridge", summary="a line with a penalty", estimator=f"{_ESTIMATORS}:Ridge")
TREES = EstimatorPlugin(name="trees", summary="gradient-boosted trees", estimator=f"{_ESTIMATORS}:Trees")
POISSON = EstimatorPlugin(
    name="poisson", summary="the logarithm of a rate as a line", estimator=f"{_ESTIMATORS}:Poisson", loss="arrivals"
)
RETRAIN = ServicePlugin(
    name="retrain",
    summary="trains a model anew beside the node, and promotes it once it has shown enough",
    params="ultramm.config.retrain:RetrainParams",
    serve="ultramm.nautilus.retrain:serve",
)
