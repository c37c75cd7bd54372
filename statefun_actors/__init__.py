"""Durable actors as plain Python classes.

The same file runs on two engines with the same semantics: embedded (one process, one SQLite file) and Apache Flink
Stateful Functions. Importing this package loads nothing else of it: each name is loaded when it is first used, so that
``statefun-actors --help`` is quick, and that only programs that serve load a web framework.
"""

import importlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
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
    from statefun_actors.http import create_app
    from statefun_actors.model import KafkaRecord, KinesisRecord, TypedValue
    from statefun_actors.runtime import AsyncRuntime, IncompatibleStateError, LossRefusedError, Runtime
    from statefun_actors.settings import Settings
    from statefun_actors.store import StoreError, StoreInUseError
    from statefun_actors.types import kafka_record, kinesis_record, message

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


_NAMES_OF: Final = {
    "address": ("Address",),
    "asking": ("NoAnswer",),
    "calls": (
        "Actors",
        "CallError",
        "KeyReusedError",
        "MessageRefusedError",
        "NoReplyError",
        "NotAdmittedError",
        "NotOpenError",
        "NotServedError",
        "ReplyTimeoutError",
        "UnavailableError",
        "UnexpectedAnswerError",
        "UnexpectedReplyError",
    ),
    "conversations": ("activity",),
    "definition": (
        "DeadLetter",
        "Discard",
        "persisted",
    ),
    "dispatch": ("Instrument",),
    "endpoint": ("RequestReplyHandler",),
    "entity": (
        "Entity",
        "answers",
        "handles",
    ),
    "errors": (
        "DefinitionError",
        "DetachedEntityError",
        "FieldMismatchError",
        "HandlerExitError",
        "HandlerTimeoutError",
        "InternalMessageError",
        "InvalidAddressError",
        "MessageDecodeError",
        "MissingStateError",
        "NoCallerError",
        "NotAMessageError",
        "StateDecodeError",
        "StatefunActorsError",
        "TerminalError",
        "UndeclaredAttributeError",
        "UndeclaredStateError",
        "UnhandledMessageError",
        "UnknownFunctionTypeError",
        "ValueMismatchError",
    ),
    "functions": (
        "Context",
        "StatefulFunctions",
    ),
    "http": ("create_app",),
    "model": (
        "KafkaRecord",
        "KinesisRecord",
        "TypedValue",
    ),
    "runtime": (
        "AsyncRuntime",
        "IncompatibleStateError",
        "LossRefusedError",
        "Runtime",
    ),
    "settings": ("Settings",),
    "store": (
        "StoreError",
        "StoreInUseError",
    ),
    "types": (
        "kafka_record",
        "kinesis_record",
        "message",
    ),
}

_ROOM_OF: Final = {name: room for room, names in _NAMES_OF.items() for name in names}


def __getattr__(name: str) -> object:
    """Load a public name on first use, and keep it."""
    if (room := _ROOM_OF.get(name)) is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(importlib.import_module(f"{__name__}.{room}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
