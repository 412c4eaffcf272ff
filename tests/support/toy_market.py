"""A minute of the built-in market, with one strategy on it: what is trained on, proven on and searched on in tests."""

from __future__ import annotations

from typing import Any

QUOTING = {"order_size": 0.01, "max_position": 0.1, "half_spread_bps": 1}


def toy_market(
    duration_s: float = 60, mode: str = "backtest", use: str = "market-maker", params: dict[str, Any] = QUOTING
) -> dict[str, Any]:
    """A configuration of nodes, as plain values."""
    venue = {
        "adapter": "synthetic",
        "instruments": ["BTCUSDT"],
        "params": {"preset": "wide", "duration_s": duration_s},
        "paper": {"starting_balances": ["100000 USDT", "2 BTC"]},
    }
    strategy = {"use": use, "name": "mm", "instruments": ["BTCUSDT.SIM"], "params": params}
    return {"mode": mode, "name": "toy", "seed": 5, "venues": {"SIM": venue}, "strategies": [strategy]}
