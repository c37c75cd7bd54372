"""How a mismatch deep inside a value learns where it is.

The path is only put together once something has failed: the innermost check raises a :class:`Mismatch`, each
container it passes through adds its own step, and the codec turns it into the public error. Values that fit pay
nothing for it. Paths are JSONPath inside the JSON form of the value: ``$.lines[0]['unit price']``.
"""

from __future__ import annotations

from statefun_actors.errors import ValueMismatchError

_LONGEST_SHOWN = 80
_LONGEST_INT = 256


class Mismatch(Exception):
    """Private to this room: something does not fit, seen from where the check is."""

    def __init__(self, expected: str, got: str, cause: BaseException | None = None) -> None:
        super().__init__(expected, got)
        self.expected, self.got, self.cause = expected, got, cause
        self.steps: list[str | int] = []

    def under(self, step: str | int) -> Mismatch:
        """Itself, now seen from the container in which *step* (text of a path, or an index) leads here."""
        self.steps.append(step)
        return self

    def error(self) -> ValueMismatchError:
        """The public error, seen from the whole value."""
        steps = (step if isinstance(step, str) else f"[{step}]" for step in reversed(self.steps))
        error = ValueMismatchError(self.expected, self.got, "$" + "".join(steps))
        error.__cause__ = self.cause
        return error


def member(name: str) -> str:
    """The step to the member *name* of an object."""
    return f".{name}" if name.isidentifier() else f"[{shown(name)}]"


def kind(value: object) -> str:
    """How errors spell the type of a value of the wrong type."""
    if value is None or isinstance(value, type):
        return f"`{value.__name__ if isinstance(value, type) else value}`"
    return f"`{type(value).__name__}`"


def shown(value: object) -> str:
    """*value* as errors show it, cut to a readable length."""
    if isinstance(value, int) and value.bit_length() > _LONGEST_INT:  # repr has a limit on digits
        return f"one of {value.bit_length()} bits"
    try:
        text = repr(value)
    except Exception:  # a repr of the user's
        return f"`{type(value).__name__}`"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def text_mismatch(value: str) -> Mismatch:
    """The mismatch of a str that has no UTF-8 form: it holds half of a surrogate pair."""
    return Mismatch("text that UTF-8 can write", f"{shown(value)}, which holds a lone surrogate")
