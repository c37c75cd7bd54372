"""Errors of definitions, addresses, messages, values and handlers, and the base class of all errors of this package.

The errors of calls, stores, connectors and tools are next to what raises them, such as ``calls/errors.py``.
``tests/architecture/test_errors.py`` shows the tree of all. ``retryable`` on each class says whether the same
operation, repeated without a change, can succeed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Final

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


ADD_HANDLER: Final = (
    "Add a handler for it, or one for google.protobuf.Any, which takes every type without its own handler."
)


class StatefunActorsError(Exception):
    """Base of all errors of this package."""

    retryable: ClassVar[bool] = False


class DefinitionError(StatefunActorsError, TypeError):
    """A class, function or setting is declared wrongly. ``problems`` lists all reasons. Retrying cannot help."""

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

    def __init__(self, rule: str, got: object, advice: str) -> None:
        super().__init__(rule, got, advice)
        self.rule, self.got, self.advice = rule, got, advice

    def __str__(self) -> str:
        return f"{self.rule}: got {self.got!r}. {self.advice}"


class UnknownFunctionTypeError(StatefunActorsError, LookupError):
    """This application does not serve the function type of a message.

    Retrying cannot help until an application that serves it is deployed, so endpoints answer 500 and Flink retries.
    """

    def __init__(self, typename: str, served: Sequence[str]) -> None:
        super().__init__(typename, served)
        self.typename, self.served = typename, tuple(served)

    @property
    def reserved(self) -> bool:
        """Whether the function type is one of this library's own, which take no messages from outside."""
        return self.typename.startswith("statefun-actors/")

    def __str__(self) -> str:
        if self.reserved:
            return (
                f"{self.typename!r} takes no messages from outside: the namespace statefun-actors is this library's "
                "own. Answer an open ask by POST /replies/<token>, or by answer(token, message)."
            )
        return (
            f"nothing here serves {self.typename!r}; served are {', '.join(self.served) or 'no types at all'}. "
            "Add its class to the application, or correct the address."
        )


class UnhandledMessageError(StatefunActorsError, TypeError):
    """The target of a message has no handler for its type. Retrying cannot help.

    Args:
        target: function type of the target, or name of its method that takes answers.
        accepted: types that it takes.
        got: type of the message.
        advice: what to do about it.
    """

    def __init__(self, target: str, accepted: Sequence[str], got: str, advice: str = ADD_HANDLER) -> None:
        super().__init__(target, accepted, got, advice)
        self.target, self.accepted, self.got, self.advice = target, tuple(accepted), got, advice

    def __str__(self) -> str:
        return f"{self.target} takes {', '.join(self.accepted) or 'no messages'}, got {self.got}. {self.advice}"


class InternalMessageError(StatefunActorsError, PermissionError):
    """A message from outside the application for a handler that is ``internal=True``. Retrying cannot help.

    A message without a caller is from outside, and one whose caller is the HTTP ingress.

    Args:
        target: function type of the message's target.
        typename: type of the message.
        handler: name of the handler.
    """

    def __init__(self, target: str, typename: str, handler: str) -> None:
        super().__init__(target, typename, handler)
        self.target, self.typename, self.handler = target, typename, handler

    def __str__(self) -> str:
        return (
            f"{self.target} takes {self.typename} from other functions only, since {self.handler} is internal=True; "
            "got one from outside. Send it from a function, or drop internal=True."
        )


class NotAMessageError(StatefunActorsError, TypeError):
    """A value cannot be sent, since its class has no typename. Retrying cannot help."""

    def __init__(self, got: str, advice: str) -> None:
        super().__init__(got, advice)
        self.got, self.advice = got, advice

    def __str__(self) -> str:
        return f"{self.got} is not a message. {self.advice}"


class ValueMismatchError(StatefunActorsError, TypeError, ValueError):
    """A value does not fit its declared type. Raised before anything is written. Retrying cannot help.

    ``path`` is the place inside the value; ``$`` is the value itself.
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
    """Stored state does not fit its declared type. It is kept; a deployment that can read it resolves the error."""

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
    """2.x: the request lacks states that the function declares. A corrected module.yaml resolves the error."""

    retryable = True

    def __init__(self, typename: str, missing: Sequence[str]) -> None:
        super().__init__(typename, missing)
        self.typename, self.missing = typename, tuple(missing)

    def __str__(self) -> str:
        return (
            f"{self.typename} needs state that module.yaml does not list; "
            f"add to its function: `states: [{', '.join(self.missing)}]`"
        )


class UndeclaredStateError(StatefunActorsError, KeyError):
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
    """A handler sets or reads an attribute that is not a persisted field. Retrying cannot help."""

    def __init__(self, owner: str, attribute: str, known: Sequence[str]) -> None:
        super().__init__(owner, attribute, known)
        self.owner, self.attribute, self.known = owner, attribute, tuple(known)

    def __str__(self) -> str:
        return (
            f"{self.owner} has no field {self.attribute!r}; its fields are {', '.join(self.known) or 'none'}. "
            f"To keep it, add to the class: `{self.attribute}: <type> = persisted(default=...)`"
        )


class DetachedEntityError(StatefunActorsError, RuntimeError):
    """An entity has no address or clock and cannot send, outside a batch. Retrying cannot help."""

    def __init__(self, owner: str, attribute: str) -> None:
        super().__init__(owner, attribute)
        self.owner, self.attribute = owner, attribute

    def __str__(self) -> str:
        return (
            f"self.{self.attribute} works only in a handler; this {self.owner} was created by user code, "
            "or its batch has ended. "
            f"To run a handler in a test: given({self.owner}, 'id').when(message)"
        )


class NoCallerError(StatefunActorsError, RuntimeError):
    """``context.reply`` for a message without a caller, which came from an ingress. Retrying cannot help."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"{self.address} can't reply: this message has no caller (it came from an ingress). "
            "Check `context.caller` first"
        )


class HandlerTimeoutError(StatefunActorsError, TimeoutError):
    """A handler did not finish within its timeout (seconds). A retry can help."""

    retryable = True

    def __init__(self, handler: str, seconds: float) -> None:
        super().__init__(handler, seconds)
        self.handler, self.seconds = handler, seconds

    def __str__(self) -> str:
        return f"{self.handler} did not finish within {self.seconds:g} s. Raise its timeout=, or make it shorter."


class HandlerExitError(StatefunActorsError, RuntimeError):
    """A handler raised a BaseException (SystemExit, KeyboardInterrupt, CancelledError, …), or cancelled its task.

    The message fails as with any other error, and the process continues. ``__cause__`` is the exception raised. A retry
    can help.
    """

    retryable = True

    def __init__(self, handler: str, raised: str) -> None:
        super().__init__(handler, raised)
        self.handler, self.raised = handler, raised

    def __str__(self) -> str:
        return f"{self.handler} raised {self.raised}; a handler can't stop the process. Raise TerminalError to give up."


class TerminalError(StatefunActorsError):
    """Raised by users in a handler, to give up the message without further attempts."""
