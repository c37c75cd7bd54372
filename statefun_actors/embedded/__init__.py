"""The embedded runtime: durable actors in one process over one store."""

from statefun_actors.embedded.backend import EngineBackend
from statefun_actors.embedded.clock import Clock, ManualClock, SystemClock, at_ms, to_ms
from statefun_actors.embedded.control import (
    Control,
    ControlDoor,
    DoorControl,
    DoorError,
    EngineControl,
    LetterRetry,
    Posting,
    StoreControl,
    open_control,
    running_engine,
)
from statefun_actors.embedded.dead_letters import NoDeadLetterError
from statefun_actors.embedded.doors import Receiver, Sink, Source
from statefun_actors.embedded.engine import Engine
from statefun_actors.embedded.epoch import Counters, EpochLostError, NotStorableError
from statefun_actors.embedded.evolution import (
    Check,
    Findings,
    IncompatibleStateError,
    Loss,
    LossRefusedError,
    StoredTwice,
    StoredTwiceError,
    Unreadable,
    find_changes,
)
from statefun_actors.embedded.failing import FailingMessage, NotFailingError
from statefun_actors.embedded.jsonlines import (
    BAD_LINES,
    BadLineError,
    EgressFileError,
    InputChangedError,
    InputError,
    InputUnreadableError,
    JsonLinesSink,
    JsonLinesSource,
    record_line,
)
from statefun_actors.embedded.memory_store import MemoryStore
from statefun_actors.embedded.options import EngineOptions
from statefun_actors.embedded.outlet import Outlet
from statefun_actors.embedded.portable import (
    BadExportError,
    StoreNotEmptyError,
    export_store,
    import_store,
    known_codecs,
)
from statefun_actors.embedded.reading import read_entities
from statefun_actors.embedded.rows import DamagedStateError, EntityRecord, expire, unpack
from statefun_actors.embedded.sqlite.reader import SqliteReader
from statefun_actors.embedded.sqlite.restoring import restore_store
from statefun_actors.embedded.sqlite_store import SqliteStore
from statefun_actors.embedded.store import (
    Commit,
    CommitRefusedError,
    DamagedStoreError,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    KeyedRequest,
    Message,
    Recovered,
    RequestState,
    Store,
    StoreError,
    StoreInUseError,
    StoreReader,
    Timer,
)
from statefun_actors.embedded.tickets import AnswerLostError, Ticket
from statefun_actors.embedded.viewing import EntityView, form_of, view_entity

__all__ = [
    "BAD_LINES",
    "AnswerLostError",
    "BadExportError",
    "BadLineError",
    "Check",
    "Clock",
    "Commit",
    "CommitRefusedError",
    "Control",
    "ControlDoor",
    "Counters",
    "DamagedStateError",
    "DamagedStoreError",
    "DeadLetterEntry",
    "DoorControl",
    "DoorError",
    "EgressFileError",
    "EgressRecord",
    "Engine",
    "EngineBackend",
    "EngineControl",
    "EngineOptions",
    "EntityRecord",
    "EntityRow",
    "EntityView",
    "EpochLostError",
    "FailingMessage",
    "Findings",
    "IncompatibleStateError",
    "InputChangedError",
    "InputError",
    "InputUnreadableError",
    "JsonLinesSink",
    "JsonLinesSource",
    "KeyedRequest",
    "LetterRetry",
    "Loss",
    "LossRefusedError",
    "ManualClock",
    "MemoryStore",
    "Message",
    "NoDeadLetterError",
    "NotFailingError",
    "NotStorableError",
    "Outlet",
    "Posting",
    "Receiver",
    "Recovered",
    "RequestState",
    "Sink",
    "Source",
    "SqliteReader",
    "SqliteStore",
    "Store",
    "StoreControl",
    "StoreError",
    "StoreInUseError",
    "StoreNotEmptyError",
    "StoreReader",
    "StoredTwice",
    "StoredTwiceError",
    "SystemClock",
    "Ticket",
    "Timer",
    "Unreadable",
    "at_ms",
    "expire",
    "export_store",
    "find_changes",
    "form_of",
    "import_store",
    "known_codecs",
    "open_control",
    "read_entities",
    "record_line",
    "restore_store",
    "running_engine",
    "to_ms",
    "unpack",
    "view_entity",
]
