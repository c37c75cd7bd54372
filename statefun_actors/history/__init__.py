"""The history of entities: what each was sent, changed and sent, packed once for each epoch and unpacked when read."""

from statefun_actors.history.at_rest import (
    append_entries,
)
from statefun_actors.history.entries import (
    CANCEL,
    EGRESS,
    KEEP,
    LATER,
    MOST_KEPT,
    SEND,
    Change,
    DamagedHistoryError,
    Entry,
    Failure,
    Kind,
    Out,
    Packed,
    RecordedMessage,
    drop_settlement,
    dropped_entry,
    operator_entry,
)
from statefun_actors.history.reading import (
    NEWEST,
    Place,
    find_sent,
    read_entries,
    read_gaps,
    read_keep,
    read_with_gaps,
)
from statefun_actors.history.recorder import Recorded, Recorder
from statefun_actors.history.step import Step, without_large
from statefun_actors.history.wording import GAP_REASON, NO_HISTORY, gap_text

__all__ = [
    "CANCEL",
    "EGRESS",
    "GAP_REASON",
    "KEEP",
    "LATER",
    "MOST_KEPT",
    "NEWEST",
    "NO_HISTORY",
    "SEND",
    "Change",
    "DamagedHistoryError",
    "Entry",
    "Failure",
    "Kind",
    "Out",
    "Packed",
    "Place",
    "Recorded",
    "RecordedMessage",
    "Recorder",
    "Step",
    "append_entries",
    "drop_settlement",
    "dropped_entry",
    "find_sent",
    "gap_text",
    "operator_entry",
    "read_entries",
    "read_gaps",
    "read_keep",
    "read_with_gaps",
    "without_large",
]
