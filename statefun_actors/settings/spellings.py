"""The settings outside of Python: flags, and keys of a settings file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Final, Literal

import attrs

from statefun_actors.address import check_typename
from statefun_actors.asking import ANSWERS_TOPIC_FORM, is_answers_topic
from statefun_actors.definition import DeadLetter
from statefun_actors.errors import DefinitionError, InvalidAddressError
from statefun_actors.settings.options import MOST_THREADS, Options
from statefun_actors.units import DURATION_FORM, read_seconds, read_size

_MOST_DIGITS: Final = len(str(MOST_THREADS))


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
        "handler_threads",
        "retry_budget",
        "body_limit",
        "record_egresses",
        "linger",
        "accept_restore",
        "other_functions",
        "answers_topics",
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


def _read_threads(value: object) -> int:
    number = int(value) if isinstance(value, str) and value.isdecimal() and len(value) <= _MOST_DIGITS else value
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= MOST_THREADS:
        raise ValueError(f"expected a whole number from 1 to {MOST_THREADS:,}, got {value!r}")
    return number


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


def _read_functions(value: object) -> frozenset[str]:
    if isinstance(value, list | tuple):
        try:
            return frozenset(check_typename(name, "a function type is <namespace>/<name>") for name in value)
        except InvalidAddressError as error:
            value = error.got
    raise ValueError(f'expected a list of function types, such as ["bank/account", "shop/*"]; got {value!r}')


def _read_topics(value: object) -> frozenset[str]:
    if isinstance(value, list | tuple):
        value = next((topic for topic in value if not is_answers_topic(topic)), value)
    if isinstance(value, list | tuple):
        return frozenset(value)
    raise ValueError(f"expected a list of {ANSWERS_TOPIC_FORM}; got {value!r}")


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
        "handler_threads",
        "handler-threads",
        "NUMBER",
        _read_threads,
        "Blocking handlers that run at once in a process, each in a thread; the next ones wait.",
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
    Spelling(
        "other_functions",
        "other-functions",
        "NS/NAME",
        _read_functions,
        "Functions of other applications of the Flink job, also NS/*, to which this endpoint sends messages of a "
        "gateway: delayed ones, and those with an Idempotency-Key. Needed if this application serves "
        "statefun-actors/ingress for them.",
        several=True,
        endpoint=True,
    ),
    Spelling(
        "answers_topics",
        "answers-topics",
        "TOPIC",
        _read_topics,
        "Kafka topic to which this endpoint may send answers to gateways; answers for others are dropped, and logged. "
        "Default: that of `module APP --gateway`.",
        several=True,
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
