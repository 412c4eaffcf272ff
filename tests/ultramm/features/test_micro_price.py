import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ultramm.features.micro_price import MicroPrice, adjustments
from ultramm.features.price import weighted_mid
from ultramm.market import Book, Level

TICK = 0.5
S = 1_000_000_000


def symmetric_chain(states: int, seed: int):
    """Random Q, T and moves that are antisymmetric under the exchange of state k and its mirror image."""
    random = np.random.default_rng(seed)
    mirror = np.arange(states)[::-1]
    still, up, down = (random.random((states, states)) for _ in range(3))
    still = still + still[np.ix_(mirror, mirror)]
    down = up[np.ix_(mirror, mirror)]
    total = (still + up + down).sum(axis=1, keepdims=True)
    return still / total, up / total, down / total


@pytest.mark.parametrize(("states", "seed"), [(4, 0), (20, 1), (40, 2)])
def test_the_sum_equals_the_solution_by_the_deviation_matrix(states, seed):
    """h = (I - P + 1 pi')^-1 r, with pi the stationary distribution of P."""
    still, up, down = symmetric_chain(states, seed)
    drift = (up - down).sum(axis=1)
    chain = still + up + down
    values, vectors = np.linalg.eig(chain.T)
    stationary = np.real(vectors[:, np.argmax(np.real(values))])
    stationary /= stationary.sum()
    expected = np.linalg.solve(np.eye(states) - chain + np.outer(np.ones(states), stationary), drift)
    found = adjustments(still, up + down, drift)
    # The series is cut off where its terms are below 1e-4 of a tick; solved on, it agrees to rounding.
    np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose(found, -found[::-1], atol=1e-12)


def test_a_chain_that_moves_at_once_and_never_again_has_its_drift():
    # From either state the mid moves by half a tick and the next state is a coin's throw.
    still, moving = np.zeros((2, 2)), np.full((2, 2), 0.5)
    assert adjustments(still, moving, np.array([-0.5, 0.5])) == pytest.approx([-0.5, 0.5])


def book(s: float, mid_ticks: float, bid_share: float, spread_ticks: int = 1) -> Book:
    bid = (mid_ticks - spread_ticks / 2) * TICK
    return Book(
        round(s * S), (Level(bid, 100 * bid_share),), (Level(bid + spread_ticks * TICK, 100 * (1 - bid_share)),)
    )


def test_until_enough_was_seen_the_weighted_mid_stands_in():
    price = MicroPrice(TICK, least_updates=100)
    for number in range(100):
        price.update(book(number, 1000 + 0.5, 0.3 if number % 2 else 0.7))
    at = book(200, 1000.5, 0.9)
    assert price.value(at) == weighted_mid(at)


def walk(updates: int, seed: int, follow: float):
    """A touch whose mid moves a tick towards the thinner side with probability `follow` when it moves at all."""
    random = np.random.default_rng(seed)
    mid, share = 1000.5, 0.5
    for number in range(updates):
        if random.random() < 0.2:
            towards = 1 if share > 0.5 else -1
            mid += towards if random.random() < follow else -towards
        share = random.choice([0.05, 0.35, 0.65, 0.95])
        yield book(number * 0.1, mid, share)


@pytest.fixture(scope="module")
def learned() -> MicroPrice:
    price = MicroPrice(TICK, refit_s=60.0)
    for each in walk(40_000, seed=1, follow=0.9):
        price.update(each)
    return price


def test_it_learns_how_far_the_mid_moves(learned):
    """Here the truth is 0.2 x (0.9 - 0.1) ticks towards the heavier side, as imbalances are independent."""
    for share, expected in ((0.95, 0.16), (0.65, 0.16), (0.35, -0.16), (0.05, -0.16)):
        at = book(5_000, 1000.5, share)
        assert (learned.value(at) - at.mid) / TICK == pytest.approx(expected, abs=0.02)


def test_exchanging_bid_and_ask_turns_the_adjustment_around(learned):
    for share in (0.05, 0.35, 0.65):
        up, down = book(5_000, 1000.5, share), book(5_000, 1000.5, 1 - share)
        assert learned.value(up) - up.mid == pytest.approx(-(learned.value(down) - down.mid), abs=1e-9)


def test_at_a_wider_spread_than_learned_the_weighted_mid_stands_in(learned):
    wide = book(5_000, 1000.5, 0.9, spread_ticks=9)
    assert learned.value(wide) == weighted_mid(wide)


def test_a_book_with_one_side_has_no_price_and_does_no_harm(learned):
    one_sided = Book(0, (), (Level(500.0, 1.0),))
    learned.update(one_sided)
    assert np.isnan(learned.value(one_sided))


def test_what_was_long_ago_is_forgotten():
    price = MicroPrice(TICK, refit_s=60.0, half_life_s=300.0)
    for each in walk(20_000, seed=2, follow=0.9):
        price.update(each)
    for each in walk(40_000, seed=3, follow=0.1):  # 4,000 s later the flow has turned
        price.update(Book(each.ts_ns + 2_000 * S, each.bids, each.asks))
    at = book(7_000, 1000.5, 0.95)
    assert (price.value(at) - at.mid) / TICK == pytest.approx(-0.16, abs=0.03)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-3, 3), st.floats(0.01, 0.99), st.integers(1, 6)), min_size=2, max_size=60))
def test_it_is_finite_and_within_reach_whatever_was_seen(steps):
    price = MicroPrice(TICK, least_updates=1, refit_s=0.0)
    mid = 1_000.0
    for number, (move, share, spread) in enumerate(steps):
        mid += move
        at = book(number, mid + spread / 2, share, spread)
        price.update(at)
        assert np.isfinite(price.value(at))


def test_what_moved_across_an_interruption_is_no_move():
    def adjustment(*, told: bool) -> float:
        price = MicroPrice(TICK, least_updates=300, refit_s=0.0)
        for each in walk(400, seed=2, follow=0.9):
            price.update(each)
        if told:
            price.interrupted()
        price.update(book(50, 3000.5, 0.95))
        at = book(60, 1000.5, 0.95)
        return (price.value(at) - at.mid) / TICK

    assert 0 < adjustment(told=True) < 5
    assert abs(adjustment(told=False)) > 10
