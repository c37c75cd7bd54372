"""What can come of a call instead of its result.

The tree::

    ClientError
    ├── UnavailableError (ConnectionError)   nobody answered, or whoever did has no time; retries included
    ├── ReplyTimeoutError (TimeoutError)     taken, but no reply came in time
    ├── NoReplyError (LookupError)           handled, without a reply
    ├── UnexpectedReplyError (TypeError)     a reply of another type than the one asked for
    ├── MessageRefusedError (ValueError)     it doesn't fit, or its handler gave it up
    ├── NotServedError (LookupError)         nothing there serves its target
    ├── NotAdmittedError (PermissionError)   no token, or a wrong one
    ├── KeyReusedError (ValueError)          another message has been sent under its key
    └── UnexpectedAnswerError                anything else

``retryable`` says whether the same call can succeed later. Each call has tried again by itself where that could help.
"""

from __future__ import annotations

from typing import ClassVar

from statefun_actors.errors import StatefunActorsError
from statefun_actors.model import Address


class ClientError(StatefunActorsError):
    """A message did not come to what its sender asked for.

    Args:
        target: of the message.
        said: by the server, on one line; or what went wrong on the way to it.
    """

    def __init__(self, target: Address, said: str) -> None:
        super().__init__(target, said)
        self.target, self.said = target, said


class UnavailableError(ClientError, ConnectionError):
    """All attempts failed. Unless ``taken`` is known to be otherwise, the message may or may not have been delivered.

    The same call with the same ``key=`` delivers it once, whatever happened to this one.
    """

    retryable: ClassVar[bool] = True

    def __init__(self, target: Address, said: str, attempts: int, seconds: float, key: str) -> None:
        super().__init__(target, said)
        self.args = (target, said, attempts, seconds, key)
        self.attempts, self.seconds, self.key = attempts, seconds, key

    def __str__(self) -> str:
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return (
            f"{self.target} can't be reached, tried {times} in {self.seconds:.1f} s: {self.said}. "
            f"Send it again with key={self.key!r}: it is then delivered once, whatever became of this call."
        )


class ReplyTimeoutError(ClientError, TimeoutError):
    """The message is delivered, but no reply came within the time given. Asking again sends another message."""

    def __str__(self) -> str:
        return f"no reply from {self.target}: {self.said}. Give it more time with timeout=, or don't wait: tell(...)."


class NoReplyError(ClientError, LookupError):
    """The handler of the message ended without a reply. It is handled."""

    def __init__(self, target: Address) -> None:
        super().__init__(target, "its handler ended without a reply")
        self.args = (target,)

    def __str__(self) -> str:
        return (
            f"{self.target} handled the message without a reply. Return one from its handler, wait for one that comes "
            "later with until_reply=True, or don't wait: tell(...)."
        )


class UnexpectedReplyError(ClientError, TypeError):
    """The reply is no value of the type that was asked for. The message is handled.

    Args:
        expected: the type asked for, as errors spell it.
        typename: of the reply.
    """

    def __init__(self, target: Address, expected: str, typename: str, said: str) -> None:
        super().__init__(target, said)
        self.args = (target, expected, typename, said)
        self.expected, self.typename = expected, typename

    def __str__(self) -> str:
        return f"expected {self.expected} in reply from {self.target}, got {self.typename}: {self.said}"


class MessageRefusedError(ClientError, ValueError):
    """The message is of a type, or holds a value, that its target does not take; or its handler failed for good."""

    def __str__(self) -> str:
        return f"{self.target} refused the message: {self.said}"


class NotServedError(ClientError, LookupError):
    """Nothing at the other end serves the function type of the target."""

    def __str__(self) -> str:
        return f"{self.target} is not served there: {self.said}"


class NotAdmittedError(ClientError, PermissionError):
    """The server wants a token, or another one; or it is asked under a name that is not its own."""

    def __str__(self) -> str:
        return f"not admitted to {self.target}: {self.said}"


class KeyReusedError(ClientError, ValueError):
    """Another message has been sent to this target under the same ``key=``. Nothing of this one happened."""

    def __str__(self) -> str:
        return f"{self.target}: {self.said}"


class UnexpectedAnswerError(ClientError):
    """The server answered as no ingress does: there may be something else at this URL. ``status`` is HTTP's."""

    def __init__(self, target: Address, said: str, status: int) -> None:
        super().__init__(target, said)
        self.args = (target, said, status)
        self.status = status

    def __str__(self) -> str:
        return f"the answer to a message for {self.target} is none of an ingress: {self.status} {self.said}"
