"""The history of entities: what each was sent, changed and sent, packed once for each epoch and unpacked when read."""

from statefun_actors.history.at_rest import (
    append_steps,
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
    change_of,
    type_address,
)
from statefun_actors.history.items import history_items
from statefun_actors.history.reading import (
    NEWEST,
    Place,
    find_sent,
    read_entries,
    read_history,
    read_keep,
)
from statefun_actors.history.recorder import Recorded, Recorder
from statefun_actors.history.step import Step, discarded_step, dropped_step, without_large
from statefun_actors.history.wording import GAP_REASON, NEWER_SHOWN, NO_HISTORY, gap_text

__all__ = [
    "CANCEL",
    "EGRESS",
    "GAP_REASON",
    "KEEP",
    "LATER",
    "MOST_KEPT",
    "NEWER_SHOWN",
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
    "append_steps",
    "change_of",
    "discarded_step",
    "dropped_step",
    "find_sent",
    "gap_text",
    "history_items",
    "read_entries",
    "read_history",
    "read_keep",
    "type_address",
    "without_large",
]
