"""The kinds of files that can be imported, by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from ultramm.errors import DataError
from ultramm.nautilus.recording import Recording

KINDS = {
    "binance": "ultramm.nautilus.binance_recording:BinanceRecording",
    "bitstamp": "ultramm.nautilus.bitstamp_recording:BitstampRecording",
    "databento": "ultramm.nautilus.databento_recording:DatabentoRecording",
    "lean": "ultramm.nautilus.lean_recording:LeanRecording",
    "quotes": "ultramm.nautilus.quotes_recording:QuotesRecording",
}


def open_recording(kind: str, files: Sequence[Path], instrument_id: str | None = None) -> Recording:
    """Survey the files of one instrument.

    Raises
    ------
    DataError
        The kind is unknown, or the files cannot be imported.
    """
    if kind not in KINDS:
        raise DataError(f"{kind}: no kind of file that can be imported; known are {', '.join(KINDS)}")
    module, _, name = KINDS[kind].partition(":")
    recording: Recording = getattr(import_module(module), name)(files, instrument_id)
    return recording
