"""Finds calls in the source of a class or function: methods and egresses."""

from __future__ import annotations

import ast
import functools
import inspect
import sys
from collections.abc import Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from types import ModuleType
from typing import Final

_CALLS: Final = frozenset({"send_egress", "pack_and_send_egress"})


def egresses_in(item: object) -> set[str]:
    """The egresses in the source of a class or function, and of functions of its module that it uses.

    Literals and constants of its module are found. Names computed at run time are not, and without source, nothing is.
    """
    module = _module(item)
    return set() if module is None else {name for call in _calls(item, module) for name in _egress(call, module)}


def topics_in(item: object) -> Mapping[str, AbstractSet[str]]:
    """The topics of the ``kafka_record`` that the source of a class or function sends, by egress; as
    :func:`egresses_in`.

    A record that is made elsewhere than in the call that sends it is not found.
    """
    found: dict[str, set[str]] = {}
    if (module := _module(item)) is None:
        return found
    for call in _calls(item, module):
        topics = {topic for argument in _arguments(call) for topic in _topic(argument, module)}
        for egress in _egress(call, module) if topics else ():
            found.setdefault(egress, set()).update(topics)
    return found


def calls_any(item: object, methods: Collection[str]) -> bool:
    """Whether a class or a function calls a method with one of these names in its source, as :func:`egresses_in`."""
    module = _module(item)
    return module is not None and any(
        isinstance(call.func, ast.Attribute) and call.func.attr in methods for call in _calls(item, module)
    )


def _module(item: object) -> ModuleType | None:
    return sys.modules.get(getattr(item, "__module__", None) or "")


def _calls(item: object, module: ModuleType) -> Iterator[ast.Call]:
    """The calls in *item*, and in functions of its module that it uses."""
    name = getattr(item, "__qualname__", "").partition(".")[0]
    definitions = _definitions(module)
    waiting, seen = [name], {name}
    while waiting:
        definition = definitions.get(waiting.pop())
        if definition is None:
            continue
        for node in ast.walk(definition):
            if isinstance(node, ast.Call):
                yield node
            elif isinstance(node, ast.Name) and node.id not in seen and _is_function(definitions.get(node.id)):
                seen.add(node.id)
                waiting.append(node.id)


@functools.cache
def _definitions(module: ModuleType) -> dict[str, ast.stmt]:
    """The top-level classes and functions of *module*, by name."""
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):
        return {}
    return {
        node.name: node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _is_function(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _egress(call: ast.Call, module: ModuleType) -> Iterator[str]:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in _CALLS:
        return
    named = [keyword.value for keyword in call.keywords if keyword.arg in {"egress", "typename"}]
    for argument in (*call.args[:1], *named):
        yield from _text(argument, module)


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from call.args
    yield from (keyword.value for keyword in call.keywords)


def _topic(argument: ast.expr, module: ModuleType) -> Iterator[str]:
    match argument:
        case ast.Call(func=ast.Name(id="kafka_record") | ast.Attribute(attr="kafka_record"), keywords=keywords):
            for keyword in keywords:
                if keyword.arg == "topic":
                    yield from _text(keyword.value, module)
        case _:
            pass


def _text(node: ast.expr, module: ModuleType) -> Iterator[str]:
    """The text that *node* is, if it is a literal or a constant of *module*."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=constant) if isinstance(value := vars(module).get(constant), str):
            yield value
        case _:
            pass
