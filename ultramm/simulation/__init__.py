"""The synthetic market: an endless, seeded stream of order book events with the habits of a real one."""

from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm.simulation.presets import PRESETS, Preset
from ultramm.simulation.synthetic import SyntheticMarket

__all__ = ["PRESETS", "LevelChange", "MarketEvent", "MarketTrade", "Preset", "SyntheticMarket"]
