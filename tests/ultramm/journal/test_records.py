import msgspec
import pytest
from journal_records import INSTRUMENT

from ultramm.journal.records import (
    Command,
    CommandEvent,
    CustodyEvent,
    Entry,
    FillEvent,
    GapEvent,
    GuardEvent,
    HaltEvent,
    MakerStarted,
    MemoryEvent,
    OrderEvent,
    Record,
    RecordingEvent,
    RunEnded,
    RunStarted,
    Status,
)

ONE_OF_EACH = [
    RunStarted(name="demo", mode="paper", version="0.1", pid=1, configuration={"name": "demo", "seed": 7}),
    RunEnded(reason="stopped", open_orders=0),
    MakerStarted(strategy="mm", instrument=INSTRUMENT, max_position=None),
    OrderEvent(strategy="mm", instrument="X.SIM", order_id="o1", event="sent", side="BUY", price=1.5, size=2.0),
    FillEvent(
        strategy="mm",
        instrument="X.SIM",
        order_id="o1",
        side="SELL",
        price=0.1,
        size=0.3,
        fee=-1e-9,
        maker=True,
        mid=None,
        position=-0.3,
    ),
    CustodyEvent(venue="BINANCE", event="doubt", detail="no answer"),
    MemoryEvent(strategy="mm", instrument="BTCUSDT.SIM", event="began anew", reason="its code has changed"),
    GuardEvent(
        strategy="mm", instrument="BTCUSDT.SIM", guard="fill burst", side="BUY", active=True, reason="three orders"
    ),
    HaltEvent(strategy="mm", source="operator", active=True, reason="paused"),
    RecordingEvent(catalog="data/recordings", event="stopped", reason="No space left on device"),
    GapEvent(event="lost", detail="3 records"),
    Status(state="running", makers=(), books=(), balances={"USDT": "10"}),
    CommandEvent(verb="pause", origin="cli", reply="paused"),
]


@pytest.mark.parametrize("record", ONE_OF_EACH, ids=lambda record: type(record).__name__)
def test_a_record_reads_as_what_was_written(record):
    assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


def test_every_kind_has_a_tag_of_its_own_and_an_example_here():
    tags = [record.__struct_config__.tag for record in ONE_OF_EACH]
    assert tags == [
        "run-started",
        "run-ended",
        "maker-started",
        "order",
        "fill",
        "custody",
        "memory",
        "guard",
        "halt",
        "recording",
        "gap",
        "status",
        "command",
    ]
    assert {type(record) for record in ONE_OF_EACH} == set(Record.__args__)


def test_records_entries_and_commands_do_not_change():
    entry = Entry(sequence=1, run="r", ts_ns=2, record=ONE_OF_EACH[0])
    for frozen in (*ONE_OF_EACH, entry, Command(id=1, verb="stop", origin="cli")):
        with pytest.raises(AttributeError):
            setattr(frozen, frozen.__struct_fields__[0], "other")
