"""Parameters of the GLFT quoter."""

from __future__ import annotations

from ultramm.maker import EngineParams


class GlftParams(EngineParams, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of the GLFT quoter; those of `ultramm.maker.EngineParams` hold as well.

    Parameters
    ----------
    cover_fees : bool
        Ask for the maker fee in each quote.
    """

    cover_fees: bool = True
