"""Failure policies: how a message that fails is retried and given up."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

import attrs

from statefun_actors.address import check_typename
from statefun_actors.asking import LONGEST_MS
from statefun_actors.definition.error_text import is_text, shown
from statefun_actors.definition.send_checks import is_own_egress
from statefun_actors.errors import DefinitionError, InvalidAddressError
from statefun_actors.types import TOPIC_FORM, is_topic


@attrs.frozen
class DeadLetter:
    """Try a message *attempts* times in all, then roll it back and send a record about it to the egress *egress*.

    ::

        retries = DeadLetter("bank/failed", attempts=3, backoff=1.0)

        class Payment(Entity, typename="demo/payment", on_failure=retries): ...

    The rest of its batch continues.

    Args:
        egress: ``<namespace>/<name>`` of the egress.
        topic: topic of the Kafka record, by default the last part of *egress*.
        attempts: total attempts, at least 1; fewer once their pauses exceed the setting ``retry_budget``.
        backoff: seconds before the second attempt, doubled before each further one.
        as_value: send a ``statefun-actors/dead-letter`` value instead of a Kafka record.

    Raises:
        DefinitionError: an argument is invalid.
    """

    egress: str
    topic: str | None = attrs.field(default=None, kw_only=True)
    attempts: int = attrs.field(default=3, kw_only=True)
    backoff: float = attrs.field(default=0.1, kw_only=True)
    as_value: bool = attrs.field(default=False, kw_only=True)

    @property
    def record_topic(self) -> str:
        """The topic of the record: *topic*, or the last part of *egress*."""
        return self.topic if self.topic is not None else self.egress.rpartition("/")[2]

    def __attrs_post_init__(self) -> None:
        problems = _attempts_problems(self.attempts, self.backoff)
        try:
            check_typename(self.egress, "an egress is <namespace>/<name>")
        except InvalidAddressError as error:
            problems.insert(0, str(error))
        else:
            if not is_text(self.egress):
                problems.insert(
                    0, f"the egress {shown(self.egress)} contains text that UTF-8 can't encode; choose another name"
                )
            if is_own_egress(self.egress):
                problems.insert(
                    0, f"the egress {shown(self.egress)} is in a namespace of this library; choose another one"
                )
        if self.topic is not None and not is_text(self.topic):
            problems.append(f"topic= is a non-empty string that UTF-8 can encode; got {shown(self.topic)}")
        elif not problems and self.as_value is False and not is_topic(self.record_topic):
            problems.append(
                f"the topic is {shown(self.record_topic)}, but Kafka allows only {TOPIC_FORM}; choose another topic="
            )
        if not isinstance(self.as_value, bool):
            problems.append(f"as_value= is True or False; got {shown(self.as_value)}")
        if problems:
            raise DefinitionError("DeadLetter(...)", problems)


@attrs.frozen
class Discard:
    """Try a message *attempts* times in all, then roll it back, log it and drop it. The rest of its batch continues.

    ::

        class Cursor(Entity, typename="demo/cursor", on_failure=Discard(attempts=2)): ...

    Raises:
        DefinitionError: an argument is invalid.
    """

    attempts: int = 1
    backoff: float = attrs.field(default=0.1, kw_only=True)

    def __attrs_post_init__(self) -> None:
        if problems := _attempts_problems(self.attempts, self.backoff):
            raise DefinitionError("Discard(...)", problems)


class NotYetError(Exception):
    """A run of an activity can't start yet. It is postponed by *delay*, which is not a failed attempt."""

    def __init__(self, delay: timedelta) -> None:
        super().__init__(delay)
        self.delay = delay


class AttemptCutShortError(Exception):
    """An attempt of an activity began in a process that ended before the attempt did. It counts as failed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"the process ended while attempt {self.number} was running"


@attrs.frozen(kw_only=True)
class TimedAttempts:
    """The policy of activities: timers separate attempts, so that the process may end between two of them.

    Args:
        total: total attempts.
        backoff: seconds before the second attempt, doubled before each further one.
    """

    total: int
    backoff: float
    attempts: int = attrs.field(default=1, init=False)
    """Attempts within the batch: one, since the next is another message."""

    def __attrs_post_init__(self) -> None:
        if problems := _attempts_problems(self.total, self.backoff):
            raise DefinitionError("an activity", problems)


FailurePolicy: TypeAlias = DeadLetter | Discard | TimedAttempts


def policy_problem(on_failure: object) -> str | None:
    """The problem of an ``on_failure=``; None without one."""
    if on_failure is None or isinstance(on_failure, DeadLetter | Discard):
        return None
    return f"on_failure= is DeadLetter(...) or Discard(...), got {shown(on_failure)}"


def _attempts_problems(attempts: object, backoff: object) -> list[str]:
    problems = []
    if not isinstance(attempts, int) or isinstance(attempts, bool) or attempts < 1:
        problems.append(f"attempts= is the total number of attempts, at least 1; got {shown(attempts)}")
    if not isinstance(backoff, int | float) or isinstance(backoff, bool) or not 0 <= backoff <= LONGEST_MS / 1000:
        problems.append(f"backoff= is in seconds, 0 or more and at most ten years; got {shown(backoff)}")
    return problems
