"""Numbers as a configuration may state them: bounded, since YAML can say .inf, which no size, time or distance is."""

from __future__ import annotations

from typing import Annotated

import msgspec

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e12)]
NonNegative = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Seed = Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
