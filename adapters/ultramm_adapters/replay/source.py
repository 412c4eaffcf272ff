"""A recording as a source of events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ultramm.errors import DataError
from ultramm.nautilus.catalog.read import holdings, load, load_instruments
from ultramm.nautilus.recorder.spool import require_whole
from ultramm.nautilus.recordings.importing import cached_catalog
from ultramm.nautilus.recordings.kinds import open_recording
from ultramm.nautilus.source import Pace
from ultramm_adapters.replay.params import ReplayParams


class ReplaySource:
    """Plays a catalog; raw files become one first.

    Parameters
    ----------
    venue : str
        Venue of the instruments.
    symbols : list of str
        Instruments of the catalog to play, without their venue.
    params : ReplayParams
        Which recording.
    seed : int
        Not used: a recording is what it is.
    """

    def __init__(self, venue: str, symbols: list[str], params: ReplayParams, seed: int) -> None:
        self._params = params
        self._ids = [f"{symbol}.{venue}" for symbol in symbols]
        self._files = [Path(file) for file in params.files]
        self._catalog = self._find()
        self._instruments = load_instruments(self._catalog, self._ids)

    def _find(self) -> Path:
        params = self._params
        if (params.catalog is None) == (not params.files):
            raise DataError("params: name either a catalog or files")
        if params.catalog is not None:
            require_whole(Path(params.catalog))
            return Path(params.catalog)
        if len(self._ids) != 1:
            raise DataError("params.files: raw files are of one instrument; import more into a catalog")
        for file in self._files:
            if not file.is_file():
                raise DataError(f"params.files: {file}: no such file")
        return cached_catalog(open_recording(params.kind, self._files, self._ids[0]), Path(params.cache))

    def instruments(self) -> list[Any]:
        return list(self._instruments)

    def events(self, *, endless: bool = False) -> Iterator[Any]:
        start, end = _moment("start", self._params.start), _moment("end", self._params.end)
        nothing = True
        for event in load(self._catalog, self._ids, start_ns=start, end_ns=end):
            nothing = False
            yield event
        if nothing and any(held.kind == "bars" and held.instrument_id in self._ids for held in holdings(self._catalog)):
            raise DataError(
                f"{self._catalog}: holds bars only of {', '.join(self._ids)}: a bar is no book, and nobody can say "
                "which quotes it would have filled; import quotes, trades or a book"
            )

    def pace(self) -> Pace:
        return Pace(speed=self._params.speed or math.inf)

    def files(self) -> list[Path]:
        return self._files or sorted((self._catalog / "data").rglob("*.parquet"))


def _moment(key: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise DataError(f"params.{key}: {text!r} is no time; write such as 2024-08-08T23:55:00") from exc
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return round(moment.timestamp() * 1e9)
