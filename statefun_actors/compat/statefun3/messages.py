"""Messages and records for egresses, as in Apache's ``statefun.messages``."""

from __future__ import annotations

from typing import Any, Final

from statefun_actors.compat.statefun3 import wrapper_types
from statefun_actors.compat.statefun3.core import Type
from statefun_actors.compat.statefun3.request_reply_pb2 import TypedValue as ProtobufTypedValue
from statefun_actors.compat.statefun3.utils import typed_value as encoded
from statefun_actors.model import TypedValue


class _Carrier:
    """A value with its typename."""

    __slots__ = ("value",)

    value: TypedValue
    """The value as this library sends it."""

    def __init__(self, typed_value: TypedValue | ProtobufTypedValue) -> None:
        if not isinstance(typed_value, TypedValue):
            if not isinstance(typed_value, ProtobufTypedValue):
                raise ValueError(f"expected a TypedValue, got {typed_value!r}")  # noqa: TRY004 - as Apache's SDK raises
            if not typed_value.has_value:
                raise ValueError("expected a TypedValue with a value, got one without")
            typed_value = TypedValue(typed_value.typename, typed_value.value)
        self.value = typed_value

    @property
    def typed_value(self) -> ProtobufTypedValue:
        """The value as the message of the protocol: a copy."""
        return ProtobufTypedValue(typename=self.value.typename, has_value=True, value=self.value.value)

    def value_typename(self) -> str:
        """The typename of the value."""
        return self.value.typename

    def raw_value(self) -> bytes | None:
        """The bytes of the value."""
        return self.value.value


class Message(_Carrier):
    """A message: its target and its value.

    A function gets one for each call, and sends those of :func:`message_builder`.

    Raises:
        ValueError: a part is missing.
    """

    __slots__ = ("target_id", "target_typename")

    def __init__(self, target_typename: str, target_id: str, typed_value: TypedValue | ProtobufTypedValue) -> None:
        if not target_typename:
            raise ValueError("expected the typename of a target such as 'shop/cart', got none")
        if not target_id:
            raise ValueError(f"expected the id of a target of {target_typename}, got none")
        super().__init__(typed_value)
        self.target_typename, self.target_id = target_typename, target_id

    def is_type(self, tpe: Type) -> bool:
        """Whether the value is of that type."""
        return self.value.typename == tpe.typename

    def as_type(self, tpe: Type) -> Any:
        """The value, decoded as that type; check :meth:`is_type` first."""
        return tpe.serializer().deserialize(self.value.value)

    def is_int(self) -> bool:
        return self.is_type(wrapper_types.IntType)

    def as_int(self) -> int | None:
        return self.as_type(wrapper_types.IntType)  # type: ignore[no-any-return]

    def is_bool(self) -> bool:
        return self.is_type(wrapper_types.BoolType)

    def as_bool(self) -> bool | None:
        return self.as_type(wrapper_types.BoolType)  # type: ignore[no-any-return]

    def is_long(self) -> bool:
        return self.is_type(wrapper_types.LongType)

    def as_long(self) -> int | None:
        return self.as_type(wrapper_types.LongType)  # type: ignore[no-any-return]

    def is_string(self) -> bool:
        return self.is_type(wrapper_types.StringType)

    def as_string(self) -> str | None:
        return self.as_type(wrapper_types.StringType)  # type: ignore[no-any-return]

    def is_float(self) -> bool:
        return self.is_type(wrapper_types.FloatType)

    def as_float(self) -> float | None:
        return self.as_type(wrapper_types.FloatType)  # type: ignore[no-any-return]

    def is_double(self) -> bool:
        return self.is_type(wrapper_types.DoubleType)

    def as_double(self) -> float | None:
        return self.as_type(wrapper_types.DoubleType)  # type: ignore[no-any-return]


class EgressMessage(_Carrier):
    """A record for the egress *typename*.

    Raises:
        ValueError: a part is missing.
    """

    __slots__ = ("typename",)

    def __init__(self, typename: str, typed_value: TypedValue | ProtobufTypedValue) -> None:
        if not typename:
            raise ValueError("expected the typename of an egress such as 'shop/receipts', got none")
        super().__init__(typed_value)
        self.typename = typename


PRIMITIVE_GETTERS: Final[dict[str, Type]] = {
    "int_value": wrapper_types.IntType,
    "float_value": wrapper_types.FloatType,
    "long_value": wrapper_types.LongType,
    "str_value": wrapper_types.StringType,
    "double_value": wrapper_types.DoubleType,
    "bool_value": wrapper_types.BoolType,
}
_FORMS: Final = f"{', '.join(f'{name}=' for name in PRIMITIVE_GETTERS)}, or value= with value_type="


def message_builder(target_typename: str, target_id: str, **kwargs: Any) -> Message:
    """A message for the function *target_typename* with the id *target_id*.

    Args:
        target_typename: ``<namespace>/<name>``.
        target_id: the id.
        kwargs: the value, in one of two forms: ``int_value=``, ``float_value=``, ``long_value=``, ``str_value=``,
            ``double_value=`` or ``bool_value=``; or ``value=`` together with ``value_type=``, a Type.

    Raises:
        TypeError: not exactly one value, or it does not fit its type.
        ValueError: the value or its type is missing, or the value is out of range.
    """
    given = dict(kwargs)
    if "value" in given:
        value, value_type = given.pop("value"), given.pop("value_type", None)
    elif len(given) == 1:
        keyword, value = given.popitem()
        value_type = PRIMITIVE_GETTERS.get(keyword)
        if value_type is None:
            raise ValueError(f"expected the value as {_FORMS}; got {keyword}=")
    else:
        raise TypeError(f"expected one value, as {_FORMS}; got {', '.join(kwargs) or 'none'}")
    if given:
        raise TypeError(f"expected one value, as {_FORMS}; got {', '.join(kwargs)}")
    if value is None:
        raise ValueError(f"expected a value for {target_typename}, got None")
    if not value_type:
        raise ValueError(f"expected value= together with value_type=, got {', '.join(kwargs)}")
    return Message(target_typename, target_id, encoded(value_type, value))


def egress_message_builder(target_typename: str, value: object, value_type: Type) -> EgressMessage:
    """A record for the egress *target_typename*, with *value* as a value of *value_type*.

    Raises:
        ValueError: the typename or the value is missing.
    """
    if value is None:
        raise ValueError(f"expected a value for the egress {target_typename}, got None")
    return EgressMessage(target_typename, encoded(value_type, value))
