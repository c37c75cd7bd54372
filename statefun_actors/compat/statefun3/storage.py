"""The states of one address as attributes, as in Apache's ``statefun.storage``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any as Untyped
from typing import NamedTuple, NoReturn, Protocol

from statefun_actors.compat.statefun3.core import Type, ValueSpec
from statefun_actors.compat.statefun3.request_reply_pb2 import TypedValue as ProtobufTypedValue
from statefun_actors.compat.statefun3.utils import typed_value as encoded
from statefun_actors.compat.statefun3.wrapper_types import ProtobufWrappingType
from statefun_actors.errors import StateDecodeError
from statefun_actors.interrupts import of_user_code
from statefun_actors.model import TypedValue
from statefun_actors.text import describe_error

__all__ = ["Cell", "Resolution", "StorageSpec", "StoredTypeError", "ValueSpec", "make_address_storage_spec", "resolve"]


class StoredTypeError(StateDecodeError, TypeError):
    """A stored value is of another type than its ValueSpec says. Retrying cannot help."""


class Cell:
    """One state of one address: ``dirty`` once it was written or deleted."""

    __slots__ = ("_read", "dirty", "stored", "tpe")

    def __init__(self, tpe: Type, typed_value: TypedValue | None) -> None:
        self.tpe = tpe
        self.stored = typed_value
        """The value as it is stored; None: absent."""
        self.dirty = False
        self._read: object = None
        """The value as last read, if it is immutable."""

    @property
    def typed_value(self) -> ProtobufTypedValue | None:
        """The value as the message of the protocol; None: absent."""
        stored = self.stored
        if stored is None:
            return None
        return ProtobufTypedValue(typename=stored.typename, has_value=True, value=stored.value)

    def get(self) -> Untyped:
        """The value; None while it is absent."""
        if self._read is not None:
            return self._read
        stored = self.stored
        if stored is None:
            return None
        if stored.typename != self.tpe.typename:
            raise TypeError(f"expected a value of {self.tpe.typename}, got {stored.typename}")
        value = self.tpe.serializer().deserialize(stored.value)
        if isinstance(self.tpe, ProtobufWrappingType):
            self._read = value
        return value

    def set(self, val: object) -> None:
        """Write a value.

        Raises:
            ValueError: it is None.
        """
        if val is None:
            raise ValueError("expected a value, got None; to delete a state, write `del context.storage.<name>`")
        self.stored = encoded(self.tpe, val)
        self._read = None
        self.dirty = True

    def delete(self) -> None:
        """Delete the value."""
        self.stored = self._read = None
        self.dirty = True


class _Storage:
    """The base of the generated classes, whose attributes are the states of one function."""

    __slots__ = ("_cells", "_typename")

    def __init__(self, cells: Mapping[str, Cell], typename: str) -> None:
        self._cells, self._typename = cells, typename

    def __getattr__(self, name: str) -> NoReturn:
        known = ", ".join(self._cells) or "none"
        raise AttributeError(
            f"{self._typename} has no state {name!r}; its states are {known}. Add a ValueSpec to specs="
        )


class StorageSpec(NamedTuple):
    """The states of one function."""

    make_instance: Callable[[Mapping[str, Cell], str], Untyped]
    names: frozenset[str]
    specs: Sequence[ValueSpec]


@dataclass(frozen=True, eq=False)
class Resolution:
    """Either the states that a request lacks, or the storage made of those that it has."""

    missing_specs: list[ValueSpec] | None
    storage: Untyped


class _PersistedValue(Protocol):
    state_name: str
    state_value: ProtobufTypedValue


def make_address_storage_spec(specs: Sequence[ValueSpec]) -> StorageSpec:
    """The storage of a function with these states.

    Raises:
        ValueError: two have one name.
    """
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1 or hasattr(_Storage, name):
            raise ValueError(f"the state {name!r} is declared twice, or its name is taken; give it another name")
    attributes: dict[str, object] = {"__slots__": ()}
    attributes.update((name, _attribute(name)) for name in names)
    return StorageSpec(type("Storage", (_Storage,), attributes), frozenset(names), specs)


def resolve(storage: StorageSpec, typename: str, values: Iterable[_PersistedValue]) -> Resolution:
    """The storage of an address of the function *typename*, from the *values* of a request.

    Values that the function does not declare are ignored.
    """
    received = {each.state_name: each.state_value for each in values}
    missing = [spec for spec in storage.specs if spec.name not in received]
    if missing:
        return Resolution(missing, None)
    return Resolution(
        None, storage.make_instance({s.name: _cell(s, received[s.name]) for s in storage.specs}, typename)
    )


def _cell(spec: ValueSpec, received: ProtobufTypedValue) -> Cell:
    return Cell(spec.type, TypedValue(received.typename, received.value) if received.has_value else None)


def _attribute(name: str) -> property:
    def read(storage: _Storage) -> Untyped:
        cell = storage._cells[name]  # noqa: SLF001 - the attribute belongs to the class
        try:
            return cell.get()
        except BaseException as error:
            assert cell.stored is not None
            kind = StoredTypeError if isinstance(error, TypeError) else StateDecodeError
            got = f"{len(cell.stored.value)} bytes of {cell.stored.typename!r}"
            raise kind(storage._typename, name, cell.tpe.typename, got, describe_error(of_user_code(error))) from error  # noqa: SLF001

    def write(storage: _Storage, value: object) -> None:
        storage._cells[name].set(value)  # noqa: SLF001

    def delete(storage: _Storage) -> None:
        storage._cells[name].delete()  # noqa: SLF001

    return property(read, write, delete)
