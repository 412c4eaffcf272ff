"""Conformance checks for authors of plugins: what the framework relies on, tried without a connection.

In a test of the plugin's own::

    from ultramm.testing import check_adapter

    def test_the_adapter_conforms() -> None:
        assert check_adapter(PLUGIN) == []
"""

from ultramm.testing.adapter import check_adapter

__all__ = ["check_adapter"]
