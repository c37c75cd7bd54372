"""What ``import statefun_actors`` offers is this list: nothing is added or taken away by accident."""

from __future__ import annotations

import inspect

import statefun_actors
from statefun_actors import errors

PUBLIC = [
    "NoAnswer",
    "answers",
    "activity",
    "Actors",
    "AsyncRuntime",
    "IncompatibleStateError",
    "LossRefusedError",
    "CallError",
    "KeyReusedError",
    "MessageRefusedError",
    "NoReplyError",
    "NotAdmittedError",
    "NotOpenError",
    "NotServedError",
    "ReplyTimeoutError",
    "Runtime",
    "UnavailableError",
    "UnexpectedAnswerError",
    "UnexpectedReplyError",
    "Address",
    "Context",
    "DeadLetter",
    "DefinitionError",
    "DetachedEntityError",
    "Discard",
    "Entity",
    "FieldMismatchError",
    "HandlerExitError",
    "Instrument",
    "InternalMessageError",
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
    "StoreError",
    "StoreInUseError",
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


def test_the_public_names_are_these() -> None:
    assert sorted(statefun_actors.__all__) == sorted(PUBLIC)


def test_dir_shows_the_public_names_and_otherwise_only_rooms() -> None:
    shown = {name for name in dir(statefun_actors) if not name.startswith("_")}

    rooms = {name for name in shown if inspect.ismodule(getattr(statefun_actors, name))}
    assert sorted(shown - rooms) == sorted(PUBLIC)


def test_every_public_name_is_there() -> None:
    assert [name for name in PUBLIC if not hasattr(statefun_actors, name)] == []


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    assert not hasattr(statefun_actors, "Manager")


def test_every_error_that_a_user_can_meet_is_public() -> None:
    all_errors = {
        name
        for name, thing in vars(errors).items()
        if inspect.isclass(thing) and issubclass(thing, errors.StatefunActorsError)
    }

    assert all_errors - set(PUBLIC) == set()
