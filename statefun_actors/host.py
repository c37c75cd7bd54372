"""The interface between dispatch and the outside world: clock, sleep, timeouts and random tokens."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Protocol


class Deadline(Protocol):
    """The context manager that ``asyncio.timeout()`` returns: it raises TimeoutError in its body when it expires."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> bool | None: ...

    def expired(self) -> bool: ...


class Host(Protocol):
    """Gives a dispatch its clock, timeouts and random tokens; dispatch uses no other source of time or randomness."""

    holds_all_state: bool
    """Whether a state that a batch lacks is absent; if not, the caller may keep it and did not send it."""
    repeats: bool
    """Whether a batch whose messages have been sent may run again, as on Flink after a failure of the job."""

    def now(self) -> datetime:
        """The current time: an aware datetime in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a monotonic clock, to measure how long a handler runs. Called for each message."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait *seconds* before the next attempt of a message. A test's host advances its own clock instead."""
        ...

    def token(self) -> str:
        """128 cryptographically random bits as 32 hexadecimal digits; in tests they come from a seed."""
        ...

    def timeout(self, seconds: float) -> Deadline:
        """A context manager that raises TimeoutError in its body after *seconds*."""
        ...
