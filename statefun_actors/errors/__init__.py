"""Errors of definitions, addresses, messages, values and handlers, and the base class of all errors of this package.

The errors of calls, stores, connectors and tools are next to what raises them, such as ``calls/errors.py``.
``tests/architecture/test_errors.py`` shows the tree of all. ``retryable`` on each class says whether the same
operation, repeated without a change, can succeed.
"""

from statefun_actors.errors.base import StatefunActorsError
from statefun_actors.errors.definition_errors import DefinitionError, InvalidAddressError
from statefun_actors.errors.handler_errors import (
    DetachedEntityError,
    HandlerExitError,
    HandlerTimeoutError,
    TerminalError,
)
from statefun_actors.errors.message_errors import (
    ADD_HANDLER,
    InternalMessageError,
    MessageDecodeError,
    NoCallerError,
    NotAMessageError,
    UnhandledMessageError,
    UnknownFunctionTypeError,
)
from statefun_actors.errors.value_errors import (
    FieldMismatchError,
    MissingStateError,
    StateDecodeError,
    UndeclaredAttributeError,
    UndeclaredStateError,
    ValueMismatchError,
)

__all__ = [
    "ADD_HANDLER",
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
]
