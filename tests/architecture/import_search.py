"""A search for imports that the table does not have.

Imports are read from the source, so what stands under ``TYPE_CHECKING`` or is never run counts too.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.architecture.import_table import TABLE

PACKAGE: Final = "statefun_actors"
PLUGIN: Final = "pytest_plugin"
"""A module of ``testing``, but not in its folder: pytest imports it in every run, and would load the kit."""


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
        """The package from which a relative import starts."""
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
        yield _Module(path, _room(dotted[1:]) or parts[0], ".".join(dotted))


def _room(parts: Sequence[str]) -> str | None:
    """The room of the module *parts* (without the package), None if the table has none."""
    if list(parts) == [PLUGIN]:
        return "testing"
    lengths = range(len(parts), 0, -1)
    return next((room for length in lengths if (room := ".".join(parts[:length])) in TABLE), None)


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
    return (
        module.room == "cli" or module.path.stem == PLUGIN or (module.room == "__init__" and function == "__getattr__")
    )


def _destination(root: Path, found: _Import) -> tuple[str, str | None]:
    """The room that an import leads to (the package's name if to its own door), and how it passes the room's door."""
    _, *parts = found.module.split(".")
    if not parts:
        if found.name and (found.name in TABLE or _is_module(root / found.name)):
            return found.name, None
        return PACKAGE, None
    room = _room(parts)
    if room is None:
        return parts[0], None
    rest = parts[room.count(".") + 1 :]
    if not rest and found.name and f"{room}.{found.name}" in TABLE:
        return f"{room}.{found.name}", None
    folder = root.joinpath(*room.split("."))
    if not rest and found.name and _is_module(folder / found.name):
        # The door may well show a function under the name of the file that holds it.
        rest = [] if found.name in _names_bound(folder / "__init__.py") else [found.name]
    inner = ".".join((room, *rest))
    return room, f"{inner} is behind the door of {room}; import from {PACKAGE}.{room}" if rest else None


def unused(root: Path) -> list[str]:
    """The entries of the table that no import below *root* needs."""
    used: dict[str, set[str]] = {}
    for module in _modules(root):
        for found in _imports(module):
            used.setdefault(module.room, set()).add(_destination(root, found)[0])
    return [f"{room} imports nothing of {other}" for room in TABLE for other in TABLE[room] - used.get(room, set())]


def circles(root: Path) -> list[str]:
    """The circles of modules below *root* that import each other, each as its modules, sorted."""
    modules = {module.dotted: module for module in _modules(root)}
    graph = {
        name: {
            target
            for found in _imports(module)
            if (target := f"{found.module}.{found.name}" if f"{found.module}.{found.name}" in modules else found.module)
            != name
            and target in modules
        }
        for name, module in modules.items()
    }
    reached = {name: _reached(graph, name) for name in graph}
    rings = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in graph}
    return [", ".join(ring) for ring in sorted(rings) if len(ring) > 1]


def _reached(graph: Mapping[str, AbstractSet[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for target in graph[waiting.pop()] - found:
            found.add(target)
            waiting.append(target)
    return found


def _is_module(path: Path) -> bool:
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@functools.cache
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


@functools.cache  # each check reads every module
def _imports(module: _Module) -> tuple[_Import, ...]:
    """The imports of modules of this package, wherever in *module* they stand."""
    tree, package = ast.parse(module.path.read_text(encoding="utf-8"), str(module.path)), module.package
    return tuple(
        _Import(node.lineno, dotted, name, function)
        for node, function in _walk(tree, None)
        for dotted, name in _imported(node, package)
        if dotted.partition(".")[0] == PACKAGE
    )


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
