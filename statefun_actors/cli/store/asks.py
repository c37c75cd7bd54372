"""``statefun-actors asks``: open asks, listed, answered and cancelled."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import echo, echo_json
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.json_command import JsonCommand
from statefun_actors.cli.store.listing_group import ListingGroup
from statefun_actors.cli.store.place import EXIT_CODES, WHICH_STORE, app_and_rest, no_more_than, place_of, store_command
from statefun_actors.cli.store.send import answer_of
from statefun_actors.cli.store.showing import Row, brief, cut, limit_option, most_rows, show_rows, time_of

if TYPE_CHECKING:
    from statefun_actors.admin import AskItem
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.conversations import OpenAsk


@click.group("asks", cls=ListingGroup)
def asks() -> None:
    """Open asks: questions of entities, and reply addresses, without an answer yet.

    \b
      statefun-actors asks app.py
      statefun-actors asks answer app.py 5f2c81e9 '{"approved": true}'
      statefun-actors asks cancel app.py 5f2c81e9

    answer and cancel use the engine if one runs; otherwise they change the store. The whole token of an ask is the
    permission to answer it over HTTP, so only its first characters are shown; they suffice here.
    """  # noqa: D301 - click wants the character itself


_LIST = f"""List open asks, oldest first, as of the last commit: asker, target, start, timeout, and the method that
takes the answer (then). For an ask of an activity also the attempts that have begun, the time of the next one, and the
error of the last one; without a next one, an attempt runs or waits for its turn.

{WHICH_STORE} {EXIT_CODES}
"""
_ANSWER = f"""Answer an open ask in place of its target.

TOKEN is the prefix that list shows, or a longer one. JSON is the answer; - reads it from standard input. TYPE is its
typename; it may be omitted if the method that takes the answer takes one type besides NoAnswer.

While APP runs, the answer is handled at once; otherwise by the next run. {WHICH_STORE} {EXIT_CODES}
"""
_CANCEL = f"""End an open ask: its asker gets NoAnswer("failed", "cancelled").

TOKEN is the prefix that list shows, or a longer one. {WHICH_STORE} {EXIT_CODES}
"""


@asks.command("list", short_help="List open asks.", help=_LIST)
@click.argument("words", nargs=-1, metavar="[APP]")
@click.option("--to", metavar="TYPE | ADDRESS", help="Only asks whose asker or target begins with this.")
@limit_option()
@store_command
def list_(words: tuple[str, ...], to: str | None, limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_asks
    from statefun_actors.engine import SystemClock

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    with place.reader() as reader:
        now_ms = SystemClock().now_ms()
        found = list_asks(reader, place.known, now_ms=now_ms, to=to or "", limit=most_rows(limit, as_json=as_json))
    show_rows(
        ["token", "from", "to", "type", "value", "then", "since", "until", "attempts", "next attempt", "error"],
        map(_row, found),
        as_json=as_json,
        limit=limit,
        nothing=f"No asks are open{f' of or for {to}' if to else ''}.",
    )


def _row(item: AskItem) -> Row:
    since, until = time_of(item.since_ms), time_of(item.until_ms)
    value = "" if item.typename is None else brief(item.value)
    attempts = "" if item.attempts is None else str(item.attempts)
    next_attempt = None if item.next_ms is None else time_of(item.next_ms)
    cells = (
        *(item.token, item.asker, item.target or "", item.typename or "", value, item.then, since, until),
        *(attempts, next_attempt or "", cut(item.error or "")),
    )
    return cells, {
        "token": item.token,
        "from": item.asker,
        "to": item.target,
        "type": item.typename,
        "value": item.value,
        "then": item.then,
        "since": since,
        "until": until,
        "attempts": item.attempts,
        "next_attempt": next_attempt,
        "error": item.error,
    }


@asks.command(cls=JsonCommand, short_help="Answer an ask.", help=_ANSWER)
@click.argument("words", nargs=-1, metavar="[APP] TOKEN [TYPE] JSON")
@store_command
def answer(words: tuple[str, ...], store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store)
    if not 2 <= len(rest) <= 3:
        raise click.UsageError(f"expected [APP] TOKEN [TYPE] JSON; got {len(words)} arguments.")
    place = place_of(app, store)
    assert place.app is not None
    token, *types, text = rest
    ask = _ask(place, token)
    value = answer_of(
        place.app, ask.asker.typename, ask.then, types[0] if types else None, sys.stdin.read() if text == "-" else text
    )
    running = change_store(place, lambda control: control.answer(ask.token, value))
    shown = _shortened(ask)
    if as_json:
        echo_json({"answered": shown, "from": str(ask.asker), "type": value.typename, "running": running})
        return
    echo(f"Answered {shown} of {ask.asker} with {value.typename}.{'' if running else _NEXT_RUN}")


@asks.command(short_help="End an ask without an answer.", help=_CANCEL)
@click.argument("words", nargs=-1, metavar="[APP] TOKEN")
@store_command
def cancel(words: tuple[str, ...], store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, lambda _: len(words) == 1)
    no_more_than(1, rest)
    if not rest:
        raise click.UsageError("expected a TOKEN, as `statefun-actors asks` shows it.")
    place = place_of(app, store)
    ask = _ask(place, rest[0])
    running = change_store(place, lambda control: control.cancel_ask(ask.token))
    shown = _shortened(ask)
    if as_json:
        echo_json({"cancelled": shown, "from": str(ask.asker), "running": running})
        return
    echo(f"Cancelled {shown} of {ask.asker}.{'' if running else _NEXT_RUN}")


_NEXT_RUN = " The next run handles it."


def _shortened(ask: OpenAsk) -> str:
    from statefun_actors.asking import SHOWN_OF_TOKEN

    return ask.token[:SHOWN_OF_TOKEN]


def _ask(place: StoreLocation, token: str) -> OpenAsk:
    """The open ask with this token, or with this prefix of a token."""
    from statefun_actors.admin import find_ask

    with place.reader() as reader:
        return find_ask(reader, token)
