"""The engine against published and exactly computed numbers, and against its own optimality."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ultramm.market import Side
from ultramm.quoting.engine import (
    QuotingModel,
    alpha_shift,
    closed_form,
    reversion_rate,
    risk_aversion,
    skew,
    solve,
    solve_until,
    values_until,
)
from ultramm.quoting.table import QuoteTable

# Parameters of Guéant, Lehalle, Fernandez-Tapia (2013), section 6.
GLFT = QuotingModel(sigma=0.3, bid_arrival_rate=0.9, ask_arrival_rate=0.9, kappa=0.3, gamma=0.01, xi=0.01)
NEUTRAL = replace(GLFT, xi=0.0)


# -- known answers ---------------------------------------------------------------------------------------------


def test_closed_form_of_the_hftbacktest_notebook() -> None:
    """GLFT market making model, hftbacktest examples: half spread and skew as printed there."""
    model = QuotingModel(
        sigma=10.69,
        bid_arrival_rate=2.986162360812285,
        ask_arrival_rate=2.986162360812285,
        kappa=0.04235741115084049,
        gamma=0.05,
        xi=0.05,
    )

    bid, ask = closed_form(model, 0.0)

    assert bid == ask == pytest.approx(20.47208533844371, abs=1e-9)
    assert skew(model) == pytest.approx(9.76326865029227, abs=1e-9)


@pytest.mark.parametrize(
    ("lots", "exact", "closed"),
    [
        (0, (3.313045, 3.313045), (3.312915, 3.312915)),
        (1, (3.381168, 3.244919), (3.380781, 3.245049)),
        (5, (3.653480, 2.972522), (3.652244, 2.973586)),
        (10, (3.992933, 2.632802), (3.991574, 2.634257)),
        (20, (4.665542, 1.959199), (4.670232, 1.955599)),
        (29, (6.130909, 1.133791), (5.281024, 1.344806)),
    ],
)
def test_exact_table_and_closed_form_of_glft_2013(
    lots: int, exact: tuple[float, float], closed: tuple[float, float]
) -> None:
    table = solve(GLFT, -30, 30)

    assert (table.depth(Side.BUY, lots), table.depth(Side.SELL, lots)) == pytest.approx(exact, abs=1e-6)
    assert closed_form(GLFT, lots) == pytest.approx(closed, abs=1e-6)


@pytest.mark.parametrize(
    ("lots", "exact"),
    [
        (0, (3.367116, 3.367116)),
        (1, (3.434677, 3.299551)),
        (5, (3.704748, 3.029396)),
        (10, (4.041423, 2.692461)),
    ],
)
def test_exact_table_for_mean_and_variance(lots: int, exact: tuple[float, float]) -> None:
    table = solve(NEUTRAL, -30, 30)

    assert (table.depth(Side.BUY, lots), table.depth(Side.SELL, lots)) == pytest.approx(exact, abs=1e-6)


def test_ground_eigenvalue_of_glft_2013() -> None:
    assert solve(GLFT, -30, 30).value_rate * -GLFT.kappa == pytest.approx(-0.644734429911, abs=1e-11)


def test_a_long_horizon_has_the_quotes_of_none() -> None:
    stationary, until = solve(GLFT, -30, 30), solve_until(GLFT, -30, 30, 600.0)

    assert until.bids[:-1] == pytest.approx(stationary.bids[:-1], abs=1e-6)
    assert until.asks[1:] == pytest.approx(stationary.asks[1:], abs=1e-6)


@pytest.mark.parametrize(
    ("rate", "phi", "adverse", "asks"),
    [
        (1.0, 2e-4, 0.0, (0.018053, 0.014178, 0.011346, 0.008654, 0.005822, 0.001947)),
        (1.0, 2e-4, 0.005, (0.024169, 0.020030, 0.016654, 0.013346, 0.009970, 0.005831)),
        (50 / 60, 1e-5, 0.0, (0.016261, 0.012772, 0.010828, 0.009172, 0.007228, 0.003739)),
    ],
)
def test_cartea_jaimungal_tables(rate: float, phi: float, adverse: float, asks: tuple[float, ...]) -> None:
    """Cartea, Jaimungal, Penalva (2015), section 10.2: kappa 100, alpha 1e-4, Q 3, T 30; asks for q = -2 .. 3."""
    model = QuotingModel(
        sigma=1.0,
        bid_arrival_rate=rate,
        ask_arrival_rate=rate,
        kappa=100.0,
        gamma=2 * phi,
        bid_adverse=adverse,
        ask_adverse=adverse,
    )

    table = solve_until(model, -3, 3, 30.0, 1e-4)

    assert table.asks[1:] == pytest.approx(asks, abs=1e-6)
    assert table.bids[-2::-1] == pytest.approx(asks, abs=1e-6)


@pytest.mark.parametrize(("adverse", "worth"), [(0.0, 0.195527), (0.005, 0.116279)])
def test_cartea_jaimungal_value(adverse: float, worth: float) -> None:
    """h(0, 0) of the same: what half a minute of quoting is worth without inventory."""
    model = QuotingModel(
        sigma=1.0,
        bid_arrival_rate=1.0,
        ask_arrival_rate=1.0,
        kappa=100.0,
        gamma=4e-4,
        bid_adverse=adverse,
        ask_adverse=adverse,
    )
    values = values_until(model, -3, 3, 30.0, 1e-4)
    assert values[3] == pytest.approx(worth, abs=1e-6)
    assert values == pytest.approx(values[::-1], abs=1e-12)
    assert values_until(model, -3, 3, 0.0, 1e-4) == pytest.approx(-1e-4 * np.arange(-3, 4) ** 2, abs=1e-12)


def test_inventory_under_a_linear_skew() -> None:
    """Skew, standard deviation and half-life of the inventory of GLFT 2013's parameters, xi = 0."""
    slope = skew(NEUTRAL)

    assert slope == pytest.approx(0.067309, abs=1e-6)
    assert math.sqrt(1.0 / (2.0 * NEUTRAL.kappa * slope)) == pytest.approx(4.976, abs=1e-3)
    assert math.log(2.0) / reversion_rate(NEUTRAL) == pytest.approx(52.4, abs=0.05)
    assert math.sqrt(_stationary(solve(NEUTRAL, -30, 30), NEUTRAL)[2]) == pytest.approx(4.9698, abs=5e-3)


# -- optimality, exactly ---------------------------------------------------------------------------------------


def _stationary(table: QuoteTable, model: QuotingModel) -> tuple[float, float, float]:
    """P&L a second, penalty a second, and variance of the inventory: the birth-death chain that quotes make."""
    lots = np.arange(table.least_lots, table.least_lots + len(table.bids))
    up = model.bid_arrival_rate * np.exp(-model.kappa * np.asarray(table.bids))
    down = model.ask_arrival_rate * np.exp(-model.kappa * np.asarray(table.asks))
    share = np.cumprod(np.concatenate([[1.0], up[:-1] / down[1:]]))
    share /= share.sum()
    earned = np.zeros(len(lots))
    earned[:-1] += up[:-1] * (np.asarray(table.bids)[:-1] - model.bid_adverse - model.fee)
    earned[1:] += down[1:] * (np.asarray(table.asks)[1:] - model.ask_adverse - model.fee)
    # What market orders move for good, whether they fill us or not, counts on the inventory that is held.
    drift = model.drift + model.ask_arrival_rate * model.ask_adverse - model.bid_arrival_rate * model.bid_adverse
    profit = model.lot * float(share @ (earned + drift * lots))
    penalty = 0.5 * model.gamma * model.sigma**2 * model.lot**2 * float(share @ lots**2)
    return profit, penalty, float(share @ lots**2) - float(share @ lots) ** 2


def _value(table: QuoteTable, model: QuotingModel) -> float:
    profit, penalty, _ = _stationary(table, model)
    return profit - penalty


def _changed(table: QuoteTable, bids: object, asks: object) -> QuoteTable:
    return QuoteTable(table.least_lots, tuple(bids), tuple(asks))  # type: ignore[arg-type]


def test_the_value_is_what_the_stationary_chain_earns() -> None:
    table = solve(NEUTRAL, -30, 30)
    profit, penalty, _ = _stationary(table, NEUTRAL)

    assert profit == pytest.approx(2.1961339, abs=1e-7)
    assert penalty == pytest.approx(0.0111145, abs=1e-7)
    assert table.value_rate == pytest.approx(2.1850194473, abs=1e-9)
    assert profit - penalty == pytest.approx(table.value_rate, abs=1e-9)


def test_any_other_quotes_are_worth_less() -> None:
    table = solve(NEUTRAL, -30, 30)
    lots = range(-30, 31)
    closed = [closed_form(NEUTRAL, n) for n in lots]
    bids, asks = [bid for bid, _ in closed[:-1]] + [math.inf], [math.inf] + [ask for _, ask in closed[1:]]

    others = {
        "closed form": (_changed(table, bids, asks), 2.1850193641),
        "wider by a half": (_changed(table, (x + 0.5 for x in table.bids), (x + 0.5 for x in table.asks)), 2.16265),
        "nearer by a half": (_changed(table, (x - 0.5 for x in table.bids), (x - 0.5 for x in table.asks)), 2.15770),
        "half the skew": (_scaled_skew(table, 0.5), 2.17942),
        "twice the skew": (_scaled_skew(table, 2.0), 2.17937),
        "symmetric at 1 / kappa": (_changed(table, [1 / 0.3] * 60 + [math.inf], [math.inf] + [1 / 0.3] * 60), 2.03159),
    }
    for name, (quotes, known) in others.items():
        value = _value(quotes, NEUTRAL)
        assert value < table.value_rate, name
        assert value == pytest.approx(known, abs=2e-5), name


def _scaled_skew(table: QuoteTable, factor: float) -> QuoteTable:
    flat = -table.least_lots
    bid, ask = table.bids[flat], table.asks[flat]
    return _changed(
        table, (bid + factor * (x - bid) for x in table.bids), (ask + factor * (x - ask) for x in table.asks)
    )


@settings(max_examples=60, deadline=None)
@given(
    sigma=st.floats(0.01, 3.0),
    rates=st.tuples(st.floats(0.05, 5.0), st.floats(0.05, 5.0)),
    kappa=st.floats(0.1, 3.0),
    gamma=st.floats(1e-4, 0.1),
    lot=st.sampled_from([0.5, 1.0, 2.0]),
    adverse=st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5)),
    fee=st.floats(-0.3, 1.0),
    drift=st.floats(-0.02, 0.02),
    limits=st.tuples(st.integers(-8, 0), st.integers(1, 8)),
)
def test_the_table_is_optimal_whatever_the_market(
    sigma: float,
    rates: tuple[float, float],
    kappa: float,
    gamma: float,
    lot: float,
    adverse: tuple[float, float],
    fee: float,
    drift: float,
    limits: tuple[int, int],
) -> None:
    """With order size, fees, adverse selection, drift, unequal sides and limits: the chain earns the eigenvalue."""
    model = QuotingModel(
        sigma=sigma,
        bid_arrival_rate=rates[0],
        ask_arrival_rate=rates[1],
        kappa=kappa,
        gamma=gamma,
        lot=lot,
        drift=drift,
        bid_adverse=adverse[0],
        ask_adverse=adverse[1],
        fee=fee,
    )
    table = solve(model, *limits)

    value = _value(table, model)
    scale = max(1.0, abs(value))
    assert value == pytest.approx(table.value_rate, abs=1e-9 * scale)
    for shift in (-0.05 / kappa, 0.05 / kappa):
        wider = _changed(table, (x + shift for x in table.bids), (x + shift for x in table.asks))
        leaning = _changed(table, (x + shift for x in table.bids), (x - shift for x in table.asks))
        assert _value(wider, model) < value + 1e-12 * scale
        assert _value(leaning, model) < value + 1e-12 * scale


def test_extreme_aversion_has_clean_quotes() -> None:
    """Components of the eigenvector below its rounding would put quotes off by tens of price units."""
    model = replace(GLFT, gamma=1.0, xi=1.0, sigma=3.0)
    table = solve(model, -60, 60)

    depths = np.asarray(table.bids[:-1])
    assert (np.diff(depths) > 0).all()
    assert table.bids[:-1] == pytest.approx(table.asks[:0:-1], rel=1e-9)
    # Far out the penalty rules: v_{n+1} / v_n is close to eta / (d_{n+1} - lambda).
    eta = 0.9 * model.fill_factor
    penalty = 0.5 * model.kappa * model.gamma * model.sigma**2
    ground = -table.value_rate * model.kappa
    ratio = eta / (penalty * 60**2 - ground)
    assert table.bids[-2] == pytest.approx(model.base_depth - math.log(ratio) / model.kappa, rel=1e-6)


# -- risk aversion and forecasts -------------------------------------------------------------------------------


@pytest.mark.parametrize("aggressiveness", [0.5, 1.0, 4.0])
def test_risk_aversion_puts_the_wanted_shift_at_full_position(aggressiveness: float) -> None:
    model = replace(NEUTRAL, fee=0.2, bid_adverse=0.1, ask_adverse=0.1)

    gamma = risk_aversion(model, 25.0, aggressiveness)

    shift = 25.0 * skew(replace(model, gamma=gamma))
    assert shift == pytest.approx(model.base_depth / aggressiveness, rel=1e-12)


def test_no_volatility_is_no_risk() -> None:
    assert risk_aversion(replace(NEUTRAL, sigma=0.0), 10.0, 1.0) == 0.0
    table = solve(replace(NEUTRAL, sigma=0.0, gamma=0.0), -5, 5)
    assert table.depth(Side.BUY, 0) == pytest.approx(table.depth(Side.SELL, 0))


def _two_state_shift(zeta: float, drift: float) -> float:
    """Half the difference of bid and ask depth at flat, from the exact problem whose drift dies at rate zeta."""
    limit, kappa = 25, NEUTRAL.kappa
    lots = np.arange(-limit, limit + 1)
    rate = 0.9 * math.exp(-1.0)
    penalty = 0.5 * NEUTRAL.gamma * NEUTRAL.sigma**2 * lots**2
    calm = solve(NEUTRAL, -limit, limit)
    value = calm.value_rate
    # theta without drift, from the quotes of the table.
    steps = [calm.asks[i + 1] - 1.0 / kappa for i in range(2 * limit)]
    quiet = np.concatenate([[0.0], np.cumsum(steps)])
    quiet -= quiet[limit]
    theta = quiet.copy()
    step_s = 0.02
    for _ in range(round(12.0 / zeta / step_s)):
        up = np.append(np.diff(theta), -np.inf)
        down = np.insert(-np.diff(theta), 0, -np.inf)
        gain = (rate * np.exp(kappa * up) + rate * np.exp(kappa * down)) / kappa
        theta += step_s * (drift * lots - penalty + gain + zeta * (quiet - theta) - value)
    return 0.5 * (theta[limit + 1] - theta[limit - 1])


@pytest.mark.parametrize(("zeta", "drift", "known"), [(0.1, 0.02, 0.17653), (1.0, 0.1, 0.09869), (5.0, 0.1, 0.01995)])
def test_alpha_shift_against_the_exact_problem(zeta: float, drift: float, known: float) -> None:
    """A drift that fades, held against the Hamilton-Jacobi-Bellman equation with two states of the drift."""
    exact = _two_state_shift(zeta, drift)

    assert exact == pytest.approx(known, abs=1.5e-4)
    assert alpha_shift(drift / zeta, zeta, reversion_rate(NEUTRAL)) == pytest.approx(exact, rel=2e-3)


def test_a_lasting_drift_moves_the_quotes_as_the_closed_form_says() -> None:
    drift = 5e-4
    still, moving = solve(NEUTRAL, -60, 60), solve(replace(NEUTRAL, drift=drift), -60, 60)

    shift = still.depth(Side.BUY, 0) - moving.depth(Side.BUY, 0)
    assert shift == pytest.approx(0.037536, abs=1e-4)
    assert skew(NEUTRAL) * drift / (NEUTRAL.gamma * NEUTRAL.sigma**2) == pytest.approx(0.037394, abs=1e-6)


# -- the table -------------------------------------------------------------------------------------------------


def test_depths_between_and_beyond_the_lots() -> None:
    table = QuoteTable(-1, (1.0, 2.0, math.inf), (math.inf, 5.0, 4.0))

    assert table.depth(Side.BUY, -0.5) == 1.5
    assert table.depth(Side.BUY, 0.5) == 2.0
    assert table.depth(Side.BUY, 1) == table.depth(Side.BUY, 7) == math.inf
    assert table.depth(Side.BUY, -7) == 1.0
    assert table.depth(Side.SELL, 0.25) == 4.75
    assert table.depth(Side.SELL, -0.5) == 5.0
    assert table.depth(Side.SELL, -1) == table.depth(Side.SELL, -7) == math.inf
    assert table.depth(Side.SELL, 7) == 4.0


@pytest.mark.parametrize(
    "change",
    [{"kappa": 0.0}, {"bid_arrival_rate": 0.0}, {"sigma": 1e200}, {"fee": 1e6}],
    ids=str,
)
def test_numbers_without_a_solution_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"positive|out of any range"):
        solve(replace(NEUTRAL, **change), -5, 5)


def test_limits_must_leave_room() -> None:
    with pytest.raises(ValueError, match="below the second"):
        solve(NEUTRAL, 0, 0)
