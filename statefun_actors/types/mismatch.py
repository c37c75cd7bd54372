"""Mismatch: an error that collects its path inside a value.

The path is only built after something has failed: the innermost check raises a :class:`Mismatch`, each enclosing
container adds its own step, and the codec converts it to the public error. Values that fit cost nothing. Paths are
JSONPath inside the JSON form of the value: ``$.lines[0]['unit price']``.
"""

from __future__ import annotations

from statefun_actors.errors import ValueMismatchError

_LONGEST_SHOWN = 80
_LONGEST_INT = 256


class Mismatch(Exception):
    """Private to this room: a part of a value does not fit. The path starts at the check."""

    def __init__(self, expected: str, got: str, cause: BaseException | None = None) -> None:
        super().__init__(expected, got)
        self.expected, self.got, self.cause = expected, got, cause
        self.steps: list[str | int] = []

    def under(self, step: str | int) -> Mismatch:
        """Add the *step* (text of a path, or an index) from the enclosing container, and return itself."""
        self.steps.append(step)
        return self

    def error(self) -> ValueMismatchError:
        """The public error, with the path from the whole value."""
        steps = (step if isinstance(step, str) else f"[{step}]" for step in reversed(self.steps))
        error = ValueMismatchError(self.expected, self.got, "$" + "".join(steps))
        error.__cause__ = self.cause
        return error


def member(name: str) -> str:
    """The path step to the member *name* of an object."""
    return f".{name}" if name.isidentifier() else f"[{shown(name)}]"


def kind(value: object) -> str:
    """The type of *value* in error texts."""
    if value is None or isinstance(value, type):
        return f"`{value.__name__ if isinstance(value, type) else value}`"
    return f"`{type(value).__name__}`"


def shown(value: object) -> str:
    """*value* in error texts, cut to a readable length."""
    if isinstance(value, int) and value.bit_length() > _LONGEST_INT:  # repr has a limit on digits
        return f"one of {value.bit_length()} bits"
    try:
        text = repr(value)
    except BaseException:  # a user's __repr__ may raise anything
        return f"`{type(value).__name__}`"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def text_mismatch(value: str) -> Mismatch:
    """The mismatch of a str with an unpaired surrogate, which UTF-8 can't encode."""
    return Mismatch("text that UTF-8 can encode", f"{shown(value)}, which holds a lone surrogate")
