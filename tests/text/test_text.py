"""What is made of an error's text can be stored and logged, whatever the error is."""

from __future__ import annotations

import logging
import traceback

import pytest

from statefun_actors.text import (
    LONGEST_ERROR,
    LONGEST_TYPE_NAME,
    describe,
    describe_error,
    describe_type,
    encodable,
    loggable,
)


class Tricky(str):
    """Breaks whatever it is given to."""

    __slots__ = ()

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        raise RuntimeError(encoding, errors)


class GivesTrickyTextError(Exception):
    def __str__(self) -> str:
        return Tricky("caf\udce9")


class UnprintableError(Exception):
    def __init__(self, raised: BaseException) -> None:
        self.raised = raised

    def __str__(self) -> str:
        raise self.raised


class _Renaming(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError("no name")


class RenamedError(Exception, metaclass=_Renaming):
    pass


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("plain"), "ValueError: plain"),
        (ValueError("é 𝄞"), "ValueError: é 𝄞"),
        (ValueError("caf\udce9.txt"), r"ValueError: caf\udce9.txt"),
        (ValueError("\ud83d"), r"ValueError: \ud83d"),
        (ValueError(), "ValueError: ValueError()"),
        (GivesTrickyTextError(), r"GivesTrickyTextError: caf\udce9"),
        (UnprintableError(ValueError()), "UnprintableError: <UnprintableError that can't be printed>"),
        (UnprintableError(SystemExit()), "UnprintableError: <UnprintableError that can't be printed>"),
        (RenamedError("x"), "RenamedError: x"),
    ],
)
def test_an_error_is_described_by_plain_text_that_utf8_can_encode(error: BaseException, text: str) -> None:
    described = describe(error)

    assert described == text
    assert type(described) is str
    assert described.encode()


@pytest.mark.parametrize("character", ["x", "\udce9", "é"])
def test_the_text_of_an_error_is_cut(character: str) -> None:
    described = describe_error(ValueError(character * 5_000_000))

    assert described == encodable(character) * LONGEST_ERROR + "…"


def test_the_name_of_an_errors_class_is_cut() -> None:
    error = type("E" * 100_000, (Exception,), {})()

    assert describe_type(error) == "E" * LONGEST_TYPE_NAME + "…"


@pytest.mark.parametrize("text", ["", "plain", "é", "𝄞", "\x00\n"])
def test_text_that_can_be_encoded_stays_as_it_is(text: str) -> None:
    assert encodable(text) == text


def logged(error: BaseException) -> str:
    shown = loggable(error)
    return logging.Formatter().formatException((type(shown), shown, shown.__traceback__))


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_an_error_with_plain_texts_is_logged_as_it_is() -> None:
    error = raised(ValueError("é"), raised(KeyError("k")))

    assert loggable(error) is error


@pytest.mark.parametrize(
    "error",
    [
        raised(ValueError("x" * 50_000_000)),
        raised(ValueError("caf\udce9")),
        raised(ValueError("short"), raised(KeyError("x" * 50_000_000))),
        raised(ExceptionGroup("some", [ValueError("\ud83d"), KeyError("k")])),
    ],
    ids=["long", "half a pair", "long cause", "group"],
)
def test_an_error_whose_text_no_log_takes_is_logged_shortened_with_its_traceback(error: BaseException) -> None:
    text = logged(error)

    assert text.encode()
    assert len(text) < 3_000
    assert f"ShortenedError: {describe(error)}" in text
    assert traceback.extract_tb(error.__traceback__)[0].name in text


def test_a_long_note_is_not_logged_whole() -> None:
    error = raised(ValueError("short"))
    error.add_note("x" * 1_000_000)

    assert len(logged(error)) < 3_000


def test_a_chain_of_errors_that_leads_back_to_itself_is_logged() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one

    assert loggable(one) is one
