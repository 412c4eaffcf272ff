"""What may be learnt from beside a test: known rows, and properties of all."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ultramm.learning.splits import Purging, combinatorial, kept, uniqueness, walk_forward


def test_the_rows_of_the_known_answer() -> None:
    times = np.arange(100)
    purging = Purging(horizon_ns=5, embargo_ns=2)
    left_out = set(range(100)) - set(kept(times, np.arange(40, 60), purging).tolist()) - set(range(40, 60))
    assert left_out == {35, 36, 37, 38, 39, 60, 61, 62, 63, 64, 65, 66}


def test_features_that_look_back_into_the_test_are_left_out_as_well() -> None:
    rows = kept(np.arange(100), np.arange(40, 60), Purging(horizon_ns=5, embargo_ns=2, lookback_ns=30))
    assert rows[rows >= 60].min() == 59 + 30 + 1


TIMES = st.lists(st.integers(0, 10_000), min_size=12, max_size=80, unique=True).map(lambda each: np.array(sorted(each)))
PURGING = st.builds(
    Purging, horizon_ns=st.integers(0, 300), embargo_ns=st.integers(0, 200), lookback_ns=st.integers(0, 500)
)


@given(times=TIMES, folds=st.integers(1, 6), purging=PURGING)
def test_forward_nothing_is_learnt_of_what_comes_later(times, folds, purging) -> None:
    tested = []
    for split in walk_forward(times, folds, purging):
        tested += split.test.tolist()
        for row in split.train:
            assert times[row] + purging.horizon_ns < times[split.test[0]]
    assert tested == list(range(len(times) - len(tested), len(times)))


@given(times=TIMES, groups=st.integers(2, 5), tested=st.integers(1, 2), purging=PURGING)
def test_combinations_share_no_outcome_and_no_past_with_the_test(times, groups, tested, purging) -> None:
    splits = list(combinatorial(times, groups, tested, purging))
    assert len(splits) == comb(groups, tested)
    for split in splits:
        assert not set(split.train.tolist()) & set(split.test.tolist())
        for row in split.train:
            begin, end = times[row], times[row] + purging.horizon_ns
            overlap = (times[split.test] <= end) & (times[split.test] + purging.horizon_ns >= begin)
            assert not overlap.any()
            seen_back = (times[split.test] < begin) & (times[split.test] >= begin - purging.lookback_ns)
            assert not seen_back.any()


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="3 rows are too few for 5 blocks"):
        list(walk_forward(np.arange(3), 4, Purging(horizon_ns=1)))


def test_rows_whose_outcomes_overlap_count_less() -> None:
    apart = uniqueness(np.arange(0, 1000, 100), 50)
    assert apart.tolist() == [1.0] * 10
    close = uniqueness(np.arange(1000), 50)
    assert close[500] == pytest.approx(1 / 50, rel=0.02)
    assert close[0] > close[500]
