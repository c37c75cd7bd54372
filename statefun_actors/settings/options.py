"""``Settings``: the options of an application, and the same as keyword arguments."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import timedelta
from typing import Final, TypedDict

import attrs

from statefun_actors.address import check_typename
from statefun_actors.asking import ANSWERS_TOPIC_FORM, is_answers_topic
from statefun_actors.definition import DeadLetter, Discard, FailurePolicy, shown
from statefun_actors.errors import DefinitionError, InvalidAddressError

MOST_THREADS: Final = 10_000


def _seconds(value: timedelta | float) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _seconds_or_none(value: timedelta | float | None) -> float | None:
    return None if value is None else _seconds(value)


def _names(value: Iterable[str]) -> frozenset[str]:
    return value if isinstance(value, str) else frozenset(value)  # type: ignore[return-value] # refused in post-init


@attrs.frozen(kw_only=True)
class Settings:
    """Options of an application, the same on every engine.

    ::

        settings = Settings(on_failure=DeadLetter("bank/failed", attempts=5), handler_timeout=10)
        app = create_app(Account, settings=settings)

    Args:
        on_failure: failure policy of classes and handlers that have none of their own.
        handler_timeout: time limit of an async or blocking handler; a plain one can't be interrupted. None: no limit.
        handler_threads: blocking handlers that run at once in a process, each in a thread; the next ones wait.
        retry_budget: total time that one batch may wait between attempts of messages that fail. A message whose next
            wait exceeds what is left is given up without its remaining attempts.
        body_limit: maximum bytes of a request body.
        record_egresses: egresses that accept only ``kafka_record`` and ``kinesis_record``.
        linger: time for which ``serve`` may delay the reply to a batch of two or more, while Flink sends many; 0: none.
        accept_restore: whether an endpoint gives entities the state that ``export --to-kafka`` sends for them. While it
            does, whoever may write to the topics of its gateway can give any state to an entity that has none.
        other_functions: function types of other applications of the Flink job, ``ns/name`` or ``ns/*``, to which an
            endpoint sends delayed messages of a gateway, and those with an idempotency key.
        answers_topics: Kafka topics to which an endpoint may send answers to gateways, such as
            ``bank.gateway.answers``; answers for others are dropped, and logged. Empty: any topic that ends with
            ``.answers``; then whoever may write to the topics of a gateway can name one that does not exist, at which
            the Flink job fails for ever.

    Times are given in seconds or as timedeltas, and stored in seconds.

    Raises:
        DefinitionError: values are invalid; it lists all of them.
    """

    on_failure: FailurePolicy | None = None
    handler_timeout: float | None = attrs.field(default=None, converter=_seconds_or_none)
    handler_threads: int = 40
    retry_budget: float = attrs.field(default=5.0, converter=_seconds)
    body_limit: int = 32 * 1024 * 1024
    record_egresses: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    linger: float = attrs.field(default=0.02, converter=_seconds)
    accept_restore: bool = False
    other_functions: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    answers_topics: frozenset[str] = attrs.field(default=frozenset(), converter=_names)

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.on_failure is not None and not isinstance(self.on_failure, DeadLetter | Discard):
            problems.append(f"on_failure= is DeadLetter(...) or Discard(...), got {self.on_failure!r}")
        if self.handler_timeout is not None and not (_is_finite(self.handler_timeout) and self.handler_timeout > 0):
            problems.append(f"handler_timeout= is a number of seconds, more than 0; got {shown(self.handler_timeout)}")
        threads = self.handler_threads
        if not isinstance(threads, int) or isinstance(threads, bool) or not 0 < threads <= MOST_THREADS:
            problems.append(f"handler_threads= is a whole number from 1 to {MOST_THREADS:,}; got {shown(threads)}")
        if not (_is_finite(self.retry_budget) and self.retry_budget >= 0):
            problems.append(f"retry_budget= is a number of seconds, 0 or more; got {shown(self.retry_budget)}")
        if not isinstance(self.body_limit, int) or isinstance(self.body_limit, bool) or self.body_limit < 1:
            problems.append(f"body_limit= is a whole number of bytes, more than 0; got {shown(self.body_limit)}")
        if not (_is_finite(self.linger) and 0 <= self.linger <= 1):
            problems.append(f"linger= is a number of seconds, from 0 (never) to 1; got {shown(self.linger)}")
        if not isinstance(self.accept_restore, bool):
            problems.append(f"accept_restore= is True or False, got {self.accept_restore!r}")
        for setting, value in (("record_egresses", self.record_egresses), ("other_functions", self.other_functions)):
            if isinstance(value, str):
                problems.append(f"{setting}= is a list of names; write [{value!r}]")
                continue
            for name in value:
                try:
                    check_typename(name, f"{setting}= holds names of the form <namespace>/<name>")
                except InvalidAddressError as error:
                    problems.append(str(error))
        if isinstance(self.answers_topics, str):
            problems.append(f"answers_topics= is a list of topics; write [{self.answers_topics!r}]")
        else:
            problems += [
                f"answers_topics= holds {ANSWERS_TOPIC_FORM}; got {shown(topic)}"
                for topic in self.answers_topics
                if not is_answers_topic(topic)
            ]
        if problems:
            raise DefinitionError("Settings(...)", problems)


def _is_finite(number: object) -> bool:
    # abs, for math.isfinite raises for larger integers.
    return isinstance(number, int | float) and number.__class__ is not bool and abs(number) <= sys.float_info.max


class Options(TypedDict, total=False):
    """The settings as keyword arguments: ``create_app(Account, retry_budget=2)``."""

    on_failure: FailurePolicy | None
    """Failure policy of classes and handlers that have none of their own. Default: None."""
    handler_timeout: timedelta | float | None
    """Time limit of an async or blocking handler. Default: None, no limit."""
    handler_threads: int
    """Blocking handlers that run at once in a process, each in a thread. Default: 40."""
    retry_budget: timedelta | float
    """Total time that one batch may wait between attempts of messages that fail. Default: 5 s."""
    body_limit: int
    """Maximum bytes of a request body. Default: 32 MiB."""
    record_egresses: Iterable[str]
    """Egresses that accept only ``kafka_record`` and ``kinesis_record``. Default: none."""
    linger: timedelta | float
    """Time for which ``serve`` may delay the reply to a batch of two or more. Default: 20 ms."""
    accept_restore: bool
    """Whether an endpoint gives entities the state that ``export --to-kafka`` sends for them. Default: False."""
    other_functions: Iterable[str]
    """Function types of other applications of the Flink job, to which messages of a gateway may go. Default: none."""
    answers_topics: Iterable[str]
    """Kafka topics to which an endpoint may send answers to gateways. Default: any that ends with ``.answers``."""


def settings_with(settings: Settings | None, options: Options, defaults: Settings | None = None) -> Settings:
    """Return *settings* (or *defaults*) with the values of *options*.

    Raises:
        DefinitionError: an option is invalid or unknown.
    """
    base = settings if settings is not None else defaults if defaults is not None else Settings()
    names = [field.name for field in attrs.fields(Settings)]
    if unknown := [name for name in options if name not in names]:
        raise DefinitionError(
            "settings", [f"unknown setting {name}=; expected one of: {', '.join(names)}" for name in unknown]
        )
    return attrs.evolve(base, **options)


ENDPOINT_DEFAULTS: Final = Settings(handler_timeout=50.0)
"""Handlers time out before Flink's call timeout (a minute by default), which would fail the job."""
