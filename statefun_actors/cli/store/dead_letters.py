"""``statefun-actors dead-letters``: messages that were given up, to be looked at, tried again or thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.failing import hint_of_failing
from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.send import message_of
from statefun_actors.cli.store.showing import (
    Row,
    address_or_none,
    brief,
    limit_option,
    show_rows,
    show_table,
    time_of,
)

if TYPE_CHECKING:
    from statefun_actors.admin import Control, DeadLetterRetry
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.model import TypedValue
    from statefun_actors.store import DeadLetterEntry


@click.group("dead-letters", short_help="List messages that were given up; retry, mend or discard them.")
def dead_letters() -> None:
    """Messages that were given up: what failed for good, and why.

    A message ends here when its failure policy has no attempts left (DeadLetter), or when no attempt can help it: a
    handler raised TerminalError, nothing takes its type, its bytes can't be read.

    \b
      statefun-actors dead-letters list app.py
      statefun-actors dead-letters show app.py 17
      statefun-actors dead-letters retry app.py 17
      statefun-actors dead-letters retry app.py 17 --value '{"cents": 5}'
      statefun-actors dead-letters discard app.py 17 18

    retry and discard go through the engine if one runs, else straight into the store. Each letter is dealt with once.
    """  # noqa: D301 - click wants the character itself


_LIST = f"""List dead letters, the oldest first, as of the last commit.

{WHICH_STORE} {EXIT_CODES}
"""
_SHOW = f"""Show one dead letter whole: NUMBER is the one that list shows.

{WHICH_STORE} {EXIT_CODES}
"""
_RETRY = f"""Try dead letters again: each becomes a new message, behind those that wait for its target.

NUMBERs are those that list shows; several are all retried or, if one isn't there, none. With --value or --edit, one is
mended first: another value of the same type goes in its place, for which APP is needed.

{WHICH_STORE} {EXIT_CODES}
"""
_DISCARD = f"""Throw dead letters away.

NUMBERs are those that list shows; several are all discarded or, if one isn't there, none.

{WHICH_STORE} {EXIT_CODES}
"""


@dead_letters.command("list", short_help="List them.", help=_LIST)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only those for addresses that begin like this.")
@limit_option()
@store_command
def list_(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        show_rows(
            ["number", "time", "to", "type", "value", "attempts", "error"],
            _rows(place, reader.dead_letters(), to or ""),
            as_json=as_json,
            limit=limit,
            nothing=f"There are no dead letters{f' for {to}' if to else ''}.",
        )
    if not as_json:
        hint_of_failing(place)


def _rows(place: StoreLocation, entries: Iterator[DeadLetterEntry], to: str) -> Iterator[Row]:
    for entry in entries:
        message = entry.message
        if str(message.target).startswith(to):
            obj = _object(place, entry)
            error = f"{entry.error_type}: {entry.error}"
            yield (
                (
                    str(entry.seq),
                    time_of(entry.time_ms),
                    str(message.target),
                    message.value.typename,
                    brief(obj["value"]),
                    str(entry.attempts),
                    error if len(error) <= 80 else f"{error[:79]}…",
                ),
                obj,
            )


def _object(place: StoreLocation, entry: DeadLetterEntry) -> dict[str, object]:
    from statefun_actors.admin import form_of

    message = entry.message
    return {
        "number": entry.seq,
        "time": time_of(entry.time_ms),
        "to": str(message.target),
        "from": address_or_none(message.caller),
        "type": message.value.typename,
        "value": form_of(message.value, place.known),
        "error_type": entry.error_type,
        "error": entry.error,
        "attempts": entry.attempts,
    }


@dead_letters.command(short_help="Show one whole.", help=_SHOW)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER")
@store_command
def show(words: tuple[str, ...], store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, str.isdecimal)
    no_more_than(1, rest)
    place = place_of(app, store)
    (seq,) = _numbers(rest)
    obj = _object(place, _entry(place, seq))
    if as_json:
        echo_json(obj)
        return
    import msgspec

    show_table(
        ["", ""],
        [(name, form if isinstance(form, str) else msgspec.json.encode(form).decode()) for name, form in obj.items()],
    )


@dead_letters.command(short_help="Try some again, mended or as they are.", help=_RETRY)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER...")
@click.option("--all", "every", is_flag=True, help="All that there are now.")
@click.option("--value", "text", metavar="JSON", help="Put this in place of what the message held.")
@click.option("--edit", is_flag=True, help="Open what the message holds in $EDITOR first.")
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
            raise click.UsageError("--value or --edit mends one dead letter: give one NUMBER and one of them.")
        letters = _mended(place, seqs[0], text)
        if not letters:
            echo("Nothing was changed, and nothing is retried.", err=True)
            raise SystemExit(1)
    _change(place, seqs, lambda control: control.retry(letters), "Retried", as_json=as_json)


@dead_letters.command(short_help="Throw some away.", help=_DISCARD)
@click.argument("words", nargs=-1, metavar="[APP] NUMBER...")
@click.option("--all", "every", is_flag=True, help="All that there are now. Asks first, unless --yes.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@store_command
def discard(words: tuple[str, ...], every: bool, yes: bool, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, str.isdecimal)
    place = place_of(app, store)
    seqs = _seqs(place, rest, every=every)
    if every and seqs and not yes:
        click.confirm(f"Throw away {len(seqs):,} dead letters of {place.store}?", abort=True, err=True)
    _change(place, seqs, lambda control: control.discard(seqs), "Discarded", as_json=as_json)


def _seqs(place: StoreLocation, rest: Sequence[str], *, every: bool) -> list[int]:
    if every and rest:
        raise click.UsageError("give NUMBERs or --all, not both.")
    if not every:
        return _numbers(rest)
    with place.reader() as reader:
        return [entry.seq for entry in reader.dead_letters()]


def _numbers(rest: Sequence[str]) -> list[int]:
    if not rest:
        raise click.UsageError("expected a NUMBER, as `statefun-actors dead-letters list` shows it.")
    for word in rest:
        if not (word.isascii() and word.isdecimal() and int(word) < 1 << 63):
            raise click.UsageError(f"expected a NUMBER, as `statefun-actors dead-letters list` shows it, got {word!r}.")
    return list(dict.fromkeys(map(int, rest)))


def _entry(place: StoreLocation, seq: int) -> DeadLetterEntry:
    from statefun_actors.engine import NoDeadLetterError

    with place.reader() as reader:
        entry = reader.dead_letter(seq)
    if entry is None:
        raise NoDeadLetterError(seq)
    return entry


def _mended(place: StoreLocation, seq: int, text: str | None) -> list[DeadLetterRetry]:
    """The retry of a letter with the value *text*, or whatever an editor makes of it; nothing if it stays the same."""
    from statefun_actors.admin import DeadLetterRetry

    if place.app is None:
        raise click.UsageError("a value is made by the classes of the application: name APP, too.")
    message = _entry(place, seq).message
    if text is None:
        text = _edited(message.value, place)
        if text is None:
            return []
    value = message_of(place.app, message.target.typename, message.value.typename, text, outside=False)
    return [DeadLetterRetry(seq, value)]


def _edited(value: TypedValue, place: StoreLocation) -> str | None:
    import msgspec

    from statefun_actors.admin import form_of

    shown = msgspec.json.format(msgspec.json.encode(form_of(value, place.known)), indent=2).decode() + "\n"
    edited = click.edit(shown, extension=".json")
    return None if edited is None or edited == shown else edited


def _change(
    place: StoreLocation, seqs: Sequence[int], change: Callable[[Control], Awaitable[None]], done: str, *, as_json: bool
) -> None:
    async def changed() -> bool:
        """Whether an engine did it."""
        from statefun_actors.admin import SocketControl, open_control

        control = await open_control(place.store)
        try:
            await change(control)
        finally:
            await control.close()
        return isinstance(control, SocketControl)

    running = asyncio.run(changed())
    if as_json:
        echo_json({done.lower(): [*seqs], "running": running})
        return
    what = f"dead letter {seqs[0]}" if len(seqs) == 1 else f"{len(seqs):,} dead letters"
    waits = "" if running or done == "Discarded" or not seqs else " The next run handles what that comes to."
    echo(f"{done} {what}.{waits}")
