"""How far from fair value to quote."""

from __future__ import annotations


def fixed_half_spread(fair: float, half_spread_bps: float, maker_fee: float, min_edge_bps: float) -> float:
    """Half-spread of a fixed-spread maker, never narrower than what a round trip costs.

    Parameters
    ----------
    fair : float
        Fair value, price.
    half_spread_bps : float
        Wanted distance from `fair`, basis points.
    maker_fee : float
        Fraction of notional paid for each passive fill; negative for a rebate.
    min_edge_bps : float
        Least to earn on each fill after its fee, basis points.

    Returns
    -------
    float
        Distance from `fair`, price; at least ``(maker_fee + min_edge) * fair`` and never negative.

    Examples
    --------
    >>> round(fixed_half_spread(100.0, half_spread_bps=5, maker_fee=0.001, min_edge_bps=0), 10)
    0.1
    >>> round(fixed_half_spread(100.0, half_spread_bps=20, maker_fee=0.001, min_edge_bps=0), 10)
    0.2
    """
    floor_bps = 1e4 * maker_fee + min_edge_bps
    return max(half_spread_bps, floor_bps, 0.0) * 1e-4 * fair


def inventory_skew(
    inventory: float, target_inventory: float, max_position: float, half_spread: float, strength: float
) -> float:
    """Shift of both quotes that leans against the inventory.

    ``-strength * half_spread * (inventory - target) / max_position``: linear in inventory, as the closed form of
    Guéant, Lehalle and Fernandez-Tapia. At full position and strength 1 the reducing side quotes at fair value.

    Parameters
    ----------
    inventory, target_inventory, max_position : float
        Size; `max_position` is positive.
    half_spread : float
        Price.
    strength : float
        0 = no skew.

    Returns
    -------
    float
        Price to add to fair value; negative when long of the target.

    References
    ----------
    O. Guéant, C.-A. Lehalle, J. Fernandez-Tapia, "Dealing with the inventory risk", Mathematics and Financial
    Economics 7 (2013).
    """
    share = (inventory - target_inventory) / max_position
    return -strength * half_spread * max(-1.0, min(1.0, share))
