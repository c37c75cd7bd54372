"""Who may import whom, and how to find an import that breaks it.

A room is a package or a file directly in ``statefun_actors``; its door is its ``__init__`` (a file is its own door).
Imports are read from the source, so what stands under ``TYPE_CHECKING`` or is never run counts too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "statefun_actors"

_MEANING: Final = frozenset({"text", "errors", "model", "types", "definition", "functions", "entity"})
_EMBEDDED: Final = _MEANING | {"units", "throttle", "dispatch", "settings"}
_BELOW_TESTING: Final = _EMBEDDED | {
    "calls",
    "envelopes",
    "conversations",
    "wire",
    "endpoint",
    "ingress",
    "http",
    "embedded",
    "deploy",
    "cluster",
}

TABLE: Final[Mapping[str, AbstractSet[str]]] = {
    "text": frozenset(),
    "errors": frozenset({"text"}),
    "model": frozenset({"text", "errors"}),
    "units": frozenset(),
    "throttle": frozenset(),
    "forks": frozenset(),
    "loop_errors": frozenset({"throttle"}),
    "unix_sockets": frozenset(),
    "wire": frozenset({"text", "errors", "model"}),
    "types": frozenset({"text", "errors", "model"}),
    "no_answer": frozenset({"model", "types"}),
    "recurrence": frozenset({"errors"}),
    "envelopes": frozenset({"model", "recurrence"}),
    "definition": frozenset({"text", "errors", "model", "types", "no_answer", "recurrence", "envelopes"}),
    "calls": frozenset({"errors", "model", "types", "definition"}),
    "client": frozenset({"text", "model", "calls"}),
    "settings": frozenset({"text", "errors", "model", "units", "definition"}),
    "functions": frozenset({"text", "errors", "model", "types", "definition"}),
    "entity": frozenset(
        {"text", "errors", "model", "types", "recurrence", "envelopes", "definition", "functions", "no_answer"}
    ),
    "conversations": frozenset(
        {"errors", "model", "types", "no_answer", "recurrence", "envelopes", "definition", "functions"}
    ),
    "dispatch": _MEANING | {"settings", "envelopes", "conversations"},
    "endpoint": _MEANING | {"dispatch", "wire", "settings"},
    "ingress": _EMBEDDED,
    "http": _MEANING
    | {"units", "throttle", "loop_errors", "unix_sockets", "settings", "dispatch", "wire", "endpoint", "ingress"},
    "embedded": _EMBEDDED | {"forks", "envelopes", "unix_sockets", "ingress"},
    "egress": frozenset({"text", "errors", "model", "types", "embedded"}),
    "console": _EMBEDDED | {"embedded", "ingress"},
    "deploy": _MEANING | {"settings"},
    "cluster": frozenset({"text", "errors", "deploy"}),
    "kafka": _EMBEDDED | {"embedded", "egress", "deploy"},
    "runtime": _EMBEDDED | {"calls", "ingress", "http", "embedded", "egress"},
    "testing": _BELOW_TESTING,
    "cli": _BELOW_TESTING | {"forks", "loop_errors", "console", "egress", "kafka", "testing"},
}
"""What each room may import, lowest rooms first."""

# The package's own files stand above the rooms: `__init__` shows what they hold, `__main__` starts the command line.
_ABOVE: Final[Mapping[str, AbstractSet[str]]] = {"__init__": TABLE.keys(), "__main__": frozenset({"cli"})}


@dataclass(frozen=True)
class _Module:
    """A module of the package: ``room`` is its first part below the package, ``dotted`` its full name."""

    path: Path
    room: str
    dotted: str

    @property
    def package(self) -> str:
        """What a relative import starts from."""
        return self.dotted if self.path.stem == "__init__" else self.dotted.rpartition(".")[0]


@dataclass(frozen=True)
class _Import:
    """One imported thing. ``name`` is None for ``import module``; ``function`` is the one it hides in, or None."""

    line: int
    module: str
    name: str | None
    function: str | None


def violations(root: Path) -> list[str]:
    """Every import below *root* (the folder of the package) that breaks the table: ``file:line: what is wrong``."""
    return [
        f"{module.path.relative_to(root)}:{line}: {wrong}"
        for module in _modules(root)
        for line, wrong in dict.fromkeys(_faults(root, module))
    ]


def _modules(root: Path) -> Iterator[_Module]:
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        dotted = (PACKAGE, *(parts[:-1] if parts[-1] == "__init__" else parts))
        yield _Module(path, parts[0], ".".join(dotted))


def _faults(root: Path, module: _Module) -> Iterator[tuple[int, str]]:
    if module.room not in TABLE and module.room not in _ABOVE:
        yield 1, f"{module.room} is no room of the house; give it a line in the table"
        return
    for found in _imports(module):
        room, fault = _destination(root, found)
        if found.function and not _may_hide(module, found.function):
            yield found.line, f"the import of {room} hides in {found.function}()"
        if room == module.room:
            continue
        if room == PACKAGE:
            if module.room != "cli":
                yield found.line, f"{module.room} imports the package's own door, which stands above it"
        elif room not in TABLE:
            yield found.line, f"{module.room} imports {room}, which is no room of the house"
        elif room not in {**TABLE, **_ABOVE}[module.room]:
            yield found.line, f"{module.room} may not import {room}"
        elif fault:
            yield found.line, fault


def _may_hide(module: _Module, function: str) -> bool:
    return module.room == "cli" or (module.room == "__init__" and function == "__getattr__")


def _destination(root: Path, found: _Import) -> tuple[str, str | None]:
    """The room that an import leads to (the package's name if to its own door), and how it passes the room's door."""
    _, *parts = found.module.split(".")
    if not parts:
        if found.name and (found.name in TABLE or _is_module(root / found.name)):
            return found.name, None
        return PACKAGE, None
    room, *rest = parts
    if not rest and found.name and _is_module(root / room / found.name):
        # The door may well show a function under the name of the file that holds it.
        rest = [] if found.name in _names_bound(root / room / "__init__.py") else [found.name]
    inner = ".".join((room, *rest))
    return room, f"{inner} is behind the door of {room}; import from {PACKAGE}.{room}" if rest else None


def _is_module(path: Path) -> bool:
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def _names_bound(door: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.parse(door.read_text(encoding="utf-8")).body if door.exists() else ():
        match node:
            case ast.ImportFrom() | ast.Import():
                names.update(alias.asname or alias.name for alias in node.names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case _:
                pass
    return names


def _imports(module: _Module) -> Iterator[_Import]:
    """The imports of modules of this package, wherever in *module* they stand."""
    tree = ast.parse(module.path.read_text(encoding="utf-8"), str(module.path))
    for node, function in _walk(tree, None):
        for dotted, name in _imported(node, module.package):
            if dotted.partition(".")[0] == PACKAGE:
                yield _Import(node.lineno, dotted, name, function)


def _walk(node: ast.AST, function: str | None) -> Iterator[tuple[ast.stmt | ast.expr, str | None]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.expr):
            yield child, function
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        yield from _walk(child, inner)


def _imported(node: ast.stmt | ast.expr, package: str) -> Iterator[tuple[str, str | None]]:
    """The (module, name) pairs that a statement or a call of ``import_module`` imports."""
    match node:
        case ast.Import(names=aliases):
            for alias in aliases:
                yield alias.name, None
        case ast.ImportFrom(module=written, names=aliases, level=level):
            dotted = ".".join(filter(None, (_up(package, level) if level else None, written)))
            for alias in aliases:
                yield dotted, alias.name
        case ast.Call(
            func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
            args=[ast.Constant(value=str(dotted)), *_],
        ):
            level = len(dotted) - len(dotted.lstrip("."))
            yield ".".join(filter(None, (_up(package, level) if level else None, dotted[level:]))), None
        case _:
            pass


def _up(package: str, level: int) -> str:
    return ".".join(package.split(".")[: len(package.split(".")) - level + 1])
