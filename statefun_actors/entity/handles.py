"""``@handles``: marks a method as the handler of one or several types of message."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, TypedDict, TypeVar, Unpack, overload

import attrs

from statefun_actors.definition import FailurePolicy, HandlerOptions
from statefun_actors.errors import DefinitionError

_E = TypeVar("_E")
_M = TypeVar("_M")
_N = TypeVar("_N")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., object])

MARK: Final = "__statefun_handler__"


@attrs.frozen
class HandlerMark:
    """The mark that the decorator sets on the method; () types: take them from the annotation."""

    types: tuple[object, ...]
    options: HandlerOptions
    repeated: bool = False
    """Whether it was marked already."""


class _HandlerOptions(TypedDict, total=False):
    on_failure: FailurePolicy | None
    blocking: bool
    timeout: timedelta | float | None
    internal: bool | None


# Types come first: a first overload without types would accept a class as the method. The overlap is intended.
@overload
def handles(  # type: ignore[overload-overlap]
    message_type: type[_M], /, **options: Unpack[_HandlerOptions]
) -> Callable[[Callable[[_E, _M], _R]], Callable[[_E, _M], _R]]: ...
@overload
def handles(  # type: ignore[overload-overlap]
    first: type[_M], second: type[_N], /, **options: Unpack[_HandlerOptions]
) -> Callable[[Callable[[_E, _M | _N], _R]], Callable[[_E, _M | _N], _R]]: ...
@overload
def handles(  # type: ignore[overload-overlap]
    first: type[Any] | types.UnionType,
    /,
    *more: type[Any] | types.UnionType,
    **options: Unpack[_HandlerOptions],
) -> Callable[[_F], _F]: ...
@overload
def handles(**options: Unpack[_HandlerOptions]) -> Callable[[_F], _F]: ...
@overload
def handles(method: Callable[[_E, _M], _R], /) -> Callable[[_E, _M], _R]: ...
def handles(
    *message_types: Any,
    on_failure: FailurePolicy | None = None,
    blocking: bool = False,
    timeout: timedelta | float | None = None,
    internal: bool | None = None,
) -> Any:
    """Mark a method as the handler of messages of these types; without types, of those in its annotation.

    ::

        class Door(Entity, typename="demo/door"):
            @handles  # of the annotation: str
            def knock(self, who: str) -> str:
                return f"come in, {who}"

            @handles(Remind, internal=True, on_failure=Discard(attempts=3))
            async def close(self, message: Remind) -> None: ...

    Args:
        message_types: one or several types, or a union; ``google.protobuf.Any`` takes all types without a handler.
        on_failure: policy for messages that fail, ``DeadLetter`` or ``Discard``; by default that of the class.
        blocking: whether a plain ``def`` runs in a thread, so that other entities are handled meanwhile. At most 40
            run at once in a process; the next ones wait.
        timeout: time limit of an async or blocking handler; by default the setting ``handler_timeout``. A plain ``def``
            without ``blocking=True`` can't be interrupted: its class is refused. For a blocking handler it begins when
            its thread does; the thread goes on after it, but what it changes then is lost. So may an async handler that
            catches its cancellation.
        internal: whether it refuses messages from outside; by default that of the class.
    """
    options = HandlerOptions(on_failure=on_failure, blocking=blocking, timeout=timeout, internal=internal)
    if len(message_types) == 1 and isinstance(message_types[0], types.FunctionType):
        return _marked(message_types[0], HandlerMark((), options))
    for wrong in message_types:
        if isinstance(wrong, _NO_TYPES):
            got = type(wrong).__name__
            raise DefinitionError("@handles", [f"expected a method or types, got a {got}"])
    return lambda method: _marked(method, HandlerMark(message_types, options))


_NO_TYPES: Final = (
    str, bytes, int, staticmethod, classmethod, property, functools.partial, types.FunctionType, types.MethodType,
    types.BuiltinFunctionType,
)  # fmt: skip


def _marked(method: Any, mark: HandlerMark) -> Any:
    if hasattr(method, MARK):
        mark = attrs.evolve(mark, repeated=True)
    try:
        setattr(method, MARK, mark)
    except AttributeError:
        raise DefinitionError("@handles", [f"expected a method, got a {type(method).__name__}"]) from None
    return method
