"""Parameters of the combined strategy."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ultramm.bounds import NonNegative, Positive
from ultramm.combine.blend import Bounds
from ultramm.errors import PluginError
from ultramm.maker import MakerParams
from ultramm.plugin import SignalPlugin, StrategyPlugin, load, record
from ultramm.signals.sources import Source


class Core(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who quotes.

    Parameters
    ----------
    use : str
        A strategy that quotes.
    params : dict
        Its own; `max_position` and the times of `MakerParams` are the combined strategy's.
    """

    use: str
    params: dict[str, Any] = {}

    @property
    def plugin(self) -> StrategyPlugin:
        """As it is installed; raises `PluginError` where it is not."""
        found = record("strategy", self.use)
        assert isinstance(found, StrategyPlugin)
        return found


class SignalMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who has a view.

    Parameters
    ----------
    name : str
        Of the member.
    use : str
        What it looks at: a signal that is installed.
    params : dict
        Its own.
    paused : bool
        It is watched, and moves nothing.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    use: str
    params: dict[str, Any] = {}
    paused: bool = False

    def source(self) -> Source:
        """A new one.

        Raises
        ------
        ValueError
            There is no such signal, or it does not take these parameters.
        """
        try:
            found = record("plugin", self.use)
            if not isinstance(found, SignalPlugin):
                raise ValueError(f"{self.name}: {self.use} is no signal")
            source: Source = load(found.source)(msgspec.convert(self.params, load(found.params)))
        except (PluginError, msgspec.ValidationError) as exc:
            raise ValueError(f"{self.name}: {exc}") from exc
        return source


class CombinedParams(MakerParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the combined strategy; those of `ultramm.maker.MakerParams` hold as well.

    Parameters
    ----------
    core : Core
        Who quotes.
    members : tuple of SignalMember
        Who has a view.
    max_target : float
        Share of `max_position` that all views together can call for.
    full_view : float
        Sum of weighted views at which three quarters of that is wanted.
    shift_bps : float
        By how much the quotes move at a full view, basis points.
    retarget_s : float
        How often targets follow the views, seconds.
    period_s : float
        How often weights follow what views earned, seconds.
    switching : bool
        Which view is best is expected to change.
    cost_bps : float
        What a view is charged for what it turns over, basis points.
    bounds : Bounds
        Of the weights.
    """

    core: Core
    members: tuple[SignalMember, ...] = ()
    max_target: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.5
    full_view: Positive = 0.5
    shift_bps: NonNegative = 0.0
    retarget_s: Positive = 5.0
    period_s: Positive = 300.0
    switching: bool = True
    cost_bps: NonNegative = 1.0
    bounds: Bounds = Bounds()

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if len({*names, "core"}) != len(names) + 1:
            raise ValueError("members: names must differ, and none is core")
        for member in self.members:
            member.source()
        params = self.core_params
        if params.makers or params.references:
            raise ValueError(f"core: {self.core.use} needs another market or strategy: it cannot be a member")

    @property
    def core_params(self) -> MakerParams:
        """Those of who quotes.

        Raises
        ------
        ValueError
            There is no such strategy, or it does not take them.
        """
        own = {key: getattr(self, key) for key in ("max_position", "refresh_ms", "tolerance_bps", "stale_after_s")}
        try:
            made: MakerParams = msgspec.convert({**own, **self.core.params}, load(self.core.plugin.params))
        except (PluginError, msgspec.ValidationError) as exc:
            raise ValueError(f"core: {exc}") from exc
        return made

    @property
    def depth_levels(self) -> int:
        return self.core_params.depth_levels

    @property
    def watches_queues(self) -> bool:
        return self.core_params.watches_queues
