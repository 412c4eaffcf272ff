"""``python -m ultramm_binance_emulator``."""

from ultramm_binance_emulator.cli import app

app()
