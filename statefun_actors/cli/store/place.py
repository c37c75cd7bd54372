"""The store of a command, and the application that decodes its values."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from typing import Any as Untyped

import attrs
import click

from statefun_actors.cli.ending import end_by_signals
from statefun_actors.cli.output import is_of_output
from statefun_actors.errors import StatefunActorsError

if TYPE_CHECKING:
    from statefun_actors.cli.loading import App
    from statefun_actors.dispatch import Application
    from statefun_actors.store import FileUse, ReadOnlyStore
    from statefun_actors.types import Codec

WHICH_STORE: Final = """APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db
unless --store names another. With --store, APP may be omitted: values of its classes are then shown raw."""
"""The part of each command's help about its first argument."""

EXIT_CODES: Final = "The exit code is 0 on success, 1 after an error, 2 for a mistake in the command or in APP."


class StorePath(click.Path):
    """The path or URL of a store: a file, or the folder of a store with several partitions."""

    def convert(self, value: Untyped, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        from statefun_actors.store import StoreUrlError, file_of, has_partitions

        try:
            path = file_of(os.fsdecode(super().convert(value, param, ctx)))
        except StoreUrlError as error:
            self.fail(f"{error}", param, ctx)
        if path.is_dir() and not has_partitions(path):
            self.fail(f"File {str(value)!r} is a directory.", param, ctx)
        return path


STORE: Final = StorePath()


def default_store(name: str) -> Path:
    """The path of the default store of the app *name*."""
    return Path(".statefun") / f"{name}.db"


def app_files(app: App) -> list[FileUse]:
    """The files that *app* was loaded from."""
    from statefun_actors.store import FileUse

    return [FileUse(path, "APP") for path in app.files]


def refuse_wrong_uses(written: Sequence[FileUse], read: Sequence[FileUse], store: Path | None) -> None:
    """Raises click.UsageError: a file of *written* is read, written by something else, or belongs to *store*."""
    from statefun_actors.store import wrong_uses

    for wrong in wrong_uses(written, read, store):
        raise click.UsageError(f"{wrong}.")


def files_of(store: Path, suffix: str = "") -> list[Path]:
    """The file of *store*, or those of its partitions; with *suffix*, their logs. Missing ones are left out."""
    folder = [each for each in store.iterdir() if each.name.isdecimal()] if store.is_dir() else [store]
    return [file for each in folder if (file := each.with_name(f"{each.name}{suffix}")).exists()]


def size_of(store: Path) -> int:
    """The bytes of the file of *store*, or of those of its partitions, without their logs."""
    return sum(file.stat().st_size for file in files_of(store))


@attrs.frozen
class StoreLocation:
    """A store, and its application if that is known."""

    store: Path
    app: Application | None
    known: Mapping[str, Codec] = attrs.field(factory=dict)
    """The codecs of the application's types."""
    files: Sequence[FileUse] = ()
    """The files of the application."""

    @contextmanager
    def reader(self) -> Generator[ReadOnlyStore]:
        """The store for reading, as of its last commit from first to last."""
        from statefun_actors.store import open_reader

        reader = open_reader(self.store)
        try:
            with reader.snapshot():
                yield reader
        finally:
            reader.close()


def place_of(app: str | None, store: Path | None) -> StoreLocation:
    """The store *store*, or that of *app*.

    Raises:
        click.UsageError: neither is given.
        AppError: *app* can't be loaded.
    """
    if app is None:
        if store is None:
            raise click.UsageError("expected APP, whose store it is, or --store FILE.")
        return StoreLocation(store, None)
    from statefun_actors.admin import known_codecs
    from statefun_actors.cli.loading import AppError, load_app
    from statefun_actors.dispatch import Application
    from statefun_actors.errors import DefinitionError

    loaded = load_app(app)
    try:
        application = Application(*loaded.served)
    except DefinitionError as error:
        raise AppError(str(error)) from error
    return StoreLocation(store or default_store(loaded.name), application, known_codecs(application), app_files(loaded))


def app_and_rest(
    words: Sequence[str], store: Path | None, is_rest: Callable[[str], bool] | None = None
) -> tuple[str | None, list[str]]:
    """APP, if it is among *words*, and the other arguments; with --store it is optional, if *is_rest* is given."""
    if not words or (store is not None and is_rest is not None and is_rest(words[0])):
        return None, [*words]
    return words[0], [*words[1:]]


def app_and_file(words: Sequence[str], store: Path | None) -> tuple[str | None, str]:
    """APP, which may be left out with --store, and FILE.

    Raises:
        click.UsageError: there are fewer or more than these.
    """
    app, rest = (None, [*words]) if store is not None and len(words) < 2 else (words[0], [*words[1:]])
    if not rest:
        raise click.UsageError("expected APP and FILE, or --store STORE and FILE; got one argument.")
    no_more_than(1, rest)
    return app, rest[0]


def numbers_of(rest: Sequence[str], listing: str) -> list[int]:
    """The NUMBERs among the words *rest*, each once, as the command *listing* shows them."""
    expected = f"expected a NUMBER, as `statefun-actors {listing}` shows it"
    if not rest:
        raise click.UsageError(f"{expected}.")
    for word in rest:
        # Python does not convert thousands of digits.
        if not (word.isascii() and word.isdecimal() and len(word) < 20 and int(word) < 1 << 63):
            raise click.UsageError(f"{expected}, got {word[:80]!r}.")
    return list(dict.fromkeys(map(int, rest)))


def no_more_than(most: int, rest: Sequence[str]) -> None:
    """Raises click.UsageError where there are more arguments than a command takes."""
    if len(rest) > most:
        raise click.UsageError(f"unexpected argument: {rest[most]!r}.")


def _check_words(params: Mapping[str, object]) -> None:
    """Refuse words of the command that are not UTF-8: addresses, names and values are. Files may have any name.

    In arguments, bytes that are not UTF-8 are unpaired surrogates.

    Raises:
        click.BadParameter: it names the parameter.
    """
    context = click.get_current_context()
    for param in context.command.params:
        value = params.get(param.name or "")
        for word in cast("Sequence[object]", value) if isinstance(value, tuple) else (value,):
            if isinstance(word, str) and not word.isascii() and not _is_utf8(word) and not Path(word).exists():
                raise click.BadParameter(f"expected UTF-8, got {word[:80]!r}.", context, param)


def _is_utf8(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def store_command(function: Callable[..., None]) -> Callable[..., None]:
    """Decorator: the command takes ``--store`` and ``--json``, and reports errors in one line, without a traceback."""

    @functools.wraps(function)
    def decorated_command(*args: Untyped, **params: Untyped) -> None:
        _check_words(params)
        end_by_signals()
        try:
            function(*args, **params)
        except (StatefunActorsError, OSError) as error:
            if isinstance(error, OSError) and is_of_output(error):
                raise
            raise click.ClickException(str(error)) from error

    decorated: Untyped = decorated_command
    for option in (
        click.option("--json", "as_json", is_flag=True, help="For programs: JSON, one object a line."),
        click.option(
            "--store",
            type=STORE,
            metavar="FILE",
            help="The store. Default: that of APP, ./.statefun/<APP's name>.db",
        ),
    ):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]
