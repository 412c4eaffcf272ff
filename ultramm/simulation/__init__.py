"""The synthetic market: an endless, seeded stream of order book events with the habits of a real one.

>>> market = SyntheticMarket(PRESETS["wide"], seed=7)
>>> stream = market.events()
>>> next(stream).trades  # the first event is the whole book
()
"""

from ultramm.simulation.events import LevelChange, MarketEvent, MarketTrade
from ultramm.simulation.presets import PRESETS, Preset
from ultramm.simulation.scenarios import SCENARIOS, Scenario, Staged
from ultramm.simulation.synthetic import SyntheticMarket

__all__ = [
    "PRESETS",
    "SCENARIOS",
    "LevelChange",
    "MarketEvent",
    "MarketTrade",
    "Preset",
    "Scenario",
    "Staged",
    "SyntheticMarket",
]
