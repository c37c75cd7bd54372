"""Loads APP, the argument of every command: a module, a file or a folder, optionally ``:name``.

Without a name, an app consists of every Entity with a typename and every StatefulFunctions in the module that is
defined in the app's own code, the module's folder; of other code (an installed package), only names in ``__all__``. A
folder is its ``app.py``, else its ``__init__.py``, else all modules in it except tests, generated ones and those whose
names start with ``_``.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

import attrs
import click

from statefun_actors.cli.logs import own_loggers_stay_enabled
from statefun_actors.errors import DefinitionError

_NAME: Final = re.compile(r"^(?P<place>.+):(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)$")
_NOT_THE_APP: Final = re.compile(r"^(?:_.*|test_.*|.*_test|conftest|setup|.*_pb2|.*_pb2_grpc)$")
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


class AppError(click.ClickException):
    """APP can't be loaded or served. The text is complete for users."""

    exit_code = 2


@attrs.frozen
class App:
    """A loaded APP: what it serves, its name, and the files of its modules."""

    name: str
    served: Sequence[object]
    files: Sequence[Path]


@own_loggers_stay_enabled()
def load_app(text: str) -> App:
    """Load the app *text*. The library's loggers stay enabled, however it sets up its log.

    Raises:
        AppError: it does not exist, can't be imported, or has nothing to serve.
    """
    text = text.strip()
    place, name = text, None
    if not Path(text).exists() and (match := _NAME.match(text)) is not None:
        place, name = match["place"], match["name"]
    path = Path(place)
    own: Path | None
    if path.is_dir():
        modules = [_file(file) for file in _files(path, place)]
        own, called = path.resolve(), path.resolve().name
    elif path.is_file():
        modules = [_file(path)]
        own, called = path.resolve().parent, path.stem
    else:
        modules = [_module(place)]
        own, called = _folder(modules[0]), place.rpartition(".")[2]
    files = [Path(module.__file__) for module in modules if module.__file__ is not None]
    if name is not None:
        return App(called, _named(modules, name, place), files)
    served = list({id(item): item for module in modules for item in _served(module, own)}.values())
    if not served:
        raise AppError(_nothing(modules, place))
    return App(called, served, files)


# --- finding


def _files(folder: Path, place: str) -> list[Path]:
    for name in ("app.py", "__init__.py"):
        if (folder / name).is_file():
            return [folder / name]
    files = sorted(file for file in folder.glob("*.py") if not _NOT_THE_APP.match(file.stem))
    if not files:
        raise AppError(f"the folder {place} has no app.py, no __init__.py and no other module; name the file.")
    return files


def _file(path: Path) -> ModuleType:
    """Import the file *path*. Its folder is added to ``sys.path``, so that it can import its neighbours."""
    path = path.resolve()
    if path.suffix != ".py":
        raise AppError(f"{path.name} is not a Python file; APP is a module, a .py file or a folder.")
    _put_on_path(path.parent)
    parts = [] if path.stem == "__init__" else [path.stem]
    root = path.parent
    while (root / "__init__.py").is_file() and root.name.isidentifier():
        parts.insert(0, root.name)
        root = root.parent
    if len(parts) > 1 or path.stem == "__init__":
        _put_on_path(root)
    name = ".".join(parts)
    there = sys.modules.get(name)
    if there is not None and _source(there) == path:
        return there
    found = None if there is not None else _found(name)
    if found is not None and _origin(found) == path:
        return _imported(lambda: importlib.import_module(name), str(path))
    # Another module has that name, such as types.
    spec = importlib.util.spec_from_file_location(f"statefun_app_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    loader = spec.loader

    def execute() -> ModuleType:
        loader.exec_module(module)
        return module

    return _imported(execute, str(path))


def _module(name: str) -> ModuleType:
    _put_on_path(Path.cwd())
    try:
        found = _found(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise AppError(_crash(error, name)) from error
        found = None
    except Exception as error:
        raise AppError(_crash(error, name)) from error
    *folders, last = name.split(".")
    file = Path.cwd().joinpath(*folders, f"{last}.py")
    if found is not None and _origin(found) != file.resolve() and file.is_file():
        return _file(file)  # another module has that name, such as queue of the standard library
    if found is None:
        raise AppError(f"there is no module, file or folder {name!r} here ({Path.cwd()}).")
    return _imported(lambda: importlib.import_module(name), name)


def _found(name: str) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ValueError:  # not a name of a module; or one without a spec, such as __main__
        return None


def _origin(spec: importlib.machinery.ModuleSpec) -> Path | None:
    return Path(spec.origin).resolve() if spec.has_location and spec.origin is not None else None


def _put_on_path(folder: Path) -> None:
    if str(folder) not in sys.path[:1]:
        sys.path.insert(0, str(folder))


def _imported(load: Callable[[], ModuleType], place: str) -> ModuleType:
    try:
        return load()
    except DefinitionError as error:
        raise AppError(f"{_where(error)}{error}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise AppError(_crash(error, place)) from error


def _source(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return None if file is None else Path(file).resolve()


def _folder(module: ModuleType) -> Path | None:
    source = _source(module)
    return None if source is None else source.parent


# --- errors


def _crash(error: BaseException, place: str) -> str:
    traceback_ = traceback.TracebackException.from_exception(error)
    _keep_their_frames(traceback_)
    return f"{_short(place)} can't be imported.\n\n{''.join(traceback_.format()).rstrip()}"


def _keep_their_frames(traceback_: traceback.TracebackException | None) -> None:
    while traceback_ is not None:
        traceback_.stack = traceback.StackSummary.from_list(
            [frame for frame in traceback_.stack if _is_theirs(frame.filename)]
        )
        _keep_their_frames(traceback_.__cause__)
        traceback_ = traceback_.__context__


def _is_theirs(filename: str) -> bool:
    ours = str(Path(__file__).resolve().parents[1])
    return not filename.startswith(("<frozen importlib", ours)) and Path(filename).parent.name != "importlib"


def _where(error: BaseException) -> str:
    """``file:line: `` of the user's line that raised *error*."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_theirs(frame.filename)]
    return f"{_short(frames[-1].filename)}:{frames[-1].lineno}: " if frames else ""


def _short(filename: str) -> str:
    try:
        return str(Path(filename).relative_to(Path.cwd()))
    except ValueError:
        return filename


def _nothing(modules: Sequence[ModuleType], place: str) -> str:
    abstract = [
        name
        for module in modules
        for name, item in vars(module).items()
        if getattr(item, "__abstract_entity__", False) and getattr(item, "__module__", None) == module.__name__
    ]
    hint = f" {', '.join(abstract)} has no typename=, so it is abstract: give it one." if abstract else ""
    return f"{place} defines no Entity with a typename and no StatefulFunctions.{hint}"


# --- finding classes and functions


def _is_served(item: object) -> bool:
    try:
        if isinstance(item, type):
            return getattr(item, "__function_type__", None) is not None
        return callable(getattr(item, "__function_types__", None))
    except Exception:  # a module may contain objects that raise errors for any attribute
        return False


def _served(module: ModuleType, own: Path | None) -> Iterator[object]:
    listed = getattr(module, "__all__", ())
    for name, item in list(vars(module).items()):
        if _is_served(item) and (name in listed or not isinstance(item, type) or _is_own(item, module, own)):
            yield item


def _is_own(cls: type, module: ModuleType, own: Path | None) -> bool:
    if cls.__module__ == module.__name__:
        return True
    home = sys.modules.get(cls.__module__)
    source = None if home is None else _source(home)
    if source is None or own is None or not source.is_relative_to(own):
        return False
    return _INSTALLED.isdisjoint(source.relative_to(own).parts)


def _named(modules: Sequence[ModuleType], name: str, place: str) -> list[object]:
    first, *rest = name.split(".")
    for module in modules:
        item: object = getattr(module, first, None)
        for part in rest:
            item = getattr(item, part, None)
        if item is not None:
            break
    else:
        raise AppError(f"{place} has no {name!r}.")
    items = list(item) if isinstance(item, list | tuple | set | frozenset) else [item]
    if not items or not all(map(_is_served, items)):
        abstract = ": it has no typename=, so it is abstract" if getattr(item, "__abstract_entity__", False) else ""
        raise AppError(
            f"{place}:{name} is not an Entity with a typename, a StatefulFunctions, or a list of them{abstract}."
        )
    return items
