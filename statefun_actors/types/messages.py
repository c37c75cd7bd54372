"""``message("ns/name")``: gives a class its typename."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, dataclass_transform

import attrs

from statefun_actors.address import check_typename
from statefun_actors.errors import DefinitionError, InvalidAddressError
from statefun_actors.model import RESERVED_NAMESPACES
from statefun_actors.types.codec import UnresolvedNameError, UnstorableTypeError
from statefun_actors.types.codecs import forget_codecs
from statefun_actors.types.compiling import Compiler
from statefun_actors.types.foreign import reason_against_plain
from statefun_actors.types.hints import remember_hints
from statefun_actors.types.kinds import is_attrs_class
from statefun_actors.types.message_names import give_name, message_name, remove_name
from statefun_actors.types.mismatch import shown
from statefun_actors.types.pack import forget_packer
from statefun_actors.types.protobuf import TYPE_URL_PREFIX, is_protobuf_class

_T = TypeVar("_T")

_EXAMPLE = "Write <namespace>/<name>, such as @message('bank/deposit')."


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def message(typename: str, *, strict: bool = False) -> Callable[[type[_T]], type[_T]]:
    """Give a class the *typename* under which its values are sent.

    ::

        @message("bank/transfer")
        class Transfer:
            to: str
            cents: int

        Transfer("bob", cents=5)

    On a protobuf class, ``message("bank/deposit")(Deposit)``, and on an attrs class it only sets the name and returns
    the class itself. A plain class with annotations becomes an attrs class, frozen and with slots, as with
    ``attrs.frozen``. Values of attrs classes are encoded as JSON. Subclasses of a named class have no name of their
    own.

    Type checkers treat every class decorated with it as frozen; name a mutable attrs class afterwards:
    ``message("bank/cart")(Cart)``.

    Args:
        typename: ``<namespace>/<name>``.
        strict: refuse messages with keys that the class does not have. By default these keys are ignored, since newer
            versions of the class may need them. State is read in any case.

    Raises:
        DefinitionError: *typename* is not ``<namespace>/<name>`` or is reserved; or, from the decorator, the class has
            a name, can't be a message, or has fields that can't be stored; it lists all problems. Fields whose classes
            don't exist yet are checked when the class is first used.
    """
    problems = _typename_problems(typename)
    if not isinstance(strict, bool):
        problems.append(f"strict= is True or False, got {shown(strict)}.")
    if problems:
        raise DefinitionError(f"message({typename!r})", problems)
    local_names = sys._getframe(1).f_locals  # noqa: SLF001 - classes inside functions name each other

    def name(cls: type[_T]) -> type[_T]:
        return _named(cls, typename, local_names, strict=strict)

    return name


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def own_message(typename: str) -> Callable[[type[_T]], type[_T]]:
    """:func:`message` for classes of this library, whose namespace is reserved."""
    return lambda cls: _named(cls, typename, {}, strict=False)


def _typename_problems(typename: object) -> list[str]:
    try:
        check_typename(typename, "a message's name is <namespace>/<name>")
    except InvalidAddressError:
        return [f"a message's name is <namespace>/<name>, got {typename!r}. {_EXAMPLE}"]
    try:
        str(typename).encode()
    except UnicodeEncodeError:
        return ["UTF-8 can't encode the name. Write another one."]
    namespace = str(typename).rpartition("/")[0]
    for reserved in (*RESERVED_NAMESPACES, TYPE_URL_PREFIX.rstrip("/")):
        if namespace == reserved or namespace.startswith((f"{reserved}.", f"{reserved}/")):
            return [f"the namespace {reserved!r} is reserved. Write a namespace of your own."]
    return []


def _named(cls: type[_T], typename: str, local_names: Mapping[str, object], *, strict: bool) -> type[_T]:
    subject = f"@message({typename!r}) on {getattr(cls, '__name__', repr(cls))}"
    reason = _reason_against(cls)
    if reason:
        raise DefinitionError(subject, [reason])
    if is_protobuf_class(cls):
        if strict:
            raise DefinitionError(subject, ["strict=True is for JSON; protobuf keeps unknown fields. Leave it out."])
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
    give_name(cls, typename, strict=strict)
    try:
        Compiler().shape(cls)
    except UnresolvedNameError:
        pass  # a class further down: codec_for checks it again
    except UnstorableTypeError as error:
        remove_name(cls)
        raise DefinitionError(subject, error.problems) from None
    forget_codecs(cls)
    forget_packer(cls)
    return cls


def _attrs_problem(error: Exception) -> str:
    if "No mandatory attributes allowed" in str(error) and (found := re.search(r"Attribute\(name='(\w+)'", str(error))):
        return f"{found[1]} has no default and follows a field that has one. Put it first, or give it a default."
    return f"attrs can't make it a frozen class: {error}"


def _reason_against(cls: Any) -> str | None:
    """Why *cls* can't be named, None if it can."""
    if not isinstance(cls, type):
        return f"expected a class, got {cls!r}. Put it above a class."
    name = message_name(cls)
    if name is not None:
        return f"the class is already named {name!r}. Keep one of the two names."
    if is_protobuf_class(cls):
        if cls.DESCRIPTOR.full_name == "google.protobuf.Any":
            return "google.protobuf.Any carries the typename of its content. Name that class."
        return None
    if is_attrs_class(cls):
        return None
    return reason_against_plain(cls)
