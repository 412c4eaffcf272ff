"""Bergault, Evangelista, Guéant, Vieira (2021): against one dimension, and the exact problem in two."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace
from scipy.sparse import diags_array, eye_array, kron
from scipy.sparse.linalg import eigsh

from ultramm.quoting.engine import QuotingModel, closed_form
from ultramm.quoting.multi_asset import depths, inventory_coupling

KAPPA, GAMMA = 0.3, 0.01
ARRIVALS, SIGMAS = np.array([0.9, 0.3]), np.array([0.3, 0.5])
COVARIANCE = np.array([[0.09, 0.8 * 0.15], [0.8 * 0.15, 0.25]])
KAPPAS, SIZES = np.full(2, KAPPA), np.ones(2)


def test_known_coupling_and_quotes() -> None:
    coupling = inventory_coupling(COVARIANCE, ARRIVALS, KAPPAS, SIZES, GAMMA)
    bids, asks = depths(coupling, KAPPAS, SIZES, np.array([5.0, -4.0]))

    assert coupling == pytest.approx(np.array([[0.03024477, 0.02556589], [0.02556589, 0.08647332]]), abs=1e-8)
    assert [bids[0], asks[0], bids[1], asks[1]] == pytest.approx([3.46150, 3.26566, 2.98368, 3.85593], abs=5e-6)


def test_exact_quotes_of_two_instruments() -> None:
    """The ground state of both inventories together, 61 x 61."""
    limit = 30
    lots = np.arange(-limit, limit + 1)
    penalty = sum(
        COVARIANCE[i, j] * np.multiply.outer(*(lots**a for a in powers))
        for (i, j), powers in (((0, 0), (2, 0)), ((1, 1), (0, 2)), ((0, 1), (1, 1)), ((1, 0), (1, 1)))
    )
    jumps = diags_array([np.ones(2 * limit), np.ones(2 * limit)], offsets=[-1, 1])
    identity = eye_array(2 * limit + 1)
    rates = ARRIVALS * np.exp(-1.0)
    matrix = (
        diags_array((0.5 * KAPPA * GAMMA * penalty).ravel())
        - rates[0] * kron(jumps, identity)
        - rates[1] * kron(identity, jumps)
    )
    ground = eigsh(matrix.tocsc(), k=1, sigma=-10.0, v0=np.ones(matrix.shape[0]))[1][:, 0]
    state = np.log(np.abs(ground)).reshape(2 * limit + 1, -1)

    at = limit + 5, limit - 4
    exact = [
        1 / KAPPA + (state[at] - state[tuple(np.add(at, step))]) / KAPPA for step in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    coupling = inventory_coupling(COVARIANCE, ARRIVALS, KAPPAS, SIZES, GAMMA)
    bids, asks = depths(coupling, KAPPAS, SIZES, np.array([5.0, -4.0]))

    assert exact == pytest.approx([3.46146, 3.26592, 2.98033, 3.86043], abs=2e-5)
    assert [bids[0], asks[0], bids[1], asks[1]] == pytest.approx(exact, rel=3e-3)


@pytest.mark.parametrize("inventory", [-3.0, 0.0, 7.0])
def test_one_instrument_is_the_engine(inventory: float) -> None:
    model = QuotingModel(
        sigma=0.3, bid_arrival_rate=0.9, ask_arrival_rate=0.9, kappa=KAPPA, gamma=GAMMA, xi=0.0, lot=2.0
    )
    coupling = inventory_coupling(np.array([[0.09]]), np.array([0.9]), np.array([KAPPA]), np.array([2.0]), GAMMA)

    bids, asks = depths(coupling, np.array([KAPPA]), np.array([2.0]), np.array([inventory]))

    assert (bids[0], asks[0]) == pytest.approx(closed_form(model, inventory), rel=1e-12)
    assert closed_form(replace(model, sigma=0.0), inventory) == (1 / KAPPA, 1 / KAPPA)
