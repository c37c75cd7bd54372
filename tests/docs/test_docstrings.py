"""The docstrings of public names: each has one, those of the most used names have an example, and each example runs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import pydoc
import re
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from inspect import CO_COROUTINE
from pathlib import Path
from typing import Any, Final

import pytest

import statefun_actors
from statefun_actors import Entity, client, runtime, telemetry, testing
from statefun_actors.compat import statefun2, statefun3
from statefun_actors.testing import checks, strategies
from tests.test_readme import actor

MODULES: Final = (statefun_actors, runtime, testing, client, telemetry, checks, strategies, statefun2, statefun3)
MOST_USED: Final = (
    *("Actors", "Address", "AsyncRuntime", "Context", "DeadLetter", "Discard", "Entity", "NoAnswer", "Runtime"),
    *("RequestReplyHandler", "Settings", "StatefulFunctions", "TerminalError", "activity", "answers", "create_app"),
    *("handles", "kafka_record", "message", "persisted", "AsyncClient", "Client", "TestRuntime", "given", "simulate"),
)
NEEDS_A_SERVER: Final = {"AsyncClient", "Client"}


def named(name: str) -> Any:
    return next(getattr(module, name) for module in MODULES if hasattr(module, name))


def examples(documented: object) -> Iterator[str]:
    """The indented blocks after a line that ends in ``::``."""
    text = inspect.getdoc(documented) or ""
    for block in re.findall(r"::\n\n((?:(?:    .*)?\n)+(?:    .*)?)", f"{text}\n"):
        yield textwrap.dedent(block)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_help_names_types_as_python_does(module: Any) -> None:
    helped = {name: pydoc.plain(pydoc.render_doc(getattr(module, name))) for name in module.__all__}

    assert [name for name, text in helped.items() if "Untyped" in text] == []


@pytest.mark.parametrize("module", MODULES[:7], ids=lambda module: module.__name__)
def test_each_public_class_and_function_has_a_docstring(module: Any) -> None:
    found = {name: getattr(module, name) for name in module.__all__}
    documented = {name: it for name, it in found.items() if inspect.isclass(it) or inspect.isroutine(it)}

    assert [name for name, it in documented.items() if not inspect.getdoc(it)] == []


@pytest.mark.parametrize("name", [*MOST_USED, "Entity.ask"])
def test_the_example_of_a_name_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = list(examples(Entity.ask if name == "Entity.ask" else named(name)))
    names: dict[str, Any] = {"__name__": "example", "timedelta": timedelta, "asyncio": asyncio}
    exec(compile(actor(), "bank.py", "exec"), names)
    for module in (statefun_actors, testing, client):
        names |= {each: getattr(module, each) for each in module.__all__}

    assert found
    for code in found:
        compiled = compile(code, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if name not in NEEDS_A_SERVER:
            run = eval(compiled, names)
            if compiled.co_flags & CO_COROUTINE:
                asyncio.run(run)
