"""Runs of a scenario in other interpreters, in which sets are iterated in another order."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any as Untyped
from typing import Final

import attrs

from statefun_actors.errors import ValueMismatchError
from statefun_actors.testing.faults import LogEntry
from statefun_actors.testing.runtime import TestRuntime
from statefun_actors.testing.simulation.result import Name, outcome, texts
from statefun_actors.text import describe

_PROGRAM: Final = "from statefun_actors.testing.simulation.interpreters import answer; answer()"


@attrs.frozen
class Elsewhere:
    """How a run in another interpreter ended: its result as text, or its error; and the log."""

    result: dict[Name, str]
    error: str | None
    log: list[LogEntry]


def run_elsewhere(
    hash_seed: int, scenario: object, served: Sequence[object], invariant: object, options: tuple[object, ...]
) -> Elsewhere:
    """The run of *scenario* without faults in an interpreter with PYTHONHASHSEED=*hash_seed*.

    *options* are the settings and the start of its runtime.

    Raises:
        ValueMismatchError: the scenario, or what it serves, is not a name at the top of a module, or is one of the
            script that runs.
        RuntimeError: the interpreter failed; the message has its standard error.
    """
    module = str(getattr(scenario, "__module__", ""))
    order = {
        "path": sys.path,
        "scenario": _place(scenario, module),
        "served": [_place(item, module) for item in served],
        "invariant": None if invariant is None else _place(invariant, module),
        "options": pickle.dumps(options).hex(),
    }
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
    )
    if done.returncode:
        raise RuntimeError(f"an interpreter with PYTHONHASHSEED={hash_seed} failed:\n{done.stderr}")
    answered = json.loads(done.stdout.splitlines()[-1])
    log = [LogEntry(timedelta(seconds=seconds), text) for seconds, text in answered["log"]]
    result = {(kind, text): value for kind, text, value in answered["result"]}
    return Elsewhere(result, answered["error"], log)


def _place(item: object, module: str) -> tuple[str, str | None, str]:
    """The module, its file, and the name in it under which another interpreter finds *item*."""
    named = getattr(item, "__qualname__", None)
    where = str(getattr(item, "__module__", module))
    if not isinstance(named, str):  # such as a StatefulFunctions, which has no name of its own
        found = vars(sys.modules[module])
        where, named = module, next((name for name, value in found.items() if value is item), "<locals>")
    if where == "__main__":
        raise ValueMismatchError("hash_seeds= with a scenario and entities in modules to import", f"__main__.{named}")
    if "<" in named or where not in sys.modules:
        raise ValueMismatchError("hash_seeds= with a scenario and entities at the top of a module", repr(item))
    return where, getattr(sys.modules[where], "__file__", None), named


def _found(place: Sequence[str]) -> Untyped:
    name, file, qualified = place
    module: Untyped
    if name not in sys.modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError:
            spec = importlib.util.spec_from_file_location(name, file)
            if spec is None or spec.loader is None:
                raise
            sys.modules[name] = module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
    found: Untyped = sys.modules[name]
    for part in qualified.split("."):
        found = getattr(found, part)
    return found


def answer() -> None:
    """In the other interpreter: run the scenario that standard input names, and print its result."""
    order = json.load(sys.stdin)
    sys.path[:] = order["path"]
    invariant = None if order["invariant"] is None else _found(order["invariant"])
    settings, start = pickle.loads(bytes.fromhex(order["options"]))  # noqa: S301 - from the process that started this
    runtime = TestRuntime(*map(_found, order["served"]), settings=settings, start=start)
    result: dict[Name, str] = {}
    error = None
    try:
        result = texts(asyncio.run(outcome(runtime, _found(order["scenario"]), invariant)))
    except Exception as raised:
        error = describe(raised)
    log = [(entry.after.total_seconds(), entry.text) for entry in runtime.log]
    rows = [[*name, value] for name, value in result.items()]
    sys.stdout.write("\n" + json.dumps({"result": rows, "error": error, "log": log}))
