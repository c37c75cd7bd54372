"""Values and annotations of users as text for errors; their own ``repr`` may fail."""

from __future__ import annotations

import typing


def shown(value: object) -> str:
    """The ``repr`` of *value*, or its class if that fails."""
    try:
        return repr(value)
    except BaseException:  # a user's __repr__ may raise anything
        return f"<{type(value).__name__} that can't be printed>"


def spelled(annotation: object) -> str:
    """*annotation* approximately as it was written."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def is_text(value: object) -> bool:
    """Whether *value* is a non-empty string that UTF-8 can encode, as every name on a wire must be."""
    try:
        return isinstance(value, str) and bool(value.encode())
    except UnicodeEncodeError:
        return False
