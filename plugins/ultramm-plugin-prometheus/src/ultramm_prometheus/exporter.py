"""Serves the metrics of a node's journal over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, start_http_server

from ultramm.errors import RunError
from ultramm.journal.store import Journal
from ultramm_prometheus.metrics import JournalCollector
from ultramm_prometheus.params import PrometheusParams


def serve(params: PrometheusParams, open_journal: Callable[[], Journal]) -> None:
    """Serve until the process is ended.

    Raises
    ------
    RunError
        The port is taken, or the address is not ours.
    """
    registry = CollectorRegistry()
    registry.register(JournalCollector(open_journal))
    try:
        _, thread = start_http_server(params.port, params.address, registry)
    except OSError as exc:
        raise RunError(f"prometheus: cannot listen at {params.address}:{params.port}: {exc}") from exc
    print(f"metrics on http://{params.address}:{params.port}/metrics", flush=True)  # noqa: T201
    thread.join()
