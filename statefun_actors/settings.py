"""Every option of an application, once, as one value: shared by run, serve, create_app and the test kit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import attrs

from statefun_actors.definition import DeadLetter, Discard, FailurePolicy
from statefun_actors.errors import DefinitionError


@attrs.frozen(kw_only=True)
class Settings:
    """How an application behaves, whichever engine runs it.

    Args:
        on_failure: the failure policy of classes and handlers that have none of their own.
        handler_timeout: seconds that an async or blocking handler may take; None = no limit.
        retry_budget: seconds that one batch may spend waiting between attempts of failing messages.
        body_limit: bytes of the largest request body that is read.
        record_egresses: egresses that take nothing but ``kafka_record`` and ``kinesis_record``.

    Raises:
        DefinitionError: a value that makes no sense, all of them at once.
    """

    on_failure: FailurePolicy | None = None
    handler_timeout: float | None = None
    retry_budget: float = 5.0
    body_limit: int = 32 * 1024 * 1024
    record_egresses: frozenset[str] = attrs.field(default=frozenset(), converter=frozenset)

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.on_failure is not None and not isinstance(self.on_failure, DeadLetter | Discard):
            problems.append(f"on_failure= is DeadLetter(...) or Discard(...), got {self.on_failure!r}")
        for name, zero_fits in (("handler_timeout", False), ("retry_budget", True), ("body_limit", False)):
            number = getattr(self, name)
            if number is None and name == "handler_timeout":
                continue
            if (
                isinstance(number, bool)
                or not isinstance(number, int | float)
                or number < 0
                or not (number or zero_fits)
            ):
                least = "0 or more" if zero_fits else "more than 0"
                unit = "bytes" if name == "body_limit" else "seconds"
                problems.append(f"{name}= is a number of {unit}, {least}; got {number!r}")
        if problems:
            raise DefinitionError("Settings(...)", problems)


class Options(TypedDict, total=False):
    """The settings as keyword arguments, for whoever prefers ``create_app(Account, retry_budget=2)``."""

    on_failure: FailurePolicy | None
    handler_timeout: float | None
    retry_budget: float
    body_limit: int
    record_egresses: Iterable[str]


def settings_with(settings: Settings | None, options: Options, defaults: Settings | None = None) -> Settings:
    """*settings* (or *defaults*) with *options* in their place.

    Raises:
        DefinitionError: an option that makes no sense, or that there isn't.
    """
    base = settings if settings is not None else defaults if defaults is not None else Settings()
    names = [field.name for field in attrs.fields(Settings)]
    if unknown := [name for name in options if name not in names]:
        raise DefinitionError("settings", [f"there is no {name}=; there are {', '.join(names)}" for name in unknown])
    return attrs.evolve(base, **options)
