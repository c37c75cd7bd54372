"""The text of any error can be stored and logged, and text from outside is printable."""

from __future__ import annotations

import json
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
    json_text,
    lines_of,
    loggable,
    one_line,
)


class Tricky(str):
    """A subclass of str whose methods raise."""

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
def test_the_text_of_an_error_is_shortened(character: str) -> None:
    described = describe_error(ValueError(character * 5_000_000))

    assert described == encodable(character) * LONGEST_ERROR + "…"


def test_the_name_of_an_errors_class_is_shortened() -> None:
    error = type("E" * 100_000, (Exception,), {})()

    assert describe_type(error) == "E" * LONGEST_TYPE_NAME + "…"


@pytest.mark.parametrize("text", ["", "plain", "é", "𝄞", "\x00\n"])
def test_encodable_text_is_unchanged(text: str) -> None:
    assert encodable(text) == text


def logged(error: BaseException) -> str:
    shown = loggable(error)
    return logging.Formatter().formatException((type(shown), shown, shown.__traceback__))


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_an_error_with_plain_text_is_logged_unchanged() -> None:
    error = raised(ValueError("é"), raised(KeyError("k")))

    assert loggable(error) is error


@pytest.mark.parametrize(
    "error",
    [
        raised(ValueError("x" * 50_000_000)),
        raised(ValueError("caf\udce9")),
        raised(ValueError("short"), raised(KeyError("x" * 50_000_000))),
        raised(ExceptionGroup("some", [ValueError("\ud83d"), KeyError("k")])),
        raised(UnprintableError(ValueError())),
        raised(ValueError("short"), raised(UnprintableError(SystemExit()))),
    ],
    ids=["long", "unpaired surrogate", "long cause", "group", "unprintable", "unprintable cause"],
)
def test_an_error_with_long_unencodable_or_unprintable_text_is_logged_shortened_with_its_traceback(
    error: BaseException,
) -> None:
    text = logged(error)

    assert text.encode()
    assert len(text) < 3_000
    assert f"ShortenedError: {describe(error)}" in text
    assert traceback.extract_tb(error.__traceback__)[0].name in text


def test_a_long_note_is_not_logged() -> None:
    error = raised(ValueError("short"))
    error.add_note("x" * 1_000_000)

    assert len(logged(error)) < 3_000


def test_a_circular_chain_of_errors_is_logged() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one

    assert loggable(one) is one


HOSTILE = "a\nERROR b\r\x1b]0;c\x07\u202e\u2028\x9b\udcff\x00é\U0001f600\u200b"
SHOWN = r"a\nERROR b\r\x1b]0;c\x07\u202e\u2028\x9b\udcff\x00é" + "\U0001f600" + r"\u200b"


def test_unprintable_characters_are_escaped_on_one_line() -> None:
    assert one_line(HOSTILE) == SHOWN
    assert one_line("plain, é \\n") == "plain, é \\n"


def test_line_breaks_are_kept_and_later_lines_prefixed() -> None:
    assert lines_of("a\nb\x1b\n") == "a\n  | b\\x1b\n  | "


def test_json_keeps_its_meaning_and_is_printable() -> None:
    text = json_text(json.dumps({HOSTILE: [HOSTILE, "\U000e0001"]}, ensure_ascii=False))

    assert json.loads(text) == {HOSTILE: [HOSTILE, "\U000e0001"]}
    assert text.isprintable()
