"""A settings file: TOML, its own or the ``[tool.statefun-actors]`` of a project.

Its top level has the settings, with the keys of their flags (``retry-budget = 2``), and the ``log-level`` and
``log-format`` of all commands. A table named like a command has options of that command only: ``[serve]`` with
``bind = "0.0.0.0:8000"``, in a pyproject.toml ``[tool.statefun-actors.serve]``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs
import click

from statefun_actors.cli.logs import OPTION_KEYS
from statefun_actors.errors import DefinitionError
from statefun_actors.settings import Options, read_settings

_COMMANDS: Final = ("flink", "gateway", "module", "run", "serve")
_LOGGING: Final = ("flink", "gateway", "run", "serve")
_DEEPEST: Final = 20
_QUOTED: Final = re.compile(r""""(?:\\.|[^"\\])*"|'[^']*'|#.*""")
_PROJECT: Final = Path("pyproject.toml")


class SettingsFileError(click.ClickException):
    """A settings file is invalid. The text is complete for users."""

    exit_code = 2


@attrs.frozen
class SettingsFile:
    """A settings file. ``name`` is its name for users."""

    name: str
    settings: Options
    commands: Mapping[str, Mapping[str, object]]
    """The unparsed options, by command."""


def settings_file(path: Path | None) -> SettingsFile | None:
    """Read the file *path*, or by default the project's in the current folder; None if that has no settings.

    Raises:
        SettingsFileError: it can't be read, or is invalid.
    """
    if path is None:
        if not _PROJECT.is_file():
            return None
        table = _own_table(_parsed(_PROJECT))
        return None if table is None else _read("pyproject.toml, [tool.statefun-actors]", table)
    parsed = _parsed(path)
    table = _own_table(parsed)
    if table is None and path.name == "pyproject.toml":
        raise SettingsFileError(f"{path} has no table [tool.statefun-actors].")
    return _read(str(path), parsed if table is None else table)


def _own_table(parsed: dict[str, object]) -> object:
    tool = parsed.get("tool")
    return tool.get("statefun-actors") if isinstance(tool, dict) else None


def _parsed(path: Path) -> dict[str, object]:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        parsed = tomllib.loads(text)
    except OSError as error:
        raise SettingsFileError(f"{path} can't be read: {error.strerror}.") from None
    except RecursionError:
        raise _too_deep(path, text) from None
    except ValueError as error:  # TOMLDecodeError, UnicodeDecodeError, or a number with thousands of digits
        raise SettingsFileError(f"{path} is not TOML: {error}.") from None
    if _is_deep(parsed):
        raise _too_deep(path, text)
    return parsed


def _is_deep(parsed: object) -> bool:
    """Whether *parsed* has more levels than ``_DEEPEST``. Not recursive, since the stack is limited."""
    level = [parsed]
    for _ in range(_DEEPEST):
        level = [
            item
            for each in level
            if isinstance(each, dict | list)
            for item in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True


def _too_deep(path: Path, text: str) -> SettingsFileError:
    """The error, with the line of the deepest nesting, by open brackets and parts of its key."""
    open_brackets, deepest, where = 0, 0, 1
    for number, line in enumerate(text.split("\n"), 1):
        bare = _QUOTED.sub("", line)
        depth = open_brackets + sum(bare.count(char) for char in "[{.")
        open_brackets += sum(bare.count(char) for char in "[{") - sum(bare.count(char) for char in "]}")
        if depth > deepest:
            deepest, where = depth, number
    return SettingsFileError(
        f"{path}, line {where}: expected at most {_DEEPEST} levels of arrays and tables, got more."
    )


def _read(name: str, table: object) -> SettingsFile:
    if not isinstance(table, dict):
        raise SettingsFileError(f"{name}: expected a table, got {table!r}.")
    commands = {key: value for key, value in table.items() if key in _COMMANDS}
    for key, value in commands.items():
        if not isinstance(value, dict):
            raise SettingsFileError(f"{name}: {key}: expected a table, got {value!r}.")
    try:
        settings = read_settings(
            {key: value for key, value in table.items() if key not in commands and key not in OPTION_KEYS}
        )
    except DefinitionError as error:
        raise SettingsFileError("\n".join(f"{name}: {problem}" for problem in error.problems)) from None
    logs = {key: table[key] for key in OPTION_KEYS if key in table}
    return SettingsFile(name, settings, {**commands, **{key: logs | commands.get(key, {}) for key in _LOGGING}})
