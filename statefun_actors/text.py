r"""Text made from what users raise: always a plain ``str`` that UTF-8 can encode, and of bounded length.

An error's text goes into the store, into log files, HTTP bodies and egress records. Users make it from anything:
``os.fsdecode`` gives half surrogate pairs, ``__str__`` may raise, a message may hold a whole response body.

What is logged, shown on a terminal or answered over HTTP is made printable here, too: ids, typenames, header values,
file names and texts of errors come from outside. A line feed in one of them would forge a line, an escape sequence
would command the terminal, a bidirectional mark would turn the text around it. Each character of that kind is written
as its Python escape: ``\n``, ``\x1b``, ``\u202e``.
"""

from __future__ import annotations

from typing import Final

LONGEST_ERROR: Final = 2_000
"""Characters of an error's text that are kept."""
LONGEST_TYPE_NAME: Final = 200
"""Characters of the name of an error's class that are kept."""
CONTINUATION: Final = "  | "
"""What the second and every later line of one record or error begins with."""
_MOST_LINKED: Final = 100
"""Errors of one chain that are looked at."""


def encodable(text: str) -> str:
    r"""*text* as a plain ``str``, with half surrogate pairs, which UTF-8 can't encode, escaped as ``\udce9``."""
    if text.__class__ is str and text.isascii():
        return text
    return str.encode(text, "utf-8", "backslashreplace").decode()


def shortened(text: str, longest: int) -> str:
    """The first *longest* characters of *text*, with an ellipsis where more follow."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def describe_error(error: BaseException) -> str:
    """The text of *error*, its repr where that is empty: encodable, and at most about ``LONGEST_ERROR`` characters."""
    text = _raw_text(error)
    # Cut first: only what is kept needs to be escaped, and an escape takes six characters.
    return encodable(shortened(text, LONGEST_ERROR))


def describe_type(error: BaseException) -> str:
    """The name of the class of *error*, encodable, and at most about ``LONGEST_TYPE_NAME`` characters."""
    name: str = type.__dict__["__name__"].__get__(type(error))  # a metaclass may have a __name__ of its own
    return encodable(shortened(name, LONGEST_TYPE_NAME))


def describe(error: BaseException) -> str:
    """*error* as ``ValueError: its text``."""
    return f"{describe_type(error)}: {describe_error(error)}"


def one_line(text: str) -> str:
    """*text* on one line of printable characters, which any encoding of Unicode can write."""
    return text if text.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in text)


def lines_of(text: str, prefix: str = CONTINUATION) -> str:
    """*text* with its lines kept, each of printable characters, and each after the first behind *prefix*."""
    return f"\n{prefix}".join(one_line(line) for line in text.split("\n"))


def json_text(encoded: str) -> str:
    """The JSON *encoded* with the same meaning and of printable characters alone, which only its strings can lack."""
    return encoded if encoded.isprintable() else "".join(c if c.isprintable() else _json_escaped(c) for c in encoded)


class ShortenedError(Exception):
    """Stands for an error in a traceback, since the error's own text is too long for a log, or can't be encoded."""


def loggable(error: BaseException) -> BaseException:
    """*error* for ``exc_info=``: itself, or a :class:`ShortenedError` with its traceback.

    The logging module formats the text of an error and of all that it was raised from or beside, whole.
    """
    linked = _linked(error)
    if len(linked) < _MOST_LINKED and all(map(_is_plain, linked)):
        return error
    return ShortenedError(describe(error)).with_traceback(error.__traceback__)


def _raw_text(error: BaseException) -> str:
    try:
        text = str(error) or repr(error)
    except BaseException:  # a user's __str__ may raise anything
        text = f"<{describe_type(error)} that can't be printed>"
    return text if text.__class__ is str else str.__str__(text)


def _is_plain(error: BaseException) -> bool:
    text = _raw_text(error)
    notes = getattr(error, "__notes__", None) or ()
    return len(text) <= LONGEST_ERROR and encodable(text) == text and not any(_is_odd(note) for note in notes)


def _is_odd(note: object) -> bool:
    return not isinstance(note, str) or len(note) > LONGEST_ERROR or encodable(note) != note


def _linked(error: BaseException) -> list[BaseException]:
    """*error* and those that a traceback prints with it: causes, contexts, members of groups."""
    found: dict[int, BaseException] = {}
    pending: list[BaseException] = [error]
    while pending and len(found) < _MOST_LINKED:
        each = pending.pop()
        if id(each) in found:
            continue
        found[id(each)] = each
        pending += [link for link in (each.__cause__, each.__context__) if link is not None]
        if isinstance(each, BaseExceptionGroup):
            pending += each.exceptions
    return list(found.values())


def _escaped(char: str) -> str:
    return ascii(char)[1:-1]


def _json_escaped(char: str) -> str:
    code = ord(char)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
