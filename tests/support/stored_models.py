"""Small models, as a training would have kept them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ultramm.features.regime import Regimes
from ultramm.inference.exported import Exported, Linear
from ultramm.inference.stored import MOVE, Content, Familiar, Golden, ModelAbout, PartAbout, encoded, sha256
from ultramm.learning.registry import Promotion, Registry


def about_part(numbers: Exported, features: tuple[str, ...], **changes: Any) -> PartAbout:
    given: dict[str, Any] = {"kind": "toy", "features": features, "mean": 0.0, "deviation": 1.0} | changes
    if "golden" not in given:
        row = (2.0,) + (0.0,) * (len(features) - 1)
        given["golden"] = (Golden(row=row, value=numbers.compile()(row)),)
    return PartAbout(**given)


def familiar(features: tuple[str, ...], **changes: Any) -> Familiar:
    """Of features that are independent, normal and of deviation one, in five bins."""
    count = len(features)
    given: dict[str, Any] = {
        "watched": features[:1],
        "edges": ((-0.8416, -0.2533, 0.2533, 0.8416),),
        "shares": ((0.2,) * 5,),
        "features": features,
        "centre": (0.0,) * count,
        "factor": tuple((0.0,) * place + (1.0,) for place in range(count)),
        "furthest": 40.0,
    }
    return Familiar(**(given | changes))


def about_model(content: Content, parts: dict[str, PartAbout], **changes: Any) -> ModelAbout:
    given: dict[str, Any] = {
        "name": "toy",
        "instrument": "BTCUSDT.SIM",
        "leader": None,
        "features_version": 1,
        "horizon_s": 1.0,
        "latency_s": 0.0,
        "first_ns": 0,
        "last_ns": 1,
        "rows": 1,
        "data": {},
        "seed": 0,
        "libraries": {},
        "validation": {},
        "overfitting": None,
        "parts": parts,
        "familiar": familiar(parts[MOVE].features),
        "model_sha256": sha256(encoded(content)),
    }
    return ModelAbout(**(given | changes))


def keep(
    folder: Path,
    slope: float = 1.0,
    others: dict[str, tuple[Exported, tuple[str, ...]]] | None = None,
    regimes: Regimes | None = None,
    promoted: bool = True,
    **changes: Any,
) -> ModelAbout:
    """One whose forecast of moves is so many basis points for each deviation of the touch's imbalance."""
    features = changes.pop("features", ("queue_imbalance",))
    made: dict[str, tuple[Exported, tuple[str, ...]]] = {
        MOVE: (Linear(coefficients=(slope,) + (0.0,) * (len(features) - 1), intercept=0.0), features),
        **(others or {}),
    }
    content = Content(parts={part: numbers for part, (numbers, _) in made.items()}, regimes=regimes)
    deviation = changes.pop("deviation", abs(slope))
    parts = {
        part: about_part(numbers, names, **({"deviation": deviation} if part == MOVE else {}))
        for part, (numbers, names) in made.items()
    }
    about = about_model(content, parts, **changes)
    registry = Registry(folder)
    registry.add(about, encoded(content))
    if promoted:
        registry.promote(Promotion(name=about.name, id=about.id, when="", how="accepted"))
    return about
