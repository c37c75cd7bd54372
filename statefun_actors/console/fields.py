"""Text in the fields of forms. Browsers change some of it, so such fields are percent-encoded.

A line break in a hidden field or in the value of a box becomes CR LF when the form is sent, and an input field of
one line has no line breaks at all. A field whose name ends with ``-encoded`` holds its text percent-encoded.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

_ENCODED: Final = "-encoded"


def decoded(fields: Iterable[tuple[str, str]], *, errors: str = "strict") -> list[tuple[str, str]]:
    """*fields* of a form or a query by their plain names, with their plain text.

    Raises:
        ValueError: the bytes of an encoded one are not UTF-8, and *errors* is ``strict``.
    """
    return [
        (name.removesuffix(_ENCODED), unquote(value, errors=errors)) if name.endswith(_ENCODED) else (name, value)
        for name, value in fields
    ]


def is_plain(value: str) -> bool:
    """Whether an input field of one line holds *value* as it is: it has no control characters."""
    return not any(char < " " or char == "\x7f" for char in value)
