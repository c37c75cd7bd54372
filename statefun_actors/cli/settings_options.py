"""The settings of an application as options of a command: from its flags, a settings file, or its defaults."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any as Untyped
from typing import Final, cast

import attrs
import click
from click.core import ParameterSource

from statefun_actors.cli.settings_file import SettingsFile, SettingsFileError, settings_file
from statefun_actors.errors import DefinitionError
from statefun_actors.settings import SPELLINGS, Options, Settings, Spelling
from statefun_actors.units import write_duration

_MIB: Final = 1 << 20


class Written(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic in newer versions of click only
    """The type of an option whose text on the command line and in a settings file is parsed by *read*."""

    name = "text"

    def __init__(self, read: Callable[[object], object]) -> None:
        self._read = read

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> object:
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def settings_options(
    defaults: Settings, *, endpoint: bool = False, only: Collection[str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorator: the command takes the settings, and ``--config``; its function gets them as ``settings=``.

    A flag overrides the settings file, which overrides *defaults*. The file may also set the command's other options.

    Args:
        defaults: settings that are not given.
        endpoint: whether the command serves an endpoint, and so takes the settings that count only there.
        only: the settings that have flags; None = all. Others may be in the file, for other commands.
    """
    spellings = [
        spelling
        for spelling in SPELLINGS
        if (endpoint or not spelling.endpoint) and (only is None or spelling.setting in only)
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def with_settings(config: Path | None, **params: Untyped) -> None:
            context = click.get_current_context()
            flags = {spelling: params.pop(spelling.setting) for spelling in spellings}
            file = settings_file(config)
            settings = _settings(defaults, file, flags)
            if file is not None:
                params |= _from_file(context, file)
            command(**params, settings=settings)

        options: list[Callable[[Untyped], Untyped]] = [
            click.option(
                "--config", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="A TOML file with the options below (retry-budget = 2), and in a table named like this "
                "command those above. Default: [tool.statefun-actors] of ./pyproject.toml",
            ),
            *(_option(spelling, getattr(defaults, spelling.setting)) for spelling in spellings),
        ]  # fmt: skip
        decorated: Untyped = with_settings
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def _option(spelling: Spelling, default: object) -> Callable[[Callable[..., None]], Callable[..., None]]:
    if spelling.is_switch:
        return click.option(f"--{spelling.key}", spelling.setting, is_flag=True, help=spelling.help)

    def read(value: object) -> object:
        return next(iter(cast("frozenset[str]", spelling.read([value])))) if spelling.several else spelling.read(value)

    return click.option(
        f"--{spelling.key}",
        spelling.setting,
        metavar=spelling.form,
        multiple=spelling.several,
        type=Written(read),
        # Click itself would put a written default in parentheses.
        help=f"{spelling.help.removesuffix('.')}.{_shown(default, spelling.form)}",
        show_default=False,
    )


def _shown(default: object, form: str) -> str:
    """The default of a setting, as the end of its help text; *form*: the placeholder of its value."""
    match default, form:
        case int(), "SIZE":
            return f"  [default: {default // _MIB}MiB]"
        case int(), _:
            return f"  [default: {default}]"
        case float(), _:
            return f"  [default: {write_duration(timedelta(seconds=default))}]"
        case _:
            return ""


def _settings(defaults: Settings, file: SettingsFile | None, flags: Mapping[Spelling, object]) -> Settings:
    from_file: Options = {} if file is None else file.settings
    given: dict[str, Untyped] = {
        spelling.setting: frozenset(cast("tuple[str, ...]", value)) if spelling.several else value
        for spelling, value in flags.items()
        if click.get_current_context().get_parameter_source(spelling.setting) is not ParameterSource.DEFAULT
    }
    try:
        return attrs.evolve(defaults, **{**from_file, **given})
    except DefinitionError as error:
        raise click.UsageError("; ".join(error.problems)) from None


def _as_flags(value: object) -> list[object]:
    """The values of a repeatable flag; of a table, its keys with their values."""
    match value:
        case list():
            return value
        case dict():
            return list(value.items())
        case _:
            return [value]


def _from_file(context: click.Context, file: SettingsFile) -> dict[str, Untyped]:
    """The command's options that the file sets and the command line does not."""
    command = context.info_name or ""
    spelled = {option.removeprefix("--"): param for param in context.command.params for option in param.opts}
    own = {
        key: param
        for key, param in spelled.items()
        if param.name not in {"config", *(spelling.setting for spelling in SPELLINGS)}
        and param.param_type_name == "option"
    }
    found: dict[str, Untyped] = {}
    for key, value in file.commands.get(command, {}).items():
        param = own.get(key)
        if param is None:
            raise SettingsFileError(
                f"{file.name}: unknown option {key!r} of {command}; expected one of: {', '.join(sorted(own))}."
            )
        assert param.name is not None
        if context.get_parameter_source(param.name) is ParameterSource.DEFAULT:
            try:
                found[param.name] = param.process_value(
                    context, _as_flags(value) if getattr(param, "multiple", False) else value
                )
            except click.UsageError as error:
                raise SettingsFileError(f"{file.name}: {command}: {key}: {error.message}") from None
    return found
