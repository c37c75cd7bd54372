"""Errors of values and stored state: they do not fit their type, or are not declared."""

from __future__ import annotations

from collections.abc import Sequence

from statefun_actors.errors.base import StatefunActorsError


class ValueMismatchError(StatefunActorsError, TypeError, ValueError):
    """A value does not fit its declared type. Raised before anything is written. Retrying cannot help.

    ``path`` is the place inside the value; ``$`` is the value itself.
    """

    def __init__(self, expected: str, got: str, path: str = "$") -> None:
        super().__init__(expected, got, path)
        self.expected, self.got, self.path = expected, got, path

    def __str__(self) -> str:
        where = "" if self.path == "$" else f" - at `{self.path}`"
        return f"expected {self.expected}, got {self.got}{where}"


class FieldMismatchError(ValueMismatchError):
    """The value of a persisted field does not fit the field's declared type. Retrying cannot help."""

    def __init__(self, owner: str, field: str, expected: str, got: str, path: str = "$") -> None:
        super().__init__(expected, got, path)
        self.args = (owner, field, expected, got, path)
        self.owner, self.field = owner, field

    def __str__(self) -> str:
        return f"{self.owner}.{self.field}: {super().__str__()}"


class StateDecodeError(StatefunActorsError, ValueError):
    """Stored state does not fit its declared type. It is kept; a deployment that can read it resolves the error."""

    retryable = True

    def __init__(self, owner: str, field: str, expected: str, got: str, reason: str) -> None:
        super().__init__(owner, field, expected, got, reason)
        self.owner, self.field, self.expected, self.got, self.reason = owner, field, expected, got, reason

    def __str__(self) -> str:
        return (
            f"the stored state {self.owner}.{self.field} can't be read: expected {self.expected}, got {self.got}"
            f"{': ' + self.reason if self.reason else ''}. Go back to the type that wrote it, "
            "or declare persisted(..., convert=fn) to read it."
        )


class MissingStateError(StatefunActorsError, LookupError):
    """2.x: the request lacks states that the function declares. A corrected module.yaml resolves the error."""

    retryable = True

    def __init__(self, typename: str, missing: Sequence[str]) -> None:
        super().__init__(typename, missing)
        self.typename, self.missing = typename, tuple(missing)

    def __str__(self) -> str:
        return (
            f"{self.typename} needs state that module.yaml does not list; "
            f"add to its function: `states: [{', '.join(self.missing)}]`"
        )


class UndeclaredStateError(StatefunActorsError, KeyError):
    """A function uses a state that was neither declared nor delivered. Retrying cannot help."""

    def __init__(self, typename: str, name: str, known: Sequence[str]) -> None:
        super().__init__(typename, name, known)
        self.typename, self.name, self.known = typename, name, tuple(known)

    def __str__(self) -> str:
        return (
            f"{self.typename} has no state {self.name!r}; known are {', '.join(self.known) or 'none'}. "
            f'Declare it: bind({self.typename!r}, states={{"{self.name}": int}}); '
            f"under 2.x add to its function in module.yaml: `states: [{', '.join((*self.known, self.name))}]`."
        )


class UndeclaredAttributeError(StatefunActorsError, AttributeError):
    """A handler sets or reads an attribute that is not a persisted field. Retrying cannot help."""

    def __init__(self, owner: str, attribute: str, known: Sequence[str]) -> None:
        super().__init__(owner, attribute, known)
        self.owner, self.attribute, self.known = owner, attribute, tuple(known)

    def __str__(self) -> str:
        return (
            f"{self.owner} has no field {self.attribute!r}; its fields are {', '.join(self.known) or 'none'}. "
            f"To keep it, add to the class: `{self.attribute}: <type> = persisted(default=...)`"
        )
