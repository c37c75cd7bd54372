"""Reports of failed batches: one short line in the response to Flink, and a line with more in the log."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Final

from statefun_actors.address import Address
from statefun_actors.http.request import Response, line
from statefun_actors.model import Batch
from statefun_actors.own_logger import own_logger
from statefun_actors.system import Throttle, repeats
from statefun_actors.text import describe_error, describe_type, loggable, one_line

logger: Final = own_logger("statefun_actors.http")

TRACEBACK_EVERY: Final = 60.0
"""Seconds between two tracebacks of one kind of failure. Flink sends a failed batch again within milliseconds."""

_LONGEST_LINE: Final = 300
_LONGEST_ADDRESS: Final = 200
_MOST_TYPES: Final = 5


class FailureLog:
    """Writes the log lines, with at most one traceback a minute for each kind of failure.

    Args:
        monotonic: a monotonic clock, in seconds.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._tracebacks = Throttle(TRACEBACK_EVERY, monotonic)
        self._lines = Throttle(monotonic=monotonic)

    def log(self, batch: Batch | None, error: BaseException) -> None:
        """Log one line with address, message types and error; with traceback once a minute for each kind."""
        if batch is None:
            logger.error("a request failed: %s", first_line(error), exc_info=loggable(error))
            return
        types = Counter(invocation.argument.typename for invocation in batch.invocations)
        shown = [
            f"{one_line(name)}{f' x {times}' if times > 1 else ''}" for name, times in types.most_common(_MOST_TYPES)
        ]
        if len(types) > _MOST_TYPES:
            shown.append(f"{len(types) - _MOST_TYPES} more types")
        logger.error(
            "%s: a batch of %d failed (%s): %s",
            shown_address(batch.target),
            len(batch.invocations),
            ", ".join(shown),
            first_line(error),
            exc_info=loggable(error) if self._is_due(batch.target.typename, error) else None,
        )

    def log_gone(self, batch: Batch) -> None:
        """Log at most one line a minute for each function type, since clients can close any number of connections."""
        if (left_out := self._lines.due(batch.target.typename)) is not None:
            text = "%s: the connection was closed, and its batch was cancelled%s"
            logger.info(text, shown_address(batch.target), repeats(left_out))

    def log_malformed(self, client: tuple[str, int] | None, peer: str, error: Exception) -> None:
        """Log at most one line a minute for each host."""
        if (left_out := self._lines.due((client and client[0],))) is not None:
            logger.warning("refused a request from %s: %s%s", peer, describe_error(error), repeats(left_out))

    def _is_due(self, typename: str, error: BaseException) -> bool:
        """Whether to log the traceback: the log has none of this kind of failure from the last minute."""
        trace = error.__traceback__
        if trace is None:
            return False
        while trace.tb_next is not None:
            trace = trace.tb_next
        return self._tracebacks.due((typename, type(error), trace.tb_frame.f_code, trace.tb_lineno)) is not None


def failed(error: Exception) -> Response:
    """Log *error*, a bug of this library, with its traceback; the response to its request."""
    logger.error("a request failed", exc_info=error)
    return line(500, first_line(error))


def shown_address(address: Address) -> str:
    """*address* as text for a log line."""
    return _cut(one_line(str(address)), _LONGEST_ADDRESS)


def first_line(error: BaseException) -> str:
    """*error* as text for a response body or a log line: its class and the first line of its text, shortened."""
    first, *more = describe_error(error).strip().splitlines() or [""]
    if first.startswith("Traceback (most recent call last)"):
        first, more = more[-1].strip() if more else "", []
    text = one_line(first) + (" …" if more else "")
    return _cut(f"{describe_type(error)}: {text}" if text else describe_type(error), _LONGEST_LINE)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
