"""``@handles``: marks a method as the handler of one or several types of message."""

from __future__ import annotations

import types
from collections.abc import Callable
from datetime import timedelta
from typing import Any as Untyped
from typing import Final, TypeVar, overload

import attrs

from statefun_actors.definition import FailurePolicy, HandlerOptions

_E = TypeVar("_E")
_M = TypeVar("_M")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., object])

MARK: Final = "__statefun_handler__"


@attrs.frozen
class HandlerMark:
    """What the decorator leaves on the method; () types = take them from the annotation."""

    types: tuple[object, ...]
    options: HandlerOptions


@overload
def handles(
    message_type: type[_M],
    /,
    *,
    on_failure: FailurePolicy | None = ...,
    blocking: bool = ...,
    timeout: timedelta | float | None = ...,
) -> Callable[[Callable[[_E, _M], _R]], Callable[[_E, _M], _R]]: ...
@overload
def handles(
    first: type[Untyped] | types.UnionType,
    /,
    *more: type[Untyped] | types.UnionType,
    on_failure: FailurePolicy | None = ...,
    blocking: bool = ...,
    timeout: timedelta | float | None = ...,
) -> Callable[[_F], _F]: ...
@overload
def handles(
    *,
    on_failure: FailurePolicy | None = ...,
    blocking: bool = ...,
    timeout: timedelta | float | None = ...,
) -> Callable[[_F], _F]: ...
@overload
def handles(method: _F, /) -> _F: ...
def handles(
    *message_types: Untyped,
    on_failure: FailurePolicy | None = None,
    blocking: bool = False,
    timeout: timedelta | float | None = None,
) -> Untyped:
    """Mark a method as the handler of messages of these types; bare, of the types that its annotation names.

    Args:
        message_types: protobuf classes, ``@message`` classes, primitives and other field types, unions of them;
            ``google.protobuf.any_pb2.Any`` takes what no other handler takes.
        on_failure: the failure policy of this handler, before that of its class and of the application.
        blocking: run a plain ``def`` in a thread instead of on the event loop.
        timeout: a timedelta or seconds after which an async or blocking handler has failed.

    What can't work is reported when the class is defined.
    """
    options = HandlerOptions(on_failure=on_failure, blocking=blocking, timeout=timeout)
    if len(message_types) == 1 and isinstance(message_types[0], types.FunctionType):
        setattr(message_types[0], MARK, HandlerMark((), options))
        return message_types[0]

    def mark(method: _F) -> _F:
        setattr(method, MARK, HandlerMark(message_types, options))
        return method

    return mark
