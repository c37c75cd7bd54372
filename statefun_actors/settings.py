"""Options of an application, the same for run, serve, create_app and the test kit.

:class:`Settings` documents them. Outside of Python each is a flag (``--retry-budget 2``) and a key of a settings file
(``retry-budget = 2``); :data:`SPELLINGS` lists their names, value formats and help texts.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final, Literal, TypedDict

import attrs

from statefun_actors.address import check_typename
from statefun_actors.definition import DeadLetter, Discard, FailurePolicy, shown
from statefun_actors.errors import DefinitionError, InvalidAddressError
from statefun_actors.units import DURATION_FORM, read_seconds, read_size


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
        retry_budget: total time that one batch may wait between attempts of messages that fail. A message whose next
            wait exceeds what is left is given up without its remaining attempts.
        body_limit: maximum bytes of a request body.
        record_egresses: egresses that accept only ``kafka_record`` and ``kinesis_record``.
        linger: time for which ``serve`` may delay the reply to a batch of two or more, while Flink sends many; 0: none.
        accept_restore: whether an endpoint gives entities the state that ``export --to-kafka`` sends for them. While it
            does, whoever may write to the topics of its gateway can give any state to an entity that has none.

    Times are given in seconds or as timedeltas, and stored in seconds.

    Raises:
        DefinitionError: values are invalid; it lists all of them.
    """

    on_failure: FailurePolicy | None = None
    handler_timeout: float | None = attrs.field(default=None, converter=_seconds_or_none)
    retry_budget: float = attrs.field(default=5.0, converter=_seconds)
    body_limit: int = 32 * 1024 * 1024
    record_egresses: frozenset[str] = attrs.field(default=frozenset(), converter=_names)
    linger: float = attrs.field(default=0.02, converter=_seconds)
    accept_restore: bool = False

    def __attrs_post_init__(self) -> None:
        problems = []
        if self.on_failure is not None and not isinstance(self.on_failure, DeadLetter | Discard):
            problems.append(f"on_failure= is DeadLetter(...) or Discard(...), got {self.on_failure!r}")
        if self.handler_timeout is not None and not (_is_finite(self.handler_timeout) and self.handler_timeout > 0):
            problems.append(f"handler_timeout= is a number of seconds, more than 0; got {shown(self.handler_timeout)}")
        if not (_is_finite(self.retry_budget) and self.retry_budget >= 0):
            problems.append(f"retry_budget= is a number of seconds, 0 or more; got {shown(self.retry_budget)}")
        if not isinstance(self.body_limit, int) or isinstance(self.body_limit, bool) or self.body_limit < 1:
            problems.append(f"body_limit= is a whole number of bytes, more than 0; got {shown(self.body_limit)}")
        if not (_is_finite(self.linger) and 0 <= self.linger <= 1):
            problems.append(f"linger= is a number of seconds, from 0 (never) to 1; got {shown(self.linger)}")
        if not isinstance(self.accept_restore, bool):
            problems.append(f"accept_restore= is True or False, got {self.accept_restore!r}")
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
    # abs, for math.isfinite raises for larger integers.
    return isinstance(number, int | float) and number.__class__ is not bool and abs(number) <= sys.float_info.max


class Options(TypedDict, total=False):
    """The settings as keyword arguments: ``create_app(Account, retry_budget=2)``."""

    on_failure: FailurePolicy | None
    """Failure policy of classes and handlers that have none of their own. Default: None."""
    handler_timeout: timedelta | float | None
    """Time limit of an async or blocking handler. Default: None, no limit."""
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


# --- flags and settings files


@attrs.frozen
class Spelling:
    """The flag and the settings file key of one setting.

    Args:
        setting: name in :class:`Settings`.
        key: key in a file; the flag is ``--<key>``.
        form: placeholder of the value in help texts, in capitals; empty: the flag has no value, and the one in a file
            is true or false.
        read: converts a written value (text, or a value parsed from TOML) to the setting; raises ValueError, whose
            text says what to write instead.
        help: help text, one paragraph.
        several: whether the flag may be repeated, once for each value.
        endpoint: whether it counts for endpoints only.
    """

    setting: Literal[
        "on_failure",
        "handler_timeout",
        "retry_budget",
        "body_limit",
        "record_egresses",
        "linger",
        "accept_restore",
    ]
    key: str
    form: str
    read: Callable[[object], object]
    help: str
    several: bool = False
    endpoint: bool = False

    @property
    def is_switch(self) -> bool:
        """Whether the flag has no value."""
        return not self.form


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
        expected = ", ".join(name.replace("_", "-") for name in known)
        raise ValueError(f"unknown key {unknown[0].replace('_', '-')!r}; expected one of: {expected}")
    if "egress" not in given:
        raise ValueError('dead letters need an egress: { egress = "bank/dead-letters", attempts = 5 }.')
    try:
        return DeadLetter(read_typename(given.pop("egress")), **given)
    except DefinitionError as error:
        raise ValueError("; ".join(error.problems)) from None


def _read_names(value: object) -> frozenset[str]:
    if not isinstance(value, list | tuple):
        raise ValueError(  # noqa: TRY004 - readers raise ValueError
            f'expected a list of egresses, such as ["bank/receipts"]; got {value!r}'
        )
    return frozenset(map(read_typename, value))


def _read_switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")  # noqa: TRY004 - readers raise ValueError
    return value


SPELLINGS: Final = (
    Spelling(
        "on_failure",
        "dead-letters",
        "NS/NAME",
        _read_dead_letters,
        "Give up on a message that keeps failing, and send a record about it to this egress. Classes and handlers "
        "with an on_failure= of their own keep it.",
    ),
    Spelling(
        "handler_timeout",
        "handler-timeout",
        "DURATION",
        _read_timeout,
        "Time limit of an async or blocking handler; a plain one can't be interrupted.",
    ),
    Spelling(
        "retry_budget",
        "retry-budget",
        "DURATION",
        read_seconds,
        "Total time that one batch may wait between attempts of messages that fail; then they get no more of them.",
    ),
    Spelling("body_limit", "body-limit", "SIZE", read_size, "Maximum bytes of a request body."),
    Spelling(
        "record_egresses",
        "record-egresses",
        "NS/NAME",
        _read_names,
        "Egresses that accept only kafka_record and kinesis_record.",
        several=True,
    ),
    Spelling(
        "linger",
        "linger",
        "DURATION",
        read_seconds,
        "Time for which serve may delay the reply to a batch of two or more, while Flink sends many; 0: none.",
    ),
    Spelling(
        "accept_restore",
        "accept-restore",
        "",
        _read_switch,
        "Give entities without state the state that `export --to-kafka` sends for them. While it is set, whoever may "
        "write to the topics of a gateway can do that.",
        endpoint=True,
    ),
)


def read_settings(written: Mapping[str, object]) -> Options:
    """Convert *written*, the values by key of a settings file, to keyword arguments of :class:`Settings`.

    Raises:
        DefinitionError: keys are unknown or values are invalid; it lists all of them.
    """
    by_key = {spelling.key: spelling for spelling in SPELLINGS}
    options: dict[str, object] = {}
    problems = []
    for key, value in written.items():
        spelling = by_key.get(key)
        if spelling is None:
            problems.append(f"unknown setting {key!r}; expected one of: {', '.join(by_key)}")
            continue
        try:
            options[spelling.setting] = spelling.read(value)
        except ValueError as error:
            problems.append(f"{key}: {error}")
    if problems:
        raise DefinitionError("settings", problems)
    return options  # type: ignore[return-value]


ENDPOINT_DEFAULTS: Final = Settings(handler_timeout=50.0)
"""Handlers time out before Flink's call timeout (a minute by default), which would fail the job."""
