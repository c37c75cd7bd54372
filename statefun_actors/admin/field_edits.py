"""Edits one field of one entity from outside: its JSON is checked against the class first."""

from __future__ import annotations

from statefun_actors.address import Address
from statefun_actors.admin.control.interface import FieldEdit
from statefun_actors.admin.views.json_values import shortened_tokens
from statefun_actors.admin.writing import WrittenValueError, read_json
from statefun_actors.dispatch import Application
from statefun_actors.entity import EntityField, EntityFunction
from statefun_actors.errors import StateDecodeError, StatefunActorsError, UnknownFunctionTypeError, ValueMismatchError
from statefun_actors.model import TypedValue
from statefun_actors.store import StoreReader, expire, unpack


class UneditableFieldError(StatefunActorsError, LookupError):
    """A field that can't be edited: there is none of this name, or its value has no full JSON form. No retry helps."""


class StoredField:
    """A field of a stored entity, to be edited.

    Raises:
        UnknownFunctionTypeError: nothing here serves the type of *address*.
        UneditableFieldError: it is no class with fields, has no field *name*, or has no full JSON form.
        DamagedStateError: the stored entity can't be read.
    """

    def __init__(self, app: Application, store: StoreReader, address: Address, name: str, now_ms: int) -> None:
        served = app.served_function(address.typename)
        if served is None:
            raise UnknownFunctionTypeError(address.typename, app.typenames)
        function = served.function
        if not isinstance(function, EntityFunction):
            raise UneditableFieldError(
                f"expected an entity, got {address.typename}, a function: no class declares its states; send it a "
                "message instead"
            )
        self.address: Address = address
        self.name: str = name
        self._field: EntityField = _field(function, name)
        self._function: EntityFunction = function
        (packed,) = store.load([address])
        if packed is None and any(store.load([Address(former, address.id) for former in function.was])):
            raise UneditableFieldError(
                f"{address} is stored under a former name of its type: run the application once, which moves it"
            )
        record = unpack(address, packed, function.state_names)
        expire(record, function.states, now_ms)
        self.before: TypedValue | None = record.state.get(self._field.state_name)
        """What is stored; None if the field is absent: it is read as its default."""
        self.form: object = self._form(self.before)
        """The JSON form of its value."""
        if shortened_tokens(self.form) != self.form:
            raise UneditableFieldError(
                f"{name} of {address} can't be edited: it holds the token of an ask, of which only the beginning is "
                "shown; send the entity a message instead"
            )

    @property
    def spelling(self) -> str:
        """Its type, as Python writes it."""
        return str(self._field.field.spelling).replace("`", "")

    def edit(self, text: str) -> tuple[FieldEdit, object]:
        """The edit that sets it to the value whose JSON is *text*, and the JSON form of that.

        ``null`` makes an optional field absent.

        Raises:
            WrittenValueError: *text* is not JSON, or does not fit the field.
        """
        obj = read_json(text)
        field, value = self._field, None
        if obj is not None or not field.optional:
            try:
                value = TypedValue(field.typename, field.encode(field.codec.from_json(obj)))
            except ValueMismatchError as error:
                raise WrittenValueError(f"the JSON does not fit the field {self.name}: {error}.") from error
        states = tuple(self._function.states)
        return FieldEdit(self.address, field.state_name, value, self.before, states), self._form(value)

    def _form(self, stored: TypedValue | None) -> object:
        field = self._field.field
        try:
            if stored is not None:
                value = field.read(f"{self._function.name}({self.address.id!r})", stored)
            else:
                value = field.absent_value()
            return None if value is None else field.codec.to_json(value)
        except (StateDecodeError, ValueMismatchError) as error:
            raise UneditableFieldError(f"{self.name} of {self.address} can't be read: {error}") from error


def _field(function: EntityFunction, name: str) -> EntityField:
    for field in function.fields:
        if field.name == name:
            return field
    names = ", ".join(field.name for field in function.fields) or "no fields"
    raise UneditableFieldError(f"{function.name} has no field {name!r}; it has: {names}")
