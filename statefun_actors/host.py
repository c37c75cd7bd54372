"""Time, as dispatch reaches it."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Protocol


class Deadline(Protocol):
    """What ``asyncio.timeout()`` returns: it raises TimeoutError in its body, and knows whether it did."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    def expired(self) -> bool: ...


class Host(Protocol):
    """The only doors through which a dispatch reaches time."""

    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds since some moment, never going back: how long a handler holds the event loop. Called per message."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*: the wait between two attempts. A test's host advances its own clock instead."""
        ...

    def token(self) -> str:
        """128 random bits as 32 hexadecimal digits, that nobody can guess; in tests from a seed."""
        ...

    def timeout(self, seconds: float) -> Deadline:
        """A context that raises TimeoutError in its body after *seconds* of waiting."""
        ...
