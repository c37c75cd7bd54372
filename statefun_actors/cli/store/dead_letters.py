"""``statefun-actors dead-letters``: lists, retries and discards messages that were given up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import confirm, echo, echo_json
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.failing import hint_of_failing
from statefun_actors.cli.store.listing_group import ListingGroup
from statefun_actors.cli.store.place import (
    EXIT_CODES,
    WHICH_STORE,
    app_and_rest,
    no_more_than,
    numbers_of,
    place_of,
    store_command,
)
from statefun_actors.cli.store.send import usage_errors
from statefun_actors.cli.store.showing import (
    Row,
    brief,
    cut,
    limit_option,
    show_rows,
    show_table,
    time_of,
)

if TYPE_CHECKING:
    from statefun_actors.admin import Control, DeadLetterItem, DeadLetterRetry
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.model import TypedValue
    from statefun_actors.store import DeadLetterEntry


@click.group("dead-letters", cls=ListingGroup)
def dead_letters() -> None:
    """Messages that were given up, with the reason.

    A message becomes a dead letter when its failure policy has no attempts left (DeadLetter), or when no retry can
    help: a handler raised TerminalError, no handler takes its type, or its bytes can't be read.

    \b
      statefun-actors dead-letters app.py
      statefun-actors dead-letters show app.py 17
      statefun-actors dead-letters retry app.py 17
      statefun-actors dead-letters retry app.py 17 --value '{"cents": 5}'
      statefun-actors dead-letters discard app.py 17 18

    retry and discard use the engine if one runs; otherwise they change the store. Each letter is processed once.
    """  # noqa: D301 - click wants the character itself


_LIST = f"""List dead letters, oldest first, as of the last commit.

{WHICH_STORE} {EXIT_CODES}
"""
_SHOW = f"""Show one dead letter in full. NUMBER is its number in the list.

{WHICH_STORE} {EXIT_CODES}
"""
_RETRY = f"""Retry dead letters: each becomes a new message, behind those that wait for its target.

NUMBERs are those of the list; if one does not exist, none is retried. --value or --edit first replaces the value of one
dead letter by another of the same type, which needs APP.

{WHICH_STORE} {EXIT_CODES}
"""
_DISCARD = f"""Delete dead letters.

NUMBERs are those of the list; if one does not exist, none is discarded.

{WHICH_STORE} {EXIT_CODES}
"""


@dead_letters.command("list", short_help="List dead letters.", help=_LIST)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only dead letters for addresses that begin with this.")
@limit_option()
@store_command
def list_(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_dead_letters

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        show_rows(
            ["number", "time", "to", "type", "value", "attempts", "error"],
            map(_row, list_dead_letters(reader, place.known, to or "")),
            as_json=as_json,
            limit=limit,
            nothing=f"There are no dead letters{f' for {to}' if to else ''}.",
        )
    if not as_json:
        hint_of_failing(place)


def _row(item: DeadLetterItem) -> Row:
    return (
        str(item.number),
        time_of(item.time_ms),
        item.target,
        item.typename,
        brief(item.value),
        str(item.attempts),
        cut(f"{item.error_type}: {item.error}"),
    ), _object(item)


def _object(item: DeadLetterItem) -> dict[str, object]:
    return {
        "number": item.number,
        "time": time_of(item.time_ms),
        "to": item.target,
        "from": item.sender,
        "type": item.typename,
        "value": item.value,
        "error_type": item.error_type,
        "error": item.error,
        "attempts": item.attempts,
    }


@dead_letters.command(short_help="Show a dead letter in full.", help=_SHOW)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER")
@store_command
def show(words: tuple[str, ...], store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import show_dead_letter

    app, rest = app_and_rest(words, store, str.isdecimal)
    no_more_than(1, rest)
    place = place_of(app, store)
    (seq,) = numbers_of(rest, "dead-letters list")
    obj = _object(show_dead_letter(_entry(place, seq), place.known))
    if as_json:
        echo_json(obj)
        return
    import msgspec

    show_table(
        ["", ""],
        [(name, form if isinstance(form, str) else msgspec.json.encode(form).decode()) for name, form in obj.items()],
    )


@dead_letters.command(short_help="Retry dead letters, edited or unchanged.", help=_RETRY)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER...")
@click.option("--all", "every", is_flag=True, help="All current ones.")
@click.option("--value", "text", metavar="JSON", help="Replace the value of the message by this.")
@click.option("--edit", is_flag=True, help="Edit the value of the message in $EDITOR first.")
@store_command
def retry(words: tuple[str, ...], every: bool, text: str | None, edit: bool, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import DeadLetterRetry

    app, rest = app_and_rest(words, store, str.isdecimal)
    place = place_of(app, store)
    seqs = _seqs(place, rest, every=every)
    if text is None and not edit:
        letters = [DeadLetterRetry(seq) for seq in seqs]
    else:
        if len(seqs) != 1 or (text is not None and edit):
            raise click.UsageError("--value or --edit changes one dead letter: give one NUMBER and one of them.")
        letters = _mended(place, seqs[0], text)
        if not letters:
            echo("Nothing was changed, and nothing is retried.", err=True)
            raise SystemExit(1)
    _change(place, seqs, lambda control: control.retry(letters), "Retried", as_json=as_json)


@dead_letters.command(short_help="Delete dead letters.", help=_DISCARD)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER...")
@click.option("--all", "every", is_flag=True, help="All current ones. Asks first, unless --yes.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@store_command
def discard(words: tuple[str, ...], every: bool, yes: bool, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, str.isdecimal)
    place = place_of(app, store)
    seqs = _seqs(place, rest, every=every)
    if every and seqs and not yes:
        confirm(f"Delete {len(seqs):,} dead letters of {place.store}?")
    _change(place, seqs, lambda control: control.discard(seqs), "Discarded", as_json=as_json)


def _seqs(place: StoreLocation, rest: Sequence[str], *, every: bool) -> list[int]:
    if every and rest:
        raise click.UsageError("give NUMBERs or --all, not both.")
    if not every:
        return numbers_of(rest, "dead-letters list")
    with place.reader() as reader:
        return [entry.seq for entry in reader.dead_letters()]


def _entry(place: StoreLocation, seq: int) -> DeadLetterEntry:
    from statefun_actors.engine import NoDeadLetterError

    with place.reader() as reader:
        entry = reader.dead_letter(seq)
    if entry is None:
        raise NoDeadLetterError(seq)
    return entry


def _mended(place: StoreLocation, seq: int, text: str | None) -> list[DeadLetterRetry]:
    """The retry of a dead letter with the value *text*, or edited in an editor; empty if unchanged."""
    from statefun_actors.admin import edited_retry, message_inside

    if place.app is None:
        raise click.UsageError("a value is encoded by the classes of the application: give APP, too.")
    entry = _entry(place, seq)
    if text is None:
        text = _edited(message_inside(entry.message).argument, place)
        if text is None:
            return []
    with usage_errors():
        return [edited_retry(place.app, entry, text)]


def _edited(value: TypedValue, place: StoreLocation) -> str | None:
    import msgspec

    from statefun_actors.admin import form_of

    shown = msgspec.json.format(msgspec.json.encode(form_of(value, place.known)), indent=2).decode() + "\n"
    edited = click.edit(shown, extension=".json")
    return None if edited is None or edited == shown else edited


def _change(
    place: StoreLocation, seqs: Sequence[int], change: Callable[[Control], Awaitable[None]], done: str, *, as_json: bool
) -> None:
    running = change_store(place, change)
    if as_json:
        echo_json({done.lower(): [*seqs], "running": running})
        return
    what = f"dead letter {seqs[0]}" if len(seqs) == 1 else f"{len(seqs):,} dead letters"
    waits = "" if running or done == "Discarded" or not seqs else " The next run handles the new messages."
    echo(f"{done} {what}.{waits}")
