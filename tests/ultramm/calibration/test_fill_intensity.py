"""Fill intensity from market orders and from our own fills: efficiency, coverage, forgetting, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ultramm.calibration.fill_intensity import FillIntensity, OwnFillIntensity, ReachIntensity, fit_poisson
from ultramm.market import Side

S = 1_000_000_000
ARRIVAL, KAPPA, MINUTES = 2.0, 0.15, 10


def _orders(rng: np.random.Generator, seconds: float = MINUTES * 60) -> tuple[list[int], list[float]]:
    count = rng.poisson(ARRIVAL * seconds)
    times = np.sort(rng.uniform(0, seconds, count))
    return (times * S).astype(int).tolist(), rng.exponential(1 / KAPPA, count).tolist()


def _estimated(rng: np.random.Generator, near: float, far: float, **parameters: float) -> FillIntensity:
    intensity = ReachIntensity(near, far, tau_s=1e9, **parameters)
    intensity.on_time(0)
    for ts_ns, reach in zip(*_orders(rng), strict=True):
        intensity.on_reach(ts_ns, Side.SELL, reach)
    intensity.on_time(MINUTES * 60 * S)
    estimate = intensity.estimate(Side.BUY)
    assert estimate is not None
    return estimate


def _by_regression(rng: np.random.Generator, levels: int = 70) -> float:
    """The tutorials' way: least squares of log counts of orders that reach each level."""
    _, reaches = _orders(rng)
    depths = np.arange(levels) + 0.5
    counts = np.array([(np.asarray(reaches) > depth).sum() for depth in depths])
    seen = counts > 0
    return float(-np.polyfit(depths[seen], np.log(counts[seen]), 1)[0])


def test_as_precise_as_can_be_and_twice_as_good_as_regression() -> None:
    """Ten minutes of A 2 / s, kappa 0.15 / tick: error of kappa 2.9 % (Cramér-Rao 2.89 %), regression's 11.7 %."""
    rng = np.random.default_rng(9)
    estimates = [_estimated(rng, 0.0, 1e9) for _ in range(300)]
    kappas = np.array([estimate.kappa for estimate in estimates])
    regression = np.array([_by_regression(rng) for _ in range(300)])
    bound = 1.0 / math.sqrt(ARRIVAL * MINUTES * 60)

    error = math.sqrt(np.mean((kappas / KAPPA - 1) ** 2))
    assert error <= 1.1 * bound
    assert math.sqrt(np.mean((regression / KAPPA - 1) ** 2)) >= 2 * error
    assert np.mean([estimate.arrival_rate for estimate in estimates]) == pytest.approx(ARRIVAL, rel=0.01)
    assert np.mean([estimate.relative_error for estimate in estimates]) == pytest.approx(bound, rel=0.02)


def test_with_thirty_orders_the_error_is_a_fifth() -> None:
    rng = np.random.default_rng(10)
    found = []
    for _ in range(1000):
        intensity = ReachIntensity(0.0, 1e9)
        intensity.on_time(0)
        for reach in rng.exponential(1 / KAPPA, 30):
            intensity.on_reach(S, Side.BUY, reach)
        estimate = intensity.estimate(Side.SELL)
        assert estimate is not None
        found.append(estimate.kappa / KAPPA)

    assert math.sqrt(np.mean((np.asarray(found) - 1) ** 2)) == pytest.approx(0.198, abs=0.02)


def test_censoring_and_a_range_leave_it_unbiased() -> None:
    rng = np.random.default_rng(11)
    estimates = [_estimated(rng, 3.0, 9.0) for _ in range(200)]

    assert np.mean([estimate.kappa for estimate in estimates]) == pytest.approx(KAPPA, rel=0.02)
    assert np.mean([estimate.rate(5.0) for estimate in estimates]) == pytest.approx(
        ARRIVAL * math.exp(-KAPPA * 5.0), rel=0.02
    )
    spread = np.std([estimate.kappa / KAPPA for estimate in estimates])
    assert np.mean([estimate.relative_error for estimate in estimates]) == pytest.approx(spread, rel=0.15)


def test_a_coarse_grid_is_geometric() -> None:
    """Reaches are seen in whole ticks only: taken as continuous, kappa would be too large by half a tick's worth."""
    rng = np.random.default_rng(12)
    on_grid, continuous = ReachIntensity(0.0, 1e9, tick_size=5.0), ReachIntensity(0.0, 1e9)
    for reach in rng.exponential(1 / KAPPA, 20_000).tolist():
        seen = math.floor(reach / 5.0) * 5.0
        on_grid.on_reach(S, Side.BUY, seen + 1e-9)
        continuous.on_reach(S, Side.BUY, seen + 1e-9)
    for intensity in (on_grid, continuous):
        intensity.on_time(2 * S)

    exact, biased = on_grid.estimate(Side.SELL), continuous.estimate(Side.SELL)
    assert exact is not None
    assert biased is not None
    assert exact.kappa == pytest.approx(KAPPA, rel=0.02)
    assert biased.kappa > 1.3 * KAPPA


def test_it_forgets() -> None:
    rng = np.random.default_rng(13)
    intensity = ReachIntensity(0.0, 1e9, tau_s=60.0)
    for second in range(1200):
        kappa = KAPPA if second < 600 else 3 * KAPPA
        for reach in rng.exponential(1 / kappa, 3):
            intensity.on_reach(second * S, Side.SELL, reach)

    estimate = intensity.estimate(Side.BUY)
    assert estimate is not None
    assert estimate.kappa == pytest.approx(3 * KAPPA, rel=0.3)
    assert estimate.arrival_rate == pytest.approx(3.0, rel=0.1)
    assert estimate.relative_error == pytest.approx(1 / math.sqrt(180), rel=0.05)


def test_another_range_is_fitted_from_what_is_remembered() -> None:
    rng = np.random.default_rng(14)
    times, reaches = _orders(rng)
    moved, fresh = ReachIntensity(0.0, 5.0), ReachIntensity(4.0, 12.0)
    for intensity in (moved, fresh):
        intensity.on_time(0)
        for ts_ns, reach in zip(times, reaches, strict=True):
            intensity.on_reach(ts_ns, Side.BUY, reach)
        intensity.on_time(MINUTES * 60 * S)
    moved.set_range(4.0, 12.0)

    found, expected = moved.estimate(Side.SELL), fresh.estimate(Side.SELL)
    assert found is not None
    assert expected is not None
    assert found.kappa == pytest.approx(expected.kappa, rel=1e-9)
    assert found.arrival_rate == pytest.approx(expected.arrival_rate, rel=1e-6)


def test_few_orders_are_held_to_the_prior() -> None:
    intensity = ReachIntensity(0.0, 10.0, prior_orders=20.0, prior_kappa=0.5)
    intensity.on_time(0)
    intensity.on_reach(S, Side.BUY, 9.0)

    estimate = intensity.estimate(Side.SELL)
    assert estimate is not None
    assert estimate.kappa == pytest.approx(21 / (9 + 40))
    assert estimate.relative_error == pytest.approx(1 / math.sqrt(21))


def test_nothing_seen_is_nothing_known() -> None:
    intensity = ReachIntensity(1.0, 10.0)
    assert intensity.estimate(Side.BUY) is None
    intensity.on_time(0)
    intensity.on_reach(S, Side.SELL, 0.5)  # within the range's near end
    intensity.on_time(2 * S)
    assert intensity.estimate(Side.BUY) is None
    assert intensity.market_orders == 0


# -- our own fills ---------------------------------------------------------------------------------------------


def test_poisson_regression_covers_the_truth() -> None:
    """95 % interval of kappa: coverage 0.949 in 2,000 repetitions."""
    rng = np.random.default_rng(15)
    depths = np.linspace(1.0, 12.0, 12)
    exposure = np.full(12, 200.0)
    covered, repetitions = 0, 400
    for _ in range(repetitions):
        fills = rng.poisson(ARRIVAL * np.exp(-KAPPA * depths) * exposure)
        found = fit_poisson(depths.tolist(), exposure.tolist(), fills.tolist())
        assert found is not None
        covered += abs(found.kappa - KAPPA) < 1.96 * found.relative_error * found.kappa

    assert covered / repetitions == pytest.approx(0.95, abs=0.035)


def test_poisson_regression_is_the_maximum() -> None:
    depths, exposure, fills = [1.0, 2.0, 5.0], [10.0, 30.0, 20.0], [9.0, 20.0, 5.0]
    found = fit_poisson(depths, exposure, fills)
    assert found is not None

    def likelihood(arrival: float, kappa: float) -> float:
        rates = arrival * np.exp(-kappa * np.asarray(depths)) * np.asarray(exposure)
        return float(np.asarray(fills) @ np.log(rates) - rates.sum())

    best = likelihood(found.arrival_rate, found.kappa)
    for arrival, kappa in ((1.01, 1.0), (0.99, 1.0), (1.0, 1.01), (1.0, 0.99)):
        assert likelihood(arrival * found.arrival_rate, kappa * found.kappa) < best


@pytest.mark.parametrize(
    ("depths", "fills"),
    [([1.0, 2.0], [0.0, 0.0]), ([1.0, 1.0], [3.0, 2.0]), ([1.0, 2.0], [1.0, 50.0])],
    ids=["no fills", "one depth", "more fills further out"],
)
def test_no_maximum_is_no_estimate(depths: list[float], fills: list[float]) -> None:
    assert fit_poisson(depths, [10.0, 10.0], fills) is None


def test_own_fills_are_binned_by_depth_and_forgotten() -> None:
    rng = np.random.default_rng(16)
    own = OwnFillIntensity(step=1.0, tau_s=1e9)
    assert own.estimate() is None
    for second in range(4000):
        depth = float(rng.uniform(0, 10))
        own.on_exposure(second * S, depth, 1.0, int(rng.poisson(ARRIVAL * math.exp(-KAPPA * depth))))

    estimate = own.estimate()
    assert estimate is not None
    assert estimate.kappa == pytest.approx(KAPPA, abs=3 * estimate.relative_error * KAPPA)
    assert estimate.arrival_rate == pytest.approx(ARRIVAL, rel=0.1)


def test_own_fills_weigh_by_their_age() -> None:
    """After long enough only what happened lately is left, however the sums are kept."""
    tau_s = 50.0
    own = OwnFillIntensity(step=1.0, tau_s=tau_s)
    for second in range(8_000):  # 160 time constants
        late = second >= 4_000
        for depth, rate in ((1.0, 0.5 if late else 0.1), (2.0, 0.25 if late else 0.1)):
            own.on_exposure(second * S, depth, 1.0, 0)
            own.on_exposure(second * S, depth, 0.0, rate)

    estimate = own.estimate()
    assert estimate is not None
    assert estimate.kappa == pytest.approx(math.log(2.0), rel=1e-6)
    assert estimate.arrival_rate == pytest.approx(1.0, rel=1e-6)
    # As sure as the fills of one time constant make it: 1 / (2 kappa) sqrt(...) by the information of both depths.
    fills = np.array([0.5, 0.25]) * tau_s
    information = fills @ (np.array([1.0, 2.0]) - fills @ [1.0, 2.0] / fills.sum()) ** 2
    assert estimate.relative_error == pytest.approx(information**-0.5 / math.log(2.0), rel=0.02)


def test_own_orders_correct_the_rate_where_they_stood() -> None:
    """At one depth, filled half as often as it was reached: the rate there is half, but for the prior; kappa stays."""
    own, reached = OwnFillIntensity(step=1.0, tau_s=1e9), FillIntensity(ARRIVAL, KAPPA, 0.05)
    assert own.corrected(reached, S) == reached
    own.on_exposure(S, 5.0, 2_000.0, 0)
    expected = 2_000.0 * reached.rate(5.0)
    own.on_exposure(S, 5.0, 0.0, round(expected / 2))

    found = own.corrected(reached, S)
    assert found.kappa == KAPPA
    assert found.rate(5.0) / reached.rate(5.0) == pytest.approx((round(expected / 2) + 20) / (expected + 20))


def test_own_orders_at_several_depths_tell_of_the_decay_too() -> None:
    own, reached = OwnFillIntensity(step=1.0, tau_s=1e9), FillIntensity(1.0, 0.3, 0.1)
    for depth in (1.0, 4.0, 8.0):
        own.on_exposure(S, depth, 1e4, 0)
        own.on_exposure(S, depth, 0.0, round(1e4 * ARRIVAL * math.exp(-KAPPA * depth)))

    alone, found = own.estimate(), own.corrected(reached, S)
    assert alone is not None
    assert found.kappa == pytest.approx(KAPPA, rel=0.02)
    assert found.relative_error == pytest.approx((alone.relative_error**-2 + 100.0) ** -0.5)


def test_an_order_that_was_never_filled_lowers_the_rate() -> None:
    own, reached = OwnFillIntensity(step=1.0, tau_s=1e9), FillIntensity(ARRIVAL, KAPPA, 0.05)
    own.on_exposure(S, 2.0, 100.0, 0)
    expected = 100.0 * reached.rate(2.0)
    assert own.corrected(reached, S).rate(2.0) == pytest.approx(reached.rate(2.0) * 20 / (20 + expected))


def test_own_orders_are_forgotten_while_none_stands() -> None:
    own, reached = OwnFillIntensity(step=1.0, tau_s=60.0), FillIntensity(ARRIVAL, KAPPA, 0.5)
    for depth in (1.0, 4.0):
        own.on_exposure(S, depth, 1e4, 0)
        own.on_exposure(S, depth, 0.0, round(1e4 * ARRIVAL * math.exp(-3 * KAPPA * depth)))
    assert own.corrected(reached, S).relative_error < 0.1
    much_later = own.corrected(reached, 86_400 * S)
    assert much_later.rate(2.0) == pytest.approx(reached.rate(2.0), rel=1e-6)
    assert much_later.relative_error == pytest.approx(0.5, rel=1e-6)


def test_beyond_the_mid_there_are_no_depths() -> None:
    own, reached = OwnFillIntensity(step=1.0), FillIntensity(ARRIVAL, KAPPA, 0.5)
    own.on_exposure(S, -800.0 / KAPPA, 0.25, 0)
    assert own.corrected(reached, S) == reached


@pytest.mark.parametrize(
    ("tick", "price"), [(0.01, 33.57), (0.01, 183.37), (1e-5, 1.08312), (0.1, 65_432.0), (0.25, 100.0)]
)
def test_a_trade_at_the_near_end_is_not_beyond_it(tick: float, price: float) -> None:
    """Half a tick from the mid, where every trade at the touch of a spread of one tick is: rounding must not decide."""
    intensity = ReachIntensity(0.5 * tick, 3.0 * tick)
    intensity.on_time(0)
    for second in range(200):
        ask = round(price / tick) * tick + second % 7 * tick
        mid = 0.5 * (ask + ask - tick)
        intensity.on_reach(second * S, Side.BUY, ask - mid)
        intensity.on_reach(second * S, Side.SELL, mid - (ask - tick))
    assert intensity.market_orders == 0
    assert intensity.estimate(Side.SELL) is None
