"""The embedded runtime: durable actors in one process over one store."""

from statefun_actors.embedded.clock import Clock, ManualClock, SystemClock, at_ms, to_ms
from statefun_actors.embedded.doors import Sink, Source
from statefun_actors.embedded.engine import INGRESS, Counters, Engine, EngineOptions, EpochLostError, Ticket
from statefun_actors.embedded.memory_store import MemoryStore
from statefun_actors.embedded.rows import EntityRecord, unpack
from statefun_actors.embedded.sqlite_store import SqliteStore
from statefun_actors.embedded.store import (
    Commit,
    DeadLetterEntry,
    EgressRecord,
    EntityRow,
    Message,
    Recovered,
    Store,
    StoreError,
    Timer,
)

__all__ = [
    "INGRESS",
    "Clock",
    "Commit",
    "Counters",
    "DeadLetterEntry",
    "EgressRecord",
    "Engine",
    "EngineOptions",
    "EntityRecord",
    "EntityRow",
    "EpochLostError",
    "ManualClock",
    "MemoryStore",
    "Message",
    "Recovered",
    "Sink",
    "Source",
    "SqliteStore",
    "Store",
    "StoreError",
    "SystemClock",
    "Ticket",
    "Timer",
    "at_ms",
    "to_ms",
    "unpack",
]
