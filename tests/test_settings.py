"""Settings: as a value, as keyword arguments, in a file and as flags."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from statefun_actors import DeadLetter, DefinitionError, Discard, RequestReplyHandler, Settings, create_app
from statefun_actors.settings import (
    ENDPOINT_DEFAULTS,
    SPELLINGS,
    read_settings,
    settings_with,
)
from statefun_actors.units import DURATION_FORM


def test_every_setting_has_a_flag_and_a_help_text() -> None:
    assert [spelling.setting for spelling in SPELLINGS] == [field.name for field in attrs.fields(Settings)]
    assert len({spelling.key for spelling in SPELLINGS}) == len(SPELLINGS)
    for spelling in SPELLINGS:
        assert len(spelling.help) > 20
        assert spelling.help[0].isupper()


def test_times_are_seconds_or_timedeltas() -> None:
    settings = Settings(handler_timeout=timedelta(minutes=1), retry_budget=timedelta(milliseconds=250))

    assert (settings.handler_timeout, settings.retry_budget) == (60.0, 0.25)


def test_all_invalid_values_are_reported_at_once() -> None:
    wrong: dict[str, Any] = {
        "on_failure": "bank/dead",
        "handler_timeout": 0,
        "handler_threads": 10_001,
        "retry_budget": float("nan"),
        "body_limit": 1.5,
        "record_egresses": "bank/receipts",
        "linger": -1,
        "accept_restore": 1,
        "other_functions": "shop/*",
        "answers_topics": "app.gateway.answers",
    }
    with pytest.raises(DefinitionError) as raised:
        Settings(**wrong)

    assert raised.value.problems == (
        "on_failure= is DeadLetter(...) or Discard(...), got 'bank/dead'",
        "handler_timeout= is a number of seconds, more than 0; got 0",
        "handler_threads= is a whole number from 1 to 10,000; got 10001",
        "retry_budget= is a number of seconds, 0 or more; got nan",
        "body_limit= is a whole number of bytes, more than 0; got 1.5",
        "linger= is a number of seconds, from 0 (never) to 1; got -1",
        "accept_restore= is True or False, got 1",
        "record_egresses= is a list of names; write ['bank/receipts']",
        "other_functions= is a list of names; write ['shop/*']",
        "answers_topics= is a list of topics; write ['app.gateway.answers']",
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("handler_timeout", True),
        ("handler_timeout", "5"),
        ("handler_timeout", float("inf")),
        ("handler_timeout", 10**400),
        ("handler_threads", 0),
        ("handler_threads", True),
        ("handler_threads", 4.0),
        ("retry_budget", -1),
        ("retry_budget", 10**400),
        ("body_limit", 0),
        ("body_limit", True),
        ("record_egresses", ["receipts"]),
        ("other_functions", ["shop"]),
        ("answers_topics", ["bank.gateway"]),
        ("answers_topics", [5]),
        ("linger", 20),  # meant as milliseconds
    ],
)
def test_an_invalid_value_is_refused(option: str, value: object) -> None:
    with pytest.raises(DefinitionError, match=option):
        Settings(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("handler_timeout", "handler_timeout= is a number of seconds, more than 0"),
        ("retry_budget", "retry_budget= is a number of seconds, 0 or more"),
        ("body_limit", "body_limit= is a whole number of bytes, more than 0"),
        ("linger", "linger= is a number of seconds, from 0 (never) to 1"),
    ],
)
def test_a_number_of_more_digits_than_python_prints_is_refused(option: str, expected: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        Settings(**{option: -(10**5000)})  # type: ignore[arg-type]

    assert raised.value.problems == (f"{expected}; got <int that can't be printed>",)


def test_keywords_override_settings_which_override_defaults() -> None:
    base = Settings(retry_budget=1, body_limit=10)

    assert settings_with(base, {"body_limit": 20}) == Settings(retry_budget=1, body_limit=20)
    assert settings_with(None, {"body_limit": 20}, ENDPOINT_DEFAULTS) == Settings(handler_timeout=50, body_limit=20)
    assert settings_with(base, {}, ENDPOINT_DEFAULTS) is not None


@pytest.mark.parametrize("make", [RequestReplyHandler, create_app])
def test_an_unknown_keyword_is_refused_with_the_known_ones(make: Any) -> None:
    with pytest.raises(DefinitionError) as raised:
        make(timeout=5)

    assert str(raised.value) == (
        "settings: unknown setting timeout=; "
        "expected one of: on_failure, handler_timeout, handler_threads, retry_budget, body_limit, record_egresses, "
        "linger, accept_restore, other_functions, answers_topics"
    )


def test_a_file_can_hold_every_setting() -> None:
    written = {
        "dead-letters": {"egress": "bank/dead", "attempts": 5, "as-value": True},
        "handler-timeout": "2m",
        "handler-threads": 100,
        "retry-budget": 1,
        "body-limit": "1M",
        "record-egresses": ["bank/receipts"],
        "linger": "5ms",
        "other-functions": ["shop/*", "loans/loan"],
        "answers-topics": ["app.gateway.answers"],
    }

    assert Settings(**read_settings(written)) == Settings(
        on_failure=DeadLetter("bank/dead", attempts=5, as_value=True),
        handler_timeout=120,
        handler_threads=100,
        retry_budget=1,
        body_limit=1 << 20,
        record_egresses={"bank/receipts"},
        linger=0.005,
        other_functions={"shop/*", "loans/loan"},
        answers_topics={"app.gateway.answers"},
    )
    assert read_settings({"dead-letters": "bank/dead"}) == {"on_failure": DeadLetter("bank/dead")}
    assert read_settings({"handler-timeout": "none"}) == {"handler_timeout": None}


def test_all_problems_of_a_file_are_reported_at_once() -> None:
    with pytest.raises(DefinitionError) as raised:
        read_settings(
            {
                "retry_budget": 1,
                "retry-budget": "soon",
                "handler-timeout": 0,
                "handler-threads": "many",
                "dead-letters": {"egress": "bank/dead", "tries": 5},
                "record-egresses": "bank/receipts",
                "accept-restore": "yes",
                "other-functions": ["shop/*", "loan"],
                "answers-topics": ["app.gateway.answers", "a/b.answers"],
            }
        )

    assert raised.value.problems == (
        "unknown setting 'retry_budget'; "
        "expected one of: dead-letters, handler-timeout, handler-threads, retry-budget, body-limit, record-egresses, "
        "linger, accept-restore, other-functions, answers-topics",
        f"retry-budget: expected {DURATION_FORM}, got 'soon'",
        f"handler-timeout: expected {DURATION_FORM}, more than 0; or none, for no limit; got 0",
        "handler-threads: expected a whole number from 1 to 10,000, got 'many'",
        "dead-letters: unknown key 'tries'; expected one of: egress, topic, attempts, backoff, as-value",
        "record-egresses: expected a list of egresses, such as [\"bank/receipts\"]; got 'bank/receipts'",
        "accept-restore: expected true or false, got 'yes'",
        'other-functions: expected a list of function types, such as ["bank/account", "shop/*"]; got \'loan\'',
        "answers-topics: expected a list of names of Kafka topics that end with .answers; got 'a/b.answers'",
    )


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ({}, "dead letters need an egress"),
        ({"egress": "dead"}, "is not <namespace>/<name>"),
        ({"egress": "bank/dead", "attempts": 0}, "attempts= is the total number of attempts"),
        (5, "is not <namespace>/<name>"),
    ],
)
def test_invalid_dead_letters_are_refused(written: object, problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        read_settings({"dead-letters": written})


def test_on_failure_of_the_settings_is_the_default_policy() -> None:
    assert settings_with(None, {"on_failure": Discard(attempts=2)}).on_failure == Discard(attempts=2)
