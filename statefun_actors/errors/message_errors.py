"""Errors of messages: nothing takes them, or they cannot be read or sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from statefun_actors.errors.base import StatefunActorsError

ADD_HANDLER: Final = (
    "Add a handler for it, or one for google.protobuf.Any, which takes every type without its own handler."
)


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


class MessageDecodeError(StatefunActorsError, ValueError):
    """The bytes of a message do not fit its type. Retrying cannot help: the sender must send something else."""

    def __init__(self, typename: str, reason: str) -> None:
        super().__init__(typename, reason)
        self.typename, self.reason = typename, reason

    def __str__(self) -> str:
        return f"a message of type {self.typename} can't be read: {self.reason}"


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
