"""Exceptions of users' as text."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 2_000


def describe_error(error: BaseException) -> str:
    """The error's text, one that always exists and is of bounded length."""
    try:
        text = str(error) or repr(error)
    except Exception:  # a user's exception may fail to print itself
        text = f"<{type(error).__name__} that can't be printed>"
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
