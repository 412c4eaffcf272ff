"""The parameters of the synthetic market, and four markets made from them."""

from __future__ import annotations

import msgspec


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that makes one synthetic market; the defaults are those of ``tight``.

    Parameters
    ----------
    sigma_ticks : float
        Volatility of the latent price in the calm regime, ticks per square root of a second.
    turbulence : float
        Factor on `sigma_ticks` in the turbulent regime.
    calm_mean_s, turbulent_mean_s : float
        Mean stay in each regime, seconds (exponential).
    jump_rate_per_s, jump_sd_ticks : float
        Poisson jumps of the latent price, normal with this standard deviation.
    impact_ticks : float
        Permanent move of the latent price with each noise market order, in the order's direction.
    lp_rate_per_s : float
        New limit orders per second on each side.
    lp_half_ticks : float
        Distance that a provider keeps between its view of the price and its best quote.
    lp_touch_share : float
        Geometric parameter of the further distance: this share adds no tick, (1 - share) of the rest one, ...
    lp_depth_max_ticks : int
        Cap of that further distance.
    lp_latency_median_s, lp_latency_log_sd : float
        Age of the price that a provider looks at: lognormal.
    lp_view_noise_ticks : float
        Standard deviation of a provider's error about that price.
    lp_single_share : float
        Share of limit orders of one lot.
    lp_block_mean_lots : float
        Mean of the other orders: geometric from 1 lot.
    lp_block_max_lots : int
        Cap of those.
    cancel_rate_per_s : float
        Cancel rate of each resting lot.
    stale_cancel_rate_per_s : float
        Further cancel rate of each stale lot: nearer to the latent price than `lp_half_ticks` less
        `stale_margin_ticks`, or beyond it.
    stale_margin_ticks : float
        Tolerance of that test; negative = providers are stricter with old quotes than with new ones.
    noise_rate_per_s, noise_excitation_per_s, noise_decay_per_s : float
        Hawkes process of the noise takers: base rate, jump of the rate at each market order, its decay.
    metaorder_pool : int
        Metaorders alive at once; each noise order is a slice of one of them.
    metaorder_tail, metaorder_min_orders : float
        Pareto exponent and minimum of the number of slices.
    noise_single_share : float
        Share of one lot orders among those noise orders that do not sweep.
    sweep_share : float
        Share of noise orders that take the whole best level and up to `sweep_extra_lots` more.
    sweep_extra_lots : int
        Most lots that a sweep takes beyond the best level.
    informed_gain_per_s : float
        Arrival rate of informed takers per tick of profit after `informed_fee_ticks`.
    informed_fee_ticks : float
        Distance between latent price and quote that an informed taker needs.
    informed_max_per_s : float
        Cap of their arrival rate.

    Raises
    ------
    ValueError
        If `lp_touch_share` is outside (0, 1), `lp_block_mean_lots` not above 1, or one of `lp_rate_per_s`,
        `lp_latency_median_s`, `cancel_rate_per_s`, `jump_rate_per_s` (for no jumps, set their size to 0) not
        positive.
    """

    sigma_ticks: float = 1.0
    turbulence: float = 2.5
    calm_mean_s: float = 300.0
    turbulent_mean_s: float = 60.0
    jump_rate_per_s: float = 1.0 / 200.0
    jump_sd_ticks: float = 6.0
    impact_ticks: float = 0.18

    lp_rate_per_s: float = 30.0
    lp_half_ticks: float = 0.45
    lp_touch_share: float = 0.70
    lp_depth_max_ticks: int = 12
    lp_latency_median_s: float = 0.03
    lp_latency_log_sd: float = 0.7
    lp_view_noise_ticks: float = 0.7
    lp_single_share: float = 0.7
    lp_block_mean_lots: float = 2.1
    lp_block_max_lots: int = 12
    cancel_rate_per_s: float = 0.37
    stale_cancel_rate_per_s: float = 8.0
    stale_margin_ticks: float = -0.05

    noise_rate_per_s: float = 0.6
    noise_excitation_per_s: float = 1.15
    noise_decay_per_s: float = 2.0
    metaorder_pool: int = 2
    metaorder_tail: float = 1.5
    metaorder_min_orders: float = 2.0
    noise_single_share: float = 0.6
    sweep_share: float = 0.25
    sweep_extra_lots: int = 2

    informed_gain_per_s: float = 14.0
    informed_fee_ticks: float = 0.4
    informed_max_per_s: float = 15.0

    def __post_init__(self) -> None:
        for name in ("lp_rate_per_s", "lp_latency_median_s", "cancel_rate_per_s", "jump_rate_per_s"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} must be positive")
        if not 0.0 < self.lp_touch_share < 1.0:
            raise ValueError("lp_touch_share must lie between 0 and 1")
        if self.lp_block_mean_lots <= 1.0:
            raise ValueError("lp_block_mean_lots must be above 1")


TIGHT = Preset()
WIDE = msgspec.structs.replace(TIGHT, lp_half_ticks=1.4, lp_rate_per_s=15.0, lp_touch_share=0.6)
BENIGN = msgspec.structs.replace(WIDE, informed_gain_per_s=4.0, impact_ticks=0.1)
WIDE2 = msgspec.structs.replace(
    WIDE,
    lp_half_ticks=2.0,
    lp_rate_per_s=12.0,
    lp_touch_share=0.5,
    informed_gain_per_s=6.0,
    impact_ticks=0.15,
)

PRESETS: dict[str, Preset] = {"tight": TIGHT, "wide": WIDE, "benign": BENIGN, "wide2": WIDE2}
"""The built-in markets.

========== ============ ============= =============== ==========================================
name       mean spread  events per s  informed share  for
========== ============ ============= =============== ==========================================
``tight``  1.26 ticks   135           0.25            stress: whoever quotes naively loses
``wide``   3.28 ticks   68            0.07            ranking strategies
``benign`` 3.28 ticks   68            0.04            a first profit
``wide2``  4.81 ticks   55            0.02            an illiquid market
========== ============ ============= =============== ==========================================

They are no fit to one venue: ``tight`` has the sign memory, imbalance signal, fat tails and clustering of
volatility that liquid crypto perpetuals show. There the resting side of a trade is about even after 1 s and
loses after 5 s.
"""
