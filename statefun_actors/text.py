r"""Text of errors, encodable and of bounded length, and text from outside, made printable.

The text of an error is stored, logged, and sent in HTTP bodies and egress records. User code can put anything into it:
``os.fsdecode`` returns unpaired surrogates, ``__str__`` may raise, a message may contain a whole response body. Here it
becomes an exact ``str`` that UTF-8 can encode, cut to a maximum length.

Ids, typenames, header values, file names and texts of errors come from outside, and are logged, shown on terminals and
returned over HTTP. In them a line feed forges a log line, an escape sequence controls the terminal, a bidirectional
mark reverses the text around it. Each unprintable character becomes its Python escape: ``\n``, ``\x1b``, ``\u202e``.
"""

from __future__ import annotations

import traceback
from typing import Any as Untyped
from typing import Final

LONGEST_ERROR: Final = 2_000
"""Maximum characters of an error's text."""
LONGEST_TYPE_NAME: Final = 200
"""Maximum characters of the name of an error's class."""
CONTINUATION: Final = "  | "
"""Prefix of the second and every later line of a multi-line log record or error."""
_MOST_LINKED: Final = 100
"""Maximum errors of one chain that are examined."""


def encodable(text: str) -> str:
    r"""Return *text* as an exact ``str``; unpaired surrogates, which UTF-8 can't encode, become ``\udce9``."""
    if text.__class__ is str and text.isascii():
        return text
    return str.encode(text, "utf-8", "backslashreplace").decode()


def shortened(text: str, longest: int) -> str:
    """The first *longest* characters of *text*, followed by an ellipsis if it was longer."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def describe_error(error: BaseException) -> str:
    """The text of *error*, or its repr if that is empty: encodable, at most about ``LONGEST_ERROR`` characters."""
    text = _raw_text(error)
    # Cut before escaping: each escape takes six characters, and text that is cut off needs none.
    return encodable(shortened(text, LONGEST_ERROR))


def describe_type(error: BaseException) -> str:
    """The name of the class of *error*, encodable, and at most about ``LONGEST_TYPE_NAME`` characters."""
    name: str = type.__dict__["__name__"].__get__(type(error))  # a metaclass may have a __name__ of its own
    return encodable(shortened(name, LONGEST_TYPE_NAME))


def describe(error: BaseException) -> str:
    """Describe *error* as ``ValueError: its text``."""
    return f"{describe_type(error)}: {describe_error(error)}"


def one_line(text: str) -> str:
    """Return *text* on one line; each character that is not printable is escaped."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def lines_of(text: str, prefix: str = CONTINUATION) -> str:
    """Return *text* with its line breaks kept, other unprintable characters escaped, and later lines prefixed."""
    return f"\n{prefix}".join(one_line(line) for line in text.split("\n"))


def json_text(encoded: str) -> str:
    """The JSON *encoded* with the unprintable characters of its strings escaped; its meaning is the same."""
    return encoded if encoded.isprintable() else "".join(c if c.isprintable() else _json_escaped(c) for c in encoded)


def members_of(error: BaseException) -> tuple[BaseException, ...]:
    """The errors in *error*, if it is a group. A class of groups may have an ``exceptions`` of its own."""
    if not issubclass(type(error), BaseExceptionGroup):  # unlike isinstance(), it does not ask for __class__
        return ()
    members: tuple[BaseException, ...] = BaseExceptionGroup.__dict__["exceptions"].__get__(error)
    return members


class ShortenedError(Exception):
    """Replaces an error in a logged traceback if its own text is too long, or it can't be encoded or printed."""


def loggable(error: BaseException) -> BaseException:
    """The value for ``exc_info=``: *error* itself, or a :class:`ShortenedError` with its traceback.

    The logging module formats the whole text of an error, and of every error in its chain of causes and contexts. So
    does OpenTelemetry. Neither expects that this raises.
    """
    linked = _linked(error)
    if len(linked) < _MOST_LINKED and all(map(_is_plain, linked)) and _can_be_formatted(error):
        return error
    return ShortenedError(describe(error)).with_traceback(_part(error, "__traceback__"))


def _raw_text(error: BaseException) -> str:
    text = _printed(error)
    return f"<{describe_type(error)} that can't be printed>" if text is None else text


def _printed(error: BaseException) -> str | None:
    """The text of *error*, or its repr if that is empty; None if it can't be printed."""
    try:
        text = str(error) or repr(error)
    except BaseException:  # a user's __str__ may raise anything
        return None
    return text if text.__class__ is str else str.__str__(text)


def _is_plain(error: BaseException) -> bool:
    text = _printed(error)
    if text is None:
        return False
    try:
        notes = list(getattr(error, "__notes__", None) or ())
    except BaseException:  # they may be anything, too
        return False
    return len(text) <= LONGEST_ERROR and encodable(text) == text and all(map(_is_plain_note, notes))


def _is_plain_note(note: object) -> bool:
    return type(note) is str and len(note) <= LONGEST_ERROR and encodable(note) == note


def _can_be_formatted(error: BaseException) -> bool:
    """Whether the parts of *error* and its class are what the formatter of tracebacks expects."""
    try:
        traceback.format_exception(error)
        return bool(error)
    except BaseException:  # a property, a metaclass, the fields of a SyntaxError
        return False


def _part(error: BaseException, name: str) -> Untyped:
    """The attribute *name* of *error*, whatever its class has under that name."""
    return BaseException.__dict__[name].__get__(error)


def _linked(error: BaseException) -> list[BaseException]:
    """*error* and the errors that a traceback prints with it: causes, contexts, members of groups."""
    found: dict[int, BaseException] = {}
    pending: list[BaseException] = [error]
    while pending and len(found) < _MOST_LINKED:
        each = pending.pop()
        if id(each) in found:
            continue
        found[id(each)] = each
        pending += [link for name in ("__cause__", "__context__") if (link := _part(each, name)) is not None]
        pending += members_of(each)
    return list(found.values())


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]


def _json_escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
