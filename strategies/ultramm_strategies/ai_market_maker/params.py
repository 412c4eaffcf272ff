"""Parameters of the maker with a learned model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.errors import DataError
from ultramm.inference.forecasts import Source
from ultramm.inference.stored import MODEL, sha256
from ultramm.learning.registry import PROMOTIONS, Registry
from ultramm.maker import EngineParams

_DEPTH_LEVELS = 20  # as deep as when models learn
Part = Literal["move", "volatility", "adverse", "arrivals"]


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to quote, in place of the parameters of the same names; what is left out stays as it is.

    Parameters
    ----------
    spread, aggressiveness, follow, toxicity, uncertainty : float, optional
    """

    spread: Positive | None = None
    aggressiveness: Positive | None = None
    follow: NonNegative | None = None
    toxicity: NonNegative | None = None
    uncertainty: NonNegative | None = None


class AiParams(EngineParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the maker with a learned model; those of `ultramm.maker.EngineParams` hold as well.

    Parameters
    ----------
    model : str
        Its name, which means the one that was promoted, or its id, as ``ultramm model list`` has it.
    models : str
        Folder of models.
    unproven : bool
        Trade by a model that was not promoted, in backtests; it is else held in the shadow.
    reference : str, optional
        The market that leads, ``SYMBOL.VENUE``, where the model needs it.
    parts : tuple of str
        Of the model, that are used.
    max_age_h : float
        A model that learned from what is older is not believed, hours.
    gate : bool
        A side against which the forecast goes by more than it would earn is not quoted.
    spread : float
        Factor of the half-spread.
    follow : float
        Factor of how far quotes follow a forecast.
    toxicity : float
        Share of what fills are to lose beyond the usual that is added to the depth.
    uncertainty : float
        By what share of the half-spread quotes are further away when forecasts are twice as far off as usual.
    restless : float
        By what share of it in the restless state of the market.
    doubtful : float
        By what share of it while the model does not see what it learned from.
    cover_fees : bool
        Quotes are further away by the fee.
    profiles : dict of str to Profile
        Ways to quote of which one is chosen, again and again, by what they earned; the first is the usual one.
    profile_s : float
        How long one is tried, seconds.
    seed : int
        Of the choices.
    """

    model: str
    models: str = "data/models"
    unproven: bool = False
    reference: str | None = None
    parts: tuple[Part, ...] = ("move", "volatility", "adverse", "arrivals")
    max_age_h: Positive = 24.0
    gate: bool = True
    spread: Positive = 1.0
    follow: NonNegative = 1.0
    toxicity: NonNegative = 1.0
    uncertainty: NonNegative = 0.5
    restless: NonNegative = 0.0
    doubtful: NonNegative = 0.5
    cover_fees: bool = True
    profiles: Annotated[dict[str, Profile], msgspec.Meta(max_length=5)] = {}  # noqa: RUF012
    profile_s: Positive = 300.0
    seed: int = 0

    @property
    def source(self) -> Source:
        """Which model trades, and which is in its shadow, as it is now.

        Raises
        ------
        DataError
            There is none of that name, or what was promoted cannot be read.
        """
        registry = Registry(Path(self.models))
        about = registry.about(self.model)
        trading, shadow = registry.trading(about.name), registry.waiting(about.name)
        if self.unproven:
            trading, shadow = (about.id if self.model == about.id or not trading else trading), ""
        elif self.model == about.id:
            # Named itself: that one and no other.
            proven = about.id in registry.proven(about.name)
            trading, shadow = (about.id, "") if proven else ("", about.id)
        problem = (
            "" if trading else f"model {about.id} was not promoted: it is in the shadow; see ultramm model promote"
        )
        return Source(self.models, trading, shadow, problem)

    @property
    def changes(self) -> tuple[int, ...]:
        """Another one whenever a model was added, promoted or rolled back."""
        found = []
        for path in (Path(self.models), Path(self.models) / PROMOTIONS):
            try:
                stat = path.stat()
                found += [stat.st_mtime_ns, stat.st_size]
            except OSError:
                found.append(0)
        return tuple(found)

    @property
    def mark(self) -> str:
        try:
            source = self.source
        except DataError:
            return ""
        model = Path(source.folder) / source.trading / MODEL
        digest = sha256(model.read_bytes()) if source.trading and model.is_file() else ""
        return f"{source.trading} {source.shadow} {digest}"

    @property
    def backtest_only(self) -> str:
        return "unproven: true is of backtests; promote the model: ultramm model promote" if self.unproven else ""

    @property
    def depth_levels(self) -> int:
        return _DEPTH_LEVELS
