"""The synthetic market against the stylised facts that it was built to show."""

import msgspec
import numpy as np
import pytest

from ultramm.simulation import PRESETS, Preset
from ultramm.simulation.facts import StylisedFacts, autocorrelation, stylised_facts

TIGHT = PRESETS["tight"]

# Mean and standard deviation over runs of 1 800 s.
TIGHT_BANDS = {
    "spread_ticks": (1.255, 0.005),
    "one_tick_share": (0.757, 0.004),
    "imbalance_corr": (0.200, 0.013),
    "sign_acf_1": (0.309, 0.035),
    "sign_acf_5": (0.166, 0.040),
    "sign_acf_20": (0.095, 0.036),
    "return_acf_1": (0.052, 0.029),
    "signature_ratio": (0.894, 0.053),
    "sigma_1s_ticks": (1.360, 0.070),
    "kurtosis_1s": (8.9, 3.6),
    "abs_return_acf_1": (0.141, 0.036),
    "abs_return_acf_30": (0.088, 0.045),
    "maker_edge_0s_ticks": (0.471, 0.023),
    "maker_edge_1s_ticks": (0.091, 0.061),
    "maker_edge_5s_ticks": (-0.157, 0.123),
    "market_orders_per_s": (1.93, 0.09),
    "informed_share": (0.25, 0.03),
}


def mean_facts(preset: Preset, seeds: range, duration_s: float) -> StylisedFacts:
    runs = [msgspec.structs.asdict(stylised_facts(preset, seed, duration_s)) for seed in seeds]
    return StylisedFacts(**{name: float(np.mean([run[name] for run in runs])) for name in runs[0]})


def test_autocorrelation_of_known_series():
    alternating = np.array([1.0, -1.0] * 50)
    assert autocorrelation(alternating, 1) == pytest.approx(-1.0)
    assert autocorrelation(alternating, 2) == pytest.approx(1.0)
    assert np.isnan(autocorrelation(np.ones(10), 1))


def test_facts_are_finite_and_the_same_for_the_same_seed():
    facts = stylised_facts(TIGHT, 1, 120.0)
    assert np.isfinite(list(msgspec.structs.asdict(facts).values())).all()
    assert facts == stylised_facts(TIGHT, 1, 120.0)


@pytest.mark.parametrize(("name", "spread_ticks"), [("wide", 3.29), ("benign", 3.28), ("wide2", 4.80)])
def test_presets_have_their_spread(name, spread_ticks):
    assert stylised_facts(PRESETS[name], 1, 180.0).spread_ticks == pytest.approx(spread_ticks, rel=0.1)


@pytest.fixture(scope="module")
def tight() -> StylisedFacts:
    return mean_facts(TIGHT, range(6), 1_800.0)


@pytest.mark.integration
@pytest.mark.parametrize("fact", TIGHT_BANDS)
def test_tight_shows_its_stylised_facts(tight, fact):
    centre, deviation = TIGHT_BANDS[fact]
    assert getattr(tight, fact) == pytest.approx(centre, abs=4.0 * deviation)


@pytest.mark.integration
def test_tight_has_its_activity_and_size(tight):
    assert tight.events_per_s == pytest.approx(135.0, rel=0.03)
    assert tight.touch_lots == pytest.approx(8.4, rel=0.10)


def tight_but(**parameters: float) -> StylisedFacts:
    return mean_facts(msgspec.structs.replace(TIGHT, **parameters), range(3), 900.0)


@pytest.mark.integration
def test_makers_earn_more_than_the_half_spread_without_informed_flow_and_impact():
    facts = tight_but(informed_gain_per_s=0.0, impact_ticks=0.0)
    assert facts.informed_share == 0.0
    assert facts.maker_edge_1s_ticks == pytest.approx(0.825, abs=0.15)


@pytest.mark.integration
def test_signs_forget_when_every_metaorder_is_one_of_many():
    assert tight_but(metaorder_pool=1_000).sign_acf_1 == pytest.approx(0.062, abs=0.06)


@pytest.mark.integration
def test_makers_lose_when_volatility_doubles():
    assert tight_but(sigma_ticks=2.0).maker_edge_1s_ticks < -0.2


@pytest.mark.integration
def test_slow_providers_feed_informed_takers(tight):
    assert tight_but(lp_latency_median_s=0.15).informed_share > tight.informed_share + 0.03
