"""How it stands with a learned model, for people."""

from __future__ import annotations

import msgspec


class ModelState(msgspec.Struct, frozen=True, kw_only=True):
    """How it stands with a model.

    Parameters
    ----------
    id : str
    trades : bool
        Or is in the shadow: it foretells, and is not traded by.
    weights : dict of str to float
        Share of each part's forecasts that is believed, 0 .. 1.
    outcomes : int
        Of its forecasts of moves that are known.
    doubt : str
        In words why it is not believed; empty while it is, or has not shown yet what it is worth.
    """

    id: str
    trades: bool
    weights: dict[str, float]
    outcomes: int
    doubt: str
