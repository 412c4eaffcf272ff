"""Reading raw Binance WebSocket captures, line by line.

A capture is text, plain or gzip, of lines ``LOCAL_NS JSON``: the nanosecond of reception, then a message of a
combined stream (``{"stream": ..., "data": {...}}``) or the reply of the REST depth snapshot
(``{"lastUpdateId": ..., "bids": [...], "asks": [...]}``). Numbers stay the text that the exchange sent.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, NamedTuple

import msgspec

from ultramm.errors import DataError
from ultramm.nautilus.recordings.binance_instruments import COINM, SPOT, USDM

MAX_LINE_BYTES = 1 << 24
_REPORT_EVERY = 1_000  # lines between two calls of `progress`
_STAMP_DIGITS, _LATEST_NS = 19, 2**63 - 1  # nanoseconds of 2001 to 2262
_FOREIGN = {b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zstd", b"\xfd7zXZ": "xz", b"BZh": "bzip2"}

UpdateId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=(2**63 - 1) // 1_000_000)]
Levels = list[tuple[str, str]]


class DepthDiff(msgspec.Struct, gc=False):
    """``depthUpdate``: the new sizes of some levels, absolute, 0 = gone.

    Update ids: this message covers `first_id` to `last_id`; futures also name the `previous_id` before it.
    """

    symbol: str = msgspec.field(name="s")
    first_id: UpdateId = msgspec.field(name="U")
    last_id: UpdateId = msgspec.field(name="u")
    bids: Levels = msgspec.field(name="b")
    asks: Levels = msgspec.field(name="a")
    sent_ms: Millis | None = msgspec.field(name="E", default=None)
    matched_ms: Millis | None = msgspec.field(name="T", default=None)
    previous_id: UpdateId | None = msgspec.field(name="pu", default=None)
    pair: str | None = msgspec.field(name="ps", default=None)


class DepthSnapshot(msgspec.Struct, gc=False):
    """The REST reply: the whole visible book as of update `last_id`."""

    last_id: UpdateId = msgspec.field(name="lastUpdateId")
    bids: Levels
    asks: Levels
    sent_ms: Millis | None = msgspec.field(name="E", default=None)
    matched_ms: Millis | None = msgspec.field(name="T", default=None)
    symbol: str | None = None


class BookTicker(msgspec.Struct, gc=False):
    """Best bid and ask with their sizes; spot sends no exchange time."""

    symbol: str = msgspec.field(name="s")
    update_id: UpdateId = msgspec.field(name="u")
    bid: str = msgspec.field(name="b")
    bid_size: str = msgspec.field(name="B")
    ask: str = msgspec.field(name="a")
    ask_size: str = msgspec.field(name="A")
    event: str | None = msgspec.field(name="e", default=None)
    sent_ms: Millis | None = msgspec.field(name="E", default=None)
    matched_ms: Millis | None = msgspec.field(name="T", default=None)
    pair: str | None = msgspec.field(name="ps", default=None)


class PublicTrade(msgspec.Struct, gc=False):
    """One trade; futures name its kind (``MARKET``, ``INSURANCE_FUND``, ``ADL``)."""

    symbol: str = msgspec.field(name="s")
    trade_id: UpdateId = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    buyer_is_maker: bool = msgspec.field(name="m")
    sent_ms: Millis | None = msgspec.field(name="E", default=None)
    matched_ms: Millis | None = msgspec.field(name="T", default=None)
    kind: str | None = msgspec.field(name="X", default=None)


class OtherMessage(msgspec.Struct, gc=False):
    """What is not imported; `what` says what it is."""

    what: str


Message = DepthDiff | DepthSnapshot | BookTicker | PublicTrade | OtherMessage


class Line(NamedTuple):
    """A message with its place in the file and its local time of reception, nanoseconds since the epoch."""

    number: int
    ts_ns: int
    message: Message


_ABSENT = msgspec.Raw(b"")


class _Envelope(msgspec.Struct, gc=False):
    stream: str | None = None
    data: msgspec.Raw = _ABSENT
    last_update_id: msgspec.Raw = msgspec.field(name="lastUpdateId", default=_ABSENT)
    id: msgspec.Raw = _ABSENT


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_snapshot = msgspec.json.Decoder(DepthSnapshot).decode
_DECODE_STREAM: dict[str, Callable[[msgspec.Raw], Message]] = {
    "depth": msgspec.json.Decoder(DepthDiff).decode,
    "bookTicker": msgspec.json.Decoder(BookTicker).decode,
    "trade": msgspec.json.Decoder(PublicTrade).decode,
}


def located(path: Path, number: int, what: str, remedy: str) -> DataError:
    """A `DataError` of one line that names file, line, what is wrong there and the remedy."""
    return DataError(" ".join(f"{path}: line {number}: {what}; {remedy}".split()))


def read_capture(path: Path, progress: Callable[[int], None] | None = None) -> Iterator[Line]:
    """Yield the messages of one capture in the order of the file, in constant memory.

    Parameters
    ----------
    path : Path
        Plain text or gzip, told apart by content.
    progress : callable, optional
        Called now and then with the bytes of the file (compressed) read so far.

    Raises
    ------
    DataError
        The file is missing, cut off, or holds a line that is not ``LOCAL_NS JSON`` with its stream's
        fields.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        for number, line in enumerate(_lines(path, file), start=1):
            if progress is not None and number % _REPORT_EVERY == 0:
                progress(file.tell())
            if not line.isspace():
                yield _parse(path, number, line)


def _lines(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    number = 0
    try:
        read_line = _open_text(path, file).readline
        while line := read_line(MAX_LINE_BYTES):
            number += 1
            yield line
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        what = "the gzip data is cut off" if isinstance(error, EOFError) else f"the gzip data is broken ({error})"
        raise located(path, number + 1, what, "copy or record the capture again") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: there is no such file; check the path")
    return DataError(f"{path}: cannot be read: {error.strerror or error}; check file and permissions")


def _open_text(path: Path, file: IO[bytes]) -> IO[bytes]:
    head = file.read(6)
    file.seek(0)
    for magic, name in _FOREIGN.items():
        if head.startswith(magic):
            raise located(path, 1, f"this is a {name} file", "give plain text or gzip: decompress it first")
    if not head.startswith(b"\x1f\x8b"):
        return file
    # GzipFile's own readline is Python code; the buffered reader's is not.
    return io.BufferedReader(gzip.GzipFile(fileobj=file, mode="rb"), 1 << 17)


def _parse(path: Path, number: int, line: bytes) -> Line:
    stamp, _, payload = line.partition(b" ")
    if not (len(stamp) == _STAMP_DIGITS and stamp.isdigit() and int(stamp) <= _LATEST_NS):
        what = f"{stamp[:40].decode(errors='replace')!r} is no time stamp in nanoseconds"
        raise located(path, number, what, "a capture has lines 'LOCAL_NS JSON'")
    if len(line) >= MAX_LINE_BYTES:
        raise located(path, number, f"longer than {MAX_LINE_BYTES} bytes", "one message a line is expected")
    try:
        return Line(number, int(stamp), _decode(payload))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        what = "not a Binance message" if isinstance(error, msgspec.ValidationError) else "no valid JSON"
        raise located(path, number, f"{what} ({error})", "repair or remove the line") from error


def _decode(payload: bytes) -> Message:
    envelope = _decode_envelope(payload)
    if envelope.stream is not None:
        kind = envelope.stream.split("@")[1] if "@" in envelope.stream else envelope.stream
        decode = _DECODE_STREAM.get(kind)
        return decode(envelope.data) if decode else OtherMessage(f"stream {kind}")
    if envelope.last_update_id is not _ABSENT:
        return _decode_snapshot(payload)
    if envelope.id is not _ABSENT:
        return OtherMessage("reply to a subscription")
    raise msgspec.ValidationError("neither 'stream' nor 'lastUpdateId'")


SNAPSHOT_WAIT_NS = 60 * 1_000_000_000


class Survey(msgspec.Struct, frozen=True):
    """What the beginning of a capture tells.

    Parameters
    ----------
    product : {"spot", "usdm", "coinm"}
    symbol : str
        As Binance writes it.
    first_ns : int
        Local time of the first line.
    has_snapshot : bool
        A depth snapshot comes within `SNAPSHOT_WAIT_NS` of the first line.
    """

    path: Path
    product: str
    symbol: str
    first_ns: int
    has_snapshot: bool


def survey(path: Path) -> Survey:
    """Read the beginning of a capture: product by the shape of its messages, symbol, snapshot.

    Raises
    ------
    DataError
        The beginning cannot be read, or no message in it tells product and symbol.
    """
    first_ns = last_ns = 0
    has_snapshot = False
    named: DepthDiff | BookTicker | None = None
    trade: PublicTrade | None = None
    for line in read_capture(path):
        first_ns = first_ns or line.ts_ns
        match line.message:
            case DepthSnapshot():
                has_snapshot = has_snapshot or line.ts_ns >= last_ns  # one back in time will be dropped
            case DepthDiff() | BookTicker():
                named = named or line.message
            case PublicTrade():
                trade = trade or line.message
        last_ns = max(last_ns, line.ts_ns)
        if last_ns - first_ns > SNAPSHOT_WAIT_NS and (named or trade):
            break
        if named and has_snapshot:
            break
    shown = named or trade
    if shown is None:
        raise DataError(f"{path}: no depth, bookTicker or trade message in it; is this a Binance capture?")
    return Survey(path, product_of(shown), shown.symbol, first_ns, has_snapshot)


def product_of(message: DepthDiff | BookTicker | PublicTrade) -> str:
    """The product that a message shows by its shape.

    Spot depth has no ``pu``, spot tickers no ``e``, spot trades no ``X``; coin-margined depth and tickers
    have the pair in ``ps``. A coin-margined trade is told by its symbol only (``BTCUSD_PERP``).
    """
    if isinstance(message, PublicTrade):
        futures, coin_margined = message.kind is not None, "_" in message.symbol
    else:
        futures = (message.previous_id if isinstance(message, DepthDiff) else message.event) is not None
        coin_margined = message.pair is not None
    return SPOT if not futures else COINM if coin_margined else USDM
