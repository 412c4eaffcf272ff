"""ultramm: a plugin-based market maker on NautilusTrader."""

__version__ = "0.1.0"
