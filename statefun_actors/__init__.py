"""Durable actors as plain Python classes.

One file, two engines: embedded (one process, one SQLite file) and Apache Flink Stateful Functions, with one meaning.
Importing this package loads neither a web framework nor a database; ``create_app`` is loaded when first asked for.
"""

import importlib
from typing import TYPE_CHECKING

from statefun_actors.definition import DeadLetter, Discard, persisted
from statefun_actors.endpoint import RequestReplyHandler
from statefun_actors.entity import Entity, handles
from statefun_actors.errors import (
    DefinitionError,
    DetachedEntityError,
    FieldMismatchError,
    HandlerExitError,
    HandlerTimeoutError,
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
from statefun_actors.model import Address, KafkaRecord, KinesisRecord, TypedValue
from statefun_actors.settings import Settings
from statefun_actors.types import kafka_record, kinesis_record, message

if TYPE_CHECKING:
    from statefun_actors.http import create_app

__all__ = [
    "Address",
    "Context",
    "DeadLetter",
    "DefinitionError",
    "DetachedEntityError",
    "Discard",
    "Entity",
    "FieldMismatchError",
    "HandlerExitError",
    "HandlerTimeoutError",
    "InvalidAddressError",
    "KafkaRecord",
    "KinesisRecord",
    "MessageDecodeError",
    "MissingStateError",
    "NoCallerError",
    "NotAMessageError",
    "RequestReplyHandler",
    "Settings",
    "StateDecodeError",
    "StatefulFunctions",
    "StatefunActorsError",
    "TerminalError",
    "TypedValue",
    "UndeclaredAttributeError",
    "UndeclaredStateError",
    "UnhandledMessageError",
    "UnknownFunctionTypeError",
    "ValueMismatchError",
    "create_app",
    "handles",
    "kafka_record",
    "kinesis_record",
    "message",
    "persisted",
]


def __getattr__(name: str) -> object:
    """``create_app`` is loaded when it is first asked for, and the web framework with it."""
    if name == "create_app":
        return importlib.import_module("statefun_actors.http").create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
