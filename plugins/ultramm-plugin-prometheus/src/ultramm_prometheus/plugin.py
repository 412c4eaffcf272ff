"""The plugin's record."""

from ultramm.plugin import ServicePlugin

PLUGIN = ServicePlugin(
    name="prometheus",
    summary="What the node measures, for Prometheus to scrape.",
    params="ultramm_prometheus.params:PrometheusParams",
    serve="ultramm_prometheus.exporter:serve",
)
