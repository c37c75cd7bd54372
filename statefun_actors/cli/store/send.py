"""``statefun-actors send``: one message, from the command line."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.settings_options import Written
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.json_command import JsonCommand
from statefun_actors.cli.store.place import EXIT_CODES, place_of, store_command

if TYPE_CHECKING:
    from statefun_actors.dispatch import Application
    from statefun_actors.model import TypedValue

_HELP = f"""Send a message to an entity or a function.

APP is a module, a .py file or a folder, as for run; its store is ./.statefun/<APP's name>.db unless --store names
another. ADDRESS is <namespace>/<name>/<id>. TYPE is the name of the message on the wire; it may be left out where the
target takes one type. JSON is its value, - reads it from standard input.

\b
  statefun-actors send app.py bank/account/ada bank/deposit '{{"cents": 500}}'
  statefun-actors send app.py counter/page/home 1 --after 10m

While APP runs, it gets the message at once; otherwise the message waits in the store, which the first run creates, for
the next run. Either way it is safe on the disk when this command ends. {EXIT_CODES}
"""


def _read_delay(value: object) -> int:
    """In milliseconds."""
    from statefun_actors.ingress import delay_of

    return delay_of(value)


@click.command(cls=JsonCommand, help=_HELP)
@click.argument("app", metavar="APP")
@click.argument("address", metavar="ADDRESS")
@click.argument("words", nargs=-1, required=True, metavar="[TYPE] JSON")
@click.option(
    "--after", "delay", type=Written(_read_delay), default="0s", metavar="DURATION",
    help="Deliver it later: after 500ms, 5s, 10m, 1h30m, 7d or PT5S.",
)  # fmt: skip
@store_command
def send(app: str, address: str, words: tuple[str, ...], delay: int, store: Path | None, as_json: bool) -> None:
    from statefun_actors.address import parse_address
    from statefun_actors.admin import Posting
    from statefun_actors.errors import InvalidAddressError

    *types, text = words
    if len(types) > 1:
        raise click.UsageError(f"expected ADDRESS, TYPE and JSON, got more: {words[2]!r}. Put the JSON in quotes.")
    place = place_of(app, store)
    assert place.app is not None
    try:
        target = parse_address(address)
    except InvalidAddressError as error:
        raise click.UsageError(str(error)) from error
    value = message_of(
        place.app, target.typename, types[0] if types else None, sys.stdin.read() if text == "-" else text
    )

    posting = Posting(target, value, delay)
    running = change_store(place, lambda control: control.send([posting]))
    if as_json:
        echo_json({"to": str(target), "type": value.typename, "delay_ms": delay, "running": running})
        return
    later = ", to be delivered later" if delay else ""
    where = "the running engine has it" if running else f"it waits in {place.store} for the next run"
    echo(f"Sent {value.typename} to {target}{later}: {where}.")


def message_of(app: Application, target: str, typename: str | None, text: str) -> TypedValue:
    """The message of the type *typename* for the function type *target* whose JSON is *text*.

    Raises:
        click.UsageError: there is no such target or type, *text* does not fit, or the target takes none from outside.
    """
    from statefun_actors.admin import written_message

    with usage_errors():
        return written_message(app, target, typename, text)


def answer_of(app: Application, asker: str, then: str, typename: str | None, text: str) -> TypedValue:
    """The answer of the type *typename* for the method *then* of the function type *asker* whose JSON is *text*.

    Raises:
        click.UsageError: there is no such method or type, or *text* does not fit.
    """
    from statefun_actors.admin import written_answer

    with usage_errors():
        return written_answer(app, asker, then, typename, text)


@contextmanager
def usage_errors() -> Generator[None]:
    """Raises click.UsageError for a value that can't be encoded."""
    from statefun_actors.admin import UneditableFieldError, WrittenValueError
    from statefun_actors.errors import (
        InternalMessageError,
        InvalidAddressError,
        UnhandledMessageError,
        UnknownFunctionTypeError,
    )
    from statefun_actors.ingress import NoJsonFormError, UnclearTypeError

    try:
        yield
    except UnclearTypeError as error:
        raise click.UsageError(f"{error}: put TYPE before the JSON.") from error
    except (
        WrittenValueError,
        UneditableFieldError,
        InvalidAddressError,
        UnknownFunctionTypeError,
        UnhandledMessageError,
        InternalMessageError,
        NoJsonFormError,
    ) as error:
        raise click.UsageError(str(error)) from error
