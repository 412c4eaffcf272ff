"""From a dataset to a model that is kept: each part compared, chosen, fitted, exported, and checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
import numpy as np
import scipy
import sklearn
from scipy.stats import chi2

from ultramm import __version__
from ultramm.features.alpha import LEADER
from ultramm.features.regime import Regimes
from ultramm.inference.exported import Exported
from ultramm.inference.stored import (
    ADVERSE,
    ARRIVALS,
    MOVE,
    VOLATILITY,
    Content,
    Familiar,
    Golden,
    ModelAbout,
    PartAbout,
    encoded,
    sha256,
)
from ultramm.learning.dataset import Dataset
from ultramm.learning.regimes import fit_regimes
from ultramm.learning.registry import Registry
from ultramm.learning.samples import Sample, of_arrivals, of_fills, of_moves, of_volatility, second_moves
from ultramm.learning.train import LEAST_ROWS, Candidate, Plan, Result, candidates, compare, fitted
from ultramm.learning.validate import Array, overfitting

_CHECKED_ROWS, _GOLDEN_ROWS = 1_000, 10
_EQUAL = 1e-9
_WATCHED, _BINS = 5, 10
_LEAST_SHARE = 1e-4
_WITHIN = 0.9999
_RIDGE = 1e-6  # of features that hardly move


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a training.

    Parameters
    ----------
    about : ModelAbout
    results : dict of str to tuple of Result
        By part, of all candidates.
    folder : str
        That the model is in.
    """

    about: ModelAbout
    results: dict[str, tuple[Result, ...]]
    folder: str


class _Chosen(msgspec.Struct, frozen=True):
    """A part as it is kept."""

    about: PartAbout
    numbers: Exported


def release(
    name: str,
    dataset: Dataset,
    horizons_s: Sequence[float],
    horizon_s: float,
    plan: Plan,
    registry: Registry,
    on_result: Callable[[str], None] = lambda _: None,
) -> Release:
    """Compare all candidates of each part, and keep the chosen ones as they are fitted on all rows.

    The forecast of moves is always kept, the others where they surely explain something.

    Parameters
    ----------
    on_result : callable
        Called with what was just tried, in words.

    Raises
    ------
    ValueError
        There are too few rows, or what is exported is not what was fitted.
    """
    leads = dataset.about.leader is not None
    seconds = second_moves(dataset)
    regimes = fit_regimes(seconds)
    # What is tested on must not have been seen by the filter either.
    early = fit_regimes(seconds[: len(seconds) // (plan.folds + 1)])
    moves = of_moves(dataset, horizon_s, plan.latency_s)
    results: dict[str, list[Result]] = {MOVE: []}
    tried: list[Array] = []
    for each_s in horizons_s:
        sample = moves if each_s == horizon_s else of_moves(dataset, each_s, plan.latency_s)
        for result, found in compare(MOVE, sample, each_s, leads, plan, dataset):
            results[MOVE].append(result)
            tried += [found] if each_s == horizon_s else []
            on_result(f"{MOVE}: {result.candidate}")
    own = [each for each in results[MOVE] if each.horizon_s == horizon_s]
    if not own:
        raise ValueError(f"{MOVE}: none of {', '.join(plan.estimators)} can learn it")
    parts = {MOVE: _part(MOVE, moves, _best(own, candidates(MOVE, leads, plan)), plan)}
    for part, sample in _others(dataset, horizon_s, plan, early).items():
        results[part] = []
        for result, _ in compare(part, sample, sample.reach_s, leads, plan):
            results[part].append(result)
            on_result(f"{part}: {result.candidate}")
        # What does not surely explain anything is left out.
        sure = [each for each in results[part] if each.explained.low > 0.0]
        if sure:
            best = _best(sure, candidates(part, leads, plan, sample.names))
            whole = of_volatility(dataset, regimes) if part == VOLATILITY else sample
            parts[part] = _part(part, whole, best, plan)
    registry.log(name, dataset, results)
    content = Content(parts={each: chosen.numbers for each, chosen in parts.items()}, regimes=regimes)
    validation = {part: [msgspec.to_builtins(each) for each in found] for part, found in results.items()}
    about = ModelAbout(
        name=name,
        instrument=dataset.about.instrument,
        leader=dataset.about.leader if _needs_leader(parts.values()) else None,
        features_version=dataset.about.features_version,
        horizon_s=horizon_s,
        latency_s=plan.latency_s,
        first_ns=int(dataset.row_ns[0]),
        last_ns=int(dataset.row_ns[-1]),
        rows=len(dataset.row_ns),
        own_fills=len(dataset.own_ns),
        data=dataset.about.data,
        seed=plan.seed,
        market_seed=dataset.about.seed,
        libraries={
            "ultramm": __version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        validation=validation,
        overfitting=overfitting(moves, tried),
        parts={each: chosen.about for each, chosen in parts.items()},
        familiar=_familiar(moves, parts[MOVE]),
        model_sha256=sha256(encoded(content)),
    )
    folder = registry.add(about, encoded(content))
    return Release(about=about, results={part: tuple(found) for part, found in results.items()}, folder=str(folder))


def _others(dataset: Dataset, horizon_s: float, plan: Plan, regimes: Regimes | None) -> dict[str, Sample]:
    """The parts beside the move, where enough of them was seen to learn from."""
    found = {
        VOLATILITY: of_volatility(dataset, regimes),
        ADVERSE: of_fills(dataset, horizon_s, plan.latency_s),
        ARRIVALS: of_arrivals(dataset),
    }
    return {part: sample for part, sample in found.items() if len(sample.times_ns) >= LEAST_ROWS}


def _part(part: str, sample: Sample, candidate: Candidate, plan: Plan) -> _Chosen:
    """Fitted on all rows, exported, and held against what fitted it."""
    model = fitted(part, sample, candidate, plan)
    numbers = model.exported()
    numbers.check()
    rows = sample.columns(candidate.features)
    checked = rows[np.linspace(0, len(rows) - 1, min(len(rows), _CHECKED_ROWS)).astype(int)]
    expected, predict = model.predict(checked), numbers.compile()
    found = np.array([predict(row) for row in checked.tolist()])
    if float(np.abs(found - expected).max()) > _EQUAL:
        raise ValueError(f"{part}: what was exported is not what {candidate.estimator} fitted: is its version another?")
    golden = np.linspace(0, len(checked) - 1, min(len(checked), _GOLDEN_ROWS)).astype(int)
    about = PartAbout(
        kind=candidate.name,
        features=candidate.features,
        mean=float(expected.mean()),
        deviation=float(expected.std()),
        golden=tuple(
            Golden(row=tuple(checked[each].tolist()), value=float(expected[each])) for each in golden.tolist()
        ),
    )
    return _Chosen(about, numbers)


def _needs_leader(parts: Iterable[_Chosen]) -> bool:
    return any(set(each.about.features) & set(LEADER) for each in parts)


def _best(results: Sequence[Result], tried: Sequence[Candidate]) -> Candidate:
    """The champion's line that explains most; a challenger only where it surely explains more."""
    by_name = {each.name: each for each in tried}
    champion = tried[0].estimator
    lines = [each for each in results if by_name[each.candidate].estimator == champion]
    best = max(lines or results, key=lambda each: each.explained.value)
    for each in results:
        if by_name[each.candidate].estimator != champion and each.explained.low > best.explained.value:
            best = each
    return by_name[best.candidate]


def _familiar(sample: Sample, move: _Chosen) -> Familiar:
    """What the rows looked like: bins of the features that the forecast follows most, and a distance in all of them."""
    features = move.about.features
    rows = sample.columns(features)
    told = np.array([move.numbers.compile()(row) for row in rows[:: max(1, len(rows) // _CHECKED_ROWS)].tolist()])
    thinned = rows[:: max(1, len(rows) // _CHECKED_ROWS)]
    follows = [abs(float(np.cov(told, column)[0, 1])) / max(1e-12, float(column.std())) for column in thinned.T]
    places = np.argsort(follows)[::-1][:_WATCHED].tolist()
    edges = [np.unique(np.quantile(rows[:, place], np.arange(1, _BINS) / _BINS)) for place in places]
    counts = [
        np.bincount(np.searchsorted(of, rows[:, place], side="right"), minlength=len(of) + 1)
        for of, place in zip(edges, places, strict=True)
    ]
    centre = rows.mean(axis=0)
    covariance = np.atleast_2d(np.cov(rows.T)) + _RIDGE * np.eye(len(features))
    factor = np.linalg.inv(np.linalg.cholesky(covariance))
    distances = np.square((rows - centre) @ factor.T).sum(axis=1)
    return Familiar(
        watched=tuple(features[place] for place in places),
        edges=tuple(tuple(each.tolist()) for each in edges),
        shares=tuple(tuple(np.maximum(_LEAST_SHARE, each / len(rows)).tolist()) for each in counts),
        features=features,
        centre=tuple(centre.tolist()),
        factor=tuple(tuple(row[: place + 1].tolist()) for place, row in enumerate(factor)),
        furthest=max(float(chi2.ppf(_WITHIN, len(features))), float(np.quantile(distances, _WITHIN))),
    )
