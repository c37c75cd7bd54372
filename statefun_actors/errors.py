"""Every error a user of statefun_actors can meet.

The tree::

    StatefunActorsError
    ├── DefinitionError (TypeError)                 a class or function is declared wrongly; all reasons at once
    ├── InvalidAddressError (ValueError)            not ``namespace/name`` and an id
    ├── UnknownFunctionTypeError (LookupError)      nothing here serves the batch's target
    ├── UnhandledMessageError (TypeError)           no handler takes this type of message
    ├── InternalMessageError (PermissionError)      a message from outside for an internal handler
    ├── NotAMessageError (TypeError)                a value that cannot travel
    ├── ValueMismatchError (TypeError, ValueError)  a value does not fit its declared type
    │   └── FieldMismatchError                      … the value of a persisted field
    ├── MessageDecodeError (ValueError)             the bytes of a message do not fit its type
    ├── StateDecodeError (ValueError)               the bytes of a state do not fit its type
    ├── MissingStateError (LookupError)             2.x: module.yaml lacks a state
    ├── UndeclaredStateError (LookupError)          a function asks for a state nobody declared
    ├── UndeclaredAttributeError (AttributeError)   an entity's attribute that is not a field
    ├── DetachedEntityError (RuntimeError)          self.send and friends outside a handler
    ├── NoCallerError (RuntimeError)                context.reply without a caller
    ├── HandlerTimeoutError (TimeoutError)          a handler took longer than its timeout
    ├── HandlerExitError (RuntimeError)             a handler raised SystemExit, CancelledError or the like
    └── TerminalError                               raised by users: do not try this message again

``retryable`` on each class says whether running the same thing again, unchanged, can succeed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

__all__ = [
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


class StatefunActorsError(Exception):
    """Base of every error raised by this package."""

    retryable: ClassVar[bool] = False


class DefinitionError(StatefunActorsError, TypeError):
    """A class or function is declared wrongly. ``problems`` holds every reason found. Retrying cannot help."""

    def __init__(self, subject: str, problems: Iterable[str]) -> None:
        self.subject, self.problems = subject, tuple(problems)
        super().__init__(subject, self.problems)

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return f"{self.subject}: {self.problems[0]}"
        lines = "".join(f"\n  - {problem}" for problem in self.problems)
        return f"{self.subject} has {len(self.problems)} problems:{lines}"


class InvalidAddressError(StatefunActorsError, ValueError):
    """A function type is not ``<namespace>/<name>``, or an id is empty. Retrying cannot help."""

    def __init__(self, what: str, got: object, instead: str) -> None:
        super().__init__(what, got, instead)
        self.what, self.got, self.instead = what, got, instead

    def __str__(self) -> str:
        return f"{self.what}: got {self.got!r}. {self.instead}"


class UnknownFunctionTypeError(StatefunActorsError, LookupError):
    """A message is addressed to a function type that is not served here.

    Retrying here cannot help; a new deployment that serves it can, so endpoints answer 500.
    """

    def __init__(self, typename: str, served: Sequence[str]) -> None:
        super().__init__(typename, served)
        self.typename, self.served = typename, tuple(served)

    def __str__(self) -> str:
        return (
            f"nothing here serves {self.typename!r}; served are {', '.join(self.served) or 'no types at all'}. "
            "Add its class to the application, or correct the address."
        )


class UnhandledMessageError(StatefunActorsError, TypeError):
    """A message of a type that no handler of its target takes. Retrying cannot help."""

    def __init__(self, target: str, taken: Sequence[str], came: str) -> None:
        super().__init__(target, taken, came)
        self.target, self.taken, self.came = target, tuple(taken), came

    def __str__(self) -> str:
        return (
            f"{self.target} takes {', '.join(self.taken) or 'no messages'}, got {self.came}. "
            "Add a handler for it, or one for google.protobuf.Any, which takes what no other handler takes."
        )


class InternalMessageError(StatefunActorsError, PermissionError):
    """A message from outside for a handler that is ``internal=True``. Retrying cannot help.

    From outside are messages without a caller, and those whose caller is the HTTP ingress. ``target`` is the function
    type, ``came`` the typename of the message, ``handler`` its name.
    """

    def __init__(self, target: str, came: str, handler: str) -> None:
        super().__init__(target, came, handler)
        self.target, self.came, self.handler = target, came, handler

    def __str__(self) -> str:
        return (
            f"{self.target} takes {self.came} from other functions only, since {self.handler} is internal=True; "
            "got one from outside. Send it from a function, or drop internal=True."
        )


class NotAMessageError(StatefunActorsError, TypeError):
    """A value that cannot be sent: its class has no name on the wire. Retrying cannot help."""

    def __init__(self, got: str, instead: str) -> None:
        super().__init__(got, instead)
        self.got, self.instead = got, instead

    def __str__(self) -> str:
        return f"{self.got} is not a message. {self.instead}"


class ValueMismatchError(StatefunActorsError, TypeError, ValueError):
    """A value does not fit its declared type. ``path`` is where inside the value (``$`` is the value itself).

    Raised before anything is written. Retrying cannot help.
    """

    def __init__(self, expected: str, got: str, path: str = "$") -> None:
        super().__init__(expected, got, path)
        self.expected, self.got, self.path = expected, got, path

    def __str__(self) -> str:
        where = "" if self.path == "$" else f" - at `{self.path}`"
        return f"expected {self.expected}, got {self.got}{where}"


class FieldMismatchError(ValueMismatchError):
    """The value of a persisted field does not fit the field's declared type. Retrying cannot help."""

    def __init__(self, owner: str, field: str, expected: str, got: str, path: str = "$") -> None:
        super().__init__(expected, got, path)
        self.args = (owner, field, expected, got, path)
        self.owner, self.field = owner, field

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}: {super().__str__()}"


class MessageDecodeError(StatefunActorsError, ValueError):
    """The bytes of a message do not fit its type. Retrying cannot help: the sender must send something else."""

    def __init__(self, typename: str, reason: str) -> None:
        super().__init__(typename, reason)
        self.typename, self.reason = typename, reason

    def __str__(self) -> str:
        return f"a message of type {self.typename} can't be read: {self.reason}"


class StateDecodeError(StatefunActorsError, ValueError):
    """Stored state does not fit its declared type. A deployment that can read it cures it; nothing is overwritten."""

    retryable = True

    def __init__(self, owner: str, field: str, expected: str, got: str, reason: str) -> None:
        super().__init__(owner, field, expected, got, reason)
        self.owner, self.field, self.expected, self.got, self.reason = owner, field, expected, got, reason

    def __str__(self) -> str:
        return (
            f"the stored state {self.owner}.{self.field} can't be read: expected {self.expected}, got {self.got}"
            f"{': ' + self.reason if self.reason else ''}. Go back to the type that wrote it, "
            "or declare persisted(..., convert=fn) to read it."
        )


class MissingStateError(StatefunActorsError, LookupError):
    """2.x: the request lacks states that the function declares. A corrected module.yaml cures it."""

    retryable = True

    def __init__(self, typename: str, missing: Sequence[str]) -> None:
        super().__init__(typename, missing)
        self.typename, self.missing = typename, tuple(missing)

    def __str__(self) -> str:
        return (
            f"{self.typename} needs state that module.yaml does not list; "
            f"add to its function: `states: [{', '.join(self.missing)}]`"
        )


class UndeclaredStateError(StatefunActorsError, LookupError):
    """A function uses a state that was neither declared nor delivered. Retrying cannot help."""

    def __init__(self, typename: str, name: str, known: Sequence[str]) -> None:
        super().__init__(typename, name, known)
        self.typename, self.name, self.known = typename, name, tuple(known)

    def __str__(self) -> str:
        return (
            f"{self.typename} has no state {self.name!r}; known are {', '.join(self.known) or 'none'}. "
            f'Declare it: bind({self.typename!r}, states={{"{self.name}": int}}); '
            f"under 2.x add to its function in module.yaml: `states: [{', '.join((*self.known, self.name))}]`."
        )


class UndeclaredAttributeError(StatefunActorsError, AttributeError):
    """An attribute of an entity that is not a persisted field. Retrying cannot help."""

    def __init__(self, owner: str, attribute: str, known: Sequence[str]) -> None:
        super().__init__(owner, attribute, known)
        self.owner, self.attribute, self.known = owner, attribute, tuple(known)

    def __str__(self) -> str:
        return (
            f"{self.owner} has no field {self.attribute!r}; its fields are {', '.join(self.known) or 'none'}. "
            f"To keep it, add to the class: `{self.attribute}: <type> = persisted(default=...)`"
        )


class DetachedEntityError(StatefunActorsError, RuntimeError):
    """An entity made by hand, or kept after its batch, has no address, time or way to send. Retrying cannot help."""

    def __init__(self, owner: str, attribute: str) -> None:
        super().__init__(owner, attribute)
        self.owner, self.attribute = owner, attribute

    def __str__(self) -> str:
        return (
            f"self.{self.attribute} works only while a message is handled; this {self.owner} was made by hand, "
            "or its batch is over. "
            f"To run a handler in a test: given({self.owner}, 'id').when(message)"
        )


class NoCallerError(StatefunActorsError, RuntimeError):
    """``context.reply`` for a message that has no caller (it came from an ingress). Retrying cannot help."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        came = "this message has no caller (it came from an ingress)"
        return f"{self.address} can't reply: {came}. Test `context.caller` first"


class HandlerTimeoutError(StatefunActorsError, TimeoutError):
    """A handler did not finish within its timeout (seconds). A retry can help."""

    retryable = True

    def __init__(self, handler: str, seconds: float) -> None:
        super().__init__(handler, seconds)
        self.handler, self.seconds = handler, seconds

    def __str__(self) -> str:
        return f"{self.handler} did not finish within {self.seconds:g} s. Raise its timeout=, or make it shorter."


class HandlerExitError(StatefunActorsError, RuntimeError):
    """A handler raised what is no Exception (SystemExit, KeyboardInterrupt, CancelledError, …), or cancelled its task.

    A failure of its message like any other; the process goes on. ``__cause__`` is what was raised. A retry can help.
    """

    retryable = True

    def __init__(self, handler: str, raised: str) -> None:
        super().__init__(handler, raised)
        self.handler, self.raised = handler, raised

    def __str__(self) -> str:
        return f"{self.handler} raised {self.raised}; a handler can't stop the process. Raise TerminalError to give up."


class TerminalError(StatefunActorsError):
    """Raise it in a handler to say that trying this message again cannot help."""
