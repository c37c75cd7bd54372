"""Every option of an application, once, as one value: shared by run, serve, create_app and the test kit.

:class:`Settings` documents them. Outside of Python each is a flag (``--retry-budget 2``) and a key of a settings file
(``retry-budget = 2``); :data:`SPELLINGS` says how its value is written there.
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final, Literal, TypedDict

import attrs

from statefun_actors.address import check_typename
from statefun_actors.definition import DeadLetter, Discard, FailurePolicy
from statefun_actors.errors import DefinitionError, InvalidAddressError
from statefun_actors.units import DURATION_FORM, read_seconds, read_size


def _seconds(value: timedelta | float) -> float:
    return value.total_seconds() if isinstance(value, timedelta) else value


def _seconds_or_none(value: timedelta | float | None) -> float | None:
    return None if value is None else _seconds(value)


def _names(value: Iterable[str]) -> frozenset[str]:
    return value if isinstance(value, str) else frozenset(value)  # type: ignore[return-value] # refused with the rest


@attrs.frozen(kw_only=True)
class Settings:
    """How an application behaves, whichever engine runs it.

    Args:
        on_failure: failure policy of classes and handlers that have none of their own.
        handler_timeout: how long an async or blocking handler may take; a plain one can't be interrupted.
        retry_budget: how long one batch may wait, in all, between the attempts of messages that fail.
        body_limit: the largest request body that is read.
        record_egresses: egresses that take nothing but ``kafka_record`` and ``kinesis_record``.
        linger: how long ``serve`` may hold back the reply to a batch of two or more, while Flink sends many; 0 = never.

    Times are seconds or timedeltas and become seconds; ``handler_timeout=None`` is no limit.

    Raises:
        DefinitionError: values that make no sense, all of them at once.
    """

    on_failure: FailurePolicy | None = None
    handler_timeout: float | None = attrs.field(default=None, converter=_seconds_or_none)
    retry_budget: float = attrs.field(default=5.0, converter=_seconds)
    body_limit: int = 32 * 1024 * 1024
    record_egresses: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    linger: float = attrs.field(default=0.02, converter=_seconds)

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.on_failure is not None and not isinstance(self.on_failure, DeadLetter | Discard):
            problems.append(f"on_failure= is DeadLetter(...) or Discard(...), got {self.on_failure!r}")
        if self.handler_timeout is not None and not (_is_finite(self.handler_timeout) and self.handler_timeout > 0):
            problems.append(f"handler_timeout= is a number of seconds, more than 0; got {self.handler_timeout!r}")
        if not (_is_finite(self.retry_budget) and self.retry_budget >= 0):
            problems.append(f"retry_budget= is a number of seconds, 0 or more; got {self.retry_budget!r}")
        if not isinstance(self.body_limit, int) or isinstance(self.body_limit, bool) or self.body_limit < 1:
            problems.append(f"body_limit= is a whole number of bytes, more than 0; got {self.body_limit!r}")
        if not (_is_finite(self.linger) and 0 <= self.linger <= 1):
            problems.append(f"linger= is a number of seconds, from 0 (never) to 1; got {self.linger!r}")
        if isinstance(self.record_egresses, str):
            problems.append(f"record_egresses= is a list of names; write [{self.record_egresses!r}]")
        else:
            for name in self.record_egresses:
                try:
                    check_typename(name, "record_egresses= holds names of the form <namespace>/<name>")
                except InvalidAddressError as error:
                    problems.append(str(error))
        if problems:
            raise DefinitionError("Settings(...)", problems)


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


class Options(TypedDict, total=False):
    """The settings as keyword arguments, for whoever prefers ``create_app(Account, retry_budget=2)``."""

    on_failure: FailurePolicy | None
    handler_timeout: timedelta | float | None
    retry_budget: timedelta | float
    body_limit: int
    record_egresses: Iterable[str]
    linger: timedelta | float


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


# --- outside of Python


@attrs.frozen
class Spelling:
    """How one setting is written as a flag and in a settings file.

    Args:
        setting: its name in :class:`Settings`.
        key: in a file; the flag is ``--<key>``.
        form: what a value looks like, in capitals.
        read: a value as it was written (text, or what TOML makes of it) to the setting; raises ValueError, saying
            what to write instead.
        help: what it is for, in one paragraph.
        several: whether the flag may be repeated, each time for one more.
    """

    setting: Literal["on_failure", "handler_timeout", "retry_budget", "body_limit", "record_egresses", "linger"]
    key: str
    form: str
    read: Callable[[object], object]
    help: str
    several: bool = False


def read_typename(value: object) -> str:
    """``<namespace>/<name>``; raises ValueError."""
    try:
        return check_typename(value, "an egress is <namespace>/<name>")
    except InvalidAddressError:
        raise ValueError(f"{value!r} is not <namespace>/<name>, such as bank/receipts.") from None


def _read_timeout(value: object) -> float | None:
    if value == "none":
        return None
    try:
        seconds = read_seconds(value)
    except ValueError:
        seconds = 0
    if not seconds:
        raise ValueError(f"expected {DURATION_FORM}, more than 0; or none, for no limit; got {value!r}")
    return seconds


def _read_dead_letters(value: object) -> DeadLetter:
    if not isinstance(value, Mapping):
        return DeadLetter(read_typename(value))
    given = {str(key).replace("-", "_"): item for key, item in value.items()}
    known = list(inspect.signature(DeadLetter).parameters)
    if unknown := [name for name in given if name not in known]:
        there_are = ", ".join(name.replace("_", "-") for name in known)
        raise ValueError(f"there is no {unknown[0].replace('_', '-')!r} of dead letters; there are {there_are}.")
    if "egress" not in given:
        raise ValueError('dead letters need an egress: { egress = "bank/dead-letters", attempts = 5 }.')
    try:
        return DeadLetter(read_typename(given.pop("egress")), **given)
    except DefinitionError as error:
        raise ValueError("; ".join(error.problems)) from None


def _read_names(value: object) -> frozenset[str]:
    if not isinstance(value, list | tuple):
        raise ValueError(f'{value!r} is no list of egresses; write ["bank/receipts"].')  # noqa: TRY004 - as the others
    return frozenset(map(read_typename, value))


def _documented(setting: str) -> str:
    """What the docstring of :class:`Settings` says of *setting*."""
    match = re.search(rf"^\s*{setting}: (.+)$", Settings.__doc__ or "", re.MULTILINE)
    text = match[1].replace("``", "") if match else setting
    return text[0].upper() + text[1:]


SPELLINGS: Final = (
    Spelling(
        "on_failure",
        "dead-letters",
        "NS/NAME",
        _read_dead_letters,
        "Give up on a message that keeps failing, and send a record about it to this egress. Classes and handlers "
        "with an on_failure= of their own keep it.",
    ),
    Spelling("handler_timeout", "handler-timeout", "DURATION", _read_timeout, _documented("handler_timeout")),
    Spelling("retry_budget", "retry-budget", "DURATION", read_seconds, _documented("retry_budget")),
    Spelling("body_limit", "body-limit", "SIZE", read_size, _documented("body_limit")),
    Spelling(
        "record_egresses", "record-egresses", "NS/NAME", _read_names, _documented("record_egresses"), several=True
    ),
    Spelling("linger", "linger", "DURATION", read_seconds, _documented("linger")),
)


def read_settings(written: Mapping[str, object]) -> Options:
    """The settings among *written*, values by key as in a settings file.

    Raises:
        DefinitionError: keys that there aren't, and values that make no sense, all of them at once.
    """
    by_key = {spelling.key: spelling for spelling in SPELLINGS}
    options: dict[str, object] = {}
    problems = []
    for key, value in written.items():
        spelling = by_key.get(key)
        if spelling is None:
            problems.append(f"there is no {key!r}; there are {', '.join(by_key)}")
            continue
        try:
            options[spelling.setting] = spelling.read(value)
        except ValueError as error:
            problems.append(f"{key}: {error}")
    if problems:
        raise DefinitionError("settings", problems)
    return options  # type: ignore[return-value]


ENDPOINT_DEFAULTS: Final = Settings(handler_timeout=50)
"""A handler fails before Flink's call timeout (a minute, unless module.yaml says otherwise) ends in a failed job."""
