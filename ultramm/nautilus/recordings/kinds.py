"""The kinds of files that can be imported, by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ultramm.errors import DataError
from ultramm.nautilus.recordings.importing import Recording
from ultramm.nautilus.recordings.instrument_file import read_instrument

KINDS = {
    "bars": "ultramm.nautilus.recordings.bars:BarsRecording",
    "binance": "ultramm.nautilus.recordings.binance:BinanceRecording",
    "bitstamp": "ultramm.nautilus.recordings.bitstamp:BitstampRecording",
    "databento": "ultramm.nautilus.recordings.databento:DatabentoRecording",
    "lean": "ultramm.nautilus.recordings.lean:LeanRecording",
    "quotes": "ultramm.nautilus.recordings.quotes:QuotesRecording",
    "tardis": "ultramm.nautilus.recordings.tardis:TardisRecording",
}


def open_recording(kind: str, files: Sequence[Path], instrument_id: str | None = None) -> Recording:
    """Survey the files of one instrument.

    A YAML file among them states the instrument; see `ultramm.nautilus.recordings.instrument_file`.

    Raises
    ------
    DataError
        The kind is unknown, or the files cannot be imported.
    """
    if kind not in KINDS:
        raise DataError(f"{kind}: no kind of file that can be imported; known are {', '.join(KINDS)}")
    module, _, name = KINDS[kind].partition(":")
    stated = [file for file in files if file.suffix in (".yaml", ".yml")]
    if len(stated) > 1:
        raise DataError(f"{stated[1]}: states an instrument as {stated[0]} does; give one")
    instrument = read_instrument(stated[0], instrument_id) if stated else instrument_id
    rest = [file for file in files if file not in stated]
    recording: Recording = getattr(import_module(module), name)(rest, instrument)
    return recording
