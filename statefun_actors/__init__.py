"""Durable actors as plain Python classes.

The same file runs on two engines with the same semantics: embedded (one process, one SQLite file) and Apache Flink
Stateful Functions. Importing this package loads neither a web framework nor a database: ``create_app``,
``AsyncRuntime`` and ``Runtime`` are loaded when first used.
"""

import importlib
from typing import TYPE_CHECKING, Final

from statefun_actors.address import Address
from statefun_actors.asking import NoAnswer
from statefun_actors.calls import (
    Actors,
    CallError,
    KeyReusedError,
    MessageRefusedError,
    NoReplyError,
    NotAdmittedError,
    NotOpenError,
    NotServedError,
    ReplyTimeoutError,
    UnavailableError,
    UnexpectedAnswerError,
    UnexpectedReplyError,
)
from statefun_actors.conversations import activity
from statefun_actors.definition import DeadLetter, Discard, persisted
from statefun_actors.dispatch import Instrument
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.entity import Entity, answers, handles
from statefun_actors.errors import (
    DefinitionError,
    DetachedEntityError,
    FieldMismatchError,
    HandlerExitError,
    HandlerTimeoutError,
    InternalMessageError,
    InvalidAddressError,
    MessageDecodeError,
    MissingStateError,
    NoCallerError,
    NotAMessageError,
    StateDecodeError,
    StatefunActorsError,
    TerminalError,
    UndeclaredAttributeError,
    UndeclaredStateError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
    ValueMismatchError,
)
from statefun_actors.functions import Context, StatefulFunctions
from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.settings import Settings
from statefun_actors.store import StoreError, StoreInUseError
from statefun_actors.types import kafka_record, kinesis_record, message

if TYPE_CHECKING:
    from statefun_actors.http import create_app
    from statefun_actors.runtime import AsyncRuntime, IncompatibleStateError, LossRefusedError, Runtime

__all__ = [
    "Actors",
    "Address",
    "AsyncRuntime",
    "CallError",
    "Context",
    "DeadLetter",
    "DefinitionError",
    "DetachedEntityError",
    "Discard",
    "Entity",
    "FieldMismatchError",
    "HandlerExitError",
    "HandlerTimeoutError",
    "IncompatibleStateError",
    "Instrument",
    "InternalMessageError",
    "InvalidAddressError",
    "KafkaRecord",
    "KeyReusedError",
    "KinesisRecord",
    "LossRefusedError",
    "MessageDecodeError",
    "MessageRefusedError",
    "MissingStateError",
    "NoAnswer",
    "NoCallerError",
    "NoReplyError",
    "NotAMessageError",
    "NotAdmittedError",
    "NotOpenError",
    "NotServedError",
    "ReplyTimeoutError",
    "RequestReplyHandler",
    "Runtime",
    "Settings",
    "StateDecodeError",
    "StatefulFunctions",
    "StatefunActorsError",
    "StoreError",
    "StoreInUseError",
    "TerminalError",
    "TypedValue",
    "UnavailableError",
    "UndeclaredAttributeError",
    "UndeclaredStateError",
    "UnexpectedAnswerError",
    "UnexpectedReplyError",
    "UnhandledMessageError",
    "UnknownFunctionTypeError",
    "ValueMismatchError",
    "activity",
    "answers",
    "create_app",
    "handles",
    "kafka_record",
    "kinesis_record",
    "message",
    "persisted",
]


_LOADED_ON_USE: Final = {
    "AsyncRuntime": "statefun_actors.runtime",
    "IncompatibleStateError": "statefun_actors.runtime",
    "LossRefusedError": "statefun_actors.runtime",
    "Runtime": "statefun_actors.runtime",
    "create_app": "statefun_actors.http",
}


def __getattr__(name: str) -> object:
    """Load the names that need a web framework or a database on first use."""
    if (room := _LOADED_ON_USE.get(name)) is not None:
        return getattr(importlib.import_module(room), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
