"""Parameters of the maker with a learned forecast."""

from __future__ import annotations

from pathlib import Path

from ultramm.bounds import NonNegative
from ultramm.errors import DataError
from ultramm.learning.registry import Registry
from ultramm.maker import EngineParams

_DEPTH_LEVELS = 20  # as deep as when models learn


class AiParams(EngineParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the maker with a learned forecast; those of `ultramm.maker.EngineParams` hold as well.

    Parameters
    ----------
    model : str
        Its name, which means the one of the latest data, or its id, as ``ultramm model list`` has it.
    models : str
        Folder of models.
    reference : str, optional
        The market that leads, ``SYMBOL.VENUE``, where the model needs it.
    gate : bool
        A side against which the forecast goes by more than it would earn is not quoted.
    uncertainty : float
        By what share of the half-spread quotes are further away when forecasts are twice as far off as usual.
    cover_fees : bool
        Quotes are further away by the fee.
    """

    model: str
    models: str = "data/models"
    reference: str | None = None
    gate: bool = True
    uncertainty: NonNegative = 0.5
    cover_fees: bool = True

    @property
    def folder(self) -> Path:
        """Where the model is; where there is none, where it would be."""
        try:
            return Registry(Path(self.models)).path(self.model)
        except DataError:
            return Path(self.models) / self.model

    @property
    def depth_levels(self) -> int:
        return _DEPTH_LEVELS
