"""Parameters of retraining beside a node."""

from __future__ import annotations

from typing import Annotated

import msgspec

from ultramm.bounds import NonNegative, Positive


class RetrainParams(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is trained anew, how often, and when it may trade.

    Parameters
    ----------
    config : str
        The file of ``ultramm model train``, of a market of recordings that grow, as a node's own.
    every_h : float
        Between two trainings, hours.
    last_h : float, optional
        Learn from no more than so many hours before now; from all there is if left out.
    shadow_h : float
        How long a model is held in the shadow of this node, and believed for more than a tenth in the mean, before it
        is to be proven and promoted, hours.
    jobs : int
        Processes of a proof.
    leave : int
        Models that are left of that name, beside those that were promoted: older ones are deleted.
    """

    config: str
    every_h: Positive = 6.0
    last_h: Annotated[float, msgspec.Meta(gt=0, le=100_000)] | None = None
    shadow_h: NonNegative = 24.0
    jobs: Annotated[int, msgspec.Meta(ge=1)] = 1
    leave: Annotated[int, msgspec.Meta(ge=1)] = 20
