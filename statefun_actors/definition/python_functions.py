"""Looks through decorators, bound methods and callable objects at the Python functions inside them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import FunctionType as PythonFunction
from typing import Any as Untyped


def is_async_function(function: Callable[..., Untyped]) -> bool:
    """Whether a call of *function* returns a coroutine; it may be decorated, a partial, or an object with
    ``async __call__``.
    """
    return any(map(inspect.iscoroutinefunction, _forms(function)))


def is_generator_function(function: Callable[..., Untyped]) -> bool:
    """Whether a call of *function* returns a generator, async or not."""
    return any(inspect.isgeneratorfunction(form) or inspect.isasyncgenfunction(form) for form in _forms(function))


def python_function(function: Callable[..., Untyped]) -> tuple[Callable[..., object] | None, int]:
    """The Python function that *function* calls, and the number of its first parameters that are bound.

    None: it is unknown.
    """
    if isinstance(function, functools.partial):
        plain, bound = python_function(function.func)
        return plain, bound + len(function.args)
    if not inspect.ismethod(function):  # a method has the __wrapped__ of its function, which is not bound
        function = inspect.unwrap(function)
    if isinstance(function, PythonFunction):
        return function, 0
    inner: Untyped = function.__func__ if inspect.ismethod(function) else type(function).__call__
    return (inner, 1) if isinstance(inspect.unwrap(inner), PythonFunction) else (None, 0)


def _forms(function: Callable[..., Untyped]) -> Iterator[Untyped]:
    while isinstance(function, functools.partial):
        function = function.func
    for form in (function, getattr(function, "__call__", None)):  # noqa: B004 - it is wanted
        if form is not None:
            yield form
            yield inspect.unwrap(form)
