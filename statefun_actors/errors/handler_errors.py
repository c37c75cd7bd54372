"""Errors that end a handler, and those of entities outside a handler."""

from __future__ import annotations

from statefun_actors.errors.base import StatefunActorsError


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
    """Raised by users in a handler, to give up the message without further attempts.

    ::

        def charge(cents: int) -> None:
            if cents < 0:
                raise TerminalError(f"expected cents of at least 0, got {cents}")
    """


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
