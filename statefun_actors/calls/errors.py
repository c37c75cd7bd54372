"""The errors of a call: ``tell`` and ``ask`` raise them, whether over HTTP, in this process or in a test.

The tree::

    CallError
    ├── UnavailableError (ConnectionError)   no engine took the message within the timeout, retries included
    ├── ReplyTimeoutError (TimeoutError)     the message is delivered; no reply came within the timeout
    ├── NoReplyError (LookupError)           the message is handled; its handler did not reply
    ├── UnexpectedReplyError (TypeError)     the reply has another type than the one asked for
    ├── MessageRefusedError (ValueError)     the message does not fit its target, or its handler gave it up
    ├── NotServedError (LookupError)         nothing serves the target
    ├── NotAdmittedError (PermissionError)   the token is missing or wrong (over HTTP)
    ├── NotOpenError (LookupError)           the reply address is answered, expired or unknown
    ├── KeyReusedError (ValueError)          another message was sent under the same key
    └── UnexpectedAnswerError                the response is not from an ingress (over HTTP)

``retryable`` says whether the same call can succeed later. A call retries by itself where that can help.
"""

from __future__ import annotations

from typing import ClassVar

from statefun_actors.address import Address
from statefun_actors.asking import SHOWN_OF_TOKEN
from statefun_actors.errors import StatefunActorsError


class CallError(StatefunActorsError):
    """A call failed.

    Args:
        target: the address of the message.
        said: the reason, on one line, in the words of the server or engine.
    """

    def __init__(self, target: Address, said: str) -> None:
        super().__init__(target, said)
        self.target, self.said = target, said


class UnavailableError(CallError, ConnectionError):
    """No engine confirmed the message within the timeout. It may or may not have been delivered.

    All attempts of a call have one idempotency key, ``error.key``. The same call with ``key=error.key`` delivers the
    message once, even if this call delivered it, within a day. Without it, it is a new message.
    """

    retryable: ClassVar[bool] = True

    def __init__(self, target: Address, said: str, attempts: int, seconds: float, key: str | None = None) -> None:
        super().__init__(target, said)
        self.args = (target, said, attempts, seconds, key)
        self.attempts, self.seconds, self.key = attempts, seconds, key

    def __str__(self) -> str:
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return f"{self.target} can't be reached, tried {times} in {self.seconds:.1f} s: {self.said}." + (
            f" Send it again with key={self.key!r}: it is then delivered once, even if this call delivered it."
            if self.key is not None
            else ""
        )


class ReplyTimeoutError(CallError, TimeoutError):
    """The message is delivered, but no reply came within the timeout.

    If the event loop of a runtime does not respond to another thread, it may or may not be delivered: the text says so.
    Asking again sends another message; under the ``key=`` of this call, if it had one, it waits for the same reply.
    """

    def __str__(self) -> str:
        return (
            f"no reply from {self.target}: {self.said}. Give it more time with timeout=; or don't wait, if its handler "
            "does not reply: tell(...)."
        )


class NoReplyError(CallError, LookupError):
    """The message is handled, and its handler did not reply. With *told*, a ``tell`` sent it under the same ``key=``.

    Of a call that does not wait no reply is kept, so an ``ask`` under its key gets none, now or later.
    """

    def __init__(self, target: Address, *, told: bool = False) -> None:
        super().__init__(target, "its handler ended without a reply")
        self.args = (target,)
        self.told = told

    def __str__(self) -> str:
        if self.told:
            return (
                f"a call that did not wait has sent this message to {self.target} under the same key: it is handled "
                "once, and no reply is kept. Make the first call an ask, too; or read what it has changed."
            )
        return (
            f"{self.target} handled the message without a reply. Return one from its handler; or name the type of a "
            "reply that comes later, ask(address, message, Reply); or don't wait: tell(...)."
        )


class UnexpectedReplyError(CallError, TypeError):
    """The reply has another type than the one asked for. The message is handled.

    Args:
        expected: the type asked for, as errors spell it.
        typename: the type of the reply.
    """

    def __init__(self, target: Address, expected: str, typename: str, said: str) -> None:
        super().__init__(target, said)
        self.args = (target, expected, typename, said)
        self.expected, self.typename = expected, typename

    def __str__(self) -> str:
        return f"expected {self.expected} in reply from {self.target}, got {self.typename}: {self.said}"


class MessageRefusedError(CallError, ValueError):
    """The target does not take the message, or its handler failed for the last time. No retry helps.

    Under the same ``key=`` the answer stays the same for a day, even if the code has been mended: use a new key.
    """

    def __str__(self) -> str:
        return f"{self.target} refused the message: {self.said}"


class NotServedError(CallError, LookupError):
    """Nothing serves the function type of the target."""

    def __str__(self) -> str:
        return f"{self.target} is not served: {self.said}"


class NotOpenError(CallError, LookupError):
    """A reply address takes no answer: it has been answered, its time is over, or it never was. No retry helps."""

    def __init__(self, target: Address) -> None:
        super().__init__(target, "answered, expired or unknown")
        self.args = (target,)

    def __str__(self) -> str:
        shown = self.target.id[:SHOWN_OF_TOKEN]
        return (
            f"the reply address {shown}... takes no answer: it has been answered, its time is over, or it never was. "
            "`statefun-actors asks APP` lists the open ones."
        )


class NotAdmittedError(CallError, PermissionError):
    """The token is missing or wrong, the host name is not the server's, or the handler is ``internal=True``."""

    def __str__(self) -> str:
        return f"not admitted to {self.target}: {self.said}"


class KeyReusedError(CallError, ValueError):
    """Another message was sent to this target under the same ``key=``. This one was not taken."""

    def __str__(self) -> str:
        return f"{self.target}: {self.said}"


class UnexpectedAnswerError(CallError):
    """The response is not from an ingress: another server may listen at this URL. ``status`` is HTTP's."""

    def __init__(self, target: Address, said: str, status: int) -> None:
        super().__init__(target, said)
        self.args = (target, said, status)
        self.status = status

    def __str__(self) -> str:
        return f"unexpected answer to a message for {self.target}: {self.status} {self.said}"
