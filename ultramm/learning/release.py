"""From a dataset to a model that is kept: compared, chosen, fitted, exported, and checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import scipy
import sklearn

from ultramm import __version__
from ultramm.features.alpha import LEADER
from ultramm.inference.stored import Golden, ModelAbout, sha256
from ultramm.learning.dataset import Dataset
from ultramm.learning.registry import Registry, encoded
from ultramm.learning.train import Candidate, Plan, Result, candidates, compare, final

_CHECKED_ROWS, _GOLDEN_ROWS = 1_000, 10
_EQUAL = 1e-9


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a training.

    Parameters
    ----------
    about : ModelAbout
    results : tuple of Result
        Of all candidates.
    folder : str
        That the model is in.
    """

    about: ModelAbout
    results: tuple[Result, ...]
    folder: str


def release(
    name: str,
    dataset: Dataset,
    horizons_s: Sequence[float],
    horizon_s: float,
    plan: Plan,
    registry: Registry,
    on_result: Callable[[], None] = lambda: None,
) -> Release:
    """Compare all candidates, and keep the chosen one as it is fitted on all rows.

    Raises
    ------
    ValueError
        There are too few rows, or what is exported is not what scikit-learn has fitted.
    """
    results = []
    for result, _ in compare(dataset, tuple(horizons_s), plan):
        results.append(result)
        on_result()
    registry.log(name, dataset, results)
    candidate = _chosen(dataset, [each for each in results if each.horizon_s == horizon_s])
    model, fitted = final(dataset, candidate, horizon_s, plan)
    rows = dataset.columns(candidate.features)
    checked = rows[np.linspace(0, len(rows) - 1, min(len(rows), _CHECKED_ROWS)).astype(int)]
    expected, predict = np.asarray(fitted.predict(checked)), model.compile()
    found = np.array([predict(row) for row in checked.tolist()])
    if float(np.abs(found - expected).max()) > _EQUAL:
        raise ValueError("what was exported is not what scikit-learn fitted: is its version another?")
    golden = np.linspace(0, len(checked) - 1, _GOLDEN_ROWS).astype(int)
    content = encoded(model)
    about = ModelAbout(
        name=name,
        kind=candidate.name,
        instrument=dataset.about.instrument,
        leader=dataset.about.leader if _needs_leader(candidate, dataset) else None,
        features=candidate.features,
        features_version=dataset.about.features_version,
        horizon_s=horizon_s,
        latency_s=plan.latency_s,
        first_ns=int(dataset.row_ns[0]),
        last_ns=int(dataset.row_ns[-1]),
        rows=len(rows),
        data=dataset.about.data,
        seed=plan.seed,
        libraries={
            "ultramm": __version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        validation=[msgspec.to_builtins(each) for each in results],
        deviation_bps=float(expected.std()),
        golden=tuple(
            Golden(row=tuple(checked[each].tolist()), value=float(expected[each])) for each in golden.tolist()
        ),
        model_sha256=sha256(content),
    )
    folder = registry.add(about, content)
    return Release(about=about, results=tuple(results), folder=str(Path(folder)))


def _needs_leader(candidate: Candidate, dataset: Dataset) -> bool:
    return dataset.about.leader is not None and bool(set(candidate.features) & set(LEADER))


def _chosen(dataset: Dataset, results: Sequence[Result]) -> Candidate:
    """The line that explains most; trees only where they surely explain more."""
    by_name = {each.name: each for each in candidates(dataset.about.leader is not None)}
    lines = [each for each in results if not by_name[each.candidate].trees]
    best = max(lines, key=lambda each: each.explained.value)
    trees = [each for each in results if by_name[each.candidate].trees]
    for each in trees:
        if each.explained.low > best.explained.value:
            best = each
    return by_name[best.candidate]
