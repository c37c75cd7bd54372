"""``message("ns/name")``: the name of a class on the wire."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, TypeVar, dataclass_transform

import attrs
import msgspec

from statefun_actors.errors import DefinitionError, InvalidAddressError
from statefun_actors.model import RESERVED_NAMESPACES, check_typename
from statefun_actors.types.advice import is_entity_class
from statefun_actors.types.annotations import Compiler, is_attrs_class
from statefun_actors.types.codec import UnresolvedNameError, UnstorableTypeError
from statefun_actors.types.codecs import forget_codecs
from statefun_actors.types.hints import remember_hints
from statefun_actors.types.names import give_name, message_name, take_name
from statefun_actors.types.pack import forget_packer
from statefun_actors.types.protobuf import TYPE_URL_PREFIX, is_protobuf_class

_T = TypeVar("_T")

_NO_BASES = (Enum, str, int, float, bytes, list, dict, tuple, set, frozenset, BaseException)
_EXAMPLE = "Write <namespace>/<name>, such as @message('bank/deposit')."


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def message(typename: str) -> Callable[[type[_T]], type[_T]]:
    """Names a class for the wire: its values travel under *typename*.

    On a protobuf class, ``message("bank/deposit")(Deposit)``, and on an attrs class it only gives the name and
    returns the class itself. On a plain class with annotations it makes an attrs class, frozen and with slots, as
    ``attrs.frozen`` does. Values of attrs classes travel as JSON. Subclasses of a named class are not named by that.

    Type checkers take every class decorated with it for a frozen one; name a mutable attrs class afterwards:
    ``message("bank/cart")(Cart)``.

    Raises:
        DefinitionError: *typename* is no ``<namespace>/<name>`` or is reserved; or, from the decorator, the class
            has a name, can't be a message, or has fields that can't be stored, all of them at once. Fields whose
            classes don't exist yet are looked at when the class is first used.
    """
    problems = _typename_problems(typename)
    if problems:
        raise DefinitionError(f"message({typename!r})", problems)
    local_names = sys._getframe(1).f_locals  # noqa: SLF001 - classes inside functions name each other

    def name(cls: type[_T]) -> type[_T]:
        return _named(cls, typename, local_names)

    return name


def _typename_problems(typename: object) -> list[str]:
    try:
        check_typename(typename, "a message's name is <namespace>/<name>")
    except InvalidAddressError:
        return [f"a message's name is <namespace>/<name>, got {typename!r}. {_EXAMPLE}"]
    try:
        str(typename).encode()
    except UnicodeEncodeError:
        return ["the name holds what UTF-8 can't write. Write another one."]
    namespace = str(typename).rpartition("/")[0]
    for reserved in (*RESERVED_NAMESPACES, TYPE_URL_PREFIX.rstrip("/")):
        if namespace == reserved or namespace.startswith((f"{reserved}.", f"{reserved}/")):
            return [f"the namespace {reserved!r} is reserved. Write a namespace of the application's own."]
    return []


def _named(cls: type[_T], typename: str, local_names: Mapping[str, object]) -> type[_T]:
    subject = f"@message({typename!r}) on {getattr(cls, '__name__', repr(cls))}"
    reason = _reason_against(cls)
    if reason:
        raise DefinitionError(subject, [reason])
    if is_protobuf_class(cls):
        forget_codecs(cls)
        forget_packer(cls)
        give_name(cls, typename)
        return cls  # type: ignore[return-value]
    if not is_attrs_class(cls):
        try:
            cls = attrs.frozen(cls)
        except Exception as error:
            raise DefinitionError(subject, [_attrs_problem(error)]) from error
    remember_hints(cls, {**local_names, cls.__name__: cls})
    give_name(cls, typename)
    try:
        Compiler().shape(cls)
    except UnresolvedNameError:
        pass  # a class further down: looked at again by codec_for
    except UnstorableTypeError as error:
        take_name(cls)
        raise DefinitionError(subject, error.problems) from None
    forget_codecs(cls)
    forget_packer(cls)
    return cls


def _attrs_problem(error: Exception) -> str:
    if "No mandatory attributes allowed" in str(error) and (found := re.search(r"Attribute\(name='(\w+)'", str(error))):
        return f"{found[1]} has no default and stands after a field that has one. Put it before, or give it a default."
    return f"attrs can't make it a frozen class: {error}"


def _reason_against(cls: Any) -> str | None:
    """Why *cls* can't be named, None if it can."""
    if not isinstance(cls, type):
        return f"it names classes, got {cls!r}. Put it above a class."
    name = message_name(cls)
    if name is not None:
        return f"the class is already named {name!r}. Keep one of the two names."
    if is_protobuf_class(cls):
        if cls.DESCRIPTOR.full_name == "google.protobuf.Any":
            return "google.protobuf.Any carries the name of what is inside. Name that."
        return None
    if is_attrs_class(cls):
        return None
    if is_entity_class(cls):
        return "an Entity can't be a message. Send its address, or a @message class with what there is to tell."
    if dataclasses.is_dataclass(cls):
        return "a dataclass can't be a message. Remove @dataclass: @message makes the class a frozen attrs class."
    if issubclass(cls, msgspec.Struct):
        return "a msgspec.Struct can't be a message. Remove the base: @message makes the class a frozen attrs class."
    for base in _NO_BASES:
        if issubclass(cls, base):
            return f"{base.__name__} and what derives from it can't be named. Name a class that has one as a field."
    return None
