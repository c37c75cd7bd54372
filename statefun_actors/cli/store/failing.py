"""``statefun-actors failing``: lists, retries and drops messages that keep failing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from statefun_actors.cli.output import confirm, echo, echo_json
from statefun_actors.cli.store.control import change_store
from statefun_actors.cli.store.listing_group import ListingGroup
from statefun_actors.cli.store.pausing import hint_of_pauses
from statefun_actors.cli.store.place import (
    EXIT_CODES,
    WHICH_STORE,
    app_and_rest,
    no_more_than,
    place_of,
    store_command,
)
from statefun_actors.cli.store.showing import Row, brief, cut, dry_run_option, limit_option, show_rows, time_of

if TYPE_CHECKING:
    from statefun_actors.address import Address
    from statefun_actors.admin import FailingItem
    from statefun_actors.cli.store.place import StoreLocation
    from statefun_actors.engine import FailingMessage


@click.group("failing", cls=ListingGroup)
def failing() -> None:
    """Messages without a failure policy that keep failing: they are retried forever, up to a minute apart.

    All other messages for the same address wait behind such a message. Only the running engine knows failures; it
    counts them from its start.

    \b
      statefun-actors failing app.py
      statefun-actors failing retry app.py bank/account/ada
      statefun-actors failing drop app.py bank/account/ada --dry-run

    An on_failure= in the code, or --dead-letters NS/NAME, gives up on such messages automatically.
    """  # noqa: D301 - click wants the character itself


_LIST = f"""List messages that keep failing, by their addresses, with attempts and the last error.

It asks the engine that runs on the store. Without one, it prints how many messages wait in the store for each address;
only a running engine shows which of them fail. {WHICH_STORE} {EXIT_CODES}
"""
_RETRY = f"""Try failing messages now, instead of when their next attempt is due.

ADDRESSes are those of the list; if one is not failing, none is retried. {WHICH_STORE} {EXIT_CODES}
"""
_DROP = f"""Remove failing messages from their mailboxes, so that the messages behind them are handled.

Each becomes a dead letter.

ADDRESSes are those of the list; if one is not failing, none is dropped. dead-letters retry retries one. With --discard
they are deleted; the log of the engine has a line for each. If no engine runs, the first message of each ADDRESS is
dropped. {WHICH_STORE} {EXIT_CODES}
"""


@failing.command("list", short_help="List failing messages.", help=_LIST)
@click.argument("words", nargs=-1, metavar="[APP]")
@limit_option()
@store_command
def list_(words: tuple[str, ...], limit: int | None, store: Path | None, as_json: bool) -> None:
    from statefun_actors.admin import list_failing

    app, rest = app_and_rest(words, store)
    no_more_than(0, rest)
    place = place_of(app, store)
    found = failing_now(place)
    if found is None and not as_json:
        _show_without_engine(place, limit)
        hint_of_pauses(place)
        return
    show_rows(
        ["address", "type", "value", "since", "attempts", "next attempt", "waiting behind", "error"],
        map(_row, list_failing(found or [], place.known)),
        as_json=as_json,
        limit=limit,
        nothing="No message is failing.",
    )
    if not as_json:
        hint_of_pauses(place)


@failing.command(short_help="Retry failing messages now.", help=_RETRY)
@click.argument("words", nargs=-1, metavar="[APP] ADDRESS...")
@click.option("--all", "every", is_flag=True, help="All failing messages, except those of paused entities.")
@store_command
def retry(words: tuple[str, ...], every: bool, store: Path | None, as_json: bool) -> None:
    app, rest = app_and_rest(words, store, _is_address)
    place = place_of(app, store)
    addresses = _addresses(place, rest, every=every, paused=False)
    running = change_store(place, lambda control: control.retry_failing(addresses))
    _report(
        "Retried", addresses, running=running, as_json=as_json, waits=" The next run tries what waits in the store."
    )


@failing.command(short_help="Remove failing messages from their mailboxes.", help=_DROP)
@click.argument("words", nargs=-1, metavar="[APP] ADDRESS...")
@click.option("--all", "every", is_flag=True, help="All failing messages. Asks first, unless --yes.")
@click.option("--discard", is_flag=True, help="Don't keep them as dead letters. Asks first, unless --yes.")
@dry_run_option
@click.option("--yes", is_flag=True, help="Don't ask.")
@store_command
def drop(
    words: tuple[str, ...],
    every: bool,
    discard: bool,
    dry_run: bool,
    yes: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    app, rest = app_and_rest(words, store, _is_address)
    place = place_of(app, store)
    addresses = _addresses(place, rest, every=every)
    what = _counted(addresses)
    if dry_run:
        _check(place, addresses)
        if as_json:
            echo_json({"would drop": [str(address) for address in addresses], "discard": discard})
        else:
            echo(f"Would drop {what}{'' if discard else ', into the dead letters'}. Nothing was changed.")
        return
    if (every or discard) and addresses and not yes:
        confirm(f"{'Discard' if discard else 'Drop'} {what} of {place.store}?")
    running = change_store(place, lambda control: control.drop_failing(addresses, discard=discard))
    _report("Discarded" if discard else "Dropped", addresses, running=running, as_json=as_json)


def failing_now(place: StoreLocation) -> list[FailingMessage] | None:
    """The failing messages of the engine on the store of *place*; None without an engine."""

    async def asked() -> list[FailingMessage] | None:
        from statefun_actors.admin import running_engine

        control = await running_engine(place.store)
        if control is None:
            return None
        try:
            return await control.failing()
        finally:
            await control.close()

    return asyncio.run(asked())


def hint_of_failing(place: StoreLocation) -> None:
    """Report failing messages on standard error, since other lists don't show them."""
    from statefun_actors.errors import StatefunActorsError

    try:
        found = failing_now(place)
    except (StatefunActorsError, OSError):
        return
    if found:
        first = found[0].message.target
        more = "" if len(found) == 1 else f", and of {len(found) - 1} more"
        echo(f"The first message of {first}{more} keeps failing: `statefun-actors failing` shows why.", err=True)


def _show_without_engine(place: StoreLocation, limit: int | None) -> None:
    """Print how many messages wait for each address: those behind a failing message are among them."""
    from statefun_actors.asking import short_address

    first: dict[Address, str] = {}
    waiting: Counter[Address] = Counter()
    with place.reader() as reader:
        for message in reader.messages():
            first.setdefault(message.target, message.value.typename)
            waiting[message.target] += 1
    total = waiting.total()
    holds = "no message waits in it" if not total else f"{total:,} message{'s wait' if total > 1 else ' waits'} in it"
    echo(f"No engine runs on {place.store}; {holds}. Which messages fail is known only while an engine runs.")
    if waiting:
        rows = ((short_address(address), first[address], f"{count:,}") for address, count in waiting.most_common())
        show_rows(["address", "first type", "waiting"], ((row, {}) for row in rows), as_json=False, limit=limit)


def _row(item: FailingItem) -> Row:
    due = None if item.next_ms is None else time_of(item.next_ms)
    since = None if item.since_ms is None else time_of(item.since_ms)
    return (
        item.target,
        item.typename,
        brief(item.value),
        since or "-",
        str(item.attempts),
        "paused" if item.paused else due or "now",
        str(item.behind),
        cut(f"{item.error_type}: {item.error}"),
    ), {
        "address": item.target,
        "from": item.sender,
        "type": item.typename,
        "value": item.value,
        "since": since,
        "attempts": item.attempts,
        "next_attempt": due,
        "behind": item.behind,
        "error_type": item.error_type,
        "error": item.error,
        "paused": item.paused,
    }


def _is_address(word: str) -> bool:
    return word.count("/") >= 2 and not word.endswith(".py") and not Path(word).exists()


def _addresses(place: StoreLocation, rest: Sequence[str], *, every: bool, paused: bool = True) -> list[Address]:
    """The addresses in *rest*, or those of all failing messages. *paused*: whether these include paused entities."""
    from statefun_actors.address import parse_address

    if every and rest:
        raise click.UsageError("give ADDRESSes or --all, not both.")
    if every:
        return [each.message.target for each in failing_now(place) or [] if paused or not each.paused]
    if not rest:
        raise click.UsageError("expected an ADDRESS, as `statefun-actors failing` shows it.")
    return list(dict.fromkeys(map(parse_address, rest)))


def _check(place: StoreLocation, addresses: Sequence[Address]) -> None:
    """Raises NotFailingError: an address has no failing message, as far as is known."""
    from statefun_actors.engine import NotFailingError

    found = failing_now(place)
    if found is not None:
        known = {each.message.target for each in found}
        for address in addresses:
            if address not in known:
                raise NotFailingError(address, "none of its messages is failing")
        return
    with place.reader() as reader:
        for address in addresses:
            if not reader.messages_to(address, 0, 1):
                raise NotFailingError(address, "it has no message")


def _counted(addresses: Sequence[Address]) -> str:
    return f"the first message of {addresses[0]}" if len(addresses) == 1 else f"{len(addresses):,} messages"


def _report(done: str, addresses: Sequence[Address], *, running: bool, as_json: bool, waits: str = "") -> None:
    if as_json:
        echo_json({done.lower(): [str(address) for address in addresses], "running": running})
    else:
        echo(f"{done} {_counted(addresses)}.{'' if running else waits}")
